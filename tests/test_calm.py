"""Waits that grow where nothing happens."""

import time

from docindex.indexer.calm import CALM_SECONDS, longer


def test_right_after_something_happened_a_wait_is_short() -> None:
    assert 0.02 <= longer(0.02, 0.16, time.monotonic()) < 0.1


def test_a_wait_grows_with_the_time_in_which_nothing_happened() -> None:
    now = time.monotonic()
    waits = [longer(0.02, 0.16, now - CALM_SECONDS * share) for share in (0.0, 0.3, 0.6)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def test_a_wait_grows_no_further_than_it_may() -> None:
    assert longer(0.02, 0.16, time.monotonic() - 1_000 * CALM_SECONDS) == 0.16
