"""A run hands out every file, whatever becomes of the workers that have it."""

import random
from collections.abc import Sequence

import pytest

from docindex.indexer.batch import FAILED, Task
from docindex.indexer.models import Stamp
from docindex.indexer.runs import LARGEST_JOB_BYTES, TOO_SLOW, Errand, Job, Run


def task(name: str, size: int = 1_000) -> Task:
    return Task(name, Stamp(size, 1, 1, 1))


def tasks(*names: str) -> list[Task]:
    return [task(name) for name in names]


def names(job: Job | None) -> list[str]:
    assert job is not None
    return [task.name for task in job.tasks]


def jobs_of(run: Run) -> list[Job]:
    """All that can be had now."""
    found: list[Job] = []
    while job := run.next_job():
        found.append(job)
    return found


def test_jobs_grow_up_to_a_bound_and_hold_every_file_once() -> None:
    run = Run([task(f"{number}", 100_000) for number in range(400)])
    jobs = jobs_of(run)
    sizes = [job.size for job in jobs]
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]
    assert max(sizes) <= LARGEST_JOB_BYTES
    assert [name for job in jobs for name in names(job)] == [f"{n}" for n in range(400)]


def test_a_file_larger_than_a_job_is_a_job_of_its_own() -> None:
    run = Run([task("a"), task("huge", 20_000_000), task("b")])
    assert [names(job) for job in jobs_of(run)] == [["a"], ["huge"], ["b"]]


def test_files_larger_than_a_job_take_turns() -> None:
    run = Run([task("huge", 20_000_000), task("huger", 20_000_001), task("a")])
    first, second = jobs_of(run)
    assert (names(first), names(second)) == (["huge"], ["a"])
    assert not run.over
    run.finish(first)
    assert names(run.next_job()) == ["huger"]


def test_progress_counts_files_and_ends_at_the_total() -> None:
    run = Run(tasks("a", "b", "c", "d"))
    run.take("b")
    job = run.next_job()
    assert job is not None
    job.advanced = 2
    assert (run.done, run.total, run.pending) == (3, 4, 1)
    run.finish(job)
    assert (run.done, run.total, run.over) == (4, 4, True)


def test_a_slow_file_is_read_as_text_and_the_others_are_done_without_it() -> None:
    run = Run(tasks("a", "b", "slow", "c"))
    job = run.next_job()
    assert job is not None
    job.advanced = 2
    run.stop(job)
    before, alone, after = jobs_of(run)
    assert (names(before), names(alone), names(after)) == (["a", "b"], ["slow"], ["c"])
    assert alone.tasks[0].plain
    assert not any(each.plain for each in (*before.tasks, *after.tasks))


def test_a_file_that_is_slow_as_text_too_is_refused() -> None:
    run = Run(tasks("slow"))
    for _ in range(2):
        job = run.next_job()
        assert job is not None
        run.stop(job)
    (refused,) = jobs_of(run)
    assert refused.tasks[0].refusal == TOO_SLOW
    assert refused.tasks[0].stamp == task("slow").stamp


def test_one_death_costs_no_file_its_headings() -> None:
    run = Run(tasks("a", "b", "c"))
    job = run.next_job()
    assert job is not None
    job.advanced = 1
    run.lose(job)
    assert [names(each) for each in run_all(run)] == [["a"], ["b"], ["c"]]


def run_all(run: Run) -> list[Job]:
    """Does all jobs."""
    done: list[Job] = []
    while job := run.next_job():
        assert not any(each.plain or each.refusal for each in job.tasks)
        run.finish(job)
        done.append(job)
    assert run.over
    return done


@pytest.mark.parametrize("place", range(5))
def test_a_file_that_workers_die_of_is_found_and_the_others_are_done(place: int) -> None:
    run = Run(tasks("a", "b", "c", "d", "e"))
    deadly = "abcde"[place]
    found: dict[str, Task] = {}
    while job := run.next_job():
        for each in job.tasks:
            if each.name == deadly and not each.refusal:
                run.lose(job)
                break
            job.advanced += 1
        else:
            run.finish(job)
            found.update((each.name, each) for each in job.tasks)
    assert run.over
    assert {name: each.refusal for name, each in found.items()} == {
        name: FAILED if name == deadly else "" for name in "abcde"
    }
    assert [each.name for each in found.values() if each.plain] == [deadly]


def test_workers_that_die_while_they_write_leave_smaller_jobs() -> None:
    run = Run(tasks("a", "b", "c", "d"))
    job = run.next_job()
    assert job is not None
    job.advanced = 4
    run.lose(job)
    assert [names(each) for each in jobs_of(run)] == [["a", "b"], ["c", "d"]]


def test_what_is_urgent_comes_first_and_only_once() -> None:
    run = Run(tasks("a", "b", "c"))
    run.urge([task("b", 500_000)])
    assert run.hurries
    assert run.total == 3
    first, rest = jobs_of(run)
    assert (names(first), names(rest)) == (["b"], ["a", "c"])
    assert not run.hurries


def test_an_errand_ends_with_the_last_of_its_names() -> None:
    run = Run(tasks("a"))
    run.urge(tasks("x", "y"), Errand("request", {"x", "y"}))
    assert run.requests() == ["request"]
    assert run.settle(["x", "a"]) == []
    (ended,) = run.settle(["y"])
    assert (ended.request_id, ended.indexed) == ("request", 2)
    assert run.requests() == []


def test_a_request_that_is_withdrawn_is_not_answered() -> None:
    run = Run(tasks("a"), full=True)
    run.waiting.append("whole")
    run.urge(tasks("x"), Errand("part", {"x"}))
    assert run.withdraw("whole")
    assert run.withdraw("part")
    assert not run.withdraw("other")
    assert run.settle(["x"]) == []


def test_what_was_indexed_by_another_way_is_not_tried_again() -> None:
    run = Run(tasks("a", "b", "c"))
    job = run.next_job()
    assert job is not None
    run.touch(["b"])
    assert job.touched == {"b"}
    job.advanced = 1
    run.stop(job)
    assert [names(each) for each in jobs_of(run)] == [["a"], ["c"]]
    assert run.total == 3


@pytest.mark.parametrize("seed", range(30))
def test_every_file_is_done_whatever_happens(seed: int) -> None:
    """Against a plain list of what is to be done, over random deaths, stops, changes."""
    chance = random.Random(seed)
    count = chance.randint(1, 60)
    run = Run([task(f"{number}", chance.randint(1, 300_000)) for number in range(count)])
    done: set[str] = set()
    under_way: list[Job] = []

    def finished(job: Job) -> Sequence[str]:
        return [each.name for each in job.tasks if each.name not in job.touched]

    while not run.over:
        if job := run.next_job():
            under_way.append(job)
        job = under_way.pop(chance.randrange(len(under_way)))
        job.advanced = chance.randint(0, len(job.tasks))
        match chance.randrange(6):
            case 0:
                run.stop(job)
            case 1:
                run.lose(job)
            case 2:
                names = [f"{chance.randrange(count)}"]
                run.touch(names)
                done.update(names)
                under_way.append(job)
            case 3:
                run.urge([task(f"{chance.randrange(count)}")])
                under_way.append(job)
            case _:
                run.finish(job)
                done.update(finished(job))
        assert run.done + run.pending == run.total
    assert done == {f"{number}" for number in range(count)}
