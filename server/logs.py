"""The log: lines for people, or lines of JSON for programs.

What is logged of a call says who called what, how long it took and how it ended, and
never what a document, a query or a token says.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

from docindex.server.terminal import harmless

FIELDS: Final = "docindex_fields"
"""Under which a record carries what is more than its message."""


def log_to_stderr(level: str, form: str = "text") -> None:
    """Shows the log of docindex; of the libraries it uses, warnings alone."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(Harmless("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("docindex").setLevel(level.upper())


class Harmless(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        fields = _fields(record)
        lines[0] += "".join(f" {name}={value}" for name, value in fields.items())
        return "\n".join(map(harmless, lines))


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    return cast("Mapping[str, object]", getattr(record, FIELDS, {}))
