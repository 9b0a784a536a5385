"""A run: files that are on their way into the index by way of the workers."""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from docindex.indexer.batch import FAILED, Task

FIRST_JOB_BYTES = 500_000
LARGEST_JOB_BYTES = 8_000_000
"""A job's size doubles from the one to the other: early ones are searchable
soon, late ones make few, large segments."""
FILE_COST_BYTES = 2_000
"""What a file costs beside its bytes, so that many small ones make no huge job."""
MOST_DEATHS = 2
"""Workers that may die, for whatever reason, of a file that they have to themselves."""

TOO_SLOW = "takes too long to index, even as plain text"


@dataclass(slots=True, eq=False)
class Job:
    tasks: tuple[Task, ...]
    touched: set[str] = field(default_factory=set[str])
    """Names that were indexed by another way while the job was under way: what
    the job has of them is out of date."""
    advanced: int = 0
    """How many of its files are done."""

    @property
    def at(self) -> Task | None:
        """The file that is being read; None when all were, and the segment is written."""
        return self.tasks[self.advanced] if self.advanced < len(self.tasks) else None

    @property
    def size(self) -> int:
        """In bytes of files."""
        return sum(task.stamp.size for task in self.tasks)


@dataclass(slots=True)
class Errand:
    """What a request waits for."""

    request_id: str
    names: set[str]
    indexed: int = 0
    removed: int = 0


