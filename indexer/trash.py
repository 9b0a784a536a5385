"""Where deleted documents go: out of the folder, and not out of the world.

    <state>/trash/<key of the folder>/<time>-<random>/document
                                                    /entry.json

An entry tells the folder, the name, the version, and when it was deleted.
"""

import hashlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from docindex.indexer.errors import WriteFailed
from docindex.indexer.home import make_private
from docindex.indexer.segments import sync_file, sync_folder


@dataclass(frozen=True, slots=True)
class Entry:
    folder: str
    name: str
    version: str
    when: float
    bytes: int


class Trash:
    def __init__(self, state: Path, root: Path) -> None:
        key = hashlib.blake2b(os.fsencode(root), digest_size=12).hexdigest()
        self._root = root
        self._path = state / "trash" / key

    def keep(self, name: str, version: str, data: bytes) -> None:
        """On disk when it returns. Raises WriteFailed."""
        entry = Entry(str(self._root), name, version, time.time(), len(data))
        place = self._path / f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        try:
            make_private(place)
            (place / "document").write_bytes(data)
            (place / "entry.json").write_text(
                json.dumps(asdict(entry), ensure_ascii=False), encoding="utf-8"
            )
            for path in (place / "document", place / "entry.json"):
                sync_file(path)
            sync_folder(place)
            sync_folder(self._path)
        except OSError as error:
            raise WriteFailed(
                f"the document could not be put into the trash ({error.strerror}), so it was not "
                "deleted; free some space or set state_dir"
            ) from error
