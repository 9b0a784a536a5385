"""What a write answers, and what can be restored."""

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from docindex.indexer.encoding import split_lines
from docindex.indexer.models import Past, WriteOutcome
from docindex.server import wire
from docindex.server.results import (
    BYTES_PER_TOKEN,
    HEADING_BYTES,
    REMARK_BYTES,
    clipped,
    moment,
    size,
)

if TYPE_CHECKING:
    from docindex.indexer.moving import MoveOutcome
    from docindex.indexer.relinking import Remark

_VERSIONS: Final = 50
_FOLLOWED: Final = 20


def written(outcome: WriteOutcome, diff_tokens: int) -> wire.Written:
    shaped: wire.Written = {
        "status": outcome.status,
        "name": outcome.name,
        "version": outcome.version,
    }
    if not outcome.status.startswith("would_"):
        shaped["searchable"] = outcome.searchable
    said: list[str] = []
    if outcome.displaced:
        said.append(
            "another program changed it in the same instant; what it wrote is kept as version "
            f"{outcome.displaced} (restore_document)"
        )
    if outcome.diff:
        shaped["note"] = wire.DIFF_IS_DATA
        shaped["diff"] = _within(outcome.diff, diff_tokens, said)
    if said:
        shaped["remarks"] = said
    return shaped


def past(found: Past) -> wire.Written:
    """The versions that can be restored, as many as are worth a model's reading."""
    shaped: wire.Written = {
        "status": "exists" if found.current else "moved" if found.moved_to else "deleted",
        "name": found.name,
        "versions": [
            {
                "version": kept.version,
                "when": moment(kept.when),
                "bytes": kept.bytes,
                "why": kept.why,
            }
            for kept in found.versions[:_VERSIONS]
        ],
    }
    if found.current:
        shaped["version"] = found.current
    if len(found.versions) > _VERSIONS:
        shaped["more_versions"] = len(found.versions) - _VERSIONS
    if found.moved_to:
        shaped["remarks"] = [f"it was moved to {found.moved_to}"]
    return shaped


def moved(outcome: "MoveOutcome", diff_tokens: int) -> wire.Moved:
    """The first of the documents that followed, and of what was left alone."""
    shaped: wire.Moved = {
        "status": outcome.status,
        "name": outcome.name,
        "new_name": outcome.new_name,
        "version": outcome.version,
    }
    if outcome.status == "moved":
        shaped["searchable"] = outcome.searchable
    if outcome.followed:
        shaped["followed"] = [
            {"name": each.name, "version": each.version, "links": each.links}
            for each in outcome.followed[:_FOLLOWED]
        ]
    if len(outcome.followed) > _FOLLOWED:
        shaped["more_followed"] = len(outcome.followed) - _FOLLOWED
    said: list[str] = []
    if outcome.remarks:
        shaped["left"] = [_left(each) for each in outcome.remarks[:_FOLLOWED]]
    if len(outcome.remarks) > _FOLLOWED:
        said.append(f"{len(outcome.remarks) - _FOLLOWED} more were left as they are")
    diffs = "".join([outcome.diff, *(each.diff for each in outcome.followed)])
    if diffs:
        shaped["note"] = wire.DIFF_IS_DATA
        shaped["diff"] = _within(diffs, diff_tokens, said)
    if said:
        shaped["remarks"] = said
    return shaped


def _left(remark: "Remark") -> wire.LeftAlone:
    shaped: wire.LeftAlone = {"name": remark.name, "why": clipped(remark.why, REMARK_BYTES)}
    if remark.line:
        shaped["line"] = remark.line
    if remark.target:
        shaped["target"] = clipped(remark.target, HEADING_BYTES)
    return shaped


def _within(diff: str, tokens: int, said: list[str]) -> str:
    """The beginning of a diff, in whole lines; what is left out is said."""
    limit = tokens * BYTES_PER_TOKEN
    if len(diff) <= limit and size(diff) <= limit:
        return diff
    lines = split_lines(diff)
    shown = 0
    for taken in accumulate(size(line) - 2 for line in lines):
        if taken > limit:
            break
        shown += 1
    if left_out := len(lines) - shown:
        said.append(f"the diff goes on for {left_out} lines")
    return "".join(lines[:shown])
