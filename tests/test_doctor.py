"""What `docindex doctor` finds, and which indexes it would remove."""

import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest

from docindex.indexer.doctor import Finding, examine, remove_cache, unused_caches
from docindex.indexer.home import LAYOUT, Home, home_of
from docindex.indexer.locks import Lease, hold
from docindex.indexer.models import FolderSpec, Options
from docindex.server.cli import run

OTHER_LAYOUT = "0-0000000000"

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "tea.md").write_text("# Tea\n", encoding="utf-8")
    return folder


@pytest.fixture
def cache() -> Path:
    return Path(os.environ["DOCINDEX_CACHE_DIR"])


@pytest.fixture
def state() -> Path:
    return Path(os.environ["DOCINDEX_STATE_DIR"])


@pytest.fixture
def home(docs: Path, cache: Path) -> Home:
    """An index of the documents."""
    assert run(["reindex", str(docs), "-q"]) == 0
    return home_of(cache, docs)


def examined(docs: Path, cache: Path, state: Path) -> list[Finding]:
    return [*examine([FolderSpec(str(docs))], cache, state, Options())]


def about(findings: list[Finding], subject: str) -> Finding:
    return next(finding for finding in findings if finding.subject.startswith(subject))


class TestExamine:
    def test_all_is_well(self, docs: Path, cache: Path, state: Path, home: Home) -> None:
        state.mkdir(mode=0o700)
        findings = examined(docs, cache, state)

        assert {finding.level for finding in findings} == {"ok"}
        assert about(findings, f"index of {docs}").detail.startswith("opens, 1 file")
        assert about(findings, f"indexer of {docs}").detail.startswith("is not running")

    def test_an_index_that_is_not_there_yet_is_no_failure(
        self, docs: Path, cache: Path, state: Path
    ) -> None:
        finding = about(examined(docs, cache, state), "index of")
        assert (finding.level, finding.detail) == ("warn", "is not there yet")
        assert "docindex reindex" in finding.advice

    def test_the_log_of_the_indexer_is_named(
        self, docs: Path, cache: Path, state: Path, home: Home
    ) -> None:
        home.log.write_text("it began\n", encoding="utf-8")
        assert str(home.log) in about(examined(docs, cache, state), "indexer of").detail

    def test_an_indexer_that_runs_is_seen(
        self, docs: Path, cache: Path, state: Path, home: Home
    ) -> None:
        lock = hold(home.lock)
        assert lock is not None
        assert "is running" in about(examined(docs, cache, state), "indexer of").detail
        lock.release()

    def test_a_skipped_file_is_named_with_the_reason(
        self, docs: Path, cache: Path, state: Path
    ) -> None:
        (docs / "link.md").symlink_to(docs / "tea.md")
        assert run(["reindex", str(docs), "-q"]) == 0
        finding = about(examined(docs, cache, state), "skipped link.md")
        assert finding.level == "warn"
        assert "link" in finding.detail

    def test_a_damaged_index_is_a_failure(
        self, docs: Path, cache: Path, state: Path, home: Home
    ) -> None:
        for path in home.index.glob("*.*"):
            if path.is_file():
                path.write_bytes(b"\0" * 40)
        assert about(examined(docs, cache, state), "index of").level == "fail"

    def test_a_missing_folder_is_a_failure(self, docs: Path, cache: Path, state: Path) -> None:
        finding = about(examined(docs / "missing", cache, state), "documents")
        assert (finding.level, finding.detail) == (
            "fail",
            "cannot be read: No such file or directory",
        )

    def test_a_file_is_no_folder(self, docs: Path, cache: Path, state: Path) -> None:
        finding = about(examined(docs / "tea.md", cache, state), "documents")
        assert (finding.level, finding.detail) == ("fail", "is not a folder")

    def test_an_empty_folder_is_doubtful(self, tmp_path: Path, cache: Path, state: Path) -> None:
        (tmp_path / "empty").mkdir()
        finding = about(examined(tmp_path / "empty", cache, state), "documents")
        assert (finding.level, finding.detail) == ("warn", "is empty")

    @posix_only
    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
    def test_a_place_that_others_can_write_to_is_a_failure(
        self, mode: int, docs: Path, cache: Path, state: Path
    ) -> None:
        cache.mkdir(parents=True)
        cache.chmod(mode)
        finding = about(examined(docs, cache, state), "cache folder")
        assert finding.level == "fail"
        assert finding.advice == f"chmod 700 {cache}"
        assert stat.S_IMODE(cache.stat().st_mode) == mode

    @pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
    def test_a_place_that_cannot_be_written_to_is_a_failure(self, docs: Path, state: Path) -> None:
        finding = about(examined(docs, Path("/proc/docindex"), state), "cache folder")
        assert finding.level == "fail"
        assert "cannot be written to" in finding.detail

    def test_examining_leaves_the_documents_alone(
        self, docs: Path, cache: Path, state: Path
    ) -> None:
        before = {path: path.stat().st_mtime_ns for path in (docs, *docs.rglob("*"))}
        examined(docs, cache, state)
        assert before == {path: path.stat().st_mtime_ns for path in (docs, *docs.rglob("*"))}


