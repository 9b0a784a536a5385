"""`--peers`: other servers of Markdown over MCP, each as a user would install it.

    npm install --global @tobilu/qmd        qmd (Node 22 or newer)
    pip install markdown-vault-mcp[mcp]     mvm (in an environment of its own)

They are found on the PATH. Keyword search alone is compared: what needs a model has
to download one first. Their caches and settings are put out of the user's way.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docindex.indexer.models import Document
from tests.bench import memory, questions
from tests.bench.commands import Cost, cost
from tests.bench.figures import Report, Row, Spread, Table, number, spread
from tests.bench.installed import COMMAND, Installed
from tests.bench.session import Session

EACH = 80
"""Queries of each kind."""


@dataclass(frozen=True)
class Peer:
    """A server: how it builds its index, and how it is asked."""

    name: str
    command: str
    build: Sequence[str]
    serve: Sequence[str]
    tool: str
    environment: dict[str, str]

    def arguments(self, query: str) -> dict[str, Any]:
        if self.tool == "query":
            lexical = {"type": "lex", "query": query}
            return {"searches": [lexical], "limit": 10, "rerank": False}
        if self.tool == "search":
            return {"query": query, "limit": 10, "mode": "keyword"}
        return {"query": query, "max_results": 10}


def _peers(corpus: Path, place: Path) -> dict[str, Peer]:
    installed = Installed(place)
    folder = str(corpus)
    home = {
        "HOME": str(place),
        "XDG_CACHE_HOME": str(place / "cache"),
        "XDG_CONFIG_HOME": str(place / "config"),
    }
    vault = {
        "MARKDOWN_VAULT_MCP_SOURCE_DIR": folder,
        "MARKDOWN_VAULT_MCP_INDEX_PATH": str(place / "index.db"),
    }
    return {
        "docindex": Peer(
            name="docindex",
            command=str(COMMAND),
            build=installed.reindex(corpus)[1:],
            serve=installed.serve(corpus)[1:],
            tool="search_documents",
            environment=installed.environment,
        ),
        "qmd": Peer(
            name="qmd",
            command="qmd",
            build=("collection", "add", folder, "--name", "bench"),
            serve=("mcp",),
            tool="query",
            environment=os.environ | home,
        ),
        "mvm": Peer(
            name="markdown-vault-mcp",
            command="markdown-vault-mcp",
            build=("index",),
            serve=("serve",),
            tool="search",
            environment=os.environ | home | vault,
        ),
    }


NAMES = ("qmd", "mvm")
WALL_GOALS = {"qmd": 0.5, "markdown-vault-mcp": 0.3}
STDIO_GOALS = {"markdown-vault-mcp": 0.1}


@dataclass(frozen=True)
class _Found:
    build: Cost
    index: int
    asked: Spread
    answered: float
    """The share of the queries that it found something for: nothing is found fast."""


def measure(
    place: Path, corpus: Path, documents: Sequence[Document], wanted: Sequence[str]
) -> Report:
    # A copy, since a server may put files of its own among the documents.
    folder = place / "peers" / "documents"
    shutil.copytree(corpus, folder)
    remarks: list[str] = []
    found: dict[str, _Found] = {}
    queries = [q for each in questions.plain(documents, EACH).values() for q in each]
    for key in ("docindex", *wanted):
        own = place / "peers" / key
        own.mkdir(parents=True)
        peer = _peers(folder.resolve(), own)[key]
        path = shutil.which(peer.command)
        if path is None:
            remarks.append(f"{key} was left out: {peer.command} is not on the PATH")
        else:
            try:
                found[peer.name] = _measure_one(peer, path, own, queries)
            except (subprocess.CalledProcessError, OSError) as error:
                if key == "docindex":
                    raise
                # All else that was measured is worth keeping.
                remarks.append(f"{key} was left out: {error}")
        if key == "docindex":
            Installed(own).rest(folder)
    ours = found.pop("docindex")
    return Report(
        part="peers",
        rows=tuple(
            row
            for name, theirs in found.items()
            for row in (
                Row(
                    "files → searchable, wall",
                    *(ours.build.wall, "s", WALL_GOALS.get(name), name, theirs.build.wall),
                ),
                Row(
                    "search over MCP stdio, p50",
                    *(ours.asked.p50, "ms", STDIO_GOALS.get(name), name, theirs.asked.p50),
                ),
            )
        ),
        tables=(_table({"docindex": ours, **found}, len(documents)),),
        remarks=tuple(remarks),
    )


def _measure_one(peer: Peer, path: str, place: Path, queries: Sequence[str]) -> _Found:
    build = cost([path, *peer.build], peer.environment, str(place))
    times: list[float] = []
    answered = 0
    with Session([path, *peer.serve], peer.environment) as session:
        for query in queries[::10]:
            session.call(peer.tool, **peer.arguments(query))
        for query in queries:
            begin = time.perf_counter()
            result = session.call(peer.tool, **peer.arguments(query))
            times.append(time.perf_counter() - begin)
            answered += bool(_results(result["structuredContent"]))
    return _Found(build, memory.folder_bytes(place), spread(times), answered / len(queries))


def _results(structured: dict[str, Any]) -> list[Any]:
    """Each calls them `result` or `results`."""
    found: list[Any] = structured["results" if "results" in structured else "result"]
    return found


def _table(found: dict[str, _Found], files: int) -> Table:
    return Table(
        title=f"Servers of Markdown on {files:,} files",
        header=(
            "server", "files → searchable, s", "CPU s", "memory, largest process MB", "cache MB",
            "search over MCP stdio, p50 / p95 ms", "queries that found something %",
        ),
        rows=tuple(
            (
                name,
                number(each.build.wall),
                number(each.build.cpu),
                number(each.build.largest / 1e6),
                number(each.index / 1e6),
                f"{number(each.asked.p50 * 1e3)} / {number(each.asked.p95 * 1e3)}",
                number(each.answered * 100),
            )
            for name, each in found.items()
        ),
    )  # fmt: skip
