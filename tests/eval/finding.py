"""Whether the right section is among the first hits, for questions that have one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.models import Hit
from tests.eval.made import Made, Place
from tests.eval.product import Product


@dataclass(frozen=True)
class Found:
    """How many of some questions were answered by the first hits."""

    kind: str
    within: int
    """So many of the first hits count."""
    right: int
    asked: int
    missed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.right / self.asked


def found(product: Product, kind: str, some: Sequence[Made], within: int) -> Found:
    missed: list[str] = []
    for made in some:
        hits = product.hits(made.text)[:within]
        if not any(is_right(hit, made.places) for hit in hits):
            missed.append(made.text)
    return Found(kind, within, len(some) - len(missed), len(some), tuple(missed))


def stands(product: Product, folder: Path, kind: str, some: Sequence[str], within: int) -> Found:
    """Right is where the text stands, in any case, or in a heading above, and the document
    that is called so."""
    missed = tuple(
        text
        for text in some
        if not any(_stands_in(hit, folder, text) for hit in product.hits(text)[:within])
    )
    return Found(kind, within, len(some) - len(missed), len(some), missed)


def _stands_in(hit: Hit, folder: Path, text: str) -> bool:
    if hit.name.endswith(text):
        return True
    lines = (folder / hit.name).read_text(encoding="utf-8", errors="replace").splitlines()
    section = "\n".join((*hit.trail, *lines[hit.first_line - 1 : hit.last_line]))
    # Writing in CJK has no ends of words.
    end = r"(?!\w)" if text.isascii() else ""
    begin = r"(?<![\w-])" if text.isascii() else ""
    return bool(re.search(begin + re.escape(text) + end, section, re.IGNORECASE))


def is_right(hit: Hit, places: Iterable[Place]) -> bool:
    return any(hit.name == place.name and hit.anchor == place.anchor for place in places)
