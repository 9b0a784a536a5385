"""The dictionary of a segment: Whoosh's `.trm` file, read in place.

A table of keys (two bytes for the field, then the term in UTF-8) in byte order,
with a hash table behind it for finding one key, and the place of each key for
finding ranges and ranks. The layout is that of `whoosh.filedb.filetables`
(`OrderedHashWriter`), all numbers big-endian:

    "HSH3", hash kind, 8 unused bytes
    (key length, value length, key, value)*
    256 hash tables of (hash, place)*
    256 * (place of the hash table, its slots)
    extras, a pickle
    the place of each key
    size of the two before
"""

import pickle
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import md5
from struct import Struct
from typing import NamedTuple

_MAGIC = b"HSH3\x00"
"""With the kind of hash: 0, which is MD5, the only one that a dictionary has."""
_LENGTHS = 8
"""Bytes before a key: its size, and that of its value."""
_SLOT = Struct("!Iq")
_TABLE = Struct("!qi")
_TABLES = 256
_INT = Struct("!i")
_FIELD = Struct("!H")
# What `Entry` has, and between it: whether the postings are inline, which stock Whoosh
# never does; the least and the greatest length; the greatest weight; the last document;
# and the size of the postings (`W3TermInfo` of whoosh.codec.whoosh3).
_ENTRY = Struct("!x f I xx 4x I 4x q 4x")


class Entry(NamedTuple):
    """What the dictionary says of a term."""

    weight: float
    """All its occurrences."""
    documents: int
    first: int
    """The first document that has it."""
    offset: int
    """Of its postings, in bytes from the beginning of their file."""


class TermsTable:
    """Immutable, and for any number of threads at once."""

    def __init__(self, file: memoryview) -> None:
        """Raises ValueError, struct.error, UnpicklingError, and what else damaged bytes
        lead to."""
        if file[: len(_MAGIC)].tobytes() != _MAGIC:
            raise ValueError("not a dictionary")
        self._file = file
        end = len(file) - _INT.size
        extras_place = end - _INT.unpack_from(file, end)[0]
        directory = file[extras_place - _TABLES * _TABLE.size : extras_place]
        self._tables = list(_TABLE.iter_unpack(directory))
        extras = pickle.loads(file[extras_place:end])  # noqa: S301 - from our private cache
        kind: str = extras["indextype"]
        numbers: dict[str, int] = extras["fieldmap"]
        self._places: array[int] = array(kind)
        """Of the keys in the file, in order."""
        self._places.frombytes(file[end - extras["indexlen"] * self._places.itemsize : end])
        if sys.byteorder == "little":
            self._places.byteswap()
        self._fields = {field: _FIELD.pack(number) for field, number in numbers.items()}
        self._ranges = {
            field: (self._rank(_FIELD.pack(number)), self._rank(_FIELD.pack(number + 1)))
            for field, number in numbers.items()
        }

    def entry(self, field: str, term: str) -> Entry | None:
        place = self._find(field, term)
        if place is None:
            return None
        (key_size,) = _INT.unpack_from(self._file, place)
        return Entry._make(_ENTRY.unpack_from(self._file, place + _LENGTHS + key_size))

    def count(self, field: str) -> int:
        """How many terms a field has."""
        first, end = self._ranges.get(field, (0, 0))
        return end - first

    def number(self, field: str, term: str) -> int:
        """1 + the rank of a term among those of its field in byte order, 0 for none."""
        place = self._find(field, term)
        if place is None:
            return 0
        first, end = self._ranges[field]
        return bisect_left(self._places, place, first, end) - first + 1

    def terms_from(self, field: str, prefix: str) -> Iterator[str]:
        """The terms of a field that begin so, in byte order."""
        if field not in self._fields:
            return
        first, end = self._ranges[field]
        key = self._key(field, prefix)
        for rank in range(self._rank(key, first, end), end):
            found = self._key_at(self._places[rank])
            if not found.startswith(key):
                return
            yield found[_FIELD.size :].decode()

    def _key(self, field: str, term: str) -> bytes:
        # What is no text has no place in an index, so it is just not found.
        return self._fields[field] + term.encode("utf-8", "surrogatepass")

    def _find(self, field: str, term: str) -> int | None:
        """The place of a term's key."""
        if field not in self._fields:
            return None
        key = self._key(field, term)
        found = int.from_bytes(md5(key, usedforsecurity=False).digest()[12:], "big")
        table, slots = self._tables[found & 0xFF]
        slot = (found >> 8) % slots if slots else 0
        for _ in range(slots):
            kept: int
            place: int
            kept, place = _SLOT.unpack_from(self._file, table + slot * _SLOT.size)
            if not place:
                return None
            if kept == found and self._key_at(place) == key:
                return place
            slot = slot + 1 if slot + 1 < slots else 0
        return None

    def _rank(self, key: bytes, first: int = 0, end: int | None = None) -> int:
        """How many keys are smaller."""
        return bisect_left(self._places, key, first, end, key=self._key_at)

    def _key_at(self, place: int) -> bytes:
        (size,) = _INT.unpack_from(self._file, place)
        place += _LENGTHS
        return self._file[place : place + size].tobytes()
