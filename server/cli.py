"""The `docindex` command.

Data goes to stdout, talk to stderr. Exit status: 0 done, 1 nothing found or
not possible now, 2 the call itself is wrong. What reads or writes the index is
imported by the command that needs it: `docindex serve` has to be quick.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from docindex import __version__
from docindex.indexer.errors import Cancelled, DocindexError
from docindex.indexer.models import SearchRequest
from docindex.server import collector, past, settings
from docindex.server.logs import log_to_stderr
from docindex.server.options import (
    HTTP,
    INDEXING,
    PLACES,
    SERVING,
    WATCHING,
    WRITING,
    as_json_too,
    begin,
    many_folders,
    one_folder,
    opened,
    plan_of,
    quietly,
    settable,
)
from docindex.server.plan import check_rules
from docindex.server.scopes import READ, SCOPES
from docindex.server.shutdown import exit_soon
from docindex.server.sources import load
from docindex.server.terminal import Talk, as_json, complain, give, harmless

log = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="docindex %(version)s")
def docindex() -> None:
    """An MCP server that knows a folder of Markdown.

    DIR is a folder of documents, or LABEL=DIR. Without one, a command is about
    the folders that the settings name, else about the current folder.
    """


@docindex.command()
@many_folders
@settable(*SERVING, *PLACES, *INDEXING, *WRITING, *WATCHING, *HTTP)
def serve(folders: tuple[str, ...], **flags: object) -> int:
    """Serve folders over MCP, on stdin and stdout, or over HTTP."""
    plan = plan_of(folders, flags)
    if not plan.settings.http:
        _refuse_http_flags(flags)
    log_to_stderr(plan.settings.log_level, plan.settings.log_format)
    log.info("serving %s%s", plan.places, f" ({plan.chosen_by})" if plan.chosen_by else "")
    if plan.settings.http:
        settings.check_callers(plan.settings)
        check_rules(plan)
        if plan.settings.workers > 1:
            from docindex.server.workers import serve_with_workers

            return serve_with_workers(plan)
        # What it may say is for workers that count together (`SHARED` in `metrics`, which
        # looks as soon as it is imported): one server counts by itself.
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        from docindex.server.listening import serve_http

        with opened(plan) as library:
            serve_http(library, plan.settings, read_only=plan.settings.read_only)
        return 0
    collector.pause()
    from docindex.server.app import serve_stdio

    with opened(plan) as library:
        serve_stdio(library, read_only=plan.settings.read_only)
    return 0


def _refuse_http_flags(flags: Mapping[str, object]) -> None:
    """Who names a port expects somebody to listen on it."""
    for name in HTTP:
        if name not in ("http", "log_format") and flags[name] is not None:
            raise click.UsageError(
                f"{settings.flag(name)} is about a server over HTTP; add --http, or leave it out"
            )


@docindex.command()
@click.argument("query")
@one_folder
@click.option(
    *("-n", "--max-results"),
    type=click.IntRange(1, 50),
    default=SearchRequest("").max_results,
    show_default=True,
    help="At most so many sections.",
)
@click.option("--path", default="", help="Only in this folder, or glob such as '**/adr-*.md'.")
@click.option("--tag", "tags", multiple=True, help="Only documents with this tag; repeatable.")
@click.option("--explain", is_flag=True, help="Tell why each section is where it is.")
@as_json_too
@quietly
@settable(*PLACES, *INDEXING)
def search(
    query: str,
    folder: str | None,
    max_results: int,
    path: str,
    tags: tuple[str, ...],
    explain: bool,
    json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """Search for sections, best first. Exit status 1 when there are none."""
    from docindex.server.reports import hits, remarks

    plan = plan_of([folder], flags)
    talk = begin("Searching", plan, quiet)
    with opened(plan) as library:
        with talk.progress("Indexing") as report:
            library.catch_up(report)
        answer = library.search(SearchRequest(query, max_results, path, tags, explain=explain))
    if json:
        found = asdict(answer)
        if not explain:
            for hit in found["hits"]:
                del hit["explanation"]
        give(as_json({"query": query, **found}))
    else:
        for line in hits(answer):
            give(line)
    for remark in remarks(answer):
        talk(remark)
    return 0 if answer.hits else 1


@docindex.command()
@one_folder
@click.option("--full", is_flag=True, help="Read every document again, changed or not.")
@as_json_too
@quietly
@settable(*PLACES, *INDEXING)
def reindex(folder: str | None, full: bool, json: bool, quiet: bool, **flags: object) -> int:
    """Bring the index up to date, and wait for it."""
    from docindex.server.reports import reindexed

    plan = plan_of([folder], flags)
    talk = begin("Indexing", plan, quiet)
    with opened(plan) as library, _ctrl_c() as cancelled, talk.progress("Indexing") as report:
        done = library.reindex(full, report, cancelled)
    for line in [as_json(done)] if json else reindexed(done):
        give(line)
    return 0


@contextmanager
def _ctrl_c() -> Generator[threading.Event]:
    """Set by the first Ctrl-C, so that work ends in good order; the second ends it at once."""
    cancelled = threading.Event()

    def cancel(*_: object) -> None:
        cancelled.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, cancel)
    try:
        yield cancelled
    finally:
        signal.signal(signal.SIGINT, previous)


@docindex.command()
@one_folder
@as_json_too
@quietly
@settable(*PLACES, *INDEXING)
def status(folder: str | None, json: bool, quiet: bool, **flags: object) -> int:
    """Tell how fresh the index is. Exit status 1 when it is degraded."""
    from docindex.server import reports

    plan = plan_of([folder], flags)
    begin("The index of", plan, quiet)
    with opened(plan) as library:
        found = library.status()
    places = [item.path for item in plan.folders]
    for line in [as_json(found)] if json else reports.status(found, places):
        give(line)
    return 1 if found.index.state == "degraded" else 0


@docindex.command()
@many_folders
@quietly
@settable(*PLACES, *INDEXING, *WATCHING)
def watch(folders: tuple[str, ...], quiet: bool, **flags: object) -> int:
    """Keep the index up to date until Ctrl-C. Servers see to it by themselves."""
    plan = plan_of(folders, flags)
    log_to_stderr(plan.settings.log_level)
    from docindex.indexer.process import run_indexer

    talk = Talk(quiet)
    run_indexer(
        [Path(folder.path) for folder in plan.folders],
        cache=plan.settings.cache_dir,
        options=plan.settings.options(),
        ready=lambda folder: talk(f"watching {harmless(str(folder))}; Ctrl-C ends it"),
    )
    return 0


@docindex.command()
@one_folder
@click.option("--clean", is_flag=True, help="Remove the indexes that nobody uses, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_too
@quietly
@settable(*PLACES, *INDEXING)
def doctor(
    folder: str | None, clean: bool, yes: bool, json: bool, quiet: bool, **flags: object
) -> int:
    """Look for what is wrong, and tell what to do. Exit status 1 when something is."""
    from docindex.indexer.doctor import examine
    from docindex.server import reports

    if clean:
        given = {name: value for name, value in flags.items() if value is not None}
        return _clean(load(given, os.environ).settings.cache_dir, yes, json, Talk(quiet))
    plan = plan_of([folder], flags, missing_allowed=True)
    chosen = plan.settings
    begin("Examining", plan, quiet)
    findings = examine(plan.folders, chosen.cache_dir, chosen.state_dir, chosen.options())
    for line in [as_json(findings)] if json else reports.findings(findings):
        give(line)
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _clean(cache: Path, yes: bool, json: bool, talk: Talk) -> int:
    from docindex.indexer.doctor import remove_cache, unused_caches
    from docindex.server import reports

    unused = unused_caches(cache)
    for line in [as_json(unused)] if json else reports.unused(unused):
        give(line)
    if not unused:
        talk("every index is in use, or belongs to a folder that is there")
    elif not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on; say --yes to remove them")
        click.confirm("Remove them?", abort=True, err=True)
    for item in unused:
        done = "removed" if remove_cache(item) else "somebody uses it now:"
        talk(f"{done} {harmless(str(item.path))}")
    return 0


@docindex.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=(READ,),
    show_default=True,
    help="What it may be used for; repeatable.",
)
@click.option("--group", "groups", multiple=True, help="A group that NAME is in; repeatable.")
@as_json_too
def token(name: str, scopes: tuple[str, ...], groups: tuple[str, ...], json: bool) -> int:
    """Make a token for NAME, with which to call a server over HTTP.

    It is shown once. The line under it goes into the file that the setting tokens_file
    names; it holds a hash, from which the token cannot be told.
    """
    from docindex.server import static_tokens

    made, line = static_tokens.make(name, scopes, groups)
    give(as_json({"token": made, "line": line}) if json else f"{made}\n{line}")
    return 0


docindex.add_command(past.history)
docindex.add_command(past.restore)


@docindex.group()
def config() -> None:
    """What is set, and where."""


@config.command()
@as_json_too
def show(json: bool) -> int:
    """Show each setting, its value, and where it came from."""
    from docindex.server import reports

    loaded = load({}, os.environ)
    for line in [as_json(reports.settings_json(loaded))] if json else reports.settings(loaded):
        give(line)
    return 0


def run(arguments: Sequence[str]) -> int:
    """The whole command, from its arguments to its exit status."""
    status = _invoke(arguments)
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        # Nobody reads on, or the disk is full, and it was said. What is left in the
        # buffers must not raise once more while Python shuts down.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
    return status


def _invoke(arguments: Sequence[str]) -> int:
    """Says what went wrong in one line, with what to do next."""
    try:
        with docindex.make_context("docindex", list(arguments)) as context:
            status: int = docindex.invoke(context)
            return status
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        complain(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        return _refuse(f"{error.format_message()} ({_what_helps(error)})", error.exit_code)
    except DocindexError as error:
        return _refuse(str(error), error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        return _refuse("stopped", Cancelled.exit_status)
    except BrokenPipeError:
        return 0  # whoever reads us has seen enough
    except OSError as error:
        what = error.filename or "docindex doctor may tell more"
        return _refuse(f"{error.strerror or error}: {what}", 1)
    except Exception as error:
        if os.environ.get(settings.variable("log_level")) == "debug":
            raise
        return _refuse(
            f"internal error ({type(error).__name__}: {error}); please report it, "
            f"with what {settings.variable('log_level')}=debug shows",
            1,
        )


def _what_helps(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "docindex"
    see = f"see {where} --help"
    if isinstance(error, click.NoSuchOption) and where.endswith(" search"):
        see += f"; to search for it, put -- before it: {where} -- {error.option_name}"
    return see


def _refuse(message: str, status: int) -> int:
    complain(f"docindex: {harmless(message)}")
    return status


def main() -> None:
    """The collector was paused for the imports of this module, and `serve` pauses it
    once more."""
    collector.resume()
    status = run(sys.argv[1:])
    exit_soon(status)
