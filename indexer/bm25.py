"""BM25 as stock Whoosh computes it: rarity, and the norms of lengths.

A term scores `idf * f * (K1 + 1) / (f + norm)`, where f is how often it is there.
"""

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import stock
from docindex.indexer.weights import K1, B

LENGTHS = np.array(stock.FIELD_LENGTHS, np.float32)
"""What each length byte means, in terms. Shape (256,)."""


def idf(size: int, count: int) -> float:
    """The rarity of a term that so many of all have."""
    return log(max(size, 1) / (count + 1)) + 1


def norms(lengths: NDArray[Any], total: int, size: int, b: float = B) -> NDArray[np.float32]:
    """K1 times the length norm of each length, when all `size` have `total` terms together."""
    average = total / (size or 1) or 1
    found: NDArray[np.float32] = (K1 * ((1 - b) + b * lengths / average)).astype(np.float32)
    return found


def saturated(
    frequencies: NDArray[np.float32], length_norms: NDArray[np.float32], factor: float
) -> NDArray[np.float32]:
    """The scores, where `factor` is what comes before the fraction. Takes over the norms."""
    length_norms += frequencies
    np.divide(frequencies, length_norms, out=length_norms)
    length_norms *= np.float32(factor)
    return length_norms
