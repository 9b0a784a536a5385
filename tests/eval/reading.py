"""How many tokens it takes until the right lines are in a model's context.

With docindex: the answer of `search_documents`, then `read_document` of each hit in turn
until the section that answers was read, all as the tools give it over MCP. Whoever needs
no more than the snippets, or sees by headings which hit is right, needs less.

With grep: for each word of the question that counts, which files have it; then, by a reader
who puts the files with most of the words first, whole files in turn, up to the 2,000 lines
that tools for reading give. Only the names of the files that are read are counted, though
grep prints all, and no lines. Whoever greps for one word at a time needs more.

A token is four bytes of UTF-8.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mcp import Client

from docindex.indexer.analysis import FUNCTION_WORDS
from tests.eval.made import Made
from tests.served import connected, structured, texts

BYTES = 4
MOST_READ = 20
"""Files or sections, after which a reader gives up."""
MOST_LINES = 2_000

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Read:
    """What a question took, in tokens."""

    docindex: float
    grep: float
    answer: float
    """The answer of the search alone."""
    found: bool
    """By docindex, among the hits of the first answer."""


@dataclass(frozen=True)
class Reading:
    kind: str
    each: tuple[Read, ...]

    @property
    def ratio(self) -> float:
        """Of all questions together."""
        return sum(read.docindex for read in self.each) / sum(read.grep for read in self.each)

    @property
    def docindex(self) -> float:
        return median(read.docindex for read in self.each)

    @property
    def grep(self) -> float:
        return median(read.grep for read in self.each)

    @property
    def found(self) -> int:
        return sum(read.found for read in self.each)

    @property
    def answers(self) -> list[float]:
        return sorted(read.answer for read in self.each)


class Files:
    """The documents as grep sees them."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._texts = {
            name: (folder / name).read_text(encoding="utf-8", errors="replace") for name in names
        }
        self._words = {
            name: frozenset(_WORD.findall(text.lower())) for name, text in self._texts.items()
        }

    def tokens(self, made: Made) -> float:
        words = frozenset(_WORD.findall(made.text.lower()))
        words = words - FUNCTION_WORDS or words
        counts = {name: len(words & there) for name, there in self._words.items()}
        best = sorted(
            (name for name, count in counts.items() if count), key=lambda name: -counts[name]
        )
        taken = 0
        for name in best[:MOST_READ]:
            lines = self._texts[name].splitlines(keepends=True)[:MOST_LINES]
            taken += len(name.encode()) + sum(len(line.encode()) for line in lines)
            if any(place.name == name for place in made.places):
                break
        return taken / BYTES


async def compared(library: Any, files: Files, kind: str, some: Sequence[Made]) -> Reading:
    async with connected(library, read_only=True) as client:
        return Reading(kind, tuple([await _read(client, files, made) for made in some]))


async def _read(client: Client, files: Files, made: Made) -> Read:
    grep = files.tokens(made)
    result = await client.call_tool("search_documents", {"query": made.text})
    taken = answer = _bytes(result)
    for hit in structured(result)["results"]:
        arguments = {"name": hit["name"], "lines": hit["lines"]}
        taken += _bytes(await client.call_tool("read_document", arguments))
        lines = [int(line) for line in hit["lines"].split("-")]
        if any(
            place.name == hit["name"] and lines[0] <= place.first_line <= lines[-1]
            for place in made.places
        ):
            return Read(taken / BYTES, grep, answer / BYTES, found=True)
    # Whoever does not find it so has grep left.
    return Read(taken / BYTES + grep, grep, answer / BYTES, found=False)


def _bytes(result: Any) -> int:
    return sum(len(text.encode()) for text in texts(result))
