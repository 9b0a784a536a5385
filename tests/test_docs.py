"""What the documentation says is what docindex does."""

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from docindex.indexer import errors
from docindex.indexer.access import Caller
from docindex.indexer.markdown import parse
from docindex.indexer.rules import Rules
from docindex.server import settings
from docindex.server.cli import docindex
from docindex.server.http_settings import check
from docindex.server.plan import check_rules, make_plan
from docindex.server.static_tokens import StaticTokens, lines_of

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "sample_docs"
PAGES = sorted([*ROOT.glob("*.md"), *GUIDE.rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")

CONSOLE = re.compile(
    r"^```console\n\$ (?P<command>docindex .*)\n(?P<output>(?:.*\n)*?)```$", re.MULTILINE
)


def page(name: str) -> str:
    return (GUIDE / name).read_text(encoding="utf-8")


def under(heading: str, text: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"there is no heading {heading!r}"
    return found[1]


def commands(group: click.Group, prefix: str = "docindex") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def test_the_readme_has_examples() -> None:
    assert CONSOLE.search(README)


@pytest.mark.parametrize("example", [*CONSOLE.finditer(README)], ids=lambda found: found["command"])
def test_what_the_readme_shows_is_what_docindex_prints(example: re.Match[str]) -> None:
    arguments = shlex.split(example["command"])[1:]
    printed = subprocess.run(
        [sys.executable, "-m", "docindex", *arguments], cwd=ROOT, capture_output=True, check=True
    )
    assert printed.stdout.decode("utf-8") == example["output"]


def test_what_the_readme_says_to_run_is_what_is_run_before_a_change_is_taken() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("make test", "make lint"):
        assert re.search(rf"^{command}\b", README, re.MULTILINE)
        assert re.search(rf"^(\w+=\w+ )?{command}$", run, re.MULTILINE)


@pytest.mark.parametrize("name", settings.NAMES)
def test_every_setting_is_in_the_guide(name: str) -> None:
    text = page("reference/settings.md")
    row = re.search(rf"^\| \[`{name}`\]\(#{name}\) \|.*$", text, re.MULTILINE)

    assert under(name, text).strip()
    assert row is not None
    assert f"`{settings.variable(name)}`" in row[0]
    if not name.endswith("_dir"):  # these differ from system to system
        assert f"| {settings.default(name)} |" in row[0]
    low_high = re.search(r"[0-9,]+ to [0-9,]+$", settings.allowed(name))
    assert low_high is None or low_high[0] in row[0]


def test_the_guide_has_no_setting_that_is_gone() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]", page("reference/settings.md"), re.MULTILINE)
    assert sorted(rows) == sorted(settings.NAMES)


@pytest.mark.parametrize(("name", "command"), [*commands(docindex)], ids=str)
def test_every_command_and_flag_is_in_the_guide(name: str, command: click.Command) -> None:
    text = page("reference/command-line.md")
    section = under(name, text)
    flags = [flag for option in command.params for flag in option.opts if flag.startswith("--")]
    known = {settings.flag(setting) for setting in settings.NAMES}

    assert name in README
    assert name in section
    for flag in flags:
        where = page("reference/settings.md") if flag in known else section + text
        assert flag.removeprefix("--").replace("-", "_") in where or flag in where


def test_every_error_code_is_in_the_guide() -> None:
    text = page("reference/error-codes.md")
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.DocindexError) and not error.__subclasses__():
            assert f"`{error.code}`" in text or f"## {error.code}" in text, error


@pytest.mark.parametrize("source", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(source: Path) -> None:
    document = parse(source.read_bytes(), source.name)
    for link in document.links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = source.parent / path if path else source
        assert target.exists(), f"{link} in {source}"
        if anchor:
            linked = parse(target.read_bytes(), target.name)
            assert anchor in {section.anchor for section in linked.sections}, f"{link} in {source}"


def test_every_page_of_the_guide_can_be_reached_from_its_first_page() -> None:
    reached: set[Path] = set()
    ahead = [GUIDE / "index.md"]
    while ahead:
        current = ahead.pop()
        if current in reached or not current.is_file():
            continue
        reached.add(current)
        if current.suffix == ".md":
            links = parse(current.read_bytes(), current.name).links
            ahead += [
                (current.parent / unquote(link.partition("#")[0])).resolve() for link in links
            ]
    assert {path for path in GUIDE.rglob("*") if path.is_file()} <= reached


def test_the_whole_of_two_users_with_private_folders_is_settings_that_hold(tmp_path: Path) -> None:
    text = under("The whole of it: two users with private folders", page("access.md"))
    blocks = dict(re.findall(r"```(toml|text)\n(.*?)```", text, re.DOTALL))
    (tmp_path / "config.toml").write_text(blocks["toml"], encoding="utf-8")
    (tmp_path / "tokens.txt").write_text(blocks["text"], encoding="utf-8")
    folder = tmp_path / "notes"
    folder.mkdir()
    places = {f"DOCINDEX_{kind}_DIR": str(tmp_path / kind) for kind in ("CACHE", "STATE")}
    environ = places | {"DOCINDEX_CONFIG": str(tmp_path / "config.toml")}
    plan = make_plan([str(folder)], {}, environ)
    assert plan.settings.http
    check(plan.settings)
    settings.check_callers(plan.settings)
    check_rules(plan)
    lines = lines_of(plan.settings)
    StaticTokens(lines)
    assert [line.split()[0] for line in lines] == ["ana", "ben"]
    rules = Rules(plan.settings.access)
    for user, other in (("ana", "ben"), ("ben", "ana")):
        reach = rules.reach(Caller(user))
        assert reach.may_read("topic.md")
        assert reach.may_write(f"users/{user}/topic.md")
        assert not reach.may_read(f"users/{other}/topic.md")
