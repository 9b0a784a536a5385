"""Who wrote what, and when: a line of JSON for each write.

<state>/audit/writes.jsonl      the latest
              writes.1.jsonl    before that, up to writes.4.jsonl
"""

import getpass
import json
import logging
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from docindex.indexer.durable import append_line
from docindex.indexer.errors import TimedOut
from docindex.indexer.home import make_private
from docindex.indexer.locks import hold, let_go
from docindex.indexer.models import Author, WriteOutcome

log = logging.getLogger(__name__)

MAX_BYTES = 10_000_000
"""A file that is larger is put aside, and the oldest one is dropped."""
FILES = 5
LOCK_SECONDS = 2.0


def note(state: Path, root: Path, outcome: WriteOutcome, author: Author, other: str = "") -> None:
    """Adds a line. The write stands already, so that what goes wrong here is only logged.

    `other` is the new name of a document that was moved."""
    line = {
        "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": author.who or _user(),
        "tool": author.tool,
        "folder": str(root),
        "name": outcome.name,
        "status": outcome.status,
        "before": outcome.before,
        "after": "" if outcome.status == "deleted" else outcome.version,
    }
    line |= {"new_name": other} if other else {}
    line |= {"displaced": outcome.displaced} if outcome.displaced else {}
    folder = state / "audit"
    try:
        make_private(folder)
        lock = hold(folder / "lock", LOCK_SECONDS)
        if lock is None:
            raise TimedOut("the lock of the audit log is held")
        try:
            _rotate(folder)
            append_line(folder / "writes.jsonl", json.dumps(line, ensure_ascii=True).encode())
        finally:
            let_go(lock)
    except (OSError, TimedOut) as error:
        log.error("a write to %s is missing from the audit log (%s)", outcome.name, error)


def _rotate(folder: Path) -> None:
    newest = folder / "writes.jsonl"
    if not newest.exists() or newest.stat().st_size < MAX_BYTES:
        return
    files = [newest, *(folder / f"writes.{number}.jsonl" for number in range(1, FILES))]
    for later, earlier in zip(files[-2::-1], files[:0:-1], strict=True):
        if later.exists():
            later.replace(earlier)


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
