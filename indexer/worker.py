"""A process that builds segments for the indexer, so that a long build neither
delays an own write nor is limited to one core.

It takes jobs from standard input and answers on standard output, both as
pickles. When its parent dies its input ends, and so does it.
"""

import logging
import os
import pickle
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from docindex.indexer.batch import Outcome, Task, build
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder
from docindex.indexer.merge import merge
from docindex.indexer.models import Options
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


@dataclass(frozen=True, slots=True)
class MergeJob:
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Advance:
    """One more file of the present job is done."""

    name: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something is wrong that concerns more than one file."""

    reason: str


Job = BuildJob | MergeJob
Answer = Advance | Outcome | Failed


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
    while True:
        _send(sink, _work(folder, setup.index, jobs.get(), sink))


def _work(folder: Folder, index: Path, job: Job, sink: BinaryIO) -> Answer:
    try:
        if isinstance(job, MergeJob):
            return Outcome(merge(index, job.segments))
        return build(folder, index, job.tasks, lambda name: _send(sink, Advance(name)))
    except DocindexError as error:
        return Failed(str(error))
    except Exception as error:
        log.exception("a job failed")
        return Failed(f"the index cannot be written ({type(error).__name__})")


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
