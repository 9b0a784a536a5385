"""What the commands have in common: their options, their folders, their settings."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from docindex.server import settings
from docindex.server.http_settings import SECRETS, HttpSettings
from docindex.server.logs import log_to_stderr
from docindex.server.plan import Plan, make_plan
from docindex.server.terminal import Talk, harmless

if TYPE_CHECKING:
    from docindex.indexer.library import Library

Command = TypeVar("Command", bound=Callable[..., int])

PLACES = ("cache_dir", "state_dir")
INDEXING = ("max_document_bytes", "honour_ignore_files")
WATCHING = ("debounce_ms", "reconcile_seconds", "log_level")
SERVING = ("read_only", "access", "linger_seconds")
HTTP = tuple(name for name in HttpSettings.model_fields if name not in SECRETS)
WRITING = ("writable_paths", "writable_extensions", "history_days", "history_bytes", "audit")
"""Settings that make a difference to a command, by what it does."""


def settable(*names: str) -> Callable[[Command], Command]:
    """Gives a command the flags of these settings. Their values are checked
    where all settings are, so they arrive as they were typed."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            spelled = settings.flag(name)
            text = settings.description(name)
            if settings.is_switch(name):
                spelled += "/" + settings.flag(f"no_{name}")
                text += f"  [default: {settings.default(name)}]"
                command = click.option(spelled, name, default=None, help=text)(command)
            else:
                text += f"  [{settings.allowed(name)}; default: {settings.default(name)}]"
                shown = settings.placeholder(name)
                command = click.option(spelled, name, metavar=shown, help=text)(command)
        return command

    return decorate


as_json_too = click.option("--json", "json", is_flag=True, help="Print JSON.")
quietly = click.option("-q", "--quiet", is_flag=True, help="Print nothing on stderr but errors.")
one_folder = click.argument("folder", metavar="[DIR]", required=False)
many_folders = click.argument("folders", metavar="[[LABEL=]DIR]...", nargs=-1)


def plan_of(
    typed: Sequence[str | None], flags: dict[str, object], *, missing_allowed: bool = False
) -> Plan:
    folders = [text for text in typed if text is not None]
    given = {name: value for name, value in flags.items() if value is not None}
    return make_plan(folders, given, os.environ, missing_allowed=missing_allowed)


def begin(doing: str, plan: Plan, quiet: bool) -> Talk:
    """Says which folder a command without DIR is about, so that nobody has to guess."""
    log_to_stderr("error" if quiet else "warning")
    talk = Talk(quiet)
    if plan.chosen_by:
        talk(f"{doing} {harmless(plan.places)} ({harmless(plan.chosen_by)})")
    return talk


@contextmanager
def opened(plan: Plan) -> "Generator[Library]":
    from docindex.indexer.library import Library

    chosen = plan.settings
    library = Library(
        plan.folders,
        cache=chosen.cache_dir,
        state=chosen.state_dir,
        options=chosen.options(),
        rules=chosen.access,
    )
    try:
        yield library
    finally:
        library.close()
