"""Postings as bytes that stock Whoosh iterates and numpy reads at once.

All postings of a term are one block, uncompressed (`W3PostingsWriter` of
`whoosh.codec.whoosh3`):

    "W3Bl"
    minus the size of the rest: minus, since it is the last block
    pickle of (documents, last document, greatest weight, 0: uncompressed,
               least and greatest length of the documents, as length bytes)
    pickle of (steps between document numbers, weights, None: no values)

Most terms stand in a few documents. How what is pickled for those is laid out
depends only on their number and on how large steps and weights are, so the blocks
of all terms of one layout are made as one numpy array, and read as one.
"""

import pickle
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.inversion import Inverted

FEW = 16
"""Below this many documents, steps and weights are pickled as tuples."""

# Opcodes of pickle (`pickletools`). The numbers in a tuple have one width.
_OPEN = b"\x80\x02("
_BYTE, _SHORT, _INT, _FLOAT, _NONE, _TUPLE = b"KMJGN("
_NUMBERS = {_BYTE: "u1", _SHORT: "<u2", _INT: "<i4", _FLOAT: ">f8"}
_WIDTHS = np.zeros(256, np.int64)
_WIDTHS[list(_NUMBERS)] = [np.dtype(number).itemsize for number in _NUMBERS.values()]


def _number(name: str, code: int) -> list[tuple[str, str]]:
    return [(f"{name} opcode", "u1"), (name, _NUMBERS[code])]


_HEADER = np.dtype(
    [
        ("magic", "S4"),
        ("size", ">i4"),
        ("open", "S3"),
        *_number("documents", _INT),
        *_number("last", _INT),
        *_number("greatest", _FLOAT),
        *_number("compression", _BYTE),
        *_number("shortest", _BYTE),
        *_number("longest", _BYTE),
        ("close", "S2"),
    ]
)
_LEAD = 8
"""Bytes before what the size of a block counts."""

ENTRY = np.dtype(
    [
        ("inline", "u1"),
        ("weight", ">f4"),
        ("documents", ">u4"),
        ("shortest", "u1"),
        ("longest", "u1"),
        ("greatest", ">f4"),
        ("first", ">u4"),
        ("last", ">u4"),
        ("offset", ">i8"),
        ("size", ">i4"),
    ]
)
"""What the dictionary says of a term (`W3TermInfo` of `whoosh.codec.whoosh3`)."""


class Encoded(NamedTuple):
    blocks: bytes
    entries: NDArray[np.void]
    """One `ENTRY` for each term. Offsets count from the beginning of `blocks`."""


def encode(postings: Inverted, lengths: NDArray[np.uint8]) -> Encoded:
    """The postings of one field; `lengths` are the length bytes of all documents."""
    entries = np.zeros(len(postings.terms), ENTRY)
    if not len(entries):
        return Encoded(b"", entries)
    begins, ends = postings.starts[:-1], postings.starts[1:]
    docnums, frequencies = postings.docnums, postings.frequencies
    entries["documents"] = ends - begins
    entries["first"] = docnums[begins]
    entries["last"] = docnums[ends - 1]
    entries["weight"] = np.add.reduceat(frequencies, begins)
    greatest = np.maximum.reduceat(frequencies, begins)
    entries["greatest"] = greatest
    of_postings = lengths[docnums]
    entries["shortest"] = np.minimum.reduceat(of_postings, begins)
    entries["longest"] = np.maximum.reduceat(of_postings, begins)

    steps = np.diff(docnums, prepend=np.uint32(0))
    steps[begins] = docnums[begins]
    step_codes = _narrowest(np.maximum.reduceat(steps, begins))
    equal = np.minimum.reduceat(frequencies, begins) == greatest
    weight_codes = np.where(equal, np.where(greatest == 1, _NONE, _FLOAT), _narrowest(greatest))
    headers = _headers(entries)
    blocks: list[bytes] = []
    offset = 0
    for chosen, layout in _by_layout(ends - begins, step_codes, weight_codes):
        if layout is None:
            many = _encode_many(
                steps, frequencies, postings.starts, chosen, step_codes, weight_codes
            )
            for term, data in zip(chosen.tolist(), many, strict=True):
                headers["size"][term] = _LEAD - _HEADER.itemsize - len(data)
                blocks += headers[term].tobytes(), data
                entries["offset"][term] = offset
                entries["size"][term] = _HEADER.itemsize + len(data)
                offset += _HEADER.itemsize + len(data)
        else:
            places = begins[chosen, None] + np.arange(layout.documents)
            records = layout.records(len(chosen))
            headers["size"][chosen] = _LEAD - records.itemsize
            records["header"] = headers[chosen]
            records["steps"]["number"] = steps[places]
            if layout.weight_code == _FLOAT:
                records["weight"] = frequencies[places[:, 0]]
            elif layout.weight_code != _NONE:
                records["weights"]["number"] = frequencies[places]
            blocks.append(records.tobytes())
            entries["offset"][chosen] = offset + np.arange(len(chosen)) * records.itemsize
            entries["size"][chosen] = records.itemsize
            offset += records.nbytes
    return Encoded(b"".join(blocks), entries)


