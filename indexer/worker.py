"""A process that builds segments for the indexer, so that a long build neither
delays an own write nor is limited to one core, and no document can stop it.

It takes jobs from standard input and answers on standard output, both as
pickles. When its parent dies its input ends, and so does it.
"""

import faulthandler
import logging
import os
import pickle
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from docindex.indexer.batch import Outcome, Task, build
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder
from docindex.indexer.merge import merge
from docindex.indexer.models import Options
from docindex.indexer.segments import Damaged
from docindex.indexer.stock import Segment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setup:
    """Sent once, before any job."""

    root: str
    index: Path
    options: Options


@dataclass(frozen=True, slots=True)
class BuildJob:
    tasks: tuple[Task, ...]
    longest: float
    """Seconds without progress after which the worker ends itself: its parent stops it
    earlier, but may have died."""


@dataclass(frozen=True, slots=True)
class MergeJob:
    segments: tuple[Segment, ...]
    longest: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Jobs can come."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One more file of the present job is done."""

    name: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something is wrong that concerns more than one file."""

    reason: str
    damaged: bool = False
    """The index has to be opened anew."""


Job = BuildJob | MergeJob
Answer = Ready | Advance | Outcome | Failed


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not end up between the pickles
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    try:
        setup: Setup = pickle.load(source)
    except EOFError:
        return  # the parent died before it could say what to do
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_receive, args=(source, jobs), daemon=True).start()
    folder = Folder(setup.root, setup.options)
    _send(sink, Ready())
    while True:
        _send(sink, _work(folder, setup.index, jobs.get(), sink))


def _work(folder: Folder, index: Path, job: Job, sink: BinaryIO) -> Answer:
    """A fault of ours ends the process, with its traceback in the log: the parent gives
    what the job was to do to others, in parts."""
    alarm = _Alarm(job.longest)
    try:
        if isinstance(job, MergeJob):
            return Outcome(merge(index, job.segments))

        def advance(name: str) -> None:
            alarm.put_off()
            _send(sink, Advance(name))

        return build(folder, index, job.tasks, advance)
    except DocindexError as error:
        return Failed(str(error))
    except (Damaged, FileNotFoundError) as error:
        return Failed(f"a segment is damaged ({type(error).__name__})", damaged=True)
    except OSError as error:
        return Failed(f"the index cannot be written: {error.strerror}")
    finally:
        alarm.cancel()


class _Alarm:
    """Ends the process in time, even one that is stuck where Python cannot interrupt it,
    and says where that was."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._set()

    def put_off(self) -> None:
        """Cheap enough for every file."""
        if time.monotonic() - self._since > 1.0:
            self._set()

    def cancel(self) -> None:
        faulthandler.cancel_dump_traceback_later()

    def _set(self) -> None:
        self._since = time.monotonic()
        faulthandler.dump_traceback_later(self._seconds, exit=True)


def _receive(source: BinaryIO, jobs: "SimpleQueue[Job]") -> None:
    try:
        while True:
            jobs.put(pickle.load(source))
    except (EOFError, OSError):
        os._exit(0)


def _send(sink: BinaryIO, answer: Answer) -> None:
    try:
        pickle.dump(answer, sink)
        sink.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    # Under its own name, so that what it pickles is found again by its parent.
    from docindex.indexer import worker

    worker.main()
