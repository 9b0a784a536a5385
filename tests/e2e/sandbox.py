"""An empty home and a folder of documents, in which clients and servers run."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

LINGER_SECONDS = 1
"""How long an indexer of the sandbox outlives its last server."""

DOCUMENTS: Mapping[str, str] = {
    "guide/lamp.md": """\
---
title: The lamp
tags: [lamp, daily]
---
# The lamp

The lamp burns from dusk to dawn.

## Trimming the wick

Trim the wick each morning, straight across, with the brass scissors.

## Filling the reservoir

One gallon of colza oil lasts fourteen hours.
""",
    "guide/fog signal.md": """\
# The fog signal

## Winding the clockwork

Wind it every two hours while the fog lasts.
""",
    "記録/霧笛.md": """\
# 霧笛の記録

霧の日は、二時間ごとに巻き上げる。
""",
}
"""By name. Spaces and scripts other than Latin are here to pass through URIs."""

NOTES = 20
"""How many plain documents there are besides, where a test does not want more."""

RUN_SECONDS = 90
"""The longest that one command of a client may take."""


@dataclass(frozen=True)
class Sandbox:
    """All that runs here carries `root` in its environment or its arguments."""

    root: Path
    documents: Path
    cache: Path
    env: Mapping[str, str]
    """The whole environment of a process in the sandbox: nothing of the user's
    but the PATH, which begins with the scripts of this Python."""

    @property
    def server(self) -> tuple[str, ...]:
        """The command that serves the documents over stdio."""
        return (docindex_command(), "serve", str(self.documents))

    @property
    def server_env(self) -> Mapping[str, str]:
        """What a client has to hand on to the server, beyond HOME and PATH."""
        return {key: value for key, value in self.env.items() if key.startswith("DOCINDEX_")}

    def run(self, *command: str, **env: str) -> str:
        """The standard output of a command that must succeed."""
        path = shutil.which(command[0], path=self.env["PATH"])
        assert path is not None, f"there is no command {command[0]}"
        completed = subprocess.run(
            (path, *command[1:]),
            cwd=self.env["HOME"],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=RUN_SECONDS,
            check=False,
        )
        said = f"{completed.stdout}\n{completed.stderr}"
        assert completed.returncode == 0, f"{command} ended with {completed.returncode}:\n{said}"
        return completed.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process of the sandbox that has not ended."""
        mark = str(self.root)
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                words = (*process.cmdline(), *process.environ().values())
            except psutil.Error:
                continue
            if any(mark in word for word in words) and alive(process):
                found.append(process)
        return found


@contextmanager
def opened_sandbox(
    root: Path, commands: Sequence[Path] = (), notes: int = NOTES
) -> Generator[Sandbox]:
    """`commands` are further folders for the PATH. Fails at its end when a
    process of the sandbox is left over."""
    sandbox = _sandbox(root.resolve(), commands)
    for name, text in DOCUMENTS.items():
        write(sandbox.documents / name, text)
    for number in range(notes):
        text = f"# Note {number}\n\nThe keeper saw {number} ships pass.\n"
        write(sandbox.documents / "notes" / f"{number:04}.md", text)
    try:
        yield sandbox
        awaited(lambda: not sandbox.processes(), LINGER_SECONDS + 8, "the last process to end")
    finally:
        for process in sandbox.processes():
            process.kill()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def alive(process: psutil.Process) -> bool:
    """Whether it has not ended: one that nobody has waited for yet counts as gone."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def awaited(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """The seconds until `condition` held. Raises AssertionError when it never did."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {waited:.1f} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def docindex_command() -> str:
    """The console script that was installed with this Python."""
    command = shutil.which("docindex", path=str(Path(sys.executable).parent))
    assert command is not None, "docindex is not installed in this environment"
    return command


def _sandbox(root: Path, commands: Sequence[Path]) -> Sandbox:
    folders = {
        "HOME": root / "home",
        "USERPROFILE": root / "home",
        "XDG_CACHE_HOME": root / "xdg" / "cache",
        "XDG_CONFIG_HOME": root / "xdg" / "config",
        "XDG_DATA_HOME": root / "xdg" / "data",
        "XDG_STATE_HOME": root / "xdg" / "state",
        "TMPDIR": root / "tmp",
        "DOCINDEX_CACHE_DIR": root / "cache",
        "DOCINDEX_STATE_DIR": root / "state",
    }
    for folder in (*folders.values(), root / "documents"):
        folder.mkdir(parents=True, exist_ok=True)
    first = map(str, (Path(sys.executable).parent, *commands))
    path = os.pathsep.join([*first, os.environ.get("PATH", os.defpath)])
    system = {key: os.environ[key] for key in ("SYSTEMROOT", "COMSPEC") if key in os.environ}
    return Sandbox(
        root=root,
        documents=root / "documents",
        cache=root / "cache",
        env={
            **system,
            **{key: str(folder) for key, folder in folders.items()},
            "PATH": path,
            "LANG": "C.UTF-8",
            "DOCINDEX_LINGER_SECONDS": str(LINGER_SECONDS),
        },
    )
