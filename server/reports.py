"""Answers as people read them in a terminal: lines of text, made harmless.

What a program reads is JSON with the field names of `docindex.indexer.models`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from docindex.indexer.models import (
    Explanation,
    FolderStatus,
    IndexView,
    LibraryStatus,
    Past,
    ReindexReport,
    SearchAnswer,
    Skipped,
    UndoPlan,
    Written,
)
from docindex.server.http_settings import SECRETS
from docindex.server.settings import NAMES, Settings
from docindex.server.sources import Loaded
from docindex.server.terminal import as_json, harmless, strong

if TYPE_CHECKING:
    from docindex.indexer.doctor import Finding, UnusedCache

SHOWN_SKIPPED = 20
"""Further ones are counted; JSON lists them all."""


def hits(answer: SearchAnswer) -> Iterator[str]:
    """Two lines for each: where it is (as editors and terminals can follow it), and the text;
    and why it is where it is, if that is explained."""
    for hit in answer.hits:
        heading = " > ".join(hit.trail) or hit.title
        where = f"{hit.name}:{hit.first_line}-{hit.last_line}"
        yield f"{strong(harmless(where))}  {harmless(heading)}"
        snippet = " ".join(hit.snippet.split())
        if snippet:
            yield f"    {harmless(snippet)}"
        if hit.explanation:
            yield from _explanation(hit.score, hit.explanation)


def _explanation(score: float, explained: Explanation) -> Iterator[str]:
    """The score, and a line for each part of it."""
    yield f"    score {score:.2f}"
    for reason in explained.reasons:
        places = dict(reason.fields)
        if reason.document:
            places["document"] = reason.document
        pieces = ", ".join(f"{place} {each:.2f}" for place, each in places.items())
        word = reason.word if reason.word == reason.term else f"{reason.word} ({reason.term})"
        yield f"    {reason.score:7.2f}  {harmless(word)}: {pieces}"
    if explained.cover:
        yield f"    {explained.cover:7.2f}  for the share of the words that are there"
    if explained.close:
        yield f"    {explained.close:7.2f}  for how close they stand"
    if explained.share < 1:
        yield f"  times {explained.share:.2f}   since a better section of the document comes first"


def remarks(answer: SearchAnswer) -> Iterator[str]:
    """What whoever searched should know beside the hits."""
    if answer.corrected:
        yield f"searched for: {harmless(answer.corrected)}"
    yield from map(harmless, answer.remarks)
    if answer.total > len(answer.hits):
        yield f"{len(answer.hits)} of {answer.total:,} sections are shown"
    if not answer.hits:
        yield "nothing was found"
    if answer.index.state != "ready":
        yield f"the index is {_state(answer.index)}"


def status(found: LibraryStatus, places: Sequence[str]) -> Iterator[str]:
    """`places` are the folders' paths, in the library's order."""
    for place, folder in zip(places, found.folders, strict=True):
        yield from _folder(place, folder)


def _folder(place: str, folder: FolderStatus) -> Iterator[str]:
    name = f"{folder.label} = {place}" if folder.label else place
    yield strong(harmless(name))
    index = folder.index
    yield f"  state      {_state(index)}"
    yield f"  agreed     {_moment(index.as_of)}"
    yield f"  documents  {index.documents:,} with {_count(folder.sections, 'section')}"
    if folder.generation < 0:
        yield "  index      not there yet"
    else:
        yield f"  index      {size(folder.index_bytes)}, generation {folder.generation}"
    running = folder.indexer != "none"
    seen = "" if running else " running; what has changed since is found by the next search"
    yield f"  indexer    {folder.indexer}{seen}"
    yield f"  ignored    {folder.ignored:,} files and folders"
    yield from _listed("skipped", folder.skipped)
    yield from _listed("remarks", folder.remarks)


def reindexed(report: ReindexReport) -> Iterator[str]:
    yield (
        f"{_count(report.documents, 'document')} with {_count(report.sections, 'section')}: "
        f"{report.indexed:,} indexed, {report.removed:,} removed, in {report.seconds:.1f} s"
    )
    yield from _listed("skipped", report.skipped)


def written(found: Sequence[Written]) -> Iterator[str]:
    for each in found:
        yield (
            f"{_moment(each.when)}  {each.why:<11}  {_count(each.changes, 'write'):>10}  "
            f"{strong(harmless(each.name))}"
        )


def past(found: Past) -> Iterator[str]:
    for kept in found.versions:
        yield f"{kept.version}  {_moment(kept.when)}  {size(kept.bytes):>12}  {kept.why}"


def undoing(found: UndoPlan) -> Iterator[str]:
    for step in found.steps:
        doing = "delete" if not step.target else "change back" if step.current else "bring back"
        edited = "  (changed by another program since)" if step.edited else ""
        yield f"{doing:<11}  {strong(harmless(step.name))}{edited}"


def undoing_remarks(found: UndoPlan) -> Iterator[str]:
    for item in found.skipped:
        yield f"{harmless(item.name)} stays as it is: {harmless(item.reason)}"
    if found.since < found.whole_since:
        yield (
            f"the history before {_moment(found.whole_since)} was cleaned, so some of what was "
            "written before that is not put back"
        )
    if not found.steps:
        yield f"nothing was written since {_moment(found.since)} that is not as it was"


def findings(found: "Sequence[Finding]") -> Iterator[str]:
    for finding in found:
        yield harmless(f"{finding.level:<4}  {finding.subject}: {finding.detail}")
        if finding.advice:
            yield harmless(f"      -> {finding.advice}")


def unused(caches: "Sequence[UnusedCache]") -> Iterator[str]:
    for cache in caches:
        yield harmless(f"{size(cache.size):>9}  {cache.path}: {cache.why} ({cache.folder})")


def settings(loaded: Loaded) -> Iterator[str]:
    """Each setting, its value, and where it came from: a settings file, as it were."""
    yield f"# {harmless(str(loaded.file))} {'is read' if loaded.file_exists else 'is not there'}"
    values = _plain(loaded.settings)
    for name in NAMES:
        line = f"{name} = {as_json(values[name])}"
        yield f"{line:<40}  # {harmless(loaded.origins[name])}"


def settings_json(loaded: Loaded) -> dict[str, object]:
    values = _plain(loaded.settings)
    return {
        "file": str(loaded.file),
        "file_exists": loaded.file_exists,
        "settings": {name: {"value": values[name], "from": loaded.origins[name]} for name in NAMES},
    }


def _plain(chosen: Settings) -> dict[str, object]:
    """The values as they would stand in the settings file."""
    folders = [f"{item.label}={item.path}" if item.label else item.path for item in chosen.folders]
    values = chosen.model_dump(mode="json", exclude={"folders"})
    for name in SECRETS:
        values[name] = "(set)" if values[name] else ""
    return {**values, "folders": folders}


def size(count: int) -> str:
    """Bytes for people: decimal units, as file managers show them."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _state(index: IndexView) -> str:
    parts: list[str] = [index.state]
    if index.pending:
        parts.append(f"{index.pending:,} files to come")
    if index.reason:
        parts.append(harmless(index.reason))
    return ", ".join(parts)


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return "not yet"
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def _listed(title: str, items: Sequence[Skipped]) -> Iterator[str]:
    yield f"  {title:<9}  {len(items):,}"
    for item in items[:SHOWN_SKIPPED]:
        yield f"    {harmless(item.name)}: {harmless(item.reason)}"
    if len(items) > SHOWN_SKIPPED:
        yield f"    ... and {len(items) - SHOWN_SKIPPED:,} more (--json lists all)"
