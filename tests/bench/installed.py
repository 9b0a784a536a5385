"""The installed docindex, with a cache and a state of its own."""

import os
import sys
import time
from pathlib import Path

from docindex.indexer.home import home_of
from docindex.indexer.library import Library
from docindex.indexer.locks import held
from docindex.indexer.models import FolderSpec, Options

COMMAND = Path(sys.executable).with_name("docindex")

LINGER_SECONDS = 0.5
REST_SECONDS = 20.0

Environment = dict[str, str]


class Installed:
    """What is given to the `docindex` command so that it keeps out of the user's folders."""

    def __init__(self, place: Path) -> None:
        self.cache, self.state = place / "cache", place / "state"
        self.environment: Environment = os.environ | {
            "DOCINDEX_CACHE_DIR": str(self.cache),
            "DOCINDEX_STATE_DIR": str(self.state),
            "DOCINDEX_LINGER_SECONDS": str(LINGER_SECONDS),
        }

    def serve(self, folder: Path) -> list[str]:
        return [str(COMMAND), "serve", str(folder)]

    def reindex(self, folder: Path) -> list[str]:
        return [str(COMMAND), "reindex", "--quiet", str(folder)]

    def library(self, folder: Path) -> Library:
        options = Options(linger_seconds=LINGER_SECONDS)
        return Library(
            [FolderSpec(str(folder))], cache=self.cache, state=self.state, options=options
        )

    def index_bytes(self) -> int:
        """Of the indexes alone, without what processes meet through."""
        paths = (path for path in self.cache.rglob("index/*") if path.is_file())
        return sum(path.stat().st_size for path in paths)

    def rest(self, folder: Path) -> None:
        """Waits until nobody indexes a folder any more, so that the next figure is not
        disturbed. Raises RuntimeError when that takes too long."""
        lock = home_of(self.cache, folder).lock
        deadline = time.monotonic() + REST_SECONDS
        while held(lock):
            if time.monotonic() > deadline:
                raise RuntimeError("the indexer does not end")
            time.sleep(0.1)
