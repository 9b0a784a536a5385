"""Keeps the index of one folder in agreement with it.

Everything that happens reaches one loop: what the watcher saw, what servers ask
for, what workers answer, and the tick of a clock. `comparing` finds what has to be
indexed, `works` does that, and `telling` lets servers know.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from queue import Empty, SimpleQueue

from docindex.indexer.calm import longer
from docindex.indexer.comparing import Comparing
from docindex.indexer.errors import Cancelled, FolderUnavailable, IndexUnavailable, Unavailable
from docindex.indexer.files import Folder
from docindex.indexer.home import Home
from docindex.indexer.letterbox import Letterbox, Reply, Request
from docindex.indexer.locks import leased
from docindex.indexer.merges import Merge
from docindex.indexer.models import Options, Progress
from docindex.indexer.patience import Patience
from docindex.indexer.runs import Errand, Job, Run
from docindex.indexer.segments import Damaged
from docindex.indexer.standing import Standing
from docindex.indexer.store import Store
from docindex.indexer.telling import Teller
from docindex.indexer.watch import Doubt, Touched, Watcher
from docindex.indexer.worker import Answer, Setup
from docindex.indexer.workers import Crew, Worker
from docindex.indexer.works import Works

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
"""How long the loop waits for an event before it looks for requests."""
CALM_POLL_SECONDS = 0.16
"""The same when nothing has happened for long: the first own write is still found within
some tenths of a second."""
BUSY_SECONDS = 0.01
"""How long events may keep it from that."""
TICK_SECONDS = 1.0
CALM_TICK_SECONDS = 2.0
LONGEST_TURN = 2.0
"""What passes at most between two looks at the clock, unless the machine was asleep."""


class Keeper:
    """Runs while its caller holds the lock of the index."""

    def __init__(
        self, root: Path, home: Home, options: Options, patience: Patience | None = None
    ) -> None:
        self._home = home
        self._options = options
        self._folder = Folder(root, options)
        self._root = root
        self._identity = self._folder.identity
        self._letterbox = Letterbox(home)
        self._inbox: SimpleQueue[Touched | Doubt | tuple[Worker, Answer | None]] = SimpleQueue()
        self._watcher = Watcher(root, options.debounce_ms, self._inbox.put)
        self._standing = Standing(home.status)
        crew: Crew[Job | Merge] = Crew(
            Setup(str(root), home.index, options),
            lambda worker, answer: self._inbox.put((worker, answer)),
        )
        store = self._open()
        self._works = Works(
            self._folder, store, crew, patience or Patience(), self._done, self._end
        )
        self._standing.rebuilding = bool(store.repaired)
        self._teller = Teller(self._standing, self._letterbox, self._works)
        self._comparing = Comparing(
            self._folder,
            options.reconcile_seconds,
            self._standing,
            self._works,
            self._teller,
            self._asked,
        )
        self._ticked = self._turned = self._stirred = time.monotonic()
        self._unleased_since: float | None = None

    def run(self, stop: threading.Event, attached: bool) -> None:
        """Indexes and watches until `stop` is set or, when `attached`, until some
        seconds after nobody holds a lease any more."""
        try:
            self._teller.tell()
            self._turn(self._comparing.reconcile)
            self._watcher.start()
            while not stop.is_set():
                self._turn(self._receive)
                tick = longer(TICK_SECONDS, CALM_TICK_SECONDS, self._stirred)
                if time.monotonic() - self._ticked >= tick:
                    self._ticked = time.monotonic()
                    if self._replaced() or (attached and not self._needed()):
                        return
                    self._turn(self._tick)
        finally:
            self._works.close()
            self._watcher.stop()

    def once(
        self, full: bool, listener: Callable[[Progress], None], stop: threading.Event
    ) -> Reply:
        """Brings the index up to date, and returns. Raises FolderUnavailable, and
        Cancelled once `stop` is set."""
        self._works.listener = listener
        own = self._letterbox.post(Request("reindex", full=full))
        reply: Reply | None = None
        try:
            while reply is None or not self._works.resting:
                if stop.is_set():
                    raise Cancelled("indexing was stopped; what was done so far is kept")
                self._turn(self._receive)
                reply = reply or self._letterbox.reply(own)
                if reply is not None:
                    self._turn(self._works.tidy)
                if time.monotonic() - self._ticked >= TICK_SECONDS:
                    self._ticked = time.monotonic()
                    self._teller.tell()
            if not reply.ok:
                raise FolderUnavailable(reply.error)
            return reply
        finally:
            self._letterbox.withdraw(own)
            self._teller.tell()
            self._works.close()

    # What reaches the loop

    def _turn(self, act: Callable[[], None]) -> None:
        """Serves what is asked for, and does something. Nothing that fails ends the loop."""
        now = time.monotonic()
        passed, self._turned = min(now - self._turned, LONGEST_TURN), now
        try:
            self._serve()
            act()
            self._works.pass_time(passed)
        except Unavailable as error:
            self._give_up(error)
        except OSError as error:
            # A commit has failed half way. What is on disk is whole: the old generation.
            self._give_up(IndexUnavailable(f"the index cannot be written: {error.strerror}"))
            self._works.store = self._open()
        except Damaged:
            self._mend()
        self._teller.keep_up()

    def _receive(self) -> None:
        end = time.monotonic() + BUSY_SECONDS
        timeout = longer(POLL_SECONDS, CALM_POLL_SECONDS, self._stirred)
        while timeout > 0:
            waiting = time.monotonic()
            try:
                event = self._inbox.get(timeout=timeout)
            except Empty:
                event = None
            if time.monotonic() - waiting > LONGEST_TURN:
                # Stopped, or asleep. Of what was done meanwhile the system may have kept
                # only some.
                self._comparing.doubt()
            if event is None:
                return
            self._stirred = time.monotonic()
            if isinstance(event, Touched):
                self._comparing.look_at(event.paths)
            elif isinstance(event, Doubt):
                self._standing.blind = event.reason if event.blind else ""
                self._comparing.doubt()
            else:
                self._works.hear(*event)
            timeout = end - time.monotonic()

    def _serve(self) -> None:
        for request in self._letterbox.requests():
            if self._works.run is not None and request.id in self._works.run.requests():
                continue
            self._stirred = time.monotonic()
            try:
                self._obey(request)
            except (Unavailable, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self._teller.answer(
                    request.id, ok=False, error=reason or "the index cannot be written"
                )
                raise

    def _obey(self, request: Request) -> None:
        if request.op == "index":
            self._works.apply(self._works.compare(request.names), Errand(request.id, set()))
        elif request.op == "reindex":
            # One that comes during a run waits for its end: the run was planned before.
            if self._works.run is None:
                self._comparing.reconcile(full=request.full, asked_by=request.id)
        else:
            self._teller.answer(request.id)
            self._cancel(request.names)

    def _asked(self, run: Run) -> bool:
        """Whether there is a request that does not wait for the run."""
        known = run.requests()
        return any(request_id not in known for request_id in self._letterbox.waiting())

    def _cancel(self, ids: Collection[str]) -> None:
        """Whoever asked hears at once. Only a full run can really be given up: any
        other is work that has to be done anyway."""
        for request_id in ids:
            if self._letterbox.waits(request_id):
                self._teller.answer(request_id, ok=False, error="cancelled")
            run = self._works.run
            if run is not None and run.withdraw(request_id) and run.full and not run.waiting:
                run.abandon()
                self._comparing.again = True

    def _tick(self) -> None:
        try:
            self._folder.check()
        except Unavailable as error:
            self._standing.miss(error)
        self._comparing.tick()
        if not self._works.store.intact():
            self._mend()
        self._works.tidy()
        self._letterbox.remove_abandoned()
        self._teller.tell()

    def _mend(self) -> None:
        """The files of the index are not what was written: it is opened anew, and what
        cannot be opened is rebuilt."""
        self._give_up(Unavailable("the index was damaged; it is being rebuilt"))
        self._works.store = self._open()
        self._standing.rebuilding = True
        self._comparing.reconcile()

    def _open(self) -> Store:
        return Store(self._home.index, self._standing.begin_anew)

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

    # What came of it

    def _done(self, errand: Errand) -> None:
        self._teller.answer(errand.request_id, indexed=errand.indexed, removed=errand.removed)

    def _end(self, run: Run) -> None:
        if run.compared and not self._comparing.again:
            self._standing.agree()
        self._teller.tell()
        for request_id in run.waiting:
            self._teller.answer(request_id, indexed=run.indexed, removed=run.removed)
        if self._comparing.again:
            self._comparing.reconcile()

    def _give_up(self, error: Unavailable) -> None:
        """Ends a run that cannot go on; what it has committed stays, and the rest is
        found by a later comparison."""
        log.warning("indexing is interrupted: %s", error)
        run = self._works.give_up()
        self._standing.miss(error)
        for request_id in run.requests() if run else ():
            self._teller.answer(request_id, ok=False, error=str(error))