def decode(blocks: memoryview, entries: NDArray[np.void], terms: list[bytes]) -> Inverted:
    """What `encode` wrote; `entries` and `terms` are those of one field."""
    counts = entries["documents"].astype(np.int64)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    steps = np.empty(starts[-1], np.int64)
    frequencies = np.empty(starts[-1], np.uint32)
    data = np.frombuffer(blocks, np.uint8)
    offsets = entries["offset"].astype(np.int64)
    first_steps = offsets + _HEADER.itemsize + len(_OPEN)
    step_codes = data[first_steps]
    weights = first_steps + counts * (1 + _WIDTHS[step_codes]) + 1
    weights[counts >= FEW] = 0
    weight_codes = data[weights]
    tuples = weight_codes == _TUPLE
    weight_codes[tuples] = data[weights[tuples] + 1]
    for chosen, layout in _by_layout(counts, step_codes, weight_codes):
        if layout is None:
            for term in chosen.tolist():
                begin = int(offsets[term]) + _HEADER.itemsize
                end = int(offsets[term]) + int(entries["size"][term])
                pickled = pickle.loads(blocks[begin:end])  # noqa: S301 - from our private cache
                place = slice(starts[term], starts[term + 1])
                steps[place] = _as_array(pickled[0])
                frequencies[place] = 1 if pickled[1] is None else _as_array(pickled[1])
        else:
            width = layout.dtype.itemsize
            records = data[offsets[chosen, None] + np.arange(width)].view(layout.dtype)[:, 0]
            places = starts[chosen, None] + np.arange(layout.documents)
            steps[places] = records["steps"]["number"]
            if layout.weight_code == _NONE:
                frequencies[places] = 1
            elif layout.weight_code == _FLOAT:
                frequencies[places] = records["weight"][:, None]
            else:
                frequencies[places] = records["weights"]["number"]
    # From steps to numbers, beginning anew with each term.
    summed = np.cumsum(steps)
    begins = starts[:-1]
    summed -= np.repeat(summed[begins] - steps[begins], counts)
    return Inverted(terms, starts, summed.astype(np.uint32), frequencies)


class _Layout(NamedTuple):
    documents: int
    step_code: int
    weight_code: int

    @property
    def dtype(self) -> np.dtype[np.void]:
        return _records(self).dtype

    def records(self, count: int) -> NDArray[np.void]:
        """Whole blocks but for header, steps and weights."""
        return np.repeat(_records(self), count)


