"""Measures docindex beside its peers, in one run, and prints the figures of its design.

    python -m tests.bench [PART…] [--corpus DIR] [--runs N] [--peers qmd,mvm]

start      spawn → tools/list, beside an empty server of the SDK
engine     docindex's engine, SQLite FTS5, tantivy-py, bm25s, stock Whoosh
growth     cost against size, from 1,000 to 210,000 sections
product    from files to answers: building, searches, changes, memory
stdio      a search over MCP, beside a tool that does nothing
idle       what a server and its indexer use when nothing happens
unrest     searches while everything changes: a checkout of 10,000 files, a full rebuild
peers      other servers of Markdown; only those that --peers names

Without parts, all of them. Without a corpus it makes one of 10,000 files.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from docindex.indexer.models import Document
from tests.bench import contest, growth, idle, page, peers, product, sections, start, stdio, unrest
from tests.bench.corpus import make_corpus
from tests.bench.figures import Report
from tests.bench.machine import here

GENERATED_FILES = 10_000
ROUNDS = 3
"""In which every engine is asked every query."""


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.render:
        page.write(page.load(arguments.render))
        return
    with tempfile.TemporaryDirectory(prefix="docindex-bench-", dir=arguments.place) as folder:
        run = _measured(arguments, Path(folder))
        if arguments.json:
            page.save(run, arguments.json)
        if arguments.write:
            page.write(run)


def _measured(arguments: argparse.Namespace, place: Path) -> page.Run:
    machine = here()
    generated = arguments.corpus is None
    corpus: Path = arguments.corpus or make_corpus(place / "corpus", files=GENERATED_FILES)

    @cache
    def documents() -> list[Document]:
        return sections.read(corpus)

    parts: dict[str, Callable[[], Report]] = {
        "start": lambda: _start(place, corpus, arguments.runs),
        "engine": lambda: contest.measure(place, documents(), ROUNDS),
        "growth": lambda: growth.measure(place, documents()),
        "product": lambda: product.measure(place, corpus, documents(), arguments.runs),
        "stdio": lambda: stdio.measure(place, corpus, documents()),
        "idle": lambda: idle.measure(place, corpus, arguments.idle),
        "unrest": lambda: unrest.measure(place, corpus),
        "peers": lambda: peers.measure(place, corpus, documents(), arguments.peers),
    }
    if not arguments.peers:
        del parts["peers"]
    reports: list[Report] = []
    for name, measure in parts.items():
        if name in arguments.parts or not arguments.parts:
            reports.append(measure())
            print(page.printed(reports[-1]), end="\n\n", flush=True)
    described = page.Corpus(
        name="generated" if generated else arguments.title or corpus.name,
        files=len(documents()),
        sections=sections.size(documents()),
        text=sections.text_bytes(documents()),
    )
    return page.Run(machine, described, tuple(reports))


def _start(place: Path, corpus: Path, runs: int) -> Report:
    start.measure(place, corpus, runs)
    return Report("start")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help="what to measure")
    add("--corpus", type=Path, metavar="DIR", help="a folder of Markdown")
    add("--title", default="", help="what the corpus is called on the page")
    add("--runs", type=int, default=15, metavar="N", help="how often servers are started")
    add("--idle", type=float, default=60.0, metavar="SECONDS", help="how long `idle` looks on")
    add("--peers", type=_names, default=(), metavar="NAMES", help=",".join(peers.NAMES))
    add("--place", type=Path, metavar="DIR", help="for temporary files")
    add("--json", type=Path, metavar="FILE", help="keeps what was found")
    add("--write", action="store_true", help="writes the page of the user guide")
    add("--render", type=Path, metavar="FILE", help="measures nothing: writes the page of a --json")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(peers.NAMES):
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
