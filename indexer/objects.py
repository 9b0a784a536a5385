"""Texts kept by their content: each once, compressed, and checked when it is read.

<folder>/ab/cdef…    zlib; named by the hash of what it holds
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from docindex.indexer.durable import replace_file, sync_folder
from docindex.indexer.home import make_private

_LEVEL = 3
"""Nearly as small as zlib's default, in half the time."""


def key_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


class Objects:
    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, data: bytes) -> str:
        """The key of `data`, which is on disk when it returns. Raises OSError."""
        key = key_of(data)
        if self.read(key, len(data)) is None:
            place = self._place(key)
            if not place.parent.is_dir():
                make_private(place.parent)
                sync_folder(self._path)
            replace_file(place, zlib.compress(data, _LEVEL))
        return key

    def read(self, key: str, size: int) -> bytes | None:
        """The `size` bytes of this key; None when they are not there, or damaged."""
        try:
            packed = self._place(key).read_bytes()
            data = zlib.decompressobj().decompress(packed, size + 1)
        except (OSError, zlib.error):
            return None
        return data if key_of(data) == key else None

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Every key, with the bytes that it takes on disk."""
        for folder in self._folders():
            with os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        yield folder.name + entry.name, entry.stat().st_size

    def drop(self, key: str) -> None:
        with suppress(OSError):
            self._place(key).unlink()

    def _folders(self) -> Iterator[Path]:
        try:
            yield from sorted(path for path in self._path.iterdir() if path.is_dir())
        except FileNotFoundError:
            return

    def _place(self, key: str) -> Path:
        return self._path / key[:2] / key[2:]
