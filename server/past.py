"""The commands about what documents were: `history` and `restore`."""

import re
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docindex.indexer.errors import DocindexError, InvalidInput, VersionNotFound
from docindex.indexer.models import Author, UndoPlan
from docindex.server.options import (
    INDEXING,
    PLACES,
    WRITING,
    as_json_too,
    begin,
    opened,
    plan_of,
    quietly,
    settable,
)
from docindex.server.terminal import Talk, as_json, give, harmless

if TYPE_CHECKING:
    from docindex.indexer.library import Library

TOOL = "docindex restore"

_AGO = re.compile(r"([0-9]{1,6})(m|h|d)")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}

in_folder = click.option(
    "--in", "folder", metavar="[LABEL=]DIR", help="The folder of documents that it is about."
)


@click.command()
@click.argument("name", required=False)
@in_folder
@click.option(
    "--adopt",
    nargs=2,
    metavar="OLD NEW",
    type=click.Path(path_type=Path),
    help="Give the folder NEW the history of what was the folder OLD before it was renamed.",
)
@as_json_too
@quietly
@settable(*PLACES, *INDEXING)
def history(
    name: str | None,
    folder: str | None,
    adopt: tuple[Path, Path] | None,
    json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """List the versions of document NAME that can be restored, or every document that
    was written."""
    from docindex.server import reports

    if adopt is not None:
        if name or folder:
            raise click.UsageError("--adopt takes two folders, and nothing else")
        return _adopt(*adopt, flags, Talk(quiet))
    plan = plan_of([folder], flags)
    talk = begin("The history of", plan, quiet)
    with opened(plan) as library:
        if name is None:
            written = library.written()
            for line in [as_json(written)] if json else reports.written(written):
                give(line)
            return 0 if written else 1
        found = library.past(name)
    for line in [as_json(found)] if json else reports.past(found):
        give(line)
    if found.moved_to:
        talk(f"{harmless(name)} was moved to {harmless(found.moved_to)}")
    if not found.versions:
        talk("no other version is kept")
    return 0 if found.versions else 1


def _adopt(old: Path, new: Path, flags: dict[str, object], talk: Talk) -> int:
    from docindex.indexer.cleaning import adopt

    plan = plan_of([str(new)], flags)
    count = adopt(plan.settings.state_dir, old.expanduser().resolve(), new.expanduser().resolve())
    talk(f"{harmless(str(new))} has the history of {count} documents of {harmless(str(old))} now")
    return 0


@click.command()
@click.argument("name", required=False)
@click.argument("version", required=False)
@in_folder
@click.option(
    "--since",
    metavar="TIME",
    help="Put back everything written since: 2026-03-02T14:00, 14:00 (today) or 90m, 4h, 2d ago.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_too
@quietly
@settable(*PLACES, *INDEXING, "read_only", *WRITING)
def restore(
    name: str | None,
    version: str | None,
    folder: str | None,
    since: str | None,
    dry_run: bool,
    yes: bool,
    json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """Bring back a VERSION of document NAME: without VERSION, the one before the last
    write. With --since, every document that was written since."""
    if name is not None and since is None:
        start = 0.0
    elif name is None and since is not None:
        start = _moment(since, time.time())
    else:
        raise click.UsageError("give either the NAME of a document, or --since TIME")
    plan = plan_of([folder], flags)
    talk = begin("Restoring in", plan, quiet)
    with opened(plan) as library:
        if name is None:
            return _restore_since(library, start, dry_run, yes, json, talk)
        version = version or _latest(library, name)
        outcome = library.restore(name, version, dry_run, Author(TOOL))
    if json:
        give(as_json(outcome))
    elif dry_run:
        for line in outcome.diff.splitlines():
            give(harmless(line))
    talk(f"{harmless(name)}: {outcome.status}, version {outcome.version}")
    return 0


def _latest(library: "Library", name: str) -> str:
    versions = library.past(name).versions
    if not versions:
        raise VersionNotFound(f"no other version of {name} is kept")
    return versions[0].version


def _restore_since(
    library: "Library", since: float, dry_run: bool, yes: bool, json: bool, talk: Talk
) -> int:
    from docindex.server import reports

    found = library.plan_undoing(since)
    for line in [as_json(found)] if json else reports.undoing(found):
        give(line)
    for line in reports.undoing_remarks(found):
        talk(line)
    if dry_run or not found.steps:
        return 0 if found.steps else 1
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on; say --yes to restore them")
        click.confirm("Restore them?", abort=True, err=True)
    failed = _undo(library, found, talk)
    return 1 if failed or found.skipped else 0


def _undo(library: "Library", found: UndoPlan, talk: Talk) -> Sequence[str]:
    """The names of the documents that could not be put back."""
    failed: list[str] = []
    for step in found.steps:
        try:
            outcome = library.undo(step, Author(f"{TOOL} --since"))
        except DocindexError as error:
            failed.append(step.name)
            talk(f"{harmless(step.name)}: {harmless(str(error))}")
        else:
            talk(f"{harmless(step.name)}: {outcome.status}")
    return failed


def _moment(text: str, now: float) -> float:
    """Seconds since the epoch; what says no zone is in that of this machine."""
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]]
    today = datetime.fromtimestamp(now).astimezone().date().isoformat()
    for spelled in (text, f"{today}T{text}"):
        try:
            return datetime.fromisoformat(spelled).astimezone().timestamp()
        except (ValueError, OverflowError):
            continue
    raise InvalidInput(
        f"--since must be a time such as 2026-03-02T14:00 or 14:00, or 90m, 4h or 2d, not {text!r}"
    )
