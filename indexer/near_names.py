"""The names that somebody may have meant who asked for one that is not there.

A name is near when it is typed almost alike, or when the last part of it is: who moves a
document, forgets its folder or its ending, or counts on another case, has that right.
"""

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import Final

from docindex.indexer.errors import DocindexError, Unavailable
from docindex.indexer.names import EXTENSIONS, normalised, shown

MOST: Final = 3
_ALIKE: Final = 0.8
"""How much of two words has to be the same: in "setup", all letters but one."""


def with_near(
    error: DocindexError, wanted: str, names: Callable[[], Iterable[str]]
) -> DocindexError:
    """The same error; where documents have names much like the wanted one, it names them."""
    try:
        found = near(normalised(wanted), names())
    except Unavailable:
        return error
    return type(error)(f"{error}; near to it: {', '.join(map(shown, found))}") if found else error


def near(wanted: str, names: Iterable[str]) -> list[str]:
    """The nearest first."""
    from rapidfuzz.distance.Indel import normalized_similarity
    from rapidfuzz.process import cdist

    known = [*names]
    if not known:
        return []
    path, *paths = (_without_ending(name) for name in (wanted, *known))
    last, *lasts = (each.rpartition("/")[2] for each in (path, *paths))
    (by_path,) = cdist([path], paths, scorer=normalized_similarity)
    (by_last,) = cdist([last], lasts, scorer=normalized_similarity)
    close: list[int] = ((by_path >= _ALIKE) | (by_last >= _ALIKE)).nonzero()[0].tolist()
    unlike: list[float] = (-by_path - by_last)[close].tolist()
    found = zip(unlike, (known[at] for at in close), strict=True)
    # One more, since the index may not know yet that what is wanted is gone.
    return [name for _, name in nsmallest(MOST + 1, found) if name != wanted][:MOST]


def _without_ending(name: str) -> str:
    folded = name.casefold()
    return next((folded.removesuffix(each) for each in EXTENSIONS if folded.endswith(each)), folded)
