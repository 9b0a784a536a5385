"""A little of what `make soak` does for hours."""

from pathlib import Path

from tests.soak.soak import Soak

KILLS = 8


def test_whatever_is_killed_nothing_is_lost_and_nothing_left(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=8)
    soak.run(seconds=90, kills=KILLS)
    assert soak.problems == [], soak.summary() + soak.logs()
    assert soak.kills.total() >= KILLS
