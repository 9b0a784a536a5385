"""docindex over HTTP in a sandbox: the installed command, on a port of this machine."""

import re
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.sandbox import Sandbox, awaited

START_SECONDS = 30


class Served:
    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log
        self.url = ""

    def listening(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        text = self.log.read_text(encoding="utf-8")
        said = re.search(r"http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)", text)
        self.url = f"http://127.0.0.1:{said[1]}" if said else ""
        return bool(said)

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", verify=False, trust_env=False).is_success
        except httpx2.HTTPError:
            return False

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"


@contextmanager
def served(
    sandbox: Sandbox, *options: str, command: Sequence[str] = (), **env: Any
) -> Generator[Served]:
    """A server that is ready. `command` stands for that of docindex."""
    log = sandbox.root / f"server-{len(list(sandbox.root.glob('server-*')))}.log"
    whole = (*(command or (*sandbox.server, "--http", "--port", "0")), *options)
    with log.open("wb") as out:
        process = subprocess.Popen(
            whole,
            env={**sandbox.env, **env},
            cwd=sandbox.env["HOME"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    server = Served(process, log)
    try:
        awaited(server.listening, START_SECONDS, "the address of the server")
        awaited(server.ready, START_SECONDS, "the first whole index")
        yield server
    finally:
        process.terminate()
        process.wait(START_SECONDS)
