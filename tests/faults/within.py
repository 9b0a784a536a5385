"""Tests that run under another command, in a pytest of their own: in namespaces where they
may mount, or as a user for whom permissions count."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import pytest

NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")
NOBODY = ("setpriv", "--reuid", "65534", "--clear-groups") if os.geteuid() == 0 else ("env",)
_INSIDE = "TESTS_RUN_INSIDE"

Parameters = ParamSpec("Parameters")


def within(*command: str) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """Runs the test under a command, if that is possible here."""

    def wrap(test: Callable[Parameters, None]) -> Callable[Parameters, None]:
        @functools.wraps(test)
        def run(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
            if os.environ.get(_INSIDE):
                test(*arguments, **named)
                return
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
                pytest.skip(f"{command[0]} does not work here")
            request = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
            kept = {name: x for name, x in os.environ.items() if not name.startswith("COVERAGE")}
            pytest_again = (sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider")
            done = subprocess.run(
                [*command, *pytest_again, request],
                cwd=Path(__file__).parents[2],
                env={**kept, _INSIDE: "yes"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        return run

    return wrap


def mounted(place: Path, size: str) -> None:
    """A file system of its own, in memory, which goes with the namespace."""
    place.mkdir(exist_ok=True)
    options = f"size={size},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "docindex", str(place)], check=True)


def remounted(place: Path, mode: str) -> None:
    """`mode` is ro or rw."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(place)], check=True)


def covered(place: Path) -> None:
    """Mounted over itself, read-only: what is open for writing there would not let it be
    remounted, and goes on being written to."""
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)


def uncovered(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True)


def limited(pid: int, resource: str, limit: int) -> None:
    """Sets a limit of a process that is running; the hard limit stays as it is."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--{resource}={limit}:"], check=True)