class Run:
    """Hands out jobs, takes back those that failed, and counts.

    A run that is `compared` has all that differs between the folder and its index.
    """

    def __init__(
        self, tasks: Sequence[Task] = (), *, full: bool = False, compared: bool = False
    ) -> None:
        self.full = full
        self.compared = compared
        self.changes = not all(task.proves for task in tasks)
        """Whether some of it differs from the index, as far as one can tell unread."""
        self.indexed = 0
        self.removed = 0
        self.at = ""
        self.waiting: list[str] = []
        """The requests that are answered when it ends."""
        self.jobs: list[Job] = []
        """Under way."""
        self._tasks = {task.name: task for task in tasks}
        self._urgent: deque[tuple[Task, ...]] = deque()
        self._again: deque[tuple[Task, ...]] = deque()
        self._errands: list[Errand] = []
        self._deaths = Counter[str]()
        self._bytes = FIRST_JOB_BYTES
        self._finished = 0

    @property
    def pending(self) -> int:
        return (
            len(self._tasks)
            + sum(map(len, (*self._urgent, *self._again)))
            + sum(len(job.tasks) - job.advanced for job in self.jobs)
        )

    @property
    def done(self) -> int:
        return self._finished + sum(job.advanced for job in self.jobs)

    @property
    def total(self) -> int:
        return self.done + self.pending

    @property
    def over(self) -> bool:
        return not (self._tasks or self._urgent or self._again or self.jobs)

    @property
    def hurries(self) -> bool:
        """Whether somebody waits for what no worker is at yet."""
        return bool(self._urgent)

    def begun(self) -> Iterator[str]:
        """The names that workers are at: what they have read may be out of date already."""
        for job in self.jobs:
            yield from (task.name for task in job.tasks)

    def remaining(self) -> Iterator[Task]:
        """What nobody works on yet, in order."""
        yield from list(self._tasks.values())

    def take(self, name: str) -> None:
        """Marks one of the remaining as done."""
        del self._tasks[name]
        self._finished += 1
        self.at = name

    def urge(self, tasks: Sequence[Task], errand: Errand | None = None) -> None:
        """Puts these before all others. The errand ends when all its names are indexed."""
        names = {task.name for task in tasks}
        self.changes = self.changes or not all(task.proves for task in tasks)
        self._outdate(names)
        self._drop(names)
        self._urgent.append(tuple(tasks))
        if errand is not None:
            self._errands.append(errand)

    def next_job(self) -> Job | None:
        if self._urgent:
            tasks = self._urgent.popleft()
        elif self._again:
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
        self._finished += len(job.tasks)

    def settle(self, names: Collection[str]) -> list[Errand]:
        """These are searchable; gives the errands that end with them."""
        for errand in self._errands:
            errand.indexed += len(errand.names.intersection(names))
            errand.names.difference_update(names)
        ended = [errand for errand in self._errands if not errand.names]
        self._errands = [errand for errand in self._errands if errand.names]
        return ended

    def stop(self, job: Job) -> None:
        """The file that its worker was at has taken too long. The others are not to
        suffer: they become jobs of their own."""
        slow = _suspect(job)
        if slow is None:
            self._halve(job)
        else:
            self._part(job, _eased(slow, TOO_SLOW))

    def lose(self, job: Job) -> None:
        """Its worker died. What it was at is tried once more, alone; of a file that
        workers die of again and again, less is asked each time."""
        suspect = _suspect(job)
        if suspect is None:
            self._halve(job)
            return
        if len(job.tasks) == 1:
            self._deaths[suspect.name] += 1
            if self._deaths[suspect.name] >= MOST_DEATHS:
                del self._deaths[suspect.name]
                suspect = _eased(suspect, FAILED)
        self._part(job, suspect)

    def abandon(self) -> None:
        """Leaves out what nobody has begun, and nobody in particular waits for."""
        self._tasks.clear()

    def touch(self, names: Collection[str]) -> None:
        """These have just been indexed by another way."""
        self._outdate(names)
        self._finished += self._drop(names)

    def withdraw(self, request_id: str) -> bool:
        """Forgets a request; False when it is none that waits for this run."""
        if request_id in self.waiting:
            self.waiting.remove(request_id)
            return True
        before = len(self._errands)
        self._errands = [each for each in self._errands if each.request_id != request_id]
        return len(self._errands) < before

    def requests(self) -> list[str]:
        """All that wait for this run or a part of it."""
        return [*self.waiting, *(errand.request_id for errand in self._errands)]

    def _outdate(self, names: Collection[str]) -> None:
        for job in self.jobs:
            job.touched.update(names)

    def _drop(self, names: Collection[str]) -> int:
        """Takes these from what nobody works on, and gives how many they were."""
        before = self.pending
        for name in names:
            self._tasks.pop(name, None)
        for queue in (self._urgent, self._again):
            kept = [tuple(task for task in part if task.name not in names) for part in queue]
            queue.clear()
            queue.extend(filter(None, kept))
        return before - self.pending

    def _halve(self, job: Job) -> None:
        middle = (len(job.tasks) + 1) // 2
        self._retry(job, job.tasks[:middle], job.tasks[middle:])

    def _part(self, job: Job, suspect: Task) -> None:
        place = min(job.advanced, len(job.tasks) - 1)
        self._retry(job, job.tasks[:place], (suspect,), job.tasks[place + 1 :])

    def _retry(self, job: Job, *parts: Sequence[Task]) -> None:
        self.jobs.remove(job)
        for part in parts:
            kept = tuple(task for task in part if task.name not in job.touched)
            self._finished += len(part) - len(kept)
            if kept:
                self._again.append(kept)

    def _portion(self) -> Iterable[Task]:
        """Of the files that are larger than a job, one at a time is under way."""
        room = self._bytes
        crowded = any(job.size > LARGEST_JOB_BYTES for job in self.jobs)
        chosen: list[Task] = []
        for task in self._tasks.values():
            if crowded and task.stamp.size > LARGEST_JOB_BYTES:
                continue
            room -= task.stamp.size + FILE_COST_BYTES
            if room < 0 and chosen:
                break
            chosen.append(task)
        for task in chosen:
            del self._tasks[task.name]
        return chosen


def _suspect(job: Job) -> Task | None:
    """The file that a worker has failed over, where that can be told."""
    return job.tasks[0] if len(job.tasks) == 1 else job.at


def _eased(task: Task, reason: str) -> Task:
    """The same file with less asked of it: to be read as text, or else refused."""
    return replace(task, refusal=reason) if task.plain else replace(task, plain=True)
