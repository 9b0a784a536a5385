"""A stamp proves something once the clock that it is of must have ticked."""

import time

import pytest

from docindex.indexer.models import Stamp
from docindex.indexer.stamps import TICK_NS, UNSETTLED_NS, settled, settled_of_ours

NOW = 1_700_000_000_123_456_789
COARSE = 1_700_000_000_000_000_000


def aged(monkeypatch: pytest.MonkeyPatch, since: int, age: int) -> Stamp:
    """A stamp of a time, so many ns later."""
    monkeypatch.setattr(time, "time_ns", lambda: since + age)
    return Stamp(1, since, since, 1)


@pytest.mark.parametrize("since", [NOW, COARSE])
def test_a_file_that_anybody_may_change_needs_two_seconds(
    monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    fresh = aged(monkeypatch, since, UNSETTLED_NS - 1)
    assert settled(fresh) != fresh
    old = aged(monkeypatch, since, UNSETTLED_NS)
    assert settled(old) == old


def test_a_file_of_ours_needs_a_tick_of_a_clock_that_ticks_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = aged(monkeypatch, NOW, TICK_NS)
    assert settled_of_ours(fresh) != fresh
    old = aged(monkeypatch, NOW, TICK_NS + 1)
    assert settled_of_ours(old) == old


def test_where_clocks_tick_seldom_a_file_of_ours_needs_as_long_as_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = aged(monkeypatch, COARSE, UNSETTLED_NS - 1)
    assert settled_of_ours(fresh) != fresh
    old = aged(monkeypatch, COARSE, UNSETTLED_NS)
    assert settled_of_ours(old) == old
