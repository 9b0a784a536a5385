"""A server of several processes, as somebody who operates it starts, kills and ends it."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.e2e.http_sandbox import START_SECONDS, Served, served
from tests.e2e.sandbox import Sandbox, awaited, opened_sandbox
from tests.http_server import request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shares a port on Linux alone")

WORKERS = 2


@pytest.fixture
def sandbox(tmp_path: Path) -> Generator[Sandbox]:
    with opened_sandbox(tmp_path) as opened:
        yield opened


def workers(server: Served) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def who_answers(server: Served) -> str:
    """What tells the process that has answered, on a connection of its own."""
    message, headers = request("tools/call", {"name": "list_documents", "arguments": {}})
    found = httpx2.post(server.mcp, json=message, headers=headers, verify=False, trust_env=False)
    assert found.is_success
    assert '"total":' in found.text
    return str(found.headers["X-Request-Id"]).partition("-")[0]


def said(server: Served) -> str:
    return server.log.read_text(encoding="utf-8")


def refused(sandbox: Sandbox, *options: str) -> "subprocess.CompletedProcess[str]":
    ended = subprocess.run(
        (*sandbox.server, "--http", *options),
        env=sandbox.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=START_SECONDS,
        check=False,
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended


def all_answer(server: Served) -> set[str]:
    """Those that have answered, once there were as many as there should be."""
    found: set[str] = set()

    def enough() -> bool:
        found.add(who_answers(server))
        return len(found) == WORKERS

    awaited(enough, START_SECONDS, "an answer of each worker")
    return found


def calls_counted(server: Served) -> float:
    text = httpx2.get(f"{server.url}/metrics", verify=False, trust_env=False).text
    counts = re.findall(r"^docindex_calls_total\{.*list_documents.*\} (\S+)", text, re.MULTILINE)
    return sum(map(float, counts))


def test_workers_answer_alike_and_are_counted_together(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS), TMPDIR=str(sandbox.root)) as server:
        assert len(workers(server)) == WORKERS
        all_answer(server)
        before = calls_counted(server)
        for _ in range(10):
            who_answers(server)
        assert calls_counted(server) == before + 10
    assert server.process.returncode == 0
    assert list(sandbox.root.glob("docindex-metrics-*")) == []
    assert "Traceback" not in said(server)


def test_a_worker_that_is_lost_is_replaced(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS)) as server:
        before = all_answer(server)
        counted = calls_counted(server)
        assert counted >= WORKERS
        lost = workers(server)[0]
        lost.kill()
        awaited(lambda: not lost.is_running(), START_SECONDS, "the end of the worker")
        awaited(lambda: len(workers(server)) == WORKERS, START_SECONDS, "another worker")
        awaited(server.ready, START_SECONDS, "an answer")
        # What the lost one has counted stays.
        assert calls_counted(server) == counted
        assert len(all_answer(server) - before) == 1


def test_workers_end_with_the_process_that_started_them(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS), TMPDIR=str(sandbox.root)) as server:
        started = workers(server)
        server.process.kill()
        server.process.wait()
        awaited(lambda: not any(each.is_running() for each in started), START_SECONDS, "their end")
    assert list(sandbox.root.glob("docindex-metrics-*")) == []


def test_workers_that_are_interrupted_end_without_a_word(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS)) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(START_SECONDS) == 0
    assert "Traceback" not in said(server)


def test_workers_leave_at_once_when_told_a_second_time(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS), "--drain-seconds", "600") as server:
        all_answer(server)
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as unfinished:
            head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
            unfinished.sendall(head.encode())
            for _ in range(2):
                server.process.terminate()
                awaited(lambda: said(server).count("ending:") == WORKERS, START_SECONDS, "the end")
            assert server.process.wait(START_SECONDS) == 0


def test_no_second_server_shares_the_address_of_workers(sandbox: Sandbox) -> None:
    with served(sandbox, "--workers", str(WORKERS)) as server:
        port = server.url.rpartition(":")[2]
        ended = refused(sandbox, "--port", port, "--workers", str(WORKERS))
        assert "cannot listen" in ended.stderr


@pytest.mark.parametrize("hanging", [1, WORKERS])
def test_workers_that_hang_do_not_keep_a_server_from_ending(sandbox: Sandbox, hanging: int) -> None:
    with served(sandbox, "--workers", str(WORKERS), "--drain-seconds", "0") as server:
        all_answer(server)
        for worker in workers(server)[:hanging]:
            worker.suspend()
        server.process.terminate()
        assert server.process.wait(START_SECONDS) == 0


def test_tokens_that_cannot_be_read_are_told_before_anything_is_started(sandbox: Sandbox) -> None:
    tokens = sandbox.root / "tokens"
    tokens.write_text("no token\n", encoding="utf-8")
    ended = refused(sandbox, "--port", "0", "--workers", str(WORKERS), "--tokens-file", str(tokens))
    assert ended.returncode == 2
    assert ended.stderr.count("docindex token NAME") == 1


def test_a_server_counts_by_itself_whatever_its_surroundings_say(sandbox: Sandbox) -> None:
    nowhere = str(sandbox.root / "nowhere")
    with served(sandbox, PROMETHEUS_MULTIPROC_DIR=nowhere) as server:
        who_answers(server)
        assert calls_counted(server) == 1
