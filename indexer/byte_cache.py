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
        self._kept: OrderedDict[_K, _V] = OrderedDict()
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """All that it holds in memory."""
        return self._bytes

    def get(self, key: _K) -> _V | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: _K, value: _V) -> None:
        """What exceeds the limit by itself is not kept."""
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._bytes -= before.nbytes
            self._kept[key] = value
            self._bytes += value.nbytes
            while self._bytes > self._limit:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes
