"""The processes that build segments, as their parent sees them."""

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Generic, TypeVar, cast

from docindex.indexer.worker import Answer, Job, Setup

log = logging.getLogger(__name__)

MOST = 4

Task = TypeVar("Task")


class Worker:
    """One process, which does one job at a time. `listener` is called from a thread of
    the worker's, with None when the process has ended."""

    def __init__(self, setup: Setup, listener: Callable[["Worker", Answer | None], None]) -> None:
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

    def start(self, job: Job) -> None:
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
        try:
            while True:
                answer: Answer = pickle.load(self._stdout)
                self._listener(self, answer)
        except (EOFError, pickle.UnpicklingError, OSError, ValueError):
            self._listener(self, None)


class Crew(Generic[Task]):
    """The workers of one indexer, each with what it does now: an answer belongs to that.

    `listener` is called from threads of theirs, as a `Worker` calls it.
    """

    def __init__(self, setup: Setup, listener: Callable[[Worker, Answer | None], None]) -> None:
        self._setup = setup
        self._listener = listener
        self._tasks: dict[Worker, Task | None] = {}

    @property
    def busy(self) -> bool:
        return any(task is not None for task in self._tasks.values())

    def hire(self, number: int = max(1, min(MOST, os.cpu_count() or 1))) -> None:
        """Sees to it that there are so many, by default one for each core."""
        while len(self._tasks) < number:
            self._tasks[Worker(self._setup, self._listener)] = None

    def idle(self) -> list[Worker]:
        return [worker for worker, task in self._tasks.items() if task is None]

    def employ(self, worker: Worker, task: Task, job: Job) -> None:
        self._tasks[worker] = task
        worker.start(job)

    def task_of(self, worker: Worker) -> Task | None:
        return self._tasks.get(worker)

    def done(self, worker: Worker, answer: Answer | None) -> Task | None:
        """What a worker was at that has finished it, failed, or (None) died of it."""
        task = self._tasks.pop(worker, None)
        if answer is None:
            worker.stop()
        elif task is not None:
            self._tasks[worker] = None
        return task

    def dismiss(self) -> None:
        for worker in self._tasks:
            worker.stop()
        self._tasks.clear()
