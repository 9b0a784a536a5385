"""Why a section is where it is: its score, piece by piece."""

from collections.abc import Iterator, Sequence

from docindex.indexer.clauses import Word
from docindex.indexer.collection import Collection
from docindex.indexer.models import Explanation, Reason
from docindex.indexer.weights import NAME, NAMES


def explained(collection: Collection, words: Sequence[Word], number: int) -> Explanation:
    """What the words add one by one to the section with that number."""
    return Explanation(
        tuple(reason for word in words for reason in _reasons(collection, word, len(words), number))
    )


def _reasons(collection: Collection, word: Word, words: int, number: int) -> Iterator[Reason]:
    document = collection.documents.of[number : number + 1]
    for term in dict.fromkeys(word.terms):
        fields = collection.pieces(term, number)
        names = (field for field in NAMES if field in fields)
        better = max(names, key=fields.__getitem__, default="")
        counting = {
            field: word.weight * score
            for field, score in fields.items()
            if field not in NAMES or field == better
        }
        around = word.weight * float(collection.whole(term).of(document)[0])
        if counting or around:
            yield Reason(word.text, term, counting, around)
    for name in dict.fromkeys(word.names):
        fields = collection.pieces(name, number, as_name=True)
        if fields:
            share = word.weight * NAME / words
            yield Reason(word.text, name, {f: share * score for f, score in fields.items()}, 0.0)
