"""What the figures were measured on."""

import os
import platform
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic.dataclasses import dataclass

import docindex

PACKAGES = (
    "whoosh",
    "numpy",
    "mcp",
    "markdown-it-py",
    "watchfiles",
    "tantivy",
    "bm25s",
    "PyStemmer",
)


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    memory: int
    system: str
    versions: dict[str, str]
    date: str
    load: float | None = None
    """Processes that wanted to run in the minute before, on average."""


def here() -> Machine:
    versions = {
        "docindex": docindex.__version__,
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        system=_system(),
        versions=versions,
        date=datetime.now(UTC).date().isoformat(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    with suppress(OSError):
        release = platform.freedesktop_os_release()
        return (
            f"{release['PRETTY_NAME']}, {platform.system()} {platform.release().partition('-')[0]}"
        )
    return f"{platform.system()} {platform.release().partition('-')[0]}"
