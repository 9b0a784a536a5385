"""What is done to bring an index up to date: a few files here and now, many by workers,
and the merging of segments.

Everything is called from one loop. None of it waits for a worker, so the loop goes on
serving while a run is under way.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from docindex.indexer.batch import FAULT, Outcome, Task, build
from docindex.indexer.compare import Plan, compare_names
from docindex.indexer.errors import DocindexError, Unavailable
from docindex.indexer.files import Folder
from docindex.indexer.merges import Merge, Merges
from docindex.indexer.models import Progress
from docindex.indexer.patience import Patience
from docindex.indexer.runs import Errand, Job, Run
from docindex.indexer.store import Store
from docindex.indexer.worker import Advance, Answer, BuildJob, Failed, MergeJob
from docindex.indexer.workers import Crew, Worker, cores

log = logging.getLogger(__name__)

FIRST_COMMIT_SECONDS = 0.4
"""For reading and parsing; writing the segment takes a tenth of that."""
LINGER_SECONDS = 5.0
"""How long workers without work stay: whoever saves a long file often saves it again."""
MOST_WORKERS = 8
"""Also when many are stuck, and others wait for what is urgent."""
MOST_LOSSES = 10
"""Workers that may die one after the other, with no job done between."""


class Works:
    """The one that writes to the store. `answer` is told what a request waited for,
    with how many files were indexed and removed; `ended` of each run that is over.

    Methods raise Unavailable when indexing cannot go on, OSError when the index cannot
    be written, and Damaged when it is not as it was written.
    """

    def __init__(
        self,
        folder: Folder,
        store: Store,
        crew: Crew[Job | Merge],
        patience: Patience,
        answer: Callable[[Errand], None],
        ended: Callable[[Run], None],
    ) -> None:
        self.store = store
        self.run: Run | None = None
        self.listener: Callable[[Progress], None] = lambda progress: None
        self._folder = folder
        self._crew = crew
        self._patience = patience
        self._answer = answer
        self._ended = ended
        self._merges = Merges()
        self._losses = 0
        self._idle_since: float | None = None
        self._littered = False

    @property
    def resting(self) -> bool:
        """Nothing is under way, and nothing is left to merge."""
        return self.run is None and not self._crew.busy and self._merges.settled

    def compare(self, names: Iterable[str], pulse: Callable[[], None] | None = None) -> Plan:
        """What has to be done about some names, as `compare_names` says it."""
        begun = self.run.begun() if self.run else ()
        return compare_names(self._folder, self.store.records, names, begun, pulse)

    def apply(self, plan: Plan, errand: Errand | None = None) -> None:
        """Indexes what a plan has, before anything else: here and now if it is little,
        and by a worker what is not."""
        errand = errand or Errand("", set())
        errand.removed = sum(name in self.store.records for name in plan.gone)
        here = [task for task in plan.tasks if plan.small and task.light]
        away = [task for task in plan.tasks if not (plan.small and task.light)]
        if here or plan.gone:
            outcome = self._build_here(here)
            if outcome is None:
                here, away, outcome = [], [*away, *here], Outcome()
            done = [*(task.name for task in here), *plan.gone]
            if self.run is not None:
                self.run.touch(done)
            self._commit(outcome, plan.gone)
            self._settle(done)
            errand.indexed = outcome.indexed
        if away:
            errand.names.update(task.name for task in away)
            if self.run is None:
                self.run = Run()
                self._merges.begin_run(self.store)
            self.run.urge(away, errand)
            self._employ()
        else:
            self._answer(errand)

    def start(self, run: Run, gone: Collection[str], asked: Callable[[], bool]) -> None:
        """Begins a run: what half a second allows is indexed here, so that there is
        something to find while the workers warm up. Somebody who has `asked` for
        something does not wait for it."""
        self.run = run
        self._merges.begin_run(self.store)
        run.removed = len(gone)
        self._hire(run)
        end = time.monotonic() + FIRST_COMMIT_SECONDS
        done: list[str] = []

        def advance(name: str) -> None:
            done.append(name)
            self.listener(Progress(run.done + len(done), run.total, name))

        outcome = self._build_here(
            [task for task in run.remaining() if task.light],
            advance,
            enough=lambda: time.monotonic() >= end or asked(),
        )
        if outcome is not None:
            for name in done:
                run.take(name)
            run.indexed += outcome.indexed
        self._commit(outcome or Outcome(), gone)
        self._employ()

    def hear(self, worker: Worker, answer: Answer | None) -> None:
        """What a worker has to say; None: it has died."""
        task = self._crew.task_of(worker)
        if isinstance(task, Job):
            task.advanced = worker.advanced
        if isinstance(answer, Advance):
            if isinstance(task, Job) and self.run is not None:
                self.run.at = answer.name
                self.listener(Progress(self.run.done, self.run.total, answer.name))
            return
        task = self._crew.hear(worker, answer)
        if answer is None and task is not None:
            self._littered = True
        if isinstance(task, Merge):
            self._merges.end(self.store, task, answer)
        elif task is not None:
            self._built(task, answer)
        self._employ()

    def pass_time(self, seconds: float) -> None:
        """Stops workers that have come no further for too long. `seconds` have passed."""
        stuck = list(self._crew.overdue(seconds, self._limit))
        for worker, task in stuck:
            self._crew.stop(worker)
            self._littered = True
            if isinstance(task, Merge):
                log.warning("merging segments took too long; it was stopped")
                self._merges.end(self.store, task, None)
            elif task is not None and self.run is not None and task in self.run.jobs:
                task.advanced = worker.advanced
                log.warning("%s took too long; its worker was stopped", _named(task))
                self.run.stop(task)
        if stuck:
            self._employ()

    def tidy(self) -> None:
        """In quiet moments: sweeps, merges segments and sends workers home."""
        self.store.sweep()
        if self.run is not None or self._crew.busy:
            return
        if self._littered:
            self.store.remove_orphans()
            self._littered = False
        merge = self._merges.next(self.store)
        if merge is None:
            self._linger()
        elif merge.small:
            self._merges.here(self.store, merge)
        else:
            self._send_to_merge(merge)

    def _send_to_merge(self, merge: Merge) -> None:
        self._idle_since = None
        try:
            self._crew.hire(1)
        except Unavailable as error:
            log.warning("segments are not merged: %s", error)
            self._merges.pause()
        for worker in self._crew.idle()[:1]:
            self._begin(worker, merge)

    def _linger(self) -> None:
        if len(self._crew):
            self._idle_since = self._idle_since or time.monotonic()
            if time.monotonic() >= self._idle_since + LINGER_SECONDS:
                self.dismiss()

    def give_up(self) -> Run | None:
        """Leaves the run that is under way, and returns it: what it has committed stays,
        and the rest is found by a later comparison."""
        run, self.run = self.run, None
        self.dismiss()
        self._littered = True
        return run

    def close(self) -> None:
        self.dismiss()
        self.store.close()

    def dismiss(self) -> None:
        self._crew.dismiss()
        self._merges.forget()
        self._idle_since = None

    def _build_here(
        self,
        tasks: Sequence[Task],
        advance: Callable[[str], None] = lambda name: None,
        enough: Callable[[], bool] = lambda: False,
    ) -> Outcome | None:
        """As `build` does. None after a fault of ours: workers can die of it, and find
        out which file it is."""
        try:
            return build(self._folder, self.store.folder, tasks, advance, enough)
        except DocindexError:
            raise
        except Exception:
            log.exception(FAULT)
            return None

    def _hire(self, run: Run) -> int:
        """As many as there are cores, to compare a folder, and always one that is free for
        what is urgent. Returns how many there should be."""
        self._idle_since = None
        wanted = cores() if run.compared else 1
        if run.hurries:
            wanted = max(wanted, min(self._crew.busy + 1, MOST_WORKERS))
        self._crew.hire(wanted)
        return wanted

    def _employ(self) -> None:
        """Gives each idle worker something to do, or ends the run."""
        run = self.run
        if run is None:
            self.tidy()
            return
        wanted = self._hire(run)
        for worker in self._crew.idle():
            if len(self._crew) > wanted:
                self._crew.stop(worker)
            elif job := self._next_job(run):
                self._begin(worker, job)
        if run.over:
            self.run = None
            self._merges.end_run()
            self._ended(run)
            self.tidy()

    def _next_job(self, run: Run) -> Job | Merge | None:
        if not run.hurries and (merge := self._merges.during_a_run(self.store, ending=False)):
            return merge
        return run.next_job() or self._merges.during_a_run(self.store, ending=True)

    def _begin(self, worker: Worker, task: Job | Merge) -> None:
        if isinstance(task, Merge):
            self._merges.begin()
            segments = tuple(self.store.segments(task.sources))
            longest = 2 * self._patience.for_writing(task.size)
            self._crew.employ(worker, task, MergeJob(segments, longest))
        else:
            sizes = [each.stamp.size for each in task.tasks]
            longest = self._patience.for_file(max(sizes)) + self._patience.for_writing(sum(sizes))
            self._crew.employ(worker, task, BuildJob(task.tasks, 2 * longest))

    def _limit(self, worker: Worker, task: Job | Merge | None) -> float:
        if task is None:
            return self._patience.start
        if isinstance(task, Merge):
            return self._patience.for_writing(task.size)
        if worker.advanced < len(task.tasks):
            return self._patience.for_file(task.tasks[worker.advanced].stamp.size)
        return self._patience.for_writing(task.size)

    def _built(self, job: Job, answer: Answer | None) -> None:
        run = self.run
        if run is None or job not in run.jobs:
            self._littered = True  # of a run that was given up
        elif isinstance(answer, Outcome):
            self._losses = 0
            run.finish(job)
            run.indexed += answer.indexed
            self.listener(Progress(run.done, run.total, run.at))
            self._commit(answer, stale=job.touched)
            self._settle([task.name for task in job.tasks if task.name not in job.touched])
        elif isinstance(answer, Failed):
            raise Unavailable(answer.reason)
        else:
            log.warning("a worker died over %s", _named(job))
            self._losses += 1
            if self._losses > MOST_LOSSES:
                self._losses = 0
                raise Unavailable("workers die again and again; the log of the indexer says why")
            run.lose(job)

    def _settle(self, names: Sequence[str]) -> None:
        """These have just become searchable."""
        if self.run is not None:
            for errand in self.run.settle(names):
                self._answer(errand)

    def _commit(
        self, outcome: Outcome, gone: Collection[str] = (), stale: Collection[str] = ()
    ) -> None:
        records = self.store.records
        for record in outcome.same:
            if record.name not in stale and record.name in records:
                self.store.restamp(record)
        removed = [name for name in (*gone, *outcome.gone) if name not in stale and name in records]
        if outcome.built is not None or removed:
            self.store.commit(outcome.built, removed, stale)


def _named(job: Job) -> str:
    return job.at.name if job.at else f"the segment of {len(job.tasks)} files"
