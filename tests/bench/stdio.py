"""`stdio`: what a search costs a client, end to end, beside a tool that does nothing.

The two servers are asked in turn, so that both see the same machine.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from docindex.indexer.models import Document
from tests.bench import questions
from tests.bench.commands import cost
from tests.bench.figures import Report, Row, Spread, Table, number, spread
from tests.bench.installed import Installed
from tests.bench.session import EMPTY_SERVER, Session

EACH = 80
"""Queries of each kind."""
GOAL = 3.0


def measure(place: Path, corpus: Path, documents: Sequence[Document]) -> Report:
    place = place / "stdio"
    installed = Installed(place)
    cost(installed.reindex(corpus), installed.environment)
    queries = [q for each in questions.plain(documents, EACH).values() for q in each]
    empty, ours = _in_turn(installed, corpus, queries)
    installed.rest(corpus)
    return Report(
        part="stdio",
        rows=(
            Row("search over MCP stdio, p50", ours.p50, "ms", GOAL, "empty tool", empty.p50),
            Row("search over MCP stdio, p95", ours.p95, "ms", None, "empty tool", empty.p95),
        ),
        tables=(
            Table(
                title=f"Round trips over MCP stdio, {ours.count} of each, in ms",
                header=("tool", "p50", "p95"),
                rows=(
                    ("search_documents of docindex", *_cells(ours)),
                    ("a tool that does nothing, of a server of the SDK", *_cells(empty)),
                ),
            ),
        ),
    )


def _in_turn(installed: Installed, corpus: Path, queries: Sequence[str]) -> tuple[Spread, Spread]:
    nothing: list[float] = []
    search: list[float] = []
    with (
        Session([sys.executable, "-c", EMPTY_SERVER], installed.environment) as empty,
        Session(installed.serve(corpus), installed.environment) as ours,
    ):
        for query in queries:
            empty.call("nothing")
            ours.call("search_documents", query=query)
        for query in queries:
            nothing.append(empty.timed("nothing"))
            search.append(ours.timed("search_documents", query=query))
    return spread(nothing), spread(search)


def _cells(times: Spread) -> tuple[str, str]:
    return number(times.p50 * 1e3), number(times.p95 * 1e3)
