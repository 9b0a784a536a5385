"""The dictionary of a segment, Whoosh's `.trm` file, written and read as a whole.

`terms_table` finds single terms in it, and says how it is laid out. Stock writes it in
`whoosh.filedb.filetables.OrderedHashWriter`.
"""

import pickle
from collections.abc import Mapping, Sequence
from hashlib import md5
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.postings import ENTRY

_LENGTHS = Struct("!ii")
_FIELD = Struct("!H")
_SIZE = Struct("!i")
_BUCKETS = 256
_SLOT = np.dtype([("hash", ">u4"), ("place", ">i8")])
_BUCKET = np.dtype([("place", ">i8"), ("slots", ">i4")])


class DictionaryWriter:
    """Takes a dictionary field by field. Hashes are MD5, as stock's."""

    def __init__(self) -> None:
        self._fields: dict[str, int] = {}
        self._prefix = b""
        self._hashes = [np.zeros(0, np.int64)]
        self._places = [np.zeros(0, np.int64)]
        self._parts = [b"HSH3" + bytes(9)]
        self._size = len(self._parts[0])

    def begin_field(self, field: str) -> None:
        self._prefix = _FIELD.pack(len(self._fields))
        self._fields[field] = len(self._fields)

    def add(self, terms: Sequence[bytes], entries: NDArray[np.void]) -> None:
        """The next terms of the field, in byte order. Each has an entry
        (`postings.ENTRY`)."""
        keys = [self._prefix + term for term in terms]
        width = entries.dtype.itemsize
        sizes = np.fromiter(map(len, keys), np.int64, len(keys))
        leads = {size: _LENGTHS.pack(size, width) for size in np.unique(sizes).tolist()}
        packed = entries.tobytes()
        self._parts.append(
            b"".join(
                part
                for key, begin in zip(keys, range(0, len(packed), width), strict=True)
                for part in (leads[len(key)], key, packed[begin : begin + width])
            )
        )
        sizes += _LENGTHS.size + width
        self._places.append(self._size + np.cumsum(sizes) - sizes)
        self._size += len(self._parts[-1])
        hashes = b"".join([md5(key, usedforsecurity=False).digest()[12:] for key in keys])
        self._hashes.append(np.frombuffer(hashes, ">u4").astype(np.int64))

    def finish(self, extras: Mapping[str, object]) -> list[bytes]:
        """The whole file in parts, with what else is to be noted in it."""
        places = np.concatenate(self._places)
        slots, buckets = _hash_tables(np.concatenate(self._hashes), places, self._size)
        kind = "i" if self._size < 1 << 31 else "q"
        noted = {"fieldmap": self._fields, **extras, "indextype": kind, "indexlen": len(places)}
        tail = pickle.dumps(noted, 2) + places.astype(f">{kind}").tobytes()
        return [*self._parts, slots.tobytes(), buckets.tobytes(), tail, _SIZE.pack(len(tail))]


class Terms(NamedTuple):
    """Those of one field, in byte order."""

    texts: list[bytes]
    entries: NDArray[np.void]
    """An `ENTRY` for each."""


def read_dictionary(file: bytes) -> dict[str, Terms]:
    """All terms, by their fields."""
    end = len(file) - _SIZE.size
    noted_at = end - _SIZE.unpack_from(file, end)[0]
    noted = pickle.loads(memoryview(file)[noted_at:])  # noqa: S301 - from our private cache
    kind = np.dtype(noted["indextype"]).newbyteorder(">")
    count = noted["indexlen"]
    places = np.frombuffer(file, kind, count, end - count * kind.itemsize).astype(np.int64)
    keys = places + _LENGTHS.size
    ends = keys + _gather(file, places, np.dtype(">i4"))
    entries = _gather(file, ends, ENTRY)
    fields = _gather(file, keys, np.dtype(">u2"))
    found: dict[str, Terms] = {}
    for field, number in noted["fieldmap"].items():
        first, last = np.searchsorted(fields, (number, number + 1)).tolist()
        bounds = zip(
            (keys[first:last] + _FIELD.size).tolist(), ends[first:last].tolist(), strict=True
        )
        found[field] = Terms([file[a:b] for a, b in bounds], entries[first:last])
    return found


def _gather(file: bytes, places: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """What stands at these places."""
    data = np.frombuffer(file, np.uint8)
    found: NDArray[Any] = data[places[:, None] + np.arange(dtype.itemsize)].view(dtype)[:, 0]
    return found


def _hash_tables(
    hashes: NDArray[np.int64], places: NDArray[np.int64], start: int
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """All slots, and where each table begins. A key goes to the slot that its hash says
    or, where that is taken, to the next free one, around the end of its table."""
    tables = hashes % _BUCKETS
    sizes = 2 * np.bincount(tables, minlength=_BUCKETS)
    firsts = np.cumsum(sizes) - sizes
    buckets = np.zeros(_BUCKETS, _BUCKET)
    buckets["place"] = start + firsts * _SLOT.itemsize
    buckets["slots"] = sizes

    wanted = (hashes >> 8) % sizes[tables]
    order = np.lexsort((wanted, tables))
    hashes, places, tables, wanted = hashes[order], places[order], tables[order], wanted[order]
    # Each goes at least one further than the one before. Tables are kept so far apart
    # that none runs into the next.
    apart = firsts + np.arange(_BUCKETS) * (len(hashes) + 1)
    numbers = np.arange(len(hashes))
    taken = np.maximum.accumulate(apart[tables] + wanted - numbers) + numbers - apart[tables]
    slots = np.zeros(int(sizes.sum()), _SLOT)
    fits = taken < sizes[tables]
    at = (firsts[tables] + taken)[fits]
    slots["hash"][at] = hashes[fits]
    slots["place"][at] = places[fits]
    for number in np.flatnonzero(~fits).tolist():
        first, size = int(firsts[tables[number]]), int(sizes[tables[number]])
        slot = first
        while slots["place"][slot]:
            slot = slot + 1 if slot + 1 < first + size else first
        slots[slot] = hashes[number], places[number]
    return slots, buckets
