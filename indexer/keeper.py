"""Keeps the index of one folder in agreement with it.

Everything that happens reaches one loop: what the watcher saw, what servers ask
for, what workers answer, and the tick of a clock. A few files are indexed here
and committed at once; many become a `Run`, whose jobs workers do while the loop
goes on serving.
"""

import logging
import os
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue

from docindex.indexer.batch import Outcome, build
from docindex.indexer.compare import Plan, compare, compare_names, empties
from docindex.indexer.errors import Cancelled, FolderUnavailable, IndexUnavailable, Unavailable
from docindex.indexer.files import Folder
from docindex.indexer.home import Home
from docindex.indexer.ignores import IGNORE_FILES
from docindex.indexer.letterbox import Letterbox, Reply, Request
from docindex.indexer.locks import leased
from docindex.indexer.models import IndexState, Options, Progress
from docindex.indexer.runs import Job, Run
from docindex.indexer.status import UNAVAILABLE, IndexerStatus, read_status, write_status
from docindex.indexer.store import Store
from docindex.indexer.watch import Doubt, Touched, Watcher
from docindex.indexer.worker import Advance, Answer, BuildJob, Failed, MergeJob, Setup
from docindex.indexer.workers import Crew, Worker

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
"""How often requests are looked for; it bounds the wait of an own write."""
TICK_SECONDS = 1.0
FEW_FILES = 40
FEW_BYTES = 300_000
"""What is indexed here at once: within some tenths of a second."""
FIRST_COMMIT_SECONDS = 0.4
"""For reading and parsing; writing the segment takes about as long again."""
MANY_PATHS = 500
"""From so many events on, the whole folder is compared."""

MERGE_PAUSE_SECONDS = 300.0
"""To the next merge, after one has failed."""
RETRY_SECONDS = 5.0
"""To the next comparison, after one could not be made or carried out."""

EMPTY = f"{UNAVAILABLE}: it is empty. If that is right, reindex it in full"


@dataclass(frozen=True, slots=True)
class Merge:
    """What a worker does that merges segments."""

    sources: tuple[str, ...]


