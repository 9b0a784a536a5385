"""The installed docindex, with a cache and a state of its own."""

import os
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("docindex")

Environment = dict[str, str]


class Installed:
    """What is given to the `docindex` command so that it keeps out of the user's folders."""

    def __init__(self, place: Path) -> None:
        self.cache, self.state = place / "cache", place / "state"
        self.environment: Environment = os.environ | {
            "DOCINDEX_CACHE_DIR": str(self.cache),
            "DOCINDEX_STATE_DIR": str(self.state),
            "DOCINDEX_LINGER_SECONDS": "0.5",
        }

    def serve(self, folder: Path) -> list[str]:
        return [str(COMMAND), "serve", str(folder)]

    def reindex(self, folder: Path) -> list[str]:
        return [str(COMMAND), "reindex", "--quiet", str(folder)]

    def index_bytes(self) -> int:
        """Of the indexes alone, without what processes meet through."""
        paths = (path for path in self.cache.rglob("index/*") if path.is_file())
        return sum(path.stat().st_size for path in paths)
