"""Sees to it that somebody indexes the folders of a library, for as long as it is open."""

import logging
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from docindex.indexer.errors import DocindexError
from docindex.indexer.holders import end_holder
from docindex.indexer.home import Home, home_of
from docindex.indexer.locks import Lease, held
from docindex.indexer.models import Options
from docindex.indexer.process import start_indexer
from docindex.indexer.shelf import Shelf
from docindex.indexer.status import beat_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""With the start of a process, well below the three seconds of a takeover."""
LONGEST_LOOK = 2.0
"""What passes at most between two looks, unless this process or the machine was asleep."""
START_SECONDS = 3.0
"""How long one that was started has to take its locks before another is."""
SLOW_START_SECONDS = 20.0
"""The same while it lives and has none yet: where one is slow to start, so are more."""
SETTLE_SECONDS = 5.0
"""Between two looks whether the cache can be written."""
SETTLED_SECONDS = 30.0
"""One that has lived so long is no failure."""
HANG_SECONDS = 60.0
"""One that has told nothing for so long is ended, so that another can take over."""
FREE_TRIES = 3
LONGEST_PAUSE = 60.0


class Silence:
    """How long an indexer has told nothing new."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._told: tuple[int, int] | None = None

    def lasts(self, status: Path, passed: float) -> float:
        """In seconds; `passed` have gone by since the last call."""
        told = beat_of(status)
        self.seconds = self.seconds + passed if told == self._told else 0.0
        self._told = told
        return self.seconds


class Attendant:
    """Holds leases and looks after the indexer, from a thread of its own."""

    def __init__(self, shelves: Sequence[Shelf], *, state: Path, options: Options) -> None:
        self._shelves = shelves
        self._state = state
        self._options = options
        self._leases: dict[Home, Lease] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        self._latest: subprocess.Popen[bytes] | None = None
        self._sent = frozenset[Home]()
        """What the latest was started for."""
        self._started = 0.0
        self._failures = 0
        self._running = frozenset[Shelf]()
        self._silence = {shelf.home: Silence() for shelf in shelves}
        self._looked = self._settled = time.monotonic()
        self._begun = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attendant", daemon=True)
        self._thread.start()

    def running(self, shelf: Shelf) -> bool:
        """Whether its index had an indexer when last looked that has not failed again
        and again, or has none yet because it has only just been sent for."""
        if time.monotonic() - self._begun < START_SECONDS:
            return True
        return shelf in self._running and self._failures <= FREE_TRIES

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for child in self._children:
            if child.returncode is None:
                child.returncode = 0  # it outlives us, and is not ours to wait for
        for lease in self._leases.values():
            with suppress(OSError):
                lease.release()

    def _run(self) -> None:
        swept = self._options.read_only
        while not self._stop.is_set():
            try:
                self._look()
            except (OSError, DocindexError) as error:
                log.warning("the indexer cannot be looked after (%s)", error)
            if not swept:
                self._sweep()
                swept = True
            self._stop.wait(LOOK_SECONDS)

    def _sweep(self) -> None:
        """Ends moves that were killed half-way, and removes what killed writes have left."""
        # Not before the first answer of a server, which needs neither.
        from docindex.indexer.history import History
        from docindex.indexer.journal import Journal

        for shelf in self._shelves:
            try:
                if Journal(self._state, shelf.folder.path).stage() is not None:
                    from docindex.indexer.moves import recover  # seldom needed

                    recover(self._state, self._options, shelf)
                history = History(self._state, shelf.root)
                shelf.folder.sweep_temporaries(history.rescue)
            except (OSError, DocindexError) as error:
                log.warning("left-over files were not looked for (%s)", error)

    def _look(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]
        if time.monotonic() >= self._settled + SETTLE_SECONDS:
            self._settled = time.monotonic()
            for shelf in self._shelves:
                shelf.settle()
        at_home = [(shelf.home, shelf) for shelf in self._shelves]
        homes = dict(at_home)
        self._renew_leases(homes)
        orphaned = [home for home in homes if not held(home.lock)]
        tended = frozenset(homes) - frozenset(orphaned)
        self._running = frozenset(shelf for home, shelf in at_home if home in tended)
        now = time.monotonic()
        self._listen(tended, min(now - self._looked, LONGEST_LOOK))
        self._looked = now
        starting = self._children[-1:] == [self._latest] and now - self._started < (
            START_SECONDS if self._sent & tended else SLOW_START_SECONDS
        )
        if not orphaned:
            if now - self._started > SETTLED_SECONDS:
                self._failures = 0
        elif not starting and now >= self._started + self._pause():
            self._failures += 1
            self._started = now
            # Of those that are kept in one place, by one process.
            cache = homes[orphaned[0]].cache
            together = [home for home in orphaned if homes[home].cache == cache]
            roots = [homes[home].root for home in together]
            self._latest = start_indexer(roots, together, cache=cache, options=self._options)
            self._children.append(self._latest)
            self._sent = frozenset(together)

    def _listen(self, homes: Collection[Home], passed: float) -> None:
        """Ends an indexer that has told nothing for too long. `passed` seconds have gone by
        since the last look, as far as this process was running in them."""
        self._silence = {home: self._silence.get(home, Silence()) for home in homes}
        for home, silence in self._silence.items():
            if silence.lasts(home.status, passed) < HANG_SECONDS:
                continue
            silence.seconds = 0.0
            if end_holder(home):
                log.warning("the indexer has not responded for a minute, and was ended")
            else:
                log.warning("the indexer does not respond, and cannot be ended from here")

    def _pause(self) -> float:
        """Seconds to the next try: none after an indexer was lost, and ever more when
        one after the other cannot live."""
        if self._failures < FREE_TRIES:
            return 0.0
        return min(START_SECONDS * 2.0 ** (self._failures - FREE_TRIES), LONGEST_PAUSE)

    def _renew_leases(self, homes: Mapping[Home, Shelf]) -> None:
        """A folder that was swapped for another has another home; a cache that was
        deleted is made anew."""
        for home, lease in list(self._leases.items()):
            if home not in homes or not lease.stands():
                del self._leases[home]
                with suppress(OSError):
                    lease.release()
        for home in set(homes) - set(self._leases):
            home_of(homes[home].cache, homes[home].root)
            self._leases[home] = Lease(home.leases)
