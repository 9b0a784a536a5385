"""One lock for each real file, whichever folder it is reached through.

What a lock is named by is the folder that the file lies in, as device and inode,
and the rest of its name in NFC. So servers on nested folders, on a folder that is
mounted twice, and on one that was renamed meanwhile, all mean the same lock.
"""

import hashlib
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from docindex.indexer.errors import TimedOut, WriteFailed
from docindex.indexer.files import Folder
from docindex.indexer.home import make_private
from docindex.indexer.locks import let_go
from docindex.indexer.names import shown

LOCK_SECONDS = 5.0
"""How long a write waits for another one to the same document."""
POLL_SECONDS = 0.01
_ATTEMPTS = 10


@contextmanager
def locked(state: Path, documents: Iterable[tuple[Folder, str]]) -> Generator[None]:
    """Holds the locks of these documents, named below their folders.

    Raises TimedOut, WriteFailed (the state folder cannot be used), NotADocument
    (the way leads through a link or an ignored folder), FolderUnavailable.
    """
    wanted = list(documents)
    with ExitStack() as held:
        for _ in range(_ATTEMPTS):
            keys = _keys(wanted)
            held.enter_context(_held(state / "locks", keys, wanted[0][1]))
            # Folders on the way may have been made, or swapped, while we waited.
            if _keys(wanted) == keys:
                break
            held.close()
        else:
            raise TimedOut(
                f"the folder of {shown(wanted[0][1])} keeps changing; nothing was written, try "
                "again"
            )
        yield


def _keys(documents: Iterable[tuple[Folder, str]]) -> Sequence[str]:
    """In an order that is the same for everybody, so that nobody waits in a circle. One
    of 256 for each document: a lock for each would leave a file for each."""
    places = [folder.whereabouts(name) for folder, name in documents]
    return sorted(
        {hashlib.blake2b(os.fsencode(place), digest_size=1).hexdigest() for place in places}
    )


@contextmanager
def _held(folder: Path, keys: Sequence[str], name: str) -> Generator[None]:
    with ExitStack() as stack:
        try:
            make_private(folder)
            for key in keys:
                lock = FileLock(folder / key, mode=0o600, thread_local=False)
                lock.acquire(timeout=LOCK_SECONDS, poll_interval=POLL_SECONDS)
                stack.callback(let_go, lock)
        except Timeout:
            raise TimedOut(
                f"another write to {shown(name)} did not end; nothing was written, try again"
            ) from None
        except OSError as error:
            raise WriteFailed(
                f"the state folder cannot be used ({error.strerror}); nothing was written. "
                "Set state_dir to a folder that you can write to"
            ) from error
        yield