class Keeper:
    """Runs while its caller holds the lock of the index."""

    def __init__(self, root: Path, home: Home, options: Options) -> None:
        self._home = home
        self._options = options
        self._folder = Folder(root, options)
        self._root = root
        self._identity = self._folder.identity
        self._letterbox = Letterbox(home)
        self._inbox: SimpleQueue[Touched | Doubt | tuple[Worker, Answer | None]] = SimpleQueue()
        self._watcher = Watcher(root, options.debounce_ms, self._inbox.put)
        setup = Setup(str(root), home.index, options)
        self._crew: Crew[Job | Merge] = Crew(
            setup, lambda worker, answer: self._inbox.put((worker, answer))
        )
        self._no_merge_before = 0.0
        self._run: Run | None = None
        self._compare_again = False
        self._blind = ""
        self._away = ""
        self._unleased_since: float | None = None
        self._reported: tuple[int, dict[str, str], dict[str, str]] = (-2, {}, {})
        previous = read_status(home.status)
        self._store = Store(home.index)
        self._rebuilding = bool(self._store.repaired)
        self._reconciled_at = previous.reconciled_at if previous and self._store.records else None
        self._compared = time.monotonic()
        self._compared_once = False
        self._ignored = 0
        self._instance = secrets.token_hex(8)
        self._listener: Callable[[Progress], None] = lambda progress: None

    def run(self, stop: threading.Event, attached: bool) -> None:
        """Indexes and watches until `stop` is set or, when `attached`, until some
        seconds after nobody holds a lease any more."""
        try:
            self._report()
            self._reconcile()
            self._watcher.start()
            tick = 0.0
            while not stop.is_set():
                self._turn()
                if time.monotonic() - tick >= TICK_SECONDS:
                    tick = time.monotonic()
                    if self._replaced() or (attached and not self._needed()):
                        return
                    self._tick()
        finally:
            self._crew.dismiss()
            self._watcher.stop()

    def once(
        self, full: bool, listener: Callable[[Progress], None], stop: threading.Event
    ) -> Reply:
        """Brings the index up to date, and returns. Raises FolderUnavailable, and
        Cancelled once `stop` is set."""
        self._listener = listener
        own = self._letterbox.post(Request("reindex", full=full))
        tick = 0.0
        try:
            while (reply := self._letterbox.reply(own)) is None:
                if stop.is_set():
                    raise Cancelled("indexing was stopped; what was done so far is kept")
                self._turn()
                if time.monotonic() - tick >= TICK_SECONDS:
                    tick = time.monotonic()
                    self._report()
            if not reply.ok:
                raise FolderUnavailable(reply.error)
            return reply
        finally:
            self._letterbox.withdraw(own)
            self._report()
            self._crew.dismiss()

    # What reaches the loop

    def _turn(self) -> None:
        try:
            self._serve()
            self._receive()
        except Unavailable as error:
            self._give_up(error)
        except OSError as error:
            # A commit has failed half way. What is on disk is whole: the old generation.
            self._give_up(IndexUnavailable(f"the index cannot be written: {error.strerror}"))
            self._store = Store(self._home.index)
        if self._store.generation != self._reported[0]:
            self._report()

    def _receive(self) -> None:
        try:
            event = self._inbox.get(timeout=POLL_SECONDS)
        except Empty:
            return
        if isinstance(event, Touched):
            self._look_at(event.paths)
        elif isinstance(event, Doubt):
            self._blind = event.reason if event.blind else ""
            self._reconcile()
        else:
            self._hear(*event)

    def _serve(self) -> None:
        for request in self._letterbox.requests():
            if self._run is not None and request.id in self._run.waiting:
                continue
            try:
                self._obey(request)
            except Unavailable as error:
                self._answer(request.id, ok=False, error=str(error))
                self._give_up(error)

    def _obey(self, request: Request) -> None:
        if request.op == "index":
            plan = compare_names(self._folder, self._store.records, request.names)
            self._answer(request.id, indexed=self._apply(plan), removed=len(plan.gone))
        elif request.op == "reindex":
            # One that comes during a run waits for its end: the run was planned before.
            if self._run is None:
                self._reconcile(full=request.full, asked_by=request.id)
        else:
            self._answer(request.id)
            self._cancel(request.names)

    def _cancel(self, ids: Collection[str]) -> None:
        """Whoever asked hears at once. Only a full run can really be given up: any
        other is work that has to be done anyway."""
        for request_id in ids:
            if self._letterbox.waits(request_id):
                self._answer(request_id, ok=False, error="cancelled")
            if self._run is not None and request_id in self._run.waiting:
                self._run.waiting.remove(request_id)
                if self._run.full and not self._run.waiting:
                    self._run.abandon()
                    self._compare_again = True

    def _tick(self) -> None:
        try:
            self._folder.check()
        except Unavailable as error:
            self._miss(error)
        now = time.monotonic()
        if now >= self._compared + self._pause():
            self._reconcile()
        if not self._store.intact():
            self._mend()
        self._store.sweep()
        self._letterbox.remove_abandoned()
        self._tidy()
        self._report()

    def _pause(self) -> float:
        """Seconds between two comparisons of the whole folder."""
        if self._away and self._away != EMPTY:
            return TICK_SECONDS if self._away == UNAVAILABLE else RETRY_SECONDS
        longest = self._options.reconcile_seconds
        return min(RETRY_SECONDS, longest) if self._blind else longest

    def _mend(self) -> None:
        """Somebody has meddled with the files of the index: it is opened anew, and what
        cannot be opened is rebuilt."""
        self._give_up(Unavailable("the index was damaged; it is being rebuilt"))
        self._store = Store(self._home.index)
        self._rebuilding = True
        self._reconcile()

    def _needed(self) -> bool:
        if leased(self._home.leases):
            self._unleased_since = None
            return True
        now = time.monotonic()
        self._unleased_since = self._unleased_since or now
        return now - self._unleased_since < self._options.linger_seconds

    def _replaced(self) -> bool:
        """Whether another folder has come in place of ours; it has another index."""
        try:
            found = self._root.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) != self._identity

    # Comparing

    def _look_at(self, paths: Collection[str]) -> None:
        names = {unicodedata.normalize("NFC", path) for path in paths}
        whole = "." in names or any(name.rpartition("/")[2] in IGNORE_FILES for name in names)
        if self._away or whole or len(names) > (MANY_PATHS if self._run is None else FEW_FILES):
            self._reconcile()
            return
        try:
            plan = compare_names(self._folder, self._store.records, names)
        except Unavailable as error:
            self._miss(error)
            return
        if empties(plan, self._store.records) or not _small(plan):
            self._reconcile()
        else:
            self._apply(plan)

    def _reconcile(self, full: bool = False, asked_by: str = "") -> None:
        """Compares the whole folder, now or after the run that is under way."""
        if self._run is not None:
            self._compare_again = True
            return
        self._compare_again = False
        self._compared = time.monotonic()
        try:
            scan = self._folder.scan()
        except Unavailable as error:
            self._miss(error)
            self._answer(asked_by, ok=False, error=str(error))
            return
        plan = compare(scan, self._store.records, full)
        self._ignored = scan.ignored
        if empties(plan, self._store.records) and not full:
            self._away = EMPTY
            self._answer(asked_by, ok=False, error=self._away)
            return
        self._away = ""
        self._rebuilding = self._rebuilding or full
        if _small(plan):
            indexed = self._apply(plan)
            self._agreed()
            self._answer(asked_by, indexed=indexed, removed=len(plan.gone))
        else:
            self._start(Run(plan, full), plan, asked_by)

    def _miss(self, error: Unavailable) -> None:
        """The folder cannot be looked at: what the index has of it stays."""
        self._away = UNAVAILABLE if isinstance(error, FolderUnavailable) else str(error)

    def _agreed(self) -> None:
        self._compared_once = True
        self._reconciled_at = time.time()
        self._rebuilding = False

    # Indexing

    def _apply(self, plan: Plan) -> int:
        """Indexes a few files here and now, and gives how many were read anew."""
        if not plan:
            return 0
        outcome = build(self._folder, self._home.index, plan.tasks)
        if self._run is not None:
            self._run.touch([*(task.name for task in plan.tasks), *plan.gone])
        self._commit(outcome, plan.gone)
        return outcome.indexed

    def _commit(
        self, outcome: Outcome, gone: Collection[str] = (), stale: Collection[str] = ()
    ) -> None:
        for record in outcome.same:
            if record.name not in stale and record.name in self._store.records:
                self._store.restamp(record)
        removed = [
            name
            for name in (*gone, *outcome.gone)
            if name not in stale and name in self._store.records
        ]
        if outcome.built is not None or removed:
            self._store.commit(outcome.built, removed, stale)

    def _start(self, run: Run, plan: Plan, asked_by: str) -> None:
        """Begins a run: what half a second allows is indexed here, so that there is
        something to find while the workers warm up."""
        self._run = run
        if asked_by:
            run.waiting.append(asked_by)
        self._report()
        self._crew.hire()
        end = time.monotonic() + FIRST_COMMIT_SECONDS
        outcome = build(
            self._folder,
            self._home.index,
            run.remaining(),
            advance=lambda name: self._advance(run, name),
            enough=lambda: time.monotonic() >= end,
        )
        run.indexed += outcome.indexed
        self._commit(outcome, plan.gone)
        self._report()
        self._employ()

    def _advance(self, run: Run, name: str) -> None:
        run.take(name)
        self._listener(Progress(run.done, run.total, name))

    def _employ(self) -> None:
        """Gives each idle worker a job of the run, or ends the run."""
        if self._run is None:
            return
        self._crew.hire()
        for worker in self._crew.idle():
            if job := self._run.next_job():
                self._crew.employ(worker, job, BuildJob(job.tasks))
        if self._run.over:
            self._end(self._run)

    def _end(self, run: Run) -> None:
        self._run = None
        if not self._compare_again:
            self._agreed()
        for request_id in run.waiting:
            self._answer(request_id, indexed=run.indexed, removed=run.removed)
        self._report()
        if self._compare_again:
            self._reconcile()

    def _hear(self, worker: Worker, answer: Answer | None) -> None:
        if isinstance(answer, Advance):
            task = self._crew.task_of(worker)
            if isinstance(task, Job) and self._run is not None:
                task.advanced += 1
                self._run.at = answer.name
                self._listener(Progress(self._run.done, self._run.total, answer.name))
            return
        task = self._crew.done(worker, answer)
        if isinstance(task, Merge):
            self._merged(task, answer)
        elif task is not None and self._run is not None and task in self._run.jobs:
            self._built(self._run, task, answer)
        self._employ()

    def _built(self, run: Run, job: Job, answer: Answer | None) -> None:
        if isinstance(answer, Outcome):
            run.finish(job)
            run.indexed += answer.indexed
            self._commit(answer, stale=job.touched)
            self._report()
        elif isinstance(answer, Failed):
            self._give_up(Unavailable(answer.reason))
        else:
            run.fail(job)

    def _merged(self, merge: Merge, answer: Answer | None) -> None:
        if isinstance(answer, Outcome) and answer.built is not None:
            self._store.commit_merge(answer.built, merge.sources)
        else:
            self._no_merge_before = time.monotonic() + MERGE_PAUSE_SECONDS

    def _tidy(self) -> None:
        """In quiet moments: merges small segments, and sends the workers home."""
        if self._run is not None or self._crew.busy:
            return
        segments = self._store.mergeable()
        if segments and time.monotonic() >= self._no_merge_before:
            self._crew.hire(1)
            merge = Merge(tuple(segment.segment_id() for segment in segments))
            self._crew.employ(self._crew.idle()[0], merge, MergeJob(tuple(segments)))
        else:
            self._crew.dismiss()

    def _give_up(self, error: Unavailable) -> None:
        """Ends a run that cannot go on; what it has committed stays, and the rest is
        found by a later comparison."""
        log.warning("indexing is interrupted: %s", error)
        run, self._run = self._run, None
        self._miss(error)
        self._crew.dismiss()
        for request_id in run.waiting if run else ():
            self._answer(request_id, ok=False, error=str(error))

    # Telling

    def _answer(
        self,
        request_id: str,
        *,
        ok: bool = True,
        error: str = "",
        indexed: int = 0,
        removed: int = 0,
    ) -> None:
        if request_id:
            reply = Reply(self._store.generation, ok, error, indexed, removed)
            self._letterbox.answer(Request("index", id=request_id), reply)

    def _state(self) -> tuple[IndexState, str]:
        if self._away:
            return "degraded", self._away
        if self._reconciled_at is None:
            return "building", ""
        if self._rebuilding:
            return "rebuilding", self._store.repaired
        if self._run is not None or not self._compared_once:
            return "updating", ""
        if self._blind:
            return "degraded", f"changes are noticed late: {self._blind}"
        return "ready", ""

    def _report(self) -> None:
        state, reason = self._state()
        generation, skipped, remarks = self._reported
        records = self._store.records.values()
        if generation != self._store.generation:
            skipped = {record.name: record.skipped for record in records if record.skipped}
            remarks = {r.name: "; ".join(r.remarks) for r in records if r.remarks}
            self._reported = (self._store.generation, skipped, remarks)
        status = IndexerStatus(
            instance=self._instance,
            pid=os.getpid(),
            state=state,
            reason=reason,
            generation=self._store.generation,
            documents=len(self._store.records) - len(skipped),
            sections=sum(record.sections for record in records),
            reconciled_at=self._reconciled_at,
            ignored=self._ignored,
            skipped=skipped,
            remarks=remarks,
        )
        if self._run is not None:
            run = self._run
            status = replace(status, done=run.done, total=run.total, at=run.at, pending=run.pending)
        try:
            write_status(self._home.status, status)
        except OSError as error:
            log.warning("the status could not be written (%s)", error.strerror)


def _small(plan: Plan) -> bool:
    return len(plan.tasks) <= FEW_FILES and plan.bytes <= FEW_BYTES
