"""Columns: a value for each document (`whoosh.columns`), and length bytes."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.stock import FIELD_LENGTHS

OFFSETS_PAST = 1 << 15
"""Columns of more documents also say where each value begins, as stock's do."""

_LENGTHS = np.array(FIELD_LENGTHS)


class Values(NamedTuple):
    """Bytes of each document."""

    data: bytes | memoryview
    """All one after another."""
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Self:
        return cls(b"".join(values), np.fromiter(map(len, values), np.int64, len(values)))


def length_bytes(lengths: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The bytes by which Whoosh keeps field lengths (`length_to_byte`)."""
    return np.minimum(np.searchsorted(_LENGTHS, lengths), 255).astype(np.uint8)


def encode_column(values: Values) -> list[bytes | memoryview]:
    """A `VarBytesColumn`, in parts."""
    sizes, size_type = _narrow(values.sizes)
    if len(values.sizes) <= OFFSETS_PAST:
        return [values.data, sizes, size_type]
    offsets, offset_type = _narrow(np.cumsum(values.sizes) - values.sizes)
    return [values.data, sizes, offsets, size_type, offset_type, b"X"]


def decode_column(file: memoryview, documents: int) -> Values:
    """What `encode_column` wrote."""
    kind, end = file[-1:].tobytes(), len(file) - 1
    if kind == b"X":
        kind, end = file[-3:-2].tobytes(), end - 2
        end -= documents * np.dtype(file[-2:-1].tobytes().decode()).itemsize
    item = np.dtype(kind.decode()).newbyteorder(">")
    begin = end - documents * item.itemsize
    return Values(file[:begin], np.frombuffer(file[begin:end], item).astype(np.int64))


def _narrow(numbers: NDArray[np.int64]) -> tuple[bytes, bytes]:
    """Numbers and the letter of their type, which is the narrowest that holds them."""
    greatest = int(numbers.max(initial=0))
    kind = next(k for k in "BHIq" if greatest <= np.iinfo(np.dtype(k)).max)
    return numbers.astype(f">{np.dtype(kind).str[1:]}").tobytes(), kind.encode()
