"""Numbers in ascending order, in which equal ones follow each other."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_N = TypeVar("_N", bound=np.integer[Any])


def firsts(numbers: NDArray[_N]) -> NDArray[np.bool_]:
    """Where something else stands than before."""
    found = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=found[1:])
    return found


def each_once(numbers: NDArray[_N]) -> NDArray[_N]:
    """What `np.unique` gives, in a tenth of its time: that does not know the order."""
    return numbers[firsts(numbers)]
