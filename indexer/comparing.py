"""When the folder is compared with its index, and how much of it.

What was touched is looked at at once, and once more a second or two later: a folder that
was made or renamed is not watched from its first moment on, and what happens in it until
then is reported by nobody.
"""

import time
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path

from docindex.indexer.compare import FEW_FILES, Plan, compare, empties
from docindex.indexer.errors import Unavailable
from docindex.indexer.files import Folder
from docindex.indexer.filesystems import kind_of, tells_of_all_changes
from docindex.indexer.ignores import IGNORE_FILES
from docindex.indexer.runs import Errand, Run
from docindex.indexer.standing import EMPTY, Standing
from docindex.indexer.status import UNAVAILABLE
from docindex.indexer.telling import Teller
from docindex.indexer.works import Works

MANY_PATHS = 500
"""From so many events on, the whole folder is compared."""
AWAY_SECONDS = 1.0
"""To the next look for a folder that is not there, as soon as there is a tick."""
RETRY_SECONDS = 5.0
"""To the next comparison, after one could not be made or carried out, or where the system
does not tell of all changes."""
PATIENT_FACTOR = 50
"""Comparing again and again takes at most one part in so many of the time."""
WHOLE = "."


class Comparing:
    """`asked` says whether there is a request that does not wait for a run."""

    def __init__(
        self,
        folder: Folder,
        reconcile_seconds: float,
        standing: Standing,
        works: Works,
        teller: Teller,
        asked: Callable[[Run], bool],
    ) -> None:
        self._folder = folder
        self._longest = reconcile_seconds
        self._standing = standing
        self._works = works
        self._teller = teller
        self._asked = asked
        self._told_of_all = tells_of_all_changes(kind_of(Path(folder.path)))
        self._compared = time.monotonic()
        self._took = 0.0
        """Seconds, the last time."""
        self._touched: set[str] = set()
        self._before: set[str] = set()
        """What was touched before the last tick."""
        self.again = False
        """The whole folder has to be compared when the run that is under way is over."""

    def look_at(self, paths: Collection[str]) -> None:
        """These may have changed: paths below the root, as the system spells them."""
        names = {unicodedata.normalize("NFC", path) for path in paths}
        if any(name.rpartition("/")[2] in IGNORE_FILES for name in names):
            names = {WHOLE}
        self._touched |= names
        self._look(names)

    def doubt(self) -> None:
        """Anything may have changed, also such as is only about to be noticed."""
        self._touched.add(WHOLE)
        self.reconcile()

    def tick(self) -> None:
        """Once in a second or two."""
        names, self._before, self._touched = self._before, self._touched, set()
        if time.monotonic() >= self._compared + self._pause():
            self.reconcile()
        elif names:
            self._look(names)

    def reconcile(self, full: bool = False, asked_by: str = "") -> None:
        """Compares the whole folder, now or after the run that is under way."""
        if self._works.run is not None:
            self.again = True
            return
        self.again = False
        self._compared = time.monotonic()
        try:
            scan = self._folder.scan(self._standing.pulse)
        except Unavailable as error:
            self._standing.miss(error)
            self._teller.answer(asked_by, ok=False, error=str(error))
            return
        self._took = time.monotonic() - self._compared
        records = self._works.store.records
        plan = compare(scan, records, full)
        self._standing.ignored = scan.ignored
        if empties(plan, records) and not full:
            self._standing.away = EMPTY
            self._teller.answer(asked_by, ok=False, error=EMPTY)
            return
        self._standing.away = ""
        self._standing.rebuilding = self._standing.rebuilding or full
        if plan.small and plan.light:
            self._works.apply(plan, Errand(asked_by, set()))
            if self._works.run is None:
                self._standing.agree()
        else:
            self._start(plan, full, asked_by)

    def _look(self, names: Collection[str]) -> None:
        most = MANY_PATHS if self._works.run is None else FEW_FILES
        if self._standing.away or WHOLE in names or len(names) > most:
            self.reconcile()
            return
        try:
            plan = self._works.compare(names, self._standing.pulse)
        except Unavailable as error:
            self._standing.miss(error)
            return
        if empties(plan, self._works.store.records) or not plan.small:
            self.reconcile()
        elif plan:
            self._works.apply(plan)

    def _start(self, plan: Plan, full: bool, asked_by: str) -> None:
        run = Run(plan.tasks, full=full, compared=True)
        if asked_by:
            run.waiting.append(asked_by)
        self._works.run = run
        self._teller.tell()
        self._works.start(run, plan.gone, lambda: self._asked(run))

    def _pause(self) -> float:
        """Seconds between two comparisons of the whole folder."""
        away = self._standing.away
        if away and away != EMPTY:
            return AWAY_SECONDS if away == UNAVAILABLE else RETRY_SECONDS
        if self._told_of_all and not self._standing.blind:
            return self._longest
        return min(max(RETRY_SECONDS, PATIENT_FACTOR * self._took), self._longest)