class TestUnusedCaches:
    def test_an_index_of_a_folder_that_is_there_is_used(self, cache: Path, home: Home) -> None:
        assert unused_caches(cache) == []

    def test_an_index_of_a_folder_that_is_gone_is_unused(
        self, docs: Path, cache: Path, home: Home
    ) -> None:
        shutil.rmtree(docs)
        (unused,) = unused_caches(cache)
        assert (unused.path, unused.folder, unused.why) == (
            home.path,
            str(docs),
            "its folder is gone",
        )
        assert unused.size > 0

    def test_an_index_of_a_folder_that_was_replaced_is_unused(
        self, docs: Path, cache: Path, home: Home
    ) -> None:
        docs.rename(docs.with_name("moved"))
        docs.mkdir()
        (unused,) = unused_caches(cache)
        assert "another folder" in unused.why

    def test_an_index_of_another_version_is_unused(self, cache: Path, home: Home) -> None:
        shutil.copytree(home.path, home.path.with_name(OTHER_LAYOUT))
        (unused,) = unused_caches(cache)
        assert unused.path.name == OTHER_LAYOUT
        assert "another version" in unused.why

    def test_an_index_that_somebody_holds_is_used(
        self, docs: Path, cache: Path, home: Home
    ) -> None:
        shutil.rmtree(docs)
        (unused,) = unused_caches(cache)
        lock = hold(home.lock)
        assert lock is not None
        assert unused_caches(cache) == []
        assert not remove_cache(unused)
        lock.release()
        lease = Lease(home.leases)
        assert unused_caches(cache) == []
        assert not remove_cache(unused)
        lease.release()
        assert remove_cache(unused)

    def test_what_is_no_index_is_never_unused(self, tmp_path: Path, cache: Path) -> None:
        for name in ("photos/2024", f"{'a' * 24}/{LAYOUT}", f"{'b' * 24}/notes"):
            (cache / name).mkdir(parents=True)
        meta = cache / ("c" * 24) / LAYOUT
        meta.parent.mkdir()
        meta.symlink_to(tmp_path)
        (tmp_path / "meta.json").write_text('{"path": "/gone"}', encoding="utf-8")
        assert unused_caches(cache) == []

    def test_removing_leaves_the_neighbours_alone(
        self, docs: Path, cache: Path, state: Path, home: Home
    ) -> None:
        history = state / "history" / "tea.md"
        history.parent.mkdir(parents=True)
        history.write_text("# Tea\n", encoding="utf-8")
        other = home.path.with_name(OTHER_LAYOUT)
        shutil.copytree(home.path, other)
        (unused,) = unused_caches(cache)

        assert remove_cache(unused)
        assert not other.exists()
        assert home.meta.exists()
        assert history.exists()

    def test_the_last_one_takes_its_key_along(self, docs: Path, cache: Path, home: Home) -> None:
        shutil.rmtree(docs)
        (unused,) = unused_caches(cache)
        assert remove_cache(unused)
        assert list(cache.iterdir()) == []
        assert not remove_cache(unused)

    def test_a_cache_that_is_not_there_has_none(self, tmp_path: Path) -> None:
        assert unused_caches(tmp_path / "missing") == []


class TestCommand:
    def test_a_failure_is_status_1_with_advice(
        self, docs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["doctor", str(docs / "missing")]) == 1
        out = capsys.readouterr().out
        assert re.search(
            r"^fail  documents .*/missing: cannot be read: .*\n      -> ", out, re.MULTILINE
        )

    def test_clean_removes_what_nobody_uses(
        self, docs: Path, home: Home, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.rmtree(docs)
        assert run(["doctor", "--clean", "--yes", str(docs.parent)]) == 0
        assert str(home.path) in capsys.readouterr().out
        assert not home.path.exists()

    def test_clean_asks_and_so_needs_a_terminal_or_a_yes(
        self, docs: Path, home: Home, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.rmtree(docs)
        assert run(["doctor", "--clean", str(docs.parent)]) == 2
        assert "--yes" in capsys.readouterr().err
        assert home.path.exists()

    def test_clean_with_nothing_to_do_says_so(
        self, docs: Path, home: Home, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["doctor", "--clean", str(docs)]) == 0
        assert "in use" in capsys.readouterr().err
        assert home.path.exists()
