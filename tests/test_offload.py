"""Calls that block go to threads, and the loop waits for them unless they are slow."""

import threading

import anyio
import anyio.lowlevel
import pytest

from docindex.indexer.errors import TimedOut
from docindex.server import offload
from docindex.server.offload import Offload

pytestmark = pytest.mark.anyio

LIMIT_SECONDS = 20
CALLS = 20


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_quick_calls_go_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "_TURN_SECONDS", LIMIT_SECONDS)
    running, most = 0, 0
    lock = threading.Lock()
    subject = Offload()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1

    async with anyio.create_task_group() as callers:
        for _ in range(CALLS):
            callers.start_soon(subject.answer, call)
    assert (running, most) == (0, 1)


async def test_between_many_calls_the_loop_looks_after_everything_else() -> None:
    subject, seen = Offload(), list[str]()

    def call() -> None:
        threading.Event().wait(0.005)
        seen.append("call")

    async def look_after() -> None:
        while seen.count("call") < CALLS:
            seen.append("round")
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as together:
        for _ in range(CALLS):
            together.start_soon(subject.answer, call)
        together.start_soon(look_after)
    assert "round" in seen[seen.index("call") :]


async def test_calls_are_answered_in_the_order_in_which_they_come() -> None:
    subject, answered = Offload(), list[int]()

    def call(number: int) -> None:
        threading.Event().wait(0.005)
        answered.append(number)

    async def ask(number: int) -> None:
        await subject.answer(lambda: call(number))

    async with anyio.create_task_group() as together:
        for number in range(CALLS):
            together.start_soon(ask, number)
        for number in range(CALLS, 2 * CALLS):
            await anyio.lowlevel.checkpoint()
            together.start_soon(ask, number)
    assert answered == list(range(2 * CALLS))


async def test_a_slow_call_keeps_no_other_waiting() -> None:
    subject, begun, over = Offload(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        return "late" if over.wait(LIMIT_SECONDS) else "never"

    answers: list[str] = []

    async def ask() -> None:
        answers.append(await subject.answer(slow))

    async with anyio.create_task_group() as callers:
        callers.start_soon(ask)
        await anyio.to_thread.run_sync(begun.wait, LIMIT_SECONDS)
        for number in range(CALLS):
            assert await subject.answer(lambda number=number: number) == number  # type: ignore[misc]
        assert answers == []
        over.set()
    assert answers == ["late"]


async def test_calls_that_only_wait_do_so_together() -> None:
    subject, all_there = Offload(), threading.Barrier(4)
    async with anyio.create_task_group() as callers:
        for _ in range(4):
            callers.start_soon(subject.answer, lambda: all_there.wait(LIMIT_SECONDS / 5))
    assert not all_there.broken


async def test_calls_that_follow_each_other_stay_in_one_thread() -> None:
    subject, threads = Offload(), set[int]()
    for _ in range(CALLS):
        threads.add(await subject.answer(threading.get_ident))
    assert len(threads) == 1


async def test_where_no_thread_can_be_started_a_later_call_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    subject = Offload()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(CALLS):
            with pytest.raises(RuntimeError, match="can't start"):
                await subject.answer(lambda: 1)
    assert await subject.answer(lambda: 1) == 1


async def test_calls_that_nobody_waits_for_keep_their_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offload, "ANSWER_SECONDS", 0.1)
    subject, over, running = Offload(), threading.Event(), threading.Semaphore(4)

    def slow() -> bool:
        with running:
            return over.wait(LIMIT_SECONDS)

    for _ in range(4):
        with pytest.raises(TimedOut):
            await subject.answer(slow)
    with pytest.raises(TimedOut):
        await subject.answer(lambda: running.acquire(blocking=False))
    over.set()
    monkeypatch.setattr(offload, "ANSWER_SECONDS", LIMIT_SECONDS)
    assert await subject.answer(lambda: running.acquire(timeout=LIMIT_SECONDS))


async def test_a_call_that_fails_or_is_left_alone_lets_the_next_one_go() -> None:
    subject, begun, over = Offload(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        over.wait(LIMIT_SECONDS)

    with pytest.raises(ZeroDivisionError):
        await subject.answer(lambda: 1 // 0)
    async with anyio.create_task_group() as callers:
        callers.start_soon(subject.answer, slow)
        await anyio.to_thread.run_sync(begun.wait, LIMIT_SECONDS)
        callers.cancel_scope.cancel()
    assert await subject.answer(lambda: 1) == 1
    over.set()


async def test_nobody_waits_for_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "ANSWER_SECONDS", 0.05)
    subject, over = Offload(), threading.Event()
    with pytest.raises(TimedOut, match="no answer within"):
        await subject.answer(lambda: over.wait(LIMIT_SECONDS))
    over.set()
