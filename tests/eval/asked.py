"""Written questions, asked of docindex and of the other engines, section by section."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from docindex.indexer.models import Document
from tests.eval.books import book
from tests.eval.judged import Collection
from tests.eval.made import Made
from tests.eval.product import Product
from tests.eval.run import OURS, Asked

if TYPE_CHECKING:
    from tests.eval.peers import Peer  # whose engines are there only where `eval` is installed

WITHIN = 3
"""So many of the first hits count."""

Where = tuple[str, str]
"""Name of a document, anchor of a section."""


def asked(
    product: Product,
    some: Collection,
    peers: Mapping[str, Callable[[Sequence[Document]], "Peer"]],
) -> list[Asked]:
    """Of the sections that were noted beforehand and, where what the engines found was judged,
    with those that were seen then; each time by section, and by document."""
    noted, pooled = book(some), book(some, pooled=True)
    hits = {OURS: [_hits(product, each.text) for each in noted]}
    single = by_section(some.documents)
    for engine, make in peers.items():
        peer = make([document for document, _ in single])
        hits[engine] = [
            [single[int(number)][1] for number in peer.ranked(each.text, WITHIN)] for each in noted
        ]
    return [
        Asked(
            questions is pooled,
            documents,
            len(questions),
            {name: right(questions, each, documents=documents) for name, each in hits.items()},
        )
        for questions in ((noted,) if noted == pooled else (noted, pooled))
        for documents in (False, True)
    ]


def by_section(documents: Iterable[Document]) -> list[tuple[Document, Where]]:
    """Each section as a document of its own, which is called by its number here, with the
    headings above it."""
    places = [(document, section) for document in documents for section in document.sections]
    return [
        (
            replace(
                document,
                name=str(number),
                sections=(replace(section, heading=" ".join(section.trail)),),
            ),
            (document.name, section.anchor),
        )
        for number, (document, section) in enumerate(places)
    ]


def right(
    questions: Sequence[Made], hits: Sequence[Sequence[Where]], *, documents: bool = False
) -> int:
    """How many questions have a right one among their hits. A right document counts as a
    right section does, if `documents`."""
    count = 0
    for made, found in zip(questions, hits, strict=True):
        places = {(place.name, place.anchor) for place in made.places}
        names = {place.name for place in made.places} if documents else set[str]()
        count += any(where in places or where[0] in names for where in found)
    return count


def _hits(product: Product, text: str) -> list[Where]:
    return [(hit.name, hit.anchor) for hit in product.hits(text)[:WITHIN]]
