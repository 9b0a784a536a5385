"""The indexer as a process, and how a server starts one."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from docindex.indexer.errors import DocindexError, IndexUnavailable
from docindex.indexer.holders import sign
from docindex.indexer.home import Home, home_of
from docindex.indexer.locks import hold
from docindex.indexer.makeshift import is_makeshift
from docindex.indexer.models import Options

log = logging.getLogger(__name__)

LOCK_SECONDS = 1.0
"""Others hold the lock for an instant when they ask whether it is free."""
NICENESS = 10
LARGEST_LOG_BYTES = 1_000_000


def run_indexer(
    folders: Sequence[Path],
    *,
    cache: Path,
    options: Options,
    attached: bool = False,
    ready: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Indexes and watches folders until it is told to stop (SIGINT, SIGTERM).

    One that is `attached` was started by a server: it ends some seconds after
    no server needs it. `ready` hears of each folder that is kept. Raises the
    reason when none is: IndexUnavailable (it has an indexer, or its home cannot
    be used) or FolderUnavailable.
    """
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    threads: list[threading.Thread] = []
    reason: DocindexError | None = None
    for folder in folders:
        try:
            threads.append(_keep(folder, cache, options, attached, stop))
        except DocindexError as error:
            log.warning("%s: %s", folder, error)
            reason = error
        except OSError as error:
            log.warning("%s: %s", folder, error)
            reason = IndexUnavailable(f"the index cannot be opened ({error.strerror})")
        else:
            ready(folder)
    if reason is not None and not threads:
        raise reason
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=0.5)  # short, so that signals are heard


def start_indexer(
    folders: Sequence[Path], homes: Sequence[Home], *, cache: Path, options: Options
) -> subprocess.Popen[bytes]:
    """Starts one, detached, for folders that have none; what it says goes to the
    log of the first. It takes a cache with it at its end that is a makeshift.

    With `-P`, since a server is often started in the documents folder: a module
    that lies there must not be imported.
    """
    path = homes[0].log
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        os.replace(path, path.with_suffix(".log.1"))
    order = {
        "folders": [str(folder) for folder in folders],
        "cache": str(cache),
        "options": asdict(options),
    }
    with path.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "docindex.indexer.process", json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def main() -> None:
    """What `start_indexer` starts."""
    order = json.loads(sys.argv[1])
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(process)d %(levelname)s %(message)s",
    )
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    cache = Path(order["cache"])
    try:
        run_indexer(
            [Path(folder) for folder in order["folders"]],
            cache=cache,
            options=Options(**order["options"]),
            attached=True,
        )
    except DocindexError as error:
        log.warning("%s", error)
    finally:
        if is_makeshift(cache):
            shutil.rmtree(cache, ignore_errors=True)


def _keep(
    folder: Path, cache: Path, options: Options, attached: bool, stop: threading.Event
) -> threading.Thread:
    """Keeps one folder, in a thread."""
    from docindex.indexer.keeper import Keeper

    home = home_of(cache, folder)
    lock = hold(home.lock, LOCK_SECONDS)
    if lock is None:
        raise IndexUnavailable("another process indexes this folder already; it is kept fresh")
    sign(home)
    try:
        keeper = Keeper(folder, home, options)
    except BaseException:
        lock.release()
        raise

    def work() -> None:
        try:
            keeper.run(stop, attached)
        except (OSError, DocindexError) as error:
            log.warning("the indexer ends: %s", error)
        except Exception:
            log.exception("the indexer ends")
        finally:
            lock.release()

    thread = threading.Thread(target=work, name=f"keeper of {folder.name}")
    thread.start()
    return thread


if __name__ == "__main__":
    main()
