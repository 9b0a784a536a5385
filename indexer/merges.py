"""The merges of one index: which is next, and what comes of it."""

import logging
import time
from dataclasses import dataclass

from docindex.indexer.batch import Outcome
from docindex.indexer.merge import merge
from docindex.indexer.merging import AFTER_A_RUN, BETWEEN_WRITES, MOST_SEGMENTS, many, spent
from docindex.indexer.segments import Damaged
from docindex.indexer.store import Store
from docindex.indexer.worker import Answer, Failed

log = logging.getLogger(__name__)

SMALL_BYTES = 1_000_000
"""Segments that are merged at once, in a twentieth of a second: starting a worker takes
ten times as long."""
PAUSE_SECONDS = 300.0
"""To the next merge, after one has failed."""


@dataclass(frozen=True, slots=True)
class Merge:
    sources: tuple[str, ...]
    size: int
    """Bytes of all of them."""

    @property
    def small(self) -> bool:
        return self.size <= SMALL_BYTES


class Merges:
    """One at a time. Between two of them the index may change in any way."""

    def __init__(self) -> None:
        self.settled = True
        """Whether what the last run has left is merged."""
        self._under_way = False
        self._none_before = 0.0
        self._old = frozenset[str]()
        """What was there when the last run began."""

    def next(self, store: Store) -> Merge | None:
        """In a quiet moment."""
        weights = store.weights()
        worn = spent(weights)
        if self.settled and not worn:
            few = self._of(store, many(weights, BETWEEN_WRITES))
            if few is not None and few.small:
                return few
        most = MOST_SEGMENTS if self.settled else AFTER_A_RUN
        found = self._of(store, worn or many(weights, most))
        self.settled = found is None
        return found

    def begin_run(self, store: Store) -> None:
        self._old = frozenset(weight.segment_id for weight in store.weights())

    def during_a_run(self, store: Store, *, ending: bool) -> Merge | None:
        """Of what a run has made so far: what was there before, it may be about to replace.
        A run is `ending` when there are no more jobs in it."""
        weights = [weight for weight in store.weights() if weight.segment_id not in self._old]
        return self._of(store, many(weights, AFTER_A_RUN if ending else MOST_SEGMENTS))

    def end_run(self) -> None:
        self.settled = False

    def begin(self) -> None:
        self._under_way = True

    def end(self, store: Store, merge: Merge, answer: Answer | None) -> None:
        """Commits what came of one; None: whoever was at it is gone. Raises OSError, and
        Damaged when a segment is not what was written."""
        self._under_way = False
        if isinstance(answer, Outcome) and answer.built is not None:
            store.commit_merge(answer.built, merge.sources)
            return
        self.pause()
        if isinstance(answer, Failed) and answer.damaged:
            raise Damaged(answer.reason)

    def here(self, store: Store, chosen: Merge) -> None:
        """Does one in this process. Raises as `end` does."""
        answer: Answer | None = None
        try:
            answer = Outcome(merge(store.folder, store.segments(chosen.sources)))
        except (Damaged, FileNotFoundError):
            answer = Failed("a segment is damaged", damaged=True)
        except Exception:
            log.exception("merging failed")
        self.end(store, chosen, answer)

    def pause(self) -> None:
        """What has failed is not tried again at once."""
        self._none_before = time.monotonic() + PAUSE_SECONDS

    def forget(self) -> None:
        """Whoever was at one has been stopped."""
        self._under_way = False

    def _of(self, store: Store, sources: list[str]) -> Merge | None:
        if not sources or self._under_way or time.monotonic() < self._none_before:
            return None
        size = sum(weight.size for weight in store.weights() if weight.segment_id in sources)
        return Merge(tuple(sources), size)