@lru_cache(maxsize=256)
def _records(layout: _Layout) -> NDArray[np.void]:
    """One block of a layout, with its opcodes."""
    count, step_code, weight_code = layout
    step = np.dtype([("opcode", "u1"), ("number", _NUMBERS[step_code])])
    weights: list[tuple[str, str] | tuple[str, np.dtype[np.void], tuple[int]]]
    if weight_code == _NONE:
        weights = [("none", "u1")]
    elif weight_code == _FLOAT:
        weights = [("weight opcode", "u1"), ("weight", _NUMBERS[_FLOAT])]
    else:
        weight = np.dtype([("opcode", "u1"), ("number", _NUMBERS[weight_code])])
        weights = [("open weights", "u1"), ("weights", weight, (count,)), ("close weights", "S1")]
    record = np.zeros(
        1,
        np.dtype(
            [
                ("header", _HEADER),
                ("open", "S3"),
                ("steps", step, (count,)),
                ("close steps", "S1"),
                *weights,
                ("close", "S3"),
            ]
        ),
    )
    record["open"] = _OPEN
    record["steps"]["opcode"] = step_code
    record["close steps"] = b"t"
    if weight_code == _NONE:
        record["none"] = _NONE
    elif weight_code == _FLOAT:
        record["weight opcode"] = _FLOAT
    else:
        record["open weights"] = _TUPLE
        record["weights"]["opcode"] = weight_code
        record["close weights"] = b"t"
    record["close"] = b"N\x87."
    return record


def _by_layout(
    counts: NDArray[np.int64], step_codes: NDArray[np.integer], weight_codes: NDArray[np.integer]
) -> Iterator[tuple[NDArray[np.int64], _Layout | None]]:
    """The terms of each layout, by number; those in many documents have none."""
    keys = (counts << 16) | (step_codes.astype(np.int64) << 8) | weight_codes
    keys[counts >= FEW] = 0
    order = np.argsort(keys, kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order]))
    for chosen in np.split(order, bounds + 1):
        if len(chosen):
            key = int(keys[chosen[0]])
            yield chosen, _Layout(key >> 16, key >> 8 & 0xFF, key & 0xFF) if key else None


def _headers(entries: NDArray[np.void]) -> NDArray[np.void]:
    headers = np.zeros(len(entries), _HEADER)
    headers["magic"] = b"W3Bl"
    headers["open"] = _OPEN
    for name, code in (("documents", _INT), ("last", _INT), ("greatest", _FLOAT)):
        headers[f"{name} opcode"] = code
        headers[name] = entries[name]
    for name in ("compression", "shortest", "longest"):
        headers[f"{name} opcode"] = _BYTE
    for name in ("shortest", "longest"):
        headers[name] = entries[name]
    headers["close"] = b"t."
    return headers


def _narrowest(greatest: NDArray[np.uint32]) -> NDArray[np.int64]:
    return np.where(greatest < 1 << 8, _BYTE, np.where(greatest < 1 << 16, _SHORT, _INT))


def _encode_many(
    steps: NDArray[np.uint32],
    frequencies: NDArray[np.uint32],
    starts: NDArray[np.int64],
    chosen: NDArray[np.int64],
    step_codes: NDArray[np.integer],
    weight_codes: NDArray[np.integer],
) -> Iterator[bytes]:
    bounds = np.stack((starts[chosen], starts[chosen + 1]), axis=1).tolist()
    codes = np.stack((step_codes[chosen], weight_codes[chosen]), axis=1).tolist()
    byte_steps, byte_weights = (a.astype(np.uint8).tobytes() for a in (steps, frequencies))
    for (begin, end), (step_code, weight_code) in zip(bounds, codes, strict=True):
        packed: bytes | array[int]
        if step_code == _BYTE:
            packed = byte_steps[begin:end]
        elif step_code == _SHORT:
            packed = array("H", steps[begin:end].astype(np.uint16).tobytes())
        else:
            packed = array("I", steps[begin:end].tobytes())
        weights: float | bytes | array[float] | None
        if weight_code == _NONE:
            weights = None
        elif weight_code == _FLOAT:
            weights = float(frequencies[begin])
        elif weight_code == _BYTE:
            weights = byte_weights[begin:end]
        else:
            weights = array("f", frequencies[begin:end].astype(np.float32).tobytes())
        yield pickle.dumps((packed, weights, None), 3)


def _as_array(pickled: "bytes | float | array[int] | array[float]") -> NDArray[np.generic]:
    if isinstance(pickled, float):
        return np.array(pickled)
    if isinstance(pickled, bytes):
        return np.frombuffer(pickled, np.uint8)
    return np.array(pickled)
