"""What the indexer says of itself, in a small file that is replaced each second.

It is a hint: which documents are searchable is told by the index itself, and
whether the indexer lives by its lock.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from docindex.indexer.home import write_json
from docindex.indexer.models import IndexState

FORMAT = 1

UNAVAILABLE = "folder unavailable"
"""How the reason begins when the folder, and not the index, is the matter."""


@dataclass(frozen=True, slots=True)
class IndexerStatus:
    instance: str
    """Of one run of one indexer; another value means another run."""
    pid: int
    state: IndexState
    generation: int = -1
    documents: int = 0
    sections: int = 0
    done: int = 0
    """Files of the present run that are finished, of `total`."""
    total: int = 0
    at: str = ""
    pending: int = 0
    """Files known to have changed that are not searchable yet."""
    reconciled_at: float | None = None
    """When the whole folder was last compared with the index."""
    ignored: int = 0
    reason: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    remarks: Mapping[str, str] = field(default_factory=dict[str, str])
    beat: float = 0.0
    format: int = FORMAT


_STATUS = TypeAdapter(IndexerStatus)


def write_status(path: Path, status: IndexerStatus) -> None:
    write_json(path, asdict(status) | {"beat": time.time()})


def read_status(path: Path) -> IndexerStatus | None:
    """None when nobody has indexed yet, or another format was written."""
    try:
        status = _STATUS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return status if status.format == FORMAT else None
