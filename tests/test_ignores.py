"""What ignore files leave out: as Git does, and without trusting them."""

import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from docindex.indexer.errors import NotADocument
from docindex.indexer.files import Folder
from docindex.indexer.ignores import MAX_BYTES, MAX_RULES
from docindex.indexer.models import Options

TREES = int(os.environ.get("DOCINDEX_TEST_ROUNDS", "60"))
"""Random sets of rules to compare with Git: few in CI, thousands for a long run."""

# fmt: off
ATOMS = (
    "a", "b", "ab", "c.md", "a.md", "x.txt", "s\\ p.md", "s p.md", "#x", "!y", "\\!y.md", "\\#x",
    "\\a", "\\*", "?", "[ab]", "[!a]", "[^b]*", "[a-z]", "*", "*.md", "*.txt", "a*", "*b", "a*b*",
    "*a*b.md", "**b", "*a*a*b*.md",
)
# fmt: on


def _lay_out(root: Path, files: Mapping[str, str]) -> Folder:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Folder(root, Options())


def _found(folder: Folder) -> set[str]:
    """The documents of a scan, which single looks and reads must agree with."""
    scan = folder.scan()
    for name, stamp in scan.files.items():
        assert folder.look(name) == stamp
    return set(scan.files)


def test_an_ignored_file_is_no_document_and_counts_one(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {".gitignore": "draft*.md\n", "draft-1.md": "", "a.md": ""})
    assert _found(folder) == {"a.md"}
    assert folder.scan().ignored == 1
    assert folder.look("draft-1.md") is None
    with pytest.raises(NotADocument, match="ignore rule"):
        folder.read("draft-1.md")


def test_an_ignored_folder_is_not_entered_and_counts_one(tmp_path: Path) -> None:
    folder = _lay_out(
        tmp_path,
        {
            ".gitignore": "build/\n!build/keep.md\n",
            "build/keep.md": "",
            "build/.gitignore": "!*",
            "build/deep/x.md": "",
            "src/build/y.md": "",
            "a.md": "",
        },
    )
    assert _found(folder) == {"a.md"}
    assert folder.scan().ignored == 2
    assert folder.look("build/keep.md") is None
    assert not folder.scan_below("build").files
    assert not folder.scan_below("build/deep").files
    with pytest.raises(NotADocument, match="ignore rule"):
        folder.write("build/new/x.md", b"", expect="")
    assert not (tmp_path / "build/new").exists()


def test_what_would_be_ignored_is_not_created(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {".gitignore": "tmp/\n/a/b/\n*.txt\n"})
    for name in ("x.txt", "tmp/x.md", "new/tmp/x.md", "a/b/x.md", "new/x.txt"):
        with pytest.raises(NotADocument, match="ignore rule"):
            folder.write(name, b"x", expect="")
    assert os.listdir(tmp_path) == [".gitignore"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({".gitignore": "*.md", ".ignore": "!/a.md"}, {"a.md"}),
        ({".docindexignore": "!/b.md", ".ignore": "*.md", ".gitignore": ""}, {"b.md"}),
        ({".docindexignore": "*.md", ".ignore": "!*.md"}, set[str]()),
        ({".gitignore": "*.md", "sub/.gitignore": "!a.md"}, {"sub/a.md"}),
        ({".docindexignore": "*.md", "sub/.gitignore": "!a.md"}, {"sub/a.md"}),
        ({".gitignore": "\ufeffa.md\r\n"}, {"b.md", "sub/b.md"}),
        ({".gitignore": "/a.md\nsub/b.md"}, {"b.md", "sub/a.md"}),
        ({".gitignore": "[z-a].md\n\\\n!\n/\nb.md"}, {"a.md", "sub/a.md"}),
    ],
)
def test_the_deeper_and_the_later_rule_wins(
    tmp_path: Path, files: dict[str, str], found: set[str]
) -> None:
    documents = dict.fromkeys(("a.md", "b.md", "sub/a.md", "sub/b.md"), "")
    assert _found(_lay_out(tmp_path, {**documents, **files})) == found


def test_a_rule_in_another_unicode_form_holds_too(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {".gitignore": "cafe\u0301.md", "caf\u00e9.md": "", "a.md": ""})
    assert _found(folder) == {"a.md"}


def test_an_ignore_file_above_the_root_does_not_count(tmp_path: Path) -> None:
    _lay_out(tmp_path, {".gitignore": "*.md", "root/a.md": ""})
    assert _found(Folder(tmp_path / "root", Options())) == {"a.md"}


def test_a_setting_turns_ignore_files_off(tmp_path: Path) -> None:
    _lay_out(tmp_path, {".gitignore": "*.md", "a.md": ""})
    folder = Folder(tmp_path, Options(honour_ignore_files=False))
    assert _found(folder) == {"a.md"}
    assert folder.read("a.md").data == b""


