"""Which segments are merged: few are left, and little is written twice."""

from collections.abc import Sequence
from itertools import count
from math import log
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer import merges
from docindex.indexer.merges import Merges
from docindex.indexer.merging import (
    AFTER_A_RUN,
    BETWEEN_WRITES,
    LARGEST_MERGE,
    MOST_SEGMENTS,
    STEP,
    Weight,
    many,
    spent,
)
from docindex.indexer.store import Store
from tests.test_snapshot import built

sizes = st.integers(1_000, LARGEST_MERGE)


def weights(*sizes: int) -> list[Weight]:
    return [Weight(f"{number}", size, 100, 0) for number, size in enumerate(sizes)]


def merged(parts: Sequence[Weight], chosen: Sequence[str], name: str) -> list[Weight]:
    """What stands after a merge: as much as was alive."""
    sources = [part for part in parts if part.segment_id in chosen]
    whole = Weight(name, round(sum(part.live for part in sources)), 100, 0)
    return [*(part for part in parts if part.segment_id not in chosen), whole]


def test_a_few_segments_are_left_alone() -> None:
    assert many(weights(*[5_000] * MOST_SEGMENTS), MOST_SEGMENTS) == []
    assert many([], MOST_SEGMENTS) == []


def test_many_small_segments_become_one() -> None:
    chosen = many(weights(*[5_000] * (MOST_SEGMENTS + 1)), MOST_SEGMENTS)
    assert len(chosen) == MOST_SEGMENTS + 1


def test_a_large_segment_is_not_written_anew_for_a_few_small_ones() -> None:
    chosen = many(weights(30_000_000, *[5_000] * (MOST_SEGMENTS + 1)), MOST_SEGMENTS)
    assert "0" not in chosen
    assert len(chosen) == MOST_SEGMENTS + 1


def test_segments_keep_their_order_in_a_merge() -> None:
    chosen = many(weights(*range(30_000, 10_000, -1_000)), MOST_SEGMENTS)
    assert chosen == sorted(chosen, key=int)


def test_more_than_a_fifth_deleted_is_too_much() -> None:
    assert spent([Weight("a", 10_000, 100, 20)]) == []
    assert spent([Weight("a", 10_000, 100, 21), Weight("b", 10_000, 100, 0)]) == ["a"]


def test_a_segment_larger_than_any_merge_is_cleaned_all_the_same() -> None:
    assert spent([Weight("a", 3 * LARGEST_MERGE, 100, 50)]) == ["a"]


def test_after_a_run_its_segments_become_one() -> None:
    assert many(weights(600_000, 1_200_000, 2_400_000, 4_000_000), AFTER_A_RUN) == [*"0123"]
    assert many(weights(40_000_000, 50_000), AFTER_A_RUN) == []


@given(st.lists(st.tuples(sizes, st.integers(0, 100))), st.integers(1, MOST_SEGMENTS))
def test_a_merge_is_bounded_and_leaves_what_is_large_alone(
    parts: list[tuple[int, int]], most: int
) -> None:
    found = [Weight(f"{number}", size, 100, gone) for number, (size, gone) in enumerate(parts)]
    by_id = {weight.segment_id: weight for weight in found}
    chosen = [by_id[segment_id] for segment_id in many(found, most)]
    cleaned = [by_id[segment_id] for segment_id in spent(found)]
    assert all(weight.deleted > 20 for weight in cleaned)
    assert bool(cleaned) == any(weight.deleted > 20 for weight in found)
    assert len(cleaned) <= 1 or sum(weight.size for weight in cleaned) <= LARGEST_MERGE
    assert all(weight.deleted <= 20 for weight in chosen)
    assert sum(weight.size for weight in chosen) <= LARGEST_MERGE
    if chosen:
        *others, largest = sorted(weight.live for weight in chosen)
        assert others
        assert largest <= STEP * sum(others)
    else:
        small = [w for w in found if w.deleted <= 20 and w.live <= LARGEST_MERGE / 2]
        assert len(small) <= MOST_SEGMENTS


@settings(max_examples=20)
@given(
    st.lists(st.integers(1_000, 30_000), min_size=300, max_size=600),
    st.sampled_from((BETWEEN_WRITES, MOST_SEGMENTS)),
)
def test_however_many_are_saved_few_segments_stand_and_little_is_written(
    saved: list[int], most: int
) -> None:
    # Where each is larger than all below it twice, there is nothing to merge.
    steps = log(sum(saved) / min(saved)) / log(1 + STEP)
    standing: list[Weight] = [Weight("first", 40_000_000, 100, 0)]
    written = 0
    numbers = count()
    for size in saved:
        standing.append(Weight(f"{next(numbers)}", size, 100, 0))
        while chosen := many(standing, most):
            assert "first" not in chosen
            standing = merged(standing, chosen, f"{next(numbers)}")
            written += standing[-1].size
        assert len(standing) <= max(most, steps + 2) + 1
    # Every merge makes what is in it half as large again.
    growth = log(sum(saved) / min(saved)) / log(1.5)
    assert written <= growth * sum(saved)


@given(st.lists(st.integers(500_000, 9_000_000), min_size=1, max_size=100))
def test_a_run_leaves_few_segments_however_long_it_was(made: list[int]) -> None:
    standing: list[Weight] = []
    numbers = count()
    for size in made:
        standing.append(Weight(f"{next(numbers)}", size, 100, 0))
        if chosen := many(standing, MOST_SEGMENTS):
            standing = merged(standing, chosen, f"{next(numbers)}")
    while chosen := many(standing, AFTER_A_RUN):
        standing = merged(standing, chosen, f"{next(numbers)}")
    full = sum(made) / (LARGEST_MERGE / 2)
    assert len(standing) <= full + 5


def test_between_writes_few_stand_beside_each_other_unless_a_merge_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    store, found = Store(folder), Merges()
    for number in range(BETWEEN_WRITES):
        store.commit(built(folder, f"{number}.md"))
    assert found.next(store) is None
    store.commit(built(folder, "one-more.md"))
    monkeypatch.setattr(merges, "SMALL_BYTES", 0)
    assert found.next(store) is None
    monkeypatch.undo()
    merge = found.next(store)
    assert merge is not None
    assert len(merge.sources) == BETWEEN_WRITES + 1
