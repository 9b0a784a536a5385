"""Documents that are known from an earlier read."""

import os
import tracemalloc
from pathlib import Path

import pytest

from docindex.indexer import stamps
from docindex.indexer.errors import DocumentNotFound, FolderUnavailable, NotADocument
from docindex.indexer.files import Folder
from docindex.indexer.known_documents import KnownDocument, KnownDocuments
from docindex.indexer.models import Options
from docindex.indexer.root import Visit
from tests.waiting import until

NAME = "guide/setup.md"
TEXT = "---\ntitle: Setting up\n---\n# Setup\n\nText.\n\n## Linux\n\nMore.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "guide").mkdir(parents=True)
    (root / NAME).write_text(TEXT, encoding="utf-8")
    return root


@pytest.fixture
def folder(root: Path) -> Folder:
    return Folder(root, Options())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps prove something as soon as they are there."""
    monkeypatch.setattr(stamps, "UNSETTLED_NS", 0)


def text(found: KnownDocument) -> str:
    return "".join(found.lines)


def as_markdown(_: KnownDocument) -> bool:
    return False


def rewrite(path: Path, content: str) -> None:
    """With another text of the same size, and the time of the one before."""
    before = path.stat()
    path.write_text(content, encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.usefixtures("at_once")
def test_a_document_that_is_the_same_is_read_and_parsed_once(folder: Folder) -> None:
    documents = KnownDocuments()
    with Visit() as visit:
        first = documents.read(folder, NAME, visit)
        assert documents.read(folder, NAME, visit) is first
    parsed = documents.read_parsed(folder, NAME, as_markdown)[1]
    assert documents.read_parsed(folder, NAME, as_markdown)[1] is parsed
    assert (parsed.title, [each.anchor for each in parsed.sections]) == (
        "Setting up",
        ["setup", "linux"],
    )
    assert text(documents.read(folder, NAME)) == TEXT


@pytest.mark.usefixtures("at_once")
def test_a_text_that_its_time_and_size_do_not_tell_of_is_read_anew(
    folder: Folder, root: Path
) -> None:
    documents = KnownDocuments()
    path, before = root / NAME, (root / NAME).stat()
    assert text(documents.read(folder, NAME)) == TEXT
    other = TEXT.replace("Setup", "Other")

    def changed() -> bool:
        rewrite(path, other)  # until the clock of the file system has gone on
        return path.stat().st_ctime_ns != before.st_ctime_ns

    until(changed)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert text(documents.read(folder, NAME)) == other
    assert documents.read_parsed(folder, NAME, as_markdown)[1].sections[0].heading == "Other"


def test_a_stamp_that_is_too_fresh_is_not_trusted(folder: Folder, root: Path) -> None:
    documents = KnownDocuments()
    first = documents.read(folder, NAME)
    assert documents.read(folder, NAME) is not first
    for number in range(20):
        content = TEXT.replace("Text", f"{number:04}")
        rewrite(root / NAME, content)
        assert text(documents.read(folder, NAME)) == content


@pytest.mark.usefixtures("at_once")
def test_the_way_to_a_known_document_is_gone_each_time(folder: Folder, root: Path) -> None:
    documents = KnownDocuments()
    documents.read_parsed(folder, NAME, as_markdown)
    outside = root.parent / "outside"

    os.rename(root / NAME, root.parent / "setup.md")
    with pytest.raises(DocumentNotFound):
        documents.read(folder, NAME)
    (root / NAME).symlink_to(root.parent / "setup.md")
    with pytest.raises(NotADocument):
        documents.read(folder, NAME)
    os.replace(root.parent / "setup.md", root / NAME)
    documents.read(folder, NAME)

    # The file and its stamp stay as they are: the folder above it is another one.
    os.rename(root / "guide", outside)
    (root / "guide").symlink_to(outside)
    with pytest.raises(NotADocument):
        documents.read(folder, NAME)
    (root / "guide").unlink()
    os.rename(outside, root / "guide")
    documents.read_parsed(folder, NAME, as_markdown)

    (root / ".gitignore").write_text("guide/\n", encoding="utf-8")
    with pytest.raises(NotADocument):
        documents.read_parsed(folder, NAME, as_markdown)
    (root / ".gitignore").unlink()
    documents.read(folder, NAME)

    os.rename(root, outside)
    root.symlink_to(outside)
    with pytest.raises(FolderUnavailable):
        documents.read(folder, NAME)


@pytest.mark.usefixtures("at_once")
def test_what_is_taken_for_plain_text_is_parsed_so(folder: Folder) -> None:
    documents = KnownDocuments()
    assert len(documents.read_parsed(folder, NAME, as_markdown)[1].sections) == 2
    known, parsed = documents.read_parsed(folder, NAME, lambda _: True)
    assert (known.plain, len(parsed.sections)) == (True, 1)
    assert len(documents.read_parsed(folder, NAME, as_markdown)[1].sections) == 2


@pytest.mark.usefixtures("at_once")
def test_documents_are_kept_within_bytes(folder: Folder, root: Path) -> None:
    documents = KnownDocuments(20_000)
    for number in range(40):
        (root / f"{number}.md").write_text(TEXT, encoding="utf-8")
        documents.read_parsed(folder, f"{number}.md", as_markdown)
        assert 0 < documents.nbytes <= 20_000
    last = documents.read(folder, "39.md")
    (root / "large.md").write_text(TEXT * 1_000, encoding="utf-8")
    assert text(documents.read(folder, "large.md")) == TEXT * 1_000
    assert documents.read(folder, "39.md") is last


def test_all_that_documents_take_is_counted(folder: Folder, root: Path) -> None:
    for number in range(40):
        content = "".join(f"# {number} {each} é\n\nText.\n\n" for each in range(40))
        (root / f"{number}.md").write_text(content, encoding="utf-8")
    documents = KnownDocuments()
    documents.read_parsed(folder, "0.md", as_markdown)  # imports the parser
    tracemalloc.start()
    try:
        for number in range(1, 40):
            documents.read_parsed(folder, f"{number}.md", as_markdown)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= documents.nbytes
