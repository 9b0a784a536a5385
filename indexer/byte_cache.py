"""What was used last, up to a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    @property
    def nbytes(self) -> int:
        """All that it holds in memory."""
        ...


_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V", bound=Sized)


class ByteCache(Generic[_K, _V]):
    """For any number of threads at once. What is in it must not change."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[_K, tuple[_V, int]] = OrderedDict()
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """All that it holds in memory."""
        return self._bytes

    def get(self, key: _K) -> _V | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: _K, value: _V) -> None:
        """What exceeds the limit by itself is not kept."""
        nbytes = value.nbytes
        with self._lock:
            _, taken = self._kept.pop(key, (None, 0))
            self._kept[key] = (value, nbytes)
            self._bytes += nbytes - taken
            while self._bytes > self._limit:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped
