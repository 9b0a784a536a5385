"""The lines of a text that is kept as a whole: of a large document, a hit shows a few."""

import io
from collections.abc import Iterator, Sequence
from typing import overload

_ERRORS = "surrogatepass"
_LF, _CR = b"\n\r"
_OBJECTS = 300
"""Bytes that Python takes for what these are made of."""


class Lines(Sequence[str]):
    """What `split_lines` gives, made of the text when it is asked for. Immutable."""

    def __init__(self, text: str) -> None:
        import numpy as np  # not on the way to a server's first answer

        self._data = data = text.encode("utf-8", _ERRORS)
        found = np.frombuffer(data, np.uint8)
        last = found == _LF
        if "\r" in text:
            last |= found == _CR
            last[:-1] &= (found[:-1] != _CR) | (found[1:] != _LF)
        last[-1:] = True
        self._ends = np.flatnonzero(last).astype(np.uint32) + np.uint32(1)

    def __len__(self) -> int:
        return self._ends.size

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, int):
            return self[at : at + 1 or None][0]
        first, last, step = at.indices(len(self))
        if step != 1:
            raise ValueError("lines are given one after the other")
        if first >= last:
            return []
        part = self.text(first, last)
        return io.StringIO(part, newline="").readlines()

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def text(self, first: int, last: int) -> str:
        """What self[first:last] have together."""
        return self._part(first, last).decode("utf-8", _ERRORS)

    def without_blanks(self, first: int, last: int) -> bytes:
        """The same, with one blank between what blanks and ends of lines part."""
        return b" ".join(self._part(first, last).split())

    def _part(self, first: int, last: int) -> bytes:
        if first >= last:
            return b""
        begin = int(self._ends[first - 1]) if first else 0
        return self._data[begin : int(self._ends[last - 1])]

    @property
    def nbytes(self) -> int:
        """What they hold in memory."""
        return len(self._data) + self._ends.nbytes + _OBJECTS
