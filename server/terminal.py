"""What is said to people, and what is given to programs.

Data goes to stdout, talk to stderr. Whatever stems from a document (names,
headings, snippets) passes `harmless` before it reaches a terminal.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass

import click

from docindex.indexer.models import Progress

_HARMFUL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f"  # control characters, C1 too; the tab may stay
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # those that turn the direction of text
    "\u2028\u2029\ud800-\udfff]"  # line separators, and what is not a character
)


def harmless(text: str) -> str:
    """One line that cannot move the cursor, colour the screen or hide what follows."""
    return _HARMFUL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def as_json(value: object) -> str:
    """JSON that a terminal may be shown as well: `harmless` by JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    return "\n".join(
        _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in text.split("\n")
    )


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def give(text: str) -> None:
    """A piece of the answer, on stdout, in UTF-8 whatever the locale says."""
    click.echo(text.encode("utf-8", "backslashreplace"))


def strong(text: str) -> str:
    """In bold, where that can be seen."""
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    return text if plain else click.style(text, bold=True)


class Talk:
    """What a command says of itself while it works."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __call__(self, text: str) -> None:
        if not self.quiet:
            complain(text)

    @contextmanager
    def progress(self, doing: str) -> Generator[Callable[[Progress], None]]:
        """A bar on a terminal, plain lines elsewhere. Nothing is shown before
        there is something to report."""
        if self.quiet:
            yield lambda _: None
        elif sys.stderr.isatty():
            with _bar(doing) as report:
                yield report
        else:
            yield _lines(doing)


def complain(text: str) -> None:
    click.echo(text.encode("utf-8", "backslashreplace"), err=True)


@contextmanager
def _bar(doing: str) -> Generator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(doing, total=None, at="")

    def report(progress: Progress) -> None:
        bar.start()
        at = harmless(progress.at)
        bar.update(task, completed=progress.done, total=progress.total, at=at)

    try:
        yield report
    finally:
        bar.stop()


def _lines(doing: str) -> Callable[[Progress], None]:
    """A line for the first report, and one for each further tenth."""
    shown = -1

    def report(progress: Progress) -> None:
        nonlocal shown
        tenth = 10 * progress.done // max(progress.total, 1)
        if tenth > shown:
            shown = tenth
            complain(
                f"{doing}: {progress.done} of {progress.total} {harmless(progress.at)}".rstrip()
            )

    return report
