"""A run: many files that are on their way into the index."""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from docindex.indexer.batch import FAILED, Task
from docindex.indexer.compare import Plan
from docindex.indexer.intake import UNKNOWN

FIRST_JOB_BYTES = 500_000
LARGEST_JOB_BYTES = 4_000_000
"""A job's size doubles from the one to the other: early ones are searchable
soon, late ones make few, large segments."""
FILE_COST_BYTES = 2_000
"""What a file costs beside its bytes, so that many small ones make no huge job."""


@dataclass(slots=True, eq=False)
class Job:
    tasks: tuple[Task, ...]
    touched: set[str] = field(default_factory=set[str])
    """Names that were indexed by another way while the job was under way: what
    the job has of them is out of date."""
    advanced: int = 0


class Run:
    """Hands out jobs, takes back those that failed, and counts."""

    def __init__(self, plan: Plan, full: bool) -> None:
        self.full = full
        self.total = len(plan.tasks)
        self.indexed = 0
        self.removed = len(plan.gone)
        self.at = ""
        self.waiting: list[str] = []
        """The requests that are answered when it ends."""
        self.jobs: list[Job] = []
        """Under way."""
        self._tasks = deque(plan.tasks)
        self._again: deque[tuple[Task, ...]] = deque()
        self._bytes = FIRST_JOB_BYTES

    @property
    def pending(self) -> int:
        return (
            len(self._tasks)
            + sum(len(tasks) for tasks in self._again)
            + sum(len(job.tasks) - job.advanced for job in self.jobs)
        )

    @property
    def done(self) -> int:
        return self.total - self.pending

    @property
    def over(self) -> bool:
        return not (self._tasks or self._again or self.jobs)

    def remaining(self) -> tuple[Task, ...]:
        """What nobody works on yet."""
        return tuple(self._tasks)

    def take(self, name: str) -> None:
        """Marks the first of the remaining ones as done."""
        self._tasks.popleft()
        self.at = name

    def next_job(self) -> Job | None:
        if self._again:
            tasks = self._again.popleft()
        else:
            tasks = tuple(self._portion())
            self._bytes = min(self._bytes * 2, LARGEST_JOB_BYTES)
        if not tasks:
            return None
        job = Job(tasks)
        self.jobs.append(job)
        return job

    def finish(self, job: Job) -> None:
        self.jobs.remove(job)

    def fail(self, job: Job) -> None:
        """Its worker died. The job is halved until the file that workers die of stands
        alone; that one is then recorded as skipped."""
        self.jobs.remove(job)
        if len(job.tasks) == 1:
            (task,) = job.tasks
            if not task.refusal:
                self._again.append((Task(task.name, UNKNOWN, refusal=FAILED),))
        else:
            middle = len(job.tasks) // 2
            self._again.extend((job.tasks[:middle], job.tasks[middle:]))

    def abandon(self) -> None:
        """Leaves out what nobody works on yet."""
        self._tasks.clear()
        self._again.clear()

    def touch(self, names: Collection[str]) -> None:
        """These have just been indexed by another way."""
        for job in self.jobs:
            job.touched.update(names)
        self._tasks = deque(task for task in self._tasks if task.name not in names)
        self._again = deque(
            tuple(task for task in tasks if task.name not in names) for tasks in self._again
        )

    def _portion(self) -> Iterable[Task]:
        room = self._bytes
        while self._tasks and room > 0:
            task = self._tasks.popleft()
            room -= task.stamp.size + FILE_COST_BYTES
            yield task
