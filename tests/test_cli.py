"""The `docindex` command, from its arguments to its output and exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import unicodedata
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex import __version__
from docindex.indexer.library import Library
from docindex.indexer.models import Edit, FolderSpec, Progress
from docindex.server import options, settings
from docindex.server.cli import docindex, run
from docindex.server.http_settings import SECRETS
from docindex.server.sources import load
from docindex.server.terminal import Talk, as_json, harmless

COMMAND = [sys.executable, "-m", "docindex"]
FOUND_WITHIN_SECONDS = 20.0


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Outcome]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: str | Path) -> Outcome:
        status = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return call


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    write(folder / "tea.md", "# Tea\n\n## Brewing\n\nPour the water on the leaves.\n")
    write(folder / "coffee.md", "---\ntags: [hot]\n---\n# Coffee\n\nGrind the beans.\n")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def commands() -> dict[str, click.Command]:
    config = docindex.commands["config"]
    assert isinstance(config, click.Group)
    return {**docindex.commands, "config show": config.commands["show"]}


class TestSearch:
    def test_a_hit_is_a_place_a_heading_and_the_text(self, call: Call, docs: Path) -> None:
        found = call("search", "water on the leaves", docs)

        assert found.status == 0
        assert re.match(
            r"tea\.md:\d+-5  Tea > Brewing\n    Pour the water on the leaves\.\n", found.out
        )

    def test_nothing_found_is_status_1(self, call: Call, docs: Path) -> None:
        found = call("search", "+zeppelin", docs)
        assert (found.status, found.out) == (1, "")
        assert "nothing was found" in found.err

    def test_json_has_the_fields_of_the_models(self, call: Call, docs: Path) -> None:
        found = call("search", "leaves", docs, "--json")

        assert found.json["query"] == "leaves"
        assert found.json["index"]["state"] == "ready"
        hit = found.json["hits"][0]
        assert (hit["name"], hit["trail"], hit["anchor"]) == (
            "tea.md",
            ["Tea", "Brewing"],
            "brewing",
        )

    def test_a_search_can_be_explained(self, call: Call, docs: Path) -> None:
        shown = call("search", "leaves of tea", docs, "--explain").out
        told = call("search", "leaves of tea", docs, "--explain", "--json").json["hits"][0]

        why = told["explanation"]
        assert {reason["word"] for reason in why["reasons"]} == {"leaves", "tea"}
        pieces = [sum(reason["fields"].values()) for reason in why["reasons"]]
        documents = [reason["document"] for reason in why["reasons"]]
        whole = sum(pieces) + sum(documents) + why["cover"] + why["close"]
        assert whole * why["share"] == pytest.approx(told["score"], rel=1e-5)
        assert f"score {told['score']:.2f}" in shown
        assert "for the share of the words that are there" in shown

    def test_a_search_explains_nothing_unasked(self, call: Call, docs: Path) -> None:
        assert "score" not in call("search", "leaves", docs).out
        assert "explanation" not in call("search", "leaves", docs, "--json").json["hits"][0]

    def test_json_is_there_when_nothing_is_found(self, call: Call, docs: Path) -> None:
        found = call("search", "+zeppelin", docs, "--json")
        assert found.status == 1
        assert found.json["hits"] == []

    @pytest.mark.parametrize(
        ("flags", "names"),
        [
            (["--tag", "hot"], {"coffee.md"}),
            (["--path", "t*.md"], {"tea.md"}),
            (["--tag", "hot", "--tag", "cold"], set[str]()),
            (["-n", "1"], {"tea.md"}),
        ],
    )
    def test_a_search_can_be_narrowed(
        self, flags: list[str], names: set[str], call: Call, docs: Path
    ) -> None:
        found = call("search", "water leaves beans", docs, "--json", *flags)
        assert {hit["name"] for hit in found.json["hits"]} == names

    def test_a_folder_may_have_a_label(self, call: Call, docs: Path) -> None:
        found = call("search", "beans", f"drinks={docs}")
        assert found.out.startswith("drinks/coffee.md:")

    def test_a_new_file_is_found_without_an_indexer(self, call: Call, docs: Path) -> None:
        call("search", "leaves", docs)
        write(docs / "sub" / "juice.md", "# Juice\n\nPress the oranges.\n")
        assert call("search", "oranges", docs).out.startswith("sub/juice.md:")

    @pytest.mark.parametrize("flags", [[], ["--json"]])
    def test_text_of_a_document_cannot_reach_the_terminal_raw(
        self, flags: list[str], call: Call, docs: Path
    ) -> None:
        write(docs / "evil.md", "# Ti\x1b]0;tle\n\nmarzipan \x1b[2J\x9b31m \u202e \x07 \x08 end\n")
        out = call("search", "marzipan", docs, *flags).out

        assert "marzipan" in out
        assert not [char for char in out if char != "\n" and not is_harmless(char)]

    def test_text_is_utf_8_whatever_the_locale(self, docs: Path) -> None:
        write(docs / "ja.md", "# 霧笛\n\nfoghorn 霧の日は鳴らす。\n")
        environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        found = subprocess.run(
            [*COMMAND, "search", "foghorn", str(docs)], capture_output=True, env=environ, check=True
        )
        assert "霧笛" in found.stdout.decode("utf-8")

    @pytest.mark.parametrize("query", ["", "   ", "x" * 10_000])
    def test_a_query_that_cannot_be_searched_is_status_2(
        self, query: str, call: Call, docs: Path
    ) -> None:
        found = call("search", query, docs)
        assert (found.status, found.out) == (2, "")
        assert is_one_line(found.err, "docindex: ")

    def test_the_documents_stay_as_they_are(self, call: Call, docs: Path) -> None:
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in docs.rglob("*")}
        call("search", "leaves", docs)
        call("reindex", docs, "--full")
        call("doctor", docs)
        assert before == {
            path: (path.read_bytes(), path.stat().st_mtime_ns) for path in docs.rglob("*")
        }


class TestWhere:
    @pytest.mark.parametrize("command", ["search leaves", "reindex", "status", "doctor"])
    def test_a_command_without_folder_says_which_it_takes(
        self, command: str, call: Call, docs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(docs)
        assert f"{docs} (the current folder)" in call(*command.split()).err
        assert str(docs) not in call(*command.split(), "-q").err
        assert "(the current folder)" not in call(*command.split(), str(docs)).err

    def test_the_folders_setting_comes_before_the_current_folder(
        self, call: Call, docs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCINDEX_FOLDERS", str(docs))
        found = call("search", "leaves")
        assert found.out.startswith("tea.md:")
        assert f"{docs} (folders in DOCINDEX_FOLDERS)" in found.err

    @pytest.mark.parametrize("command", ["search x", "reindex", "status", "watch", "serve"])
    def test_a_folder_that_is_not_there_is_status_1(
        self, command: str, call: Call, docs: Path
    ) -> None:
        found = call(*command.split(), docs / "missing")
        assert (found.status, found.out) == (1, "")
        assert is_one_line(found.err, "docindex: there is no folder ")


class TestReindex:
    def test_it_tells_what_was_done(self, call: Call, docs: Path) -> None:
        first = call("reindex", docs)
        again = call("reindex", docs)
        write(docs / "tea.md", "# Tea\n\nNo more.\n")
        (docs / "coffee.md").unlink()
        changed = call("reindex", docs)
        full = call("reindex", docs, "--full")

        assert "2 indexed, 0 removed" in first.out
        assert "0 indexed, 0 removed" in again.out
        assert "1 indexed, 1 removed" in changed.out
        assert "1 indexed, 0 removed" in full.out

    def test_json_is_the_report(self, call: Call, docs: Path) -> None:
        found = call("reindex", docs, "--json", "-q")
        assert found.err == ""
        assert (found.json["documents"], found.json["indexed"]) == (2, 2)

    def test_ctrl_c_ends_it_in_good_order(
        self, call: Call, docs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @contextmanager
        def press_ctrl_c(self: Talk, doing: str) -> Generator[Callable[[Progress], None]]:
            signal.raise_signal(signal.SIGINT)
            yield lambda _: None

        # A shell that runs us in the background may have set it to be ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with monkeypatch.context() as patch:
            patch.setattr(Talk, "progress", press_ctrl_c)
            stopped = call("reindex", docs)

        assert (stopped.status, stopped.out) == (1, "")
        assert is_one_line(stopped.err, "docindex: ")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert call("reindex", docs, "--json", "-q").json["documents"] == 2


class TestProgress:
    STEPS = tuple(Progress(done, 50, f"\x1b[2J{done}.md") for done in range(51))

    def test_in_a_pipe_it_is_a_plain_line_for_each_tenth(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Talk(quiet=False).progress("Indexing") as report:
            for step in self.STEPS:
                report(step)
        out, err = capsys.readouterr()

        assert out == ""
        assert err.splitlines() == [
            f"Indexing: {done} of 50 \\x1b[2J{done}.md" for done in range(0, 51, 5)
        ]

    def test_without_anything_to_report_it_is_nothing(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Talk(quiet=False).progress("Indexing"):
            pass
        assert capsys.readouterr().err == ""

    def test_a_folder_without_documents_has_progress_too(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Talk(quiet=False).progress("Indexing") as report:
            report(Progress(0, 0, ""))
        assert capsys.readouterr().err == "Indexing: 0 of 0\n"

    def test_when_quiet_it_is_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Talk(quiet=True).progress("Indexing") as report:
            report(self.STEPS[0])
        assert capsys.readouterr().err == ""

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
    def test_on_a_terminal_it_is_a_bar(self) -> None:
        script = """if True:
            from docindex.indexer.models import Progress
            from docindex.server.terminal import Talk
            with Talk(quiet=False).progress("Indexing") as report:
                report(Progress(25, 50, "half\x1b[2J.md"))
        """
        status, shown = on_a_terminal([sys.executable, "-c", script])

        assert status == 0
        assert "━" in shown
        assert "25/50" in shown
        assert "half\\x1b[2J.md" in shown


class TestStatus:
    def test_it_tells_how_fresh_the_index_is(self, call: Call, docs: Path) -> None:
        before = call("status", docs)
        call("reindex", docs, "-q")
        after = call("status", docs)

        assert "index      not there yet" in before.out
        assert after.status == 0
        assert "state      ready" in after.out
        assert "documents  2 with 3 sections" in after.out
        assert "indexer    none" in after.out

    def test_skipped_files_are_listed_with_the_reason(self, call: Call, docs: Path) -> None:
        (docs / "link.md").symlink_to(docs / "tea.md")
        call("reindex", docs, "-q")
        assert re.search(r"skipped +1\n    link\.md: .*link", call("status", docs).out)

    def test_json_is_the_status(self, call: Call, docs: Path) -> None:
        call("reindex", docs, "-q")
        found = call("status", docs, "--json")
        assert found.json["index"]["documents"] == 2
        assert [folder["label"] for folder in found.json["folders"]] == [""]


class TestHistory:
    def test_it_lists_what_can_be_restored(self, call: Call, docs: Path) -> None:
        version = edited(docs, "tea.md", "# Tea\n\nNo more.\n")
        found = call("history", "tea.md", "--in", docs)
        assert (found.status, found.err) == (0, "")
        assert re.fullmatch(rf"{version}  \S+ \S+ +49 bytes  updated\n", found.out)
        (kept,) = call("history", "tea.md", "--in", docs, "--json").json["versions"]
        assert (kept["version"], kept["why"]) == (version, "updated")

    def test_without_a_name_it_lists_every_document_that_was_written(
        self, call: Call, docs: Path
    ) -> None:
        assert call("history", "--in", docs).status == 1
        edited(docs, "tea.md", "# Tea\n")
        edited(docs, "new.md", "# New\n")
        found = call("history", "--in", f"drinks={docs}")
        assert [line.split()[-1] for line in found.out.splitlines()] == [
            "drinks/new.md",
            "drinks/tea.md",
        ]
        assert len(call("history", "--in", docs, "--json").json) == 2

    def test_of_a_document_without_a_history_it_says_so(self, call: Call, docs: Path) -> None:
        found = call("history", "tea.md", "--in", docs)
        assert (found.status, found.out) == (1, "")
        assert "no other version is kept" in found.err
        assert call("history", "no.md", "--in", docs).status == 1

    def test_of_a_document_that_was_moved_it_says_where_it_is(self, call: Call, docs: Path) -> None:
        library_of(docs).move("tea.md", "drinks/tea.md")
        found = call("history", "all/tea.md", "--in", f"all={docs}")
        assert found.status == 0
        assert "all/tea.md was moved to all/drinks/tea.md" in found.err

    def test_a_folder_that_was_renamed_adopts_its_history(self, call: Call, docs: Path) -> None:
        edited(docs, "tea.md", "# Tea\n")
        docs.rename(docs.with_name("drinks"))
        said = call("history", "--adopt", docs, docs.with_name("drinks"))
        assert (said.status, said.out) == (0, "")
        assert "has the history of 1 documents" in said.err
        assert call("history", "tea.md", "--in", docs.with_name("drinks")).status == 0
        assert call("history", "tea.md", "--adopt", "a", "b").status == 2


class TestRestore:
    def test_without_a_version_it_takes_back_the_last_write(self, call: Call, docs: Path) -> None:
        before = (docs / "tea.md").read_text()
        edited(docs, "tea.md", "# Tea\n\nNo more.\n")
        tried = call("restore", "tea.md", "--in", docs, "--dry-run")
        assert "-No more." in tried.out
        assert (docs / "tea.md").read_text() != before
        done = call("restore", "tea.md", "--in", docs, "--json")
        assert done.json["status"] == "restored"
        assert (docs / "tea.md").read_text() == before
        (line,) = audited(tool="docindex restore")
        assert line["name"] == "tea.md"

    def test_a_version_can_be_named(self, call: Call, docs: Path) -> None:
        before = (docs / "tea.md").read_text()
        version = edited(docs, "tea.md", "one\n")
        edited(docs, "tea.md", "two\n")
        said = call("restore", "tea.md", version, "--in", docs)
        assert (said.status, said.out, said.err) == (
            0,
            "",
            f"tea.md: restored, version {version}\n",
        )
        assert (docs / "tea.md").read_text() == before
        assert call("restore", "tea.md", "0" * 16, "--in", docs).status == 1
        assert call("restore", "coffee.md", "--in", docs).status == 1

    def test_an_afternoon_is_shown_and_then_taken_back(self, call: Call, docs: Path) -> None:
        before = {path.name: path.read_text() for path in docs.iterdir()}
        edited(docs, "tea.md", "# Tea\n")
        edited(docs, "new.md", "# New\n")
        write(docs / "tea.md", "# Tea, by hand\n")
        since = ("--since", "1h", "--in", docs)
        tried = call("restore", *since, "--dry-run")
        assert tried.status == 0
        assert tried.out.splitlines() == [
            "delete       new.md",
            "change back  tea.md  (changed by another program since)",
        ]
        refused = call("restore", *since)
        assert refused.status == 2
        assert "--yes" in refused.err
        done = call("restore", *since, "--yes", "--json")
        assert [step["name"] for step in done.json["steps"]] == ["new.md", "tea.md"]
        assert {path.name: path.read_text() for path in docs.iterdir()} == before
        assert len(audited(tool="docindex restore --since")) == 2
        again = call("restore", *since, "--yes")
        assert (again.status, again.out) == (1, "")
        assert "nothing was written since" in again.err

    def test_what_cannot_be_put_back_is_told_and_the_rest_is(self, call: Call, docs: Path) -> None:
        edited(docs, "tea.md", "# Tea\n")
        edited(docs, "new.md", "# New\n")
        edited(docs, "hidden.md", "# New\n")
        write(docs / ".gitignore", "hidden.md\n")
        done = call("restore", "--since", "1h", "--in", docs, "--yes", "--writable-paths", "new.md")
        assert done.status == 1
        assert "hidden.md stays as it is" in done.err
        assert "tea.md: tea.md is not where documents may be written" in done.err
        assert not (docs / "new.md").exists()

    @pytest.mark.parametrize("since", ["yesterday", "", "25:00", "5y", "9" * 30])
    def test_a_time_that_is_none_is_refused(self, since: str, call: Call, docs: Path) -> None:
        found = call("restore", "--since", since, "--in", docs)
        assert (found.status, found.out) == (2, "")
        assert is_one_line(found.err, "docindex: --since must be a time such as ")

    @pytest.mark.parametrize(
        "since", ["2020-01-01", "2020-01-01T10:00+02:00", "00:00", "90m", "2d"]
    )
    def test_times_are_written_as_people_do(self, since: str, call: Call, docs: Path) -> None:
        assert call("restore", "--since", since, "--in", docs, "--dry-run").status == 1

    def test_a_name_or_a_time_is_needed_and_not_both(self, call: Call, docs: Path) -> None:
        assert call("restore", "--in", docs).status == 2
        assert call("restore", "tea.md", "--since", "1h", "--in", docs).status == 2


def library_of(docs: Path) -> Library:
    cache, state = (Path(os.environ[f"DOCINDEX_{place}_DIR"]) for place in ("CACHE", "STATE"))
    return Library([FolderSpec(str(docs))], cache=cache, state=state)


def edited(docs: Path, name: str, text: str) -> str:
    """Writes a document through docindex, and returns the version it had."""
    library = library_of(docs)
    version = library.read(name).version if (docs / name).exists() else ""
    library.update(Edit(name, text, if_version=version))
    return version


def audited(tool: str) -> list[dict[str, str]]:
    log = Path(os.environ["DOCINDEX_STATE_DIR"]) / "audit" / "writes.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["tool"] == tool]


class TestWatch:
    def test_it_keeps_the_index_up_to_date_until_ctrl_c(self, call: Call, docs: Path) -> None:
        with watching(docs) as process:
            write(docs / "juice.md", "# Juice\n\nPress the oranges.\n")
            wait_until(lambda: call("search", "oranges", docs).status == 0)
            assert "indexer    running" in call("status", docs).out
            second = call("watch", docs)
            assert second.status == 1
            assert "another process" in second.err
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=FOUND_WITHIN_SECONDS) == 0
        assert "indexer    none" in call("status", docs).out


class TestServe:
    def test_python_files_among_the_documents_are_never_run(
        self, docs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client starts the server in the folder of a project, which may come from
        anybody; so neither it nor the processes it starts may import from there."""
        for name in ("json.py", "filelock.py", "docindex.py", "watchfiles.py"):
            write(docs / name, "open('ran', 'w').close()")
        monkeypatch.setenv("DOCINDEX_LINGER_SECONDS", "0")
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        command = [sys.executable, "-P", "-m", "docindex"]  # as the installed command does
        with subprocess.Popen(
            [*command, "serve", "."], cwd=docs, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as server:
            assert server.stdin is not None
            server.stdin.write(json.dumps(hello).encode() + b"\n")
            server.stdin.flush()
            try:
                wait_until(lambda: (docs / "ran").exists() or indexed_by_an_indexer())
            finally:
                server.stdin.close()
        assert not (docs / "ran").exists()


class TestConfig:
    def test_it_shows_each_setting_its_value_and_its_source(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "config.toml"
        write(file, "debounce_ms = 77\nfolders = ['a=docs']")
        monkeypatch.setenv("DOCINDEX_CONFIG", str(file))
        monkeypatch.setenv("DOCINDEX_READ_ONLY", "yes")
        shown = call("config", "show")
        structured = call("config", "show", "--json").json

        assert re.search(
            rf"^debounce_ms = 77 +# the settings file {file}$", shown.out, re.MULTILINE
        )
        assert re.search(r"^read_only = true +# DOCINDEX_READ_ONLY$", shown.out, re.MULTILINE)
        assert re.search(r"^log_level = \"info\" +# default$", shown.out, re.MULTILINE)
        assert structured["file"] == str(file)
        assert set(structured["settings"]) == set(settings.NAMES)
        assert structured["settings"]["folders"]["value"] == [f"a={tmp_path / 'docs'}"]

    def test_what_it_shows_is_a_settings_file(
        self, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("DOCINDEX_FOLDERS", f'a={tmp_path}/"quoted"\\')
        shown = call("config", "show").out
        write(tmp_path / "config.toml", shown)
        loaded = load({}, {"DOCINDEX_CONFIG": str(tmp_path / "config.toml")})

        assert set(tomllib.loads(shown)) == set(settings.NAMES)
        assert loaded.settings == load({}, os.environ).settings

    def test_a_wrong_setting_is_status_2_and_one_line(
        self, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCINDEX_READ_ONLY", "perhaps")
        for command in (["config", "show"], ["serve"], ["status"]):
            found = call(*command)
            assert (found.status, found.out) == (2, "")
            assert is_one_line(found.err, "docindex: read_only is 'perhaps'")


class TestCommand:
    @pytest.mark.parametrize("name", commands())
    def test_every_command_explains_itself(self, name: str, call: Call) -> None:
        found = call(*name.split(), "--help")
        assert (found.status, found.err) == (0, "")
        assert found.out.startswith(f"Usage: docindex {name} ")

    def test_every_setting_but_the_folders_and_secrets_is_a_flag_of_some_command(self) -> None:
        flags = {option.name for command in commands().values() for option in command.params}
        assert flags & {*settings.NAMES} - {"folders"} == {*settings.NAMES} - {"folders", *SECRETS}

    def test_the_version(self, call: Call) -> None:
        assert call("--version").out == f"docindex {__version__}\n"

    @pytest.mark.parametrize(
        "arguments",
        [
            "frobnicate",
            "search",
            "search a b c",
            "search a -n 0",
            "search a -n many",
            "status --zzz",
            "serve --port 8933",
            "serve --no-http --tokens-file tokens",
        ],
    )
    def test_a_wrong_call_is_status_2_and_one_line(self, arguments: str, call: Call) -> None:
        found = call(*arguments.split())
        assert (found.status, found.out) == (2, "")
        assert is_one_line(found.err, "docindex: ")
        assert "--help)" in found.err

    def test_a_question_that_looks_like_an_option_is_told_how_to_be_asked(self, call: Call) -> None:
        found = call("search", "--print-warnings")
        assert found.status == 2
        assert found.err.endswith("put -- before it: docindex search -- --print-warnings)\n")

    def test_private_rules_that_labels_would_undo_start_no_server(self, docs: Path) -> None:
        rules = '[{"path": "**", "read": ["*"]}, {"path": "users/{user}", "read": ["{user}"]}]'
        serve = ("serve", "--http", f"team={docs}", "--access", rules, "--tokens-file", "tokens")
        found = subprocess.run([*COMMAND, *serve], capture_output=True, text=True, check=False)
        assert found.returncode == 2
        assert 'write "team/users/{user}"' in found.stderr.splitlines()[-1]

    def test_a_bug_is_one_line_without_a_traceback(
        self, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("a \x1b[31mbug")

        monkeypatch.setattr(options, "make_plan", fail)
        found = call("status")
        assert found.status == 1
        assert is_one_line(found.err, r"docindex: internal error (RuntimeError: a \x1b[31mbug)")

    @pytest.mark.skipif(sys.platform != "linux", reason="there is no /dev/full")
    def test_a_full_disk_is_said_in_one_line(self) -> None:
        with Path("/dev/full").open("wb") as full:
            found = subprocess.run(
                [*COMMAND, "config", "show"], stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert found.returncode == 1
        assert is_one_line(found.stderr.decode(), "docindex: No space left on device")

    @pytest.mark.parametrize("command", ["search tea --json", "config show", "doctor"])
    def test_a_reader_that_has_seen_enough_is_no_error(self, command: str, docs: Path) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as nobody:
            found = subprocess.run(
                [*COMMAND, *command.split()],
                stdout=nobody,
                stderr=subprocess.PIPE,
                cwd=docs,
                check=False,
            )
        assert found.returncode == 0
        assert b"docindex: " not in found.stderr
        assert b"Traceback" not in found.stderr


@given(st.text())
def test_harmless_text_is_one_line_without_control(text: str) -> None:
    shown = harmless(text)
    assert all(map(is_harmless, shown))
    assert shown.isprintable() or not text.isprintable()


@given(st.recursive(st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_for_a_terminal_is_still_the_same_json(value: object) -> None:
    text = as_json(value)
    assert json.loads(text) == value
    assert all(is_harmless(char) for char in text if char != "\n")


def is_harmless(char: str) -> bool:
    """By Unicode's own properties: no control (but the tab), no half of a pair, and
    nothing that turns the direction of text or ends a line."""
    if char == "\t":
        return True
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return (
        unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        and unicodedata.bidirectional(char) not in turning
        and char not in "\u200e\u200f\u061c"
    )


def is_one_line(text: str, start: str) -> bool:
    return text.startswith(start) and text.endswith("\n") and text.count("\n") == 1


@contextmanager
def watching(folder: Path) -> Generator[subprocess.Popen[str]]:
    """`docindex watch` in a process of its own, once it says that it watches."""
    with subprocess.Popen(
        [*COMMAND, "watch", str(folder)], stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stderr is not None
            assert any("watching" in line for line in process.stderr)
            yield process
        finally:
            process.kill()


def indexed_by_an_indexer() -> bool:
    said = [*Path(os.environ["DOCINDEX_CACHE_DIR"]).glob("*/*/status.json")]
    return any(json.loads(path.read_bytes())["state"] == "ready" for path in said)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + FOUND_WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < end, "it did not come in time"


def on_a_terminal(command: list[str]) -> tuple[int, str]:
    """The exit status of a program, and what its terminal was given."""
    import pty

    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # how Linux says that the other side is gone
                piece = b""
            if not piece:
                break
            shown += piece
    os.close(ours)
    return process.returncode, shown.decode("utf-8")
