"""The processes that build segments, as their parent sees them."""

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Generic, TypeVar, cast

from docindex.indexer.errors import Unavailable
from docindex.indexer.worker import Advance, Answer, Job, Ready, Setup

log = logging.getLogger(__name__)

MOST = 4
ADVANCE_SECONDS = 0.02
"""A listener hears of files that are done no more often."""
MOST_STILLBORN = 3
"""Workers that may die before they are ready, one after the other."""

Task = TypeVar("Task")


class Worker:
    """One process, which does one job at a time. `listener` is called from a thread of
    the worker's, with None when the process has ended; not with each `Advance`, but
    `advanced` counts them all."""

    def __init__(self, setup: Setup, listener: Callable[["Worker", Answer | None], None]) -> None:
        self.ready = False
        self.heard = 0
        """Answers so far, also those that nobody has looked at yet."""
        self.advanced = 0
        """Files of the present job that are done."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "docindex.indexer.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        # With PIPE, both are there.
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._listener = listener
        self._send(setup)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, job: Job) -> None:
        self.advanced = 0
        self._send(job)

    def stop(self) -> None:
        self._process.kill()
        self._thread.join()
        self._process.wait()
        for stream in (self._stdin, self._stdout):
            try:
                stream.close()
            except BrokenPipeError:
                continue

    def _send(self, message: Setup | Job) -> None:
        try:
            pickle.dump(message, self._stdin)
            self._stdin.flush()
        except BrokenPipeError:
            log.warning("a worker ended before its job")  # its listener hears of it too

    def _listen(self) -> None:
        told = 0.0
        try:
            while True:
                answer: Answer = pickle.load(self._stdout)
                self.heard += 1
                self.ready = True
                if isinstance(answer, Advance):
                    self.advanced += 1
                    if time.monotonic() - told < ADVANCE_SECONDS:
                        continue
                    told = time.monotonic()
                self._listener(self, answer)
        except Exception:
            # It has ended. What it was saying may be cut off, and then raises anything.
            self._listener(self, None)


@dataclass(slots=True)
class _Post(Generic[Task]):
    """What a worker is at."""

    task: Task | None = None
    heard: int = 0
    silent: float = 0.0
    """Seconds since it was last heard of."""


class Crew(Generic[Task]):
    """The workers of one indexer, each with what it does now: an answer belongs to that.

    `listener` is called from threads of theirs, as a `Worker` calls it.
    """

    def __init__(self, setup: Setup, listener: Callable[[Worker, Answer | None], None]) -> None:
        self._setup = setup
        self._listener = listener
        self._posts: dict[Worker, _Post[Task]] = {}
        self._stillborn = 0

    def __len__(self) -> int:
        return len(self._posts)

    @property
    def busy(self) -> int:
        """How many have something to do."""
        return sum(post.task is not None for post in self._posts.values())

    def hire(self, number: int) -> None:
        """Sees to it that there are so many. Raises Unavailable."""
        if self._stillborn >= MOST_STILLBORN:
            self._stillborn = 0
            raise Unavailable("no worker can be started; the log of the indexer says why")
        while len(self._posts) < number:
            try:
                worker = Worker(self._setup, self._listener)
            except OSError as error:
                raise Unavailable(f"no worker can be started: {error.strerror}") from error
            self._posts[worker] = _Post()

    def idle(self) -> list[Worker]:
        """Those that are ready for a job."""
        return [w for w, post in self._posts.items() if post.task is None and w.ready]

    def employ(self, worker: Worker, task: Task, job: Job) -> None:
        self._posts[worker] = _Post(task, worker.heard)
        worker.start(job)

    def task_of(self, worker: Worker) -> Task | None:
        post = self._posts.get(worker)
        return post.task if post else None

    def hear(self, worker: Worker, answer: Answer | None) -> Task | None:
        """What a worker was at that has finished it, failed, or (None) died of it."""
        if isinstance(answer, Ready):
            self._stillborn = 0
            return None
        post = self._posts.pop(worker, None)
        if answer is None:
            self._stillborn += not worker.ready and post is not None
            worker.stop()
        elif post is not None:
            self._posts[worker] = _Post()
        return post.task if post else None

    def overdue(
        self, seconds: float, limit: Callable[[Worker, Task | None], float]
    ) -> Iterator[tuple[Worker, Task | None]]:
        """Those that have let nothing be heard for longer than their limit, and what they
        are at (None: they begin). `seconds` have passed since the last call."""
        for worker, post in list(self._posts.items()):
            if worker.heard != post.heard or (worker.ready and post.task is None):
                post.heard, post.silent = worker.heard, 0.0
                continue
            post.silent += seconds
            if post.silent > limit(worker, post.task):
                yield worker, post.task

    def stop(self, worker: Worker) -> None:
        del self._posts[worker]
        self._stillborn += not worker.ready
        worker.stop()

    def dismiss(self) -> None:
        for worker in self._posts:
            worker.stop()
        self._posts.clear()


def cores() -> int:
    """How many workers there are for much work."""
    return max(1, min(MOST, os.cpu_count() or 1))
