"""An index for one server alone, where the cache cannot be written.

It lies in a folder for temporary files, private to the user, and ends with its server:
the indexer removes it when nobody needs it any more. What is left when both were killed
is removed by the next one that needs a makeshift.
"""

import os
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from docindex.indexer.home import Home
from docindex.indexer.locks import held, leased

PREFIX = "docindex-makeshift-"
YOUNG_SECONDS = 60.0
"""Somebody may be about to begin with one that is so young."""


@cache
def makeshift_cache() -> Path:
    """A folder to be used as the cache of this process. Raises OSError."""
    import tempfile  # seldom needed

    remove_abandoned()
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def is_makeshift(place: Path) -> bool:
    return place.name.startswith(PREFIX)


def remove_abandoned() -> None:
    """Those that no process uses."""
    import tempfile

    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = place.lstat()
            ours = os.name == "nt" or found.st_uid == os.geteuid()
            if ours and time.time() - found.st_mtime > YOUNG_SECONDS and not _used(place):
                shutil.rmtree(place)


def _used(place: Path) -> bool:
    homes = [Home(path) for path in place.glob("*/*")]
    return any(held(home.lock) or leased(home.leases) for home in homes)
