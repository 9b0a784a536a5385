"""Documents made to exhaust a parser. They stand in markdown.json: a beginning, what is
repeated, and an end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docindex.indexer import blocks
from docindex.indexer.markdown import MAX_HEADING_CHARS, MAX_LINKS, MAX_SECTIONS, parse

BOMBS: dict[str, list[tuple[str, list[str]]]] = json.loads(
    (Path(__file__).parent / "markdown.json").read_text(encoding="utf-8")
)
each_bomb = pytest.mark.parametrize(
    "parts",
    [parts for kind in BOMBS.values() for _, parts in kind],
    ids=[name for kind in BOMBS.values() for name, _ in kind],
)

FEW_STEPS = 10_000

PARSE = """
import json, sys
from docindex.indexer.markdown import parse
parse(sys.stdin.buffer.read(), "bomb.md")
try:
    import resource
except ImportError:
    print(0)
else:
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def made(parts: list[str], size: int) -> bytes:
    begin, repeated, end = parts
    return (begin + repeated * (size // len(repeated.encode())) + end).encode()


def calls(data: bytes) -> int:
    """How many functions are called while the document is parsed."""
    count = 0

    def tally(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(tally)
    try:
        parse(data, "bomb.md")
    finally:
        sys.setprofile(None)
    return count


@each_bomb
def test_twice_the_document_takes_twice_the_work(
    parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_MAX_STEPS", FEW_STEPS)
    once, twice = calls(made(parts, 10_000)), calls(made(parts, 20_000))
    # What is given up as too intricate has cost up to 40 calls for each step.
    assert twice < 2.2 * once + 40 * FEW_STEPS


@each_bomb
def test_what_is_kept_of_a_bomb_is_bounded(
    parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_MAX_STEPS", 10 * FEW_STEPS)
    document = parse(made(parts, 60_000), "bomb.md")
    assert len(document.sections) <= MAX_SECTIONS + 1
    assert len(document.title) <= MAX_HEADING_CHARS
    assert len(document.links) <= MAX_LINKS
    assert len(document.remarks) <= 3
    for section in document.sections:
        assert len(section.heading) <= MAX_HEADING_CHARS
        assert len(section.anchor) <= MAX_HEADING_CHARS + 20


def test_a_million_characters_of_anything_are_parsed() -> None:
    """One process for all: what is quadratic in C would take hours here."""
    program = PARSE.replace(
        "parse(sys.stdin.buffer.read()", "for bomb in json.load(sys.stdin): parse(bomb.encode()"
    )
    bombs = [made(parts, 1_000_000).decode() for _, parts in BOMBS["characters"]]
    run(program, json.dumps(bombs).encode())


@pytest.mark.parametrize(
    "repeated",
    ["\n", "a\n", "a", f"# {'word ' * 12}\n\n", f"- {'word ' * 15}\n", f"{'word ' * 12}\n\n"],
    ids=["blank lines", "short lines", "one line", "headings", "items", "paragraphs"],
)
def test_a_document_of_20_mb_takes_less_than_half_a_gigabyte(repeated: str) -> None:
    assert run(PARSE, made(["", repeated, ""], 20_000_000)) < 500_000_000


def run(program: str, data: bytes) -> int:
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, timeout=100, check=True
    )
    return int(done.stdout)


def test_a_definition_that_never_ends_is_paid_for_line_by_line() -> None:
    """Each line costs markdown-it some tens of microseconds: a limit in lines looked at
    has to count them."""
    assert parse(b"[a" + b"\n!" * 300_000, "bomb.md").remarks == ()  # no label is so long
    (remark,) = parse(b'[a]: b "c' + b"\n!" * 300_000, "bomb.md").remarks
    assert "too intricate" in remark