def test_changed_rules_hold_from_the_next_call_on(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {".gitignore": "a.md", "a.md": "", "b.md": ""})
    assert _found(folder) == {"b.md"}
    (tmp_path / ".gitignore").write_text("b.md", encoding="utf-8")
    assert _found(folder) == {"a.md"}


def test_a_linked_ignore_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("*.md", encoding="utf-8")
    folder = _lay_out(tmp_path / "root", {"a.md": ""})
    (tmp_path / "root/.gitignore").symlink_to(tmp_path / "rules")
    assert _found(folder) == {"a.md"}
    assert "symbolic link" in folder.scan().skipped[".gitignore"]


def test_an_ignore_file_that_is_a_folder_or_a_fifo_changes_nothing(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {"a.md": "", ".gitignore/a.md": "*"})
    os.mkfifo(tmp_path / ".ignore")
    assert _found(folder) == {"a.md"}
    assert "not a regular file" in folder.scan().skipped[".ignore"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("b.md\n" + "#" * MAX_BYTES, "larger than"),
        ("a.md\n" + "x" * 600, "line 2: "),
        ("a.md\n" + "**/a/" * 3 + "b", "line 2: "),
        ("a.md\n[[:alpha:]].md\n[a--z].md", "line 2 and 1 more: "),
        ("a.md\n" + "x.md\n" * (MAX_RULES + 1), f"line {MAX_RULES + 1} and 1 more: "),
    ],
)
def test_an_absurd_ignore_file_is_listed_and_no_crash(tmp_path: Path, text: str, why: str) -> None:
    folder = _lay_out(tmp_path, {"sub/.gitignore": text, "sub/a.md": "", "sub/b.md": ""})
    assert why in folder.scan().skipped["sub/.gitignore"]
    assert "sub/b.md" in _found(folder)
    assert ("sub/a.md" in _found(folder)) == (why == "larger than")


def test_bytes_that_are_no_text_are_no_crash(tmp_path: Path) -> None:
    folder = _lay_out(tmp_path, {"a.md": "", "b.md": ""})
    (tmp_path / ".gitignore").write_bytes(b"\0\xff\xfe[\n\\\xff\na.md\n\x1b]0;x\x07")
    assert _found(folder) == {"b.md"}


def test_no_rule_takes_long(tmp_path: Path) -> None:
    """A backtracking matcher would take longer than the age of the universe."""
    rules = ["*a" * 60 + "b", "?*" * 60 + "b", "**/*a*a*a*a/**/*a*a*a*b", "x" * 200 + "*" * 200]
    deep = "/".join(["a" * 200] * 3)
    folder = _lay_out(
        tmp_path,
        {".gitignore": "\n".join(rules), **{f"{deep}/{'a' * 240}{n}.md": "" for n in range(50)}},
    )
    assert len(_found(folder)) == 50


@pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")
def test_random_rules_leave_out_what_git_leaves_out(tmp_path: Path) -> None:
    """Git, asked for the files that it does not ignore, is the oracle."""
    folders = [""]
    for one in ("a", "b", "ab", "#x", "c.md"):
        folders.append(f"{one}/")
        folders += [f"{one}/{two}/{three}" for two in ("a", "b") for three in ("", "b/")]
    files = ("a.md", "b.md", "ab.md", "aab.md", "#x.md", "!y.md", "s p.md", "x.txt", "z")
    folder = _lay_out(tmp_path, {above + file: "" for above in folders for file in files})
    environment = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", tmp_path], check=True, env=environment)
    command = ["git", "-C", str(tmp_path), "ls-files", "-oz", "--exclude-per-directory=.gitignore"]
    source = random.Random(TREES)
    for _ in range(TREES):
        rules = {above: _rules(source) for above in ("", *source.sample(folders[1:], 2))}
        for above, text in rules.items():
            (tmp_path / above / ".gitignore").write_text(text, encoding="utf-8")
        listed = subprocess.run(command, check=True, env=environment, capture_output=True).stdout
        expected = {name for name in listed.decode().split("\0") if name.endswith(("md", "txt"))}
        assert _found(folder) == expected, rules
        for above in rules:
            (tmp_path / above / ".gitignore").unlink()


def _rules(source: random.Random) -> str:
    lines: list[str] = []
    for _ in range(source.randint(1, 4)):
        parts = [source.choice(ATOMS) for _ in range(source.choice((1, 1, 1, 2, 2, 3)))]
        if source.random() < 0.3:
            parts.insert(source.randint(0, len(parts)), "**")
        line = "/".join(parts)
        line = source.choice(("", "", "", "/", "!", "!", "!/", "#")) + line
        lines.append(line + source.choice(("", "", "", "/", " ", "\\ ")))
    return source.choice(("\n", "\r\n")).join(lines)
