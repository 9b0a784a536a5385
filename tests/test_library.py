"""The facade, over a real folder and a real index."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from docindex.indexer import sight
from docindex.indexer.errors import (
    Cancelled,
    DocumentNotFound,
    InvalidCursor,
    InvalidInput,
    NotADocument,
    ReadOnly,
    SectionNotFound,
    TooLarge,
    VersionMismatch,
    VersionNotFound,
    VersionRequired,
)
from docindex.indexer.files import Folder
from docindex.indexer.home import home_of
from docindex.indexer.intake import READ_PLAINLY, take_in
from docindex.indexer.journal import Intent, Journal
from docindex.indexer.library import Library
from docindex.indexer.locks import hold
from docindex.indexer.models import Edit, FolderSpec, ListRequest, Options, Progress, SearchRequest
from docindex.indexer.segments import Builder
from docindex.indexer.snippets import Snippet, Wanted, window
from docindex.indexer.store import Store
from tests.waiting import until

PAGES = {
    "index.md": "# Welcome\n\nThe handbook of the harbour.\n",
    "guide/setup.md": (
        "---\ntitle: Setting up\ntags: [install, linux]\n---\n# Setup\n\nIntro.\n\n"
        "## Linux\n\nRun the lantern installer.\n\n## Windows\n\nUse the wizard.\n"
    ),
    "guide/tides.md": "# Tides\n\nThe tide table tells when the lantern is lit.\n",
    "notes.txt": "A plain note about ropes and knots.\n",
}


def write(root: Path, pages: dict[str, str]) -> None:
    for name, text in pages.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    write(root, PAGES)
    return root


@pytest.fixture
def library(root: Path, tmp_path: Path) -> Iterator[Library]:
    library = open_library(tmp_path, root)
    yield library
    library.close()


def open_library(place: Path, root: Path, options: Options | None = None) -> Library:
    library = Library(
        [FolderSpec(str(root))], cache=place / "cache", state=place / "state", options=options
    )
    library.catch_up(ignore)
    return library


def ignore(progress: Progress) -> None:
    del progress


def long_page(number: int) -> str:
    return f"# Page {number}\n\n" + " ".join(f"w{number}x{n}" for n in range(100)) + "\n"


def names(library: Library, query: str, **arguments: object) -> list[str]:
    answer = library.search(SearchRequest(query, **arguments))  # type: ignore[arg-type]
    return [hit.name for hit in answer.hits]


# Searching


def test_a_hit_names_document_trail_anchor_and_lines(library: Library) -> None:
    (hit,) = library.search(SearchRequest("lantern installer", max_results=1)).hits
    assert hit.name == "guide/setup.md"
    assert hit.title == "Setting up"
    assert hit.trail == ("Setup", "Linux")
    assert hit.anchor == "linux"
    assert (hit.first_line, hit.last_line) == (9, 12)
    assert hit.snippet == "Run the lantern installer."
    assert hit.snippet_line == 11
    assert hit.tags == ("install", "linux")


def test_lines_that_were_chosen_are_shown_again_while_the_document_is_the_same(
    root: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []

    def choose(lines: Sequence[str], first: int, wanted: Wanted, most: int) -> Snippet:
        chosen.append(first)
        return window(lines, first, wanted, most)

    monkeypatch.setattr(sight, "window", choose)
    request = SearchRequest("lantern installer", max_results=1)
    (hit,) = library.search(request).hits
    assert len(chosen) == 1
    assert library.search(request).hits == (hit,)
    assert len(chosen) == 1
    # Another question, or room for more, is another choice.
    library.search(replace(request, query="installer"))
    library.search(replace(request, snippet_bytes=1_000))
    assert len(chosen) == 3
    path = root / hit.name
    path.write_text(path.read_text().replace("Run the lantern", "Start the lantern"))
    (renewed,) = library.search(request).hits
    assert renewed.snippet == "Start the lantern installer."
    library.catch_up(ignore)
    (renewed,) = library.search(request).hits
    assert renewed.snippet == "Start the lantern installer."


def test_the_answer_tells_how_fresh_it_is(library: Library) -> None:
    index = library.search(SearchRequest("lantern")).index
    assert (index.state, index.documents, index.pending) == ("ready", 4, 0)
    assert index.as_of is not None


def test_every_kind_of_document_is_found(library: Library) -> None:
    assert names(library, "ropes") == ["notes.txt"]
    assert names(library, "harbour") == ["index.md"]


FILTERED: list[tuple[dict[str, object], set[str]]] = [
    ({"path": "guide"}, {"guide/setup.md", "guide/tides.md"}),
    ({"path": "**/t*.md"}, {"guide/tides.md"}),
    ({"tags": ("install",)}, {"guide/setup.md"}),
    ({"tags": ("install", "nothing")}, set()),
    ({"modified_after": 4e9}, set()),
    ({"modified_before": 4e9}, {"guide/setup.md", "guide/tides.md"}),
]


@pytest.mark.parametrize(("arguments", "found"), FILTERED)
def test_filters_narrow_a_search_down(
    library: Library, arguments: dict[str, object], found: set[str]
) -> None:
    assert set(names(library, "lantern", **arguments)) == found


ASKED: list[tuple[str, set[str]]] = [
    ('"lantern installer"', {"guide/setup.md"}),
    ('"installer lantern"', set()),
    ("+lantern -tide", {"guide/setup.md"}),
    ("lanter*", {"guide/setup.md", "guide/tides.md"}),
    ("title:tides", {"guide/tides.md"}),
    ("heading:linux", {"guide/setup.md"}),
    ("tag:install", {"guide/setup.md"}),
    ("path:guide lantern", {"guide/setup.md", "guide/tides.md"}),
    ("lantern AND (wizard OR table)", {"guide/tides.md"}),
    ("ropes OR harbour", {"notes.txt", "index.md"}),
    ("wizard NOT ropes", {"guide/setup.md"}),
]


@pytest.mark.parametrize(("query", "found"), ASKED)
def test_the_query_language_means_what_it_says(
    library: Library, query: str, found: set[str]
) -> None:
    assert set(names(library, query)) == found


def test_a_condition_that_leaves_nothing_is_named_with_what_it_costs(library: Library) -> None:
    answer = library.search(SearchRequest('lantern +"no such phrase" tag:install'))
    assert answer.hits == ()
    assert any("no such phrase" in remark and "1 hit" in remark for remark in answer.remarks)


def test_a_filter_that_leaves_no_document_is_told(library: Library) -> None:
    answer = library.search(SearchRequest("lantern", path="nowhere"))
    assert any("No document matches" in remark for remark in answer.remarks)


def test_pages_of_results_do_not_overlap_and_come_to_an_end(root: Path, tmp_path: Path) -> None:
    write(root, {f"many/{number}.md": f"# P{number}\n\nbarnacle\n" for number in range(25)})
    library = open_library(tmp_path, root)
    seen: list[str] = []
    cursor = ""
    while True:
        answer = library.search(SearchRequest("barnacle", cursor=cursor))
        assert answer.total == 25
        seen += [hit.name for hit in answer.hits]
        if not (cursor := answer.cursor):
            break
    assert sorted(seen) == sorted(f"many/{number}.md" for number in range(25))


def test_a_cursor_of_another_question_is_refused(root: Path, tmp_path: Path) -> None:
    write(root, {f"many/{number}.md": "barnacle\n" for number in range(12)})
    library = open_library(tmp_path, root)
    cursor = library.search(SearchRequest("barnacle")).cursor
    with pytest.raises(InvalidCursor):
        library.search(SearchRequest("lantern", cursor=cursor))


def test_one_document_gives_at_most_three_hits(root: Path, tmp_path: Path) -> None:
    write(root, {"long.md": "# L\n\n" + "".join(f"## S{n}\n\nkeel\n\n" for n in range(9))})
    answer = open_library(tmp_path, root).search(SearchRequest("keel"))
    assert len(answer.hits) == 3
    assert answer.total == 9


def test_a_version_that_a_file_is_called_by_finds_it(root: Path, tmp_path: Path) -> None:
    versions = ["0.10.9", "0.9.10", "0.10.10", "1.0.9"]
    write(root, {f"news/v{each}.md": "# News\n\nSome things.\n" for each in versions})
    library = open_library(tmp_path, root)
    library.catch_up(ignore)
    for version in versions:
        for query in (version, f"v{version}", f"news v{version}"):
            assert names(library, query)[0] == f"news/v{version}.md"


def test_a_document_is_chosen_by_a_tag_in_its_text(root: Path, tmp_path: Path) -> None:
    write(root, {"note.md": "# Note\n\nA lantern. #Project/Alpha\n"})
    library = open_library(tmp_path, root)
    library.catch_up(ignore)
    assert names(library, "lantern", tags=("project",)) == ["note.md"]
    assert names(library, "lantern tag:project/alpha") == ["note.md"]
    write(root, {"note.md": "# Note\n\nA lantern! #Project/Beta\n"})
    assert names(library, "lantern tag:project/beta", tags=()) == []
    assert names(library, "lantern tag:project/alpha") == []


YAML = """---
title: Mooring
description: A quixotic windlass
aliases: [Bollard handbook]
---
"""
TOML = """+++
title = 'Mooring'
description = 'A quixotic windlass'
aliases = ['Bollard handbook']
+++
"""


@pytest.mark.parametrize("block", [YAML, TOML])
@pytest.mark.parametrize(
    "query", ["quixotic windlass", '"bollard handbook"', "+windlass title:mooring"]
)
@pytest.mark.parametrize("body", ["Body about ropes.\n", "", "# One\n\na\n\n# Two\n\nb\n"])
def test_a_document_is_found_by_what_its_front_matter_says(
    root: Path, tmp_path: Path, query: str, body: str, block: str
) -> None:
    write(root, {"ropes.md": block + body})
    library = open_library(tmp_path, root)
    library.catch_up(ignore)
    assert names(library, query) == ["ropes.md"]
    # Another line of the file has changed, and what it says of itself is the same.
    write(root, {"ropes.md": f"{block}{body}\nMore.\n"})
    assert names(library, query) == ["ropes.md"]


# Freshness


@pytest.mark.parametrize(("copies", "others"), [(30, 1), (60, 20)])
def test_what_stands_behind_many_copies_of_one_text_is_found(
    root: Path, tmp_path: Path, copies: int, others: int
) -> None:
    text = "The lantern is given to you as it is, without a warranty of any kind, lantern.\n"
    pages = {f"copy{each}.md": f"# Licence\n\n{text}" for each in range(copies)}
    rest = {f"other{each}.md": f"# Other {each}\n\nSee lantern {each}.\n" for each in range(others)}
    write(root, pages | rest)
    library = open_library(tmp_path, root)
    library.catch_up(ignore)
    answer = library.search(SearchRequest("lantern"))
    found = [hit.name for hit in answer.hits]
    while answer.cursor:
        answer = library.search(SearchRequest("lantern", cursor=answer.cursor))
        found += [hit.name for hit in answer.hits]
    assert rest.keys() <= set(found)


def test_what_stands_behind_many_files_that_are_gone_is_found(root: Path, tmp_path: Path) -> None:
    pages = {f"gone{each}.md": f"# Lantern\n\nA lantern, number {each}.\n" for each in range(60)}
    write(root, pages | {"kept.md": "# Kept\n\nAmong many other things there is a lantern here.\n"})
    library = open_library(tmp_path, root)
    library.catch_up(ignore)
    for name in pages:
        (root / name).unlink()
    assert "kept.md" in names(library, "lantern")


def test_a_hit_whose_file_has_changed_shows_the_file_as_it_is(library: Library, root: Path) -> None:
    text = PAGES["guide/setup.md"].replace("Intro.", "Intro.\n\nMore.\n\nMore.")
    write(root, {"guide/setup.md": text})
    (hit,) = library.search(SearchRequest("wizard")).hits
    assert (hit.first_line, hit.last_line) == (17, 19)
    assert hit.snippet == "Use the wizard."


def test_a_hit_whose_text_is_no_longer_there_is_dropped(library: Library, root: Path) -> None:
    write(root, {"guide/tides.md": "# Tides\n\nNothing of that kind.\n"})
    assert names(library, "lantern") == ["guide/setup.md"]


@pytest.mark.parametrize("query", ["+lantern -lit", '"lantern is lit"', "lant* AND lit"])
def test_conditions_hold_for_a_changed_file_too(library: Library, root: Path, query: str) -> None:
    before = names(library, query)
    write(root, {"guide/tides.md": "# Tides\n\nThe lantern table is gone.\n"})
    assert "guide/tides.md" not in names(library, query) or query == "+lantern -lit"
    assert ("guide/tides.md" in before) == (query != "+lantern -lit")


def test_a_hit_whose_file_is_gone_is_dropped(library: Library, root: Path) -> None:
    (root / "guide/tides.md").unlink()
    answer = library.search(SearchRequest("lantern"))
    assert [hit.name for hit in answer.hits] == ["guide/setup.md"]
    assert (answer.total, answer.index.state, answer.index.pending) == (1, "updating", 1)


def test_a_file_that_was_only_touched_is_still_served(library: Library, root: Path) -> None:
    os.utime(root / "notes.txt", (1, 1))
    assert names(library, "ropes") == ["notes.txt"]


def test_a_file_that_was_only_touched_is_listed_and_filtered_by_its_new_time(
    library: Library, root: Path
) -> None:
    os.utime(root / "notes.txt", (1e9, 1e9))
    library.reindex(False, ignore, threading.Event())
    (listed,) = library.list(ListRequest(path="notes.txt")).documents
    assert listed.modified == 1e9
    (hit,) = library.search(SearchRequest("ropes", modified_before=1.1e9)).hits
    assert (hit.name, hit.modified) == ("notes.txt", 1e9)
    assert names(library, "ropes", modified_after=1.1e9) == []


def test_catching_up_indexes_what_changed_and_nothing_else(library: Library, root: Path) -> None:
    write(root, {"new.md": "# New\n\nanchor chain\n", "notes.txt": "only sails now\n"})
    (root / "index.md").unlink()
    report = library.reindex(False, ignore, threading.Event())
    assert (report.documents, report.indexed, report.removed) == (4, 2, 1)
    assert names(library, "anchor chain") == ["new.md"]
    assert names(library, "sails") == ["notes.txt"]
    assert names(library, "harbour") == []


def test_a_full_reindex_indexes_everything_again(library: Library) -> None:
    report = library.reindex(True, ignore, threading.Event())
    assert (report.documents, report.indexed) == (4, 4)
    assert set(names(library, "lantern")) == {"guide/setup.md", "guide/tides.md"}


def test_a_reindex_of_many_files_reports_progress_and_ends_complete(
    root: Path, tmp_path: Path
) -> None:
    write(root, {f"many/{n}.md": long_page(n) for n in range(60)})
    seen: list[Progress] = []
    library = Library([FolderSpec(str(root))], cache=tmp_path / "c", state=tmp_path / "s")
    report = library.reindex(False, seen.append, threading.Event())
    assert report.documents == 64
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].total == 64


def test_a_cancelled_reindex_keeps_what_was_there(root: Path, tmp_path: Path) -> None:
    write(root, {f"many/{n}.md": long_page(n) for n in range(60)})
    library = open_library(tmp_path, root)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        library.reindex(True, ignore, cancelled)
    assert names(library, "harbour") == ["index.md"]
    assert library.reindex(False, ignore, threading.Event()).documents == 64


def test_a_reindex_that_is_waited_for_goes_on_in_the_folder_that_comes_in_its_place(
    library: Library, root: Path, tmp_path: Path
) -> None:
    home = home_of(tmp_path / "cache", root)
    lock = hold(home.lock)  # somebody indexes, and never answers
    assert lock is not None
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(library.reindex, False, ignore, threading.Event())
        until(lambda: bool(list(home.requests.iterdir())))
        root.rename(root.with_name("aside"))
        write(root, {"other.md": "# Other\n\ncapstan\n"})
        assert asked.result(timeout=20).documents == 1
    assert names(library, "capstan") == ["other.md"]
    assert list(home.requests.iterdir()) == []
    lock.release()


def test_a_folder_that_is_suddenly_empty_does_not_empty_the_index(
    library: Library, root: Path
) -> None:
    kept = root.with_name("kept")
    root.joinpath("guide").rename(kept)
    for name in ("index.md", "notes.txt"):
        (root / name).rename(kept / name)
    with pytest.raises(Exception, match="empty"):
        library.reindex(False, ignore, threading.Event())
    assert library.status().index.state == "degraded"
    assert library.status().index.documents == 4


def test_indexing_changes_nothing_in_the_folder(root: Path, tmp_path: Path) -> None:
    before = {path: (path.stat(), path.read_bytes()) for path in root.rglob("*") if path.is_file()}
    library = open_library(tmp_path, root)
    library.reindex(True, ignore, threading.Event())
    library.search(SearchRequest("lantern"))
    after = {path: (path.stat(), path.read_bytes()) for path in root.rglob("*") if path.is_file()}
    assert {p: (s.st_mtime_ns, s.st_ino, d) for p, (s, d) in before.items()} == {
        p: (s.st_mtime_ns, s.st_ino, d) for p, (s, d) in after.items()
    }


# Reading


def test_a_document_is_read_whole_with_version_and_outline(library: Library) -> None:
    reading = library.read("guide/setup.md")
    assert reading.text == PAGES["guide/setup.md"]
    assert reading.title == "Setting up"
    assert reading.front_matter == {"title": "Setting up", "tags": ["install", "linux"]}
    assert [heading.anchor for heading in reading.outline] == ["setup", "linux", "windows"]
    assert (reading.first_line, reading.last_line, reading.line_count) == (1, 15, 15)


def test_a_section_is_read_with_its_subsections(library: Library) -> None:
    whole = library.read("guide/setup.md", section="setup")
    assert whole.text == "# " + PAGES["guide/setup.md"].partition("---\n# ")[2]
    part = library.read("guide/setup.md", section="Setup > Linux")
    assert part.text == "## Linux\n\nRun the lantern installer.\n\n"
    assert part.version == whole.version


@pytest.mark.parametrize(
    ("lines", "text"),
    [("6", "\n"), ("7-8", "Intro.\n\n"), ("14-", "\nUse the wizard.\n")],
)
def test_lines_are_read_as_the_editor_counts_them(library: Library, lines: str, text: str) -> None:
    assert library.read("guide/setup.md", lines=lines).text == text


@pytest.mark.parametrize("lines", ["0", "9-3", "x", "-5", "99-120", "1-2-3"])
def test_lines_that_are_not_there_are_refused(library: Library, lines: str) -> None:
    with pytest.raises(InvalidInput):
        library.read("guide/setup.md", lines=lines)


def test_a_missing_section_lists_what_is_there(library: Library) -> None:
    with pytest.raises(SectionNotFound, match="windows"):
        library.read("guide/setup.md", section="macos")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("guide/setpu.md", ["guide/setup.md"]),
        ("guide/setup", ["guide/setup.md"]),
        ("Guide/Setup.md", ["guide/setup.md"]),
        ("setup.md", ["guide/setup.md"]),
        ("handbook/old/tides.md", ["guide/tides.md"]),
        ("guide/tide", ["guide/tides.md"]),
        ("note.txt", ["notes.txt"]),
        ("guide/absent.md", []),
    ],
)
def test_for_a_name_that_is_not_there_those_near_to_it_are_named(
    library: Library, name: str, near: list[str]
) -> None:
    with pytest.raises((DocumentNotFound, NotADocument)) as caught:
        library.read(name)
    assert str(caught.value).partition("; near to it: ")[2].split(", ") == (near or [""])


@pytest.mark.parametrize("wanted", ["guide/setup.markdown", "old/setup.md", "setup"])
def test_near_names_are_named_to_who_deletes_or_moves(library: Library, wanted: str) -> None:
    asks: list[Callable[[], object]] = [lambda: library.read(wanted)]
    if "." in wanted:
        asks += [lambda: library.delete(wanted), lambda: library.move(wanted, "new.md")]
    for ask in asks:
        with pytest.raises(
            (DocumentNotFound, NotADocument), match=r"near to it: .*guide/setup\.md"
        ):
            ask()


def test_of_many_near_names_the_three_nearest_are_named(library: Library, root: Path) -> None:
    write(root, {f"{place}/setup.md": "# Page\n" for place in ("a", "b", "guides", "guide/old")})
    library.catch_up(ignore)
    with pytest.raises(
        DocumentNotFound, match=r": guide/setup.md, guides/setup.md, guide/old/setup.md$"
    ):
        library.read("guiide/setup.md")


def test_a_document_that_is_gone_is_not_near_to_itself(library: Library, root: Path) -> None:
    (root / "guide/setup.md").unlink()
    with pytest.raises(DocumentNotFound) as caught:
        library.read("guide/setup.md")
    assert "near" not in str(caught.value)


def test_a_name_is_not_found_without_an_index_too(library: Library, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(DocumentNotFound):
        library.read("guide/setpu.md")


def test_what_is_no_document_is_refused(library: Library) -> None:
    with pytest.raises(DocumentNotFound):
        library.read("guide/absent.md")
    with pytest.raises(NotADocument):
        library.read("guide")


def test_listing_sorts_filters_and_pages(library: Library) -> None:
    listing = library.list(ListRequest(max_results=3))
    assert [each.name for each in listing.documents] == [
        "guide/setup.md",
        "guide/tides.md",
        "index.md",
    ]
    rest = library.list(ListRequest(max_results=3, cursor=listing.cursor))
    assert [each.name for each in rest.documents] == ["notes.txt"]
    assert (rest.total, rest.cursor) == (4, "")
    tagged = library.list(ListRequest(tags=("LINUX",)))
    assert [each.title for each in tagged.documents] == ["Setting up"]


def test_completion_puts_names_that_begin_so_first(library: Library) -> None:
    assert library.complete("gui", 10) == (["guide/setup.md", "guide/tides.md"], 2)
    assert library.complete("ti", 10) == (["guide/tides.md"], 1)


# Writing


def test_a_new_document_is_found_at_once(library: Library, root: Path) -> None:
    outcome = library.update(Edit("new/one.md", "# One\n\nmarlinspike\n"))
    assert (outcome.status, outcome.searchable) == ("created", True)
    assert names(library, "marlinspike") == ["new/one.md"]
    assert (root / "new/one.md").read_text() == "# One\n\nmarlinspike\n"


def test_a_write_stands_whatever_is_wrong_with_the_index(library: Library, root: Path) -> None:
    home = library._shelves.all[0].home
    lock = hold(home.lock)  # somebody indexes, who cannot be reached
    shutil.rmtree(home.requests)
    home.requests.write_text("no folder")
    outcome = library.update(Edit("new.md", "# New\n"))
    assert (outcome.status, outcome.searchable) == ("created", False)
    assert (root / "new.md").exists()
    assert lock is not None


def test_replacing_needs_the_version_that_was_read(library: Library, root: Path) -> None:
    with pytest.raises(VersionRequired) as required:
        library.update(Edit("notes.txt", "gone\n"))
    version = library.read("notes.txt").version
    assert version in str(required.value)
    with pytest.raises(VersionMismatch):
        library.update(Edit("notes.txt", "gone\n", if_version="0" * 16))
    assert (root / "notes.txt").read_text() == PAGES["notes.txt"]
    outcome = library.update(Edit("notes.txt", "now about sails\n", if_version=version))
    assert outcome.status == "updated"
    assert names(library, "sails") == ["notes.txt"]
    assert names(library, "ropes") == []


def test_appending_needs_no_version(library: Library, root: Path) -> None:
    library.update(Edit("notes.txt", "And buoys.", mode="append"))
    assert (root / "notes.txt").read_text().startswith(PAGES["notes.txt"] + "And buoys.")
    assert names(library, "buoys") == ["notes.txt"]


def test_a_section_is_replaced_and_the_rest_stays(library: Library, root: Path) -> None:
    version = library.read("guide/setup.md").version
    edit = Edit(
        "guide/setup.md",
        "Run the quay script.\n",
        mode="section",
        section="linux",
        if_version=version,
    )
    library.update(edit)
    text = (root / "guide/setup.md").read_text()
    assert "Run the quay script." in text
    assert (
        text.replace("Run the quay script.", "Run the lantern installer.")
        == PAGES["guide/setup.md"]
    )


def test_tags_alone_can_be_changed(library: Library) -> None:
    library.update(Edit("guide/tides.md", tags=("sea", "moon")))
    assert names(library, "tag:moon") == ["guide/tides.md"]
    assert library.read("guide/tides.md").tags == ("sea", "moon")


def test_a_dry_run_shows_the_change_and_makes_none(library: Library, root: Path) -> None:
    outcome = library.update(Edit("notes.txt", "And buoys.\n", mode="append", dry_run=True))
    assert outcome.status == "would_update"
    assert "+And buoys." in outcome.diff
    assert (root / "notes.txt").read_text() == PAGES["notes.txt"]


def test_writing_what_is_there_already_changes_nothing(library: Library) -> None:
    version = library.read("notes.txt").version
    edit = Edit("notes.txt", PAGES["notes.txt"], if_version=version)
    assert library.update(edit).status == "unchanged"


def test_a_deleted_document_is_not_found_and_can_be_restored(library: Library, root: Path) -> None:
    outcome = library.delete("notes.txt")
    assert (outcome.status, outcome.searchable) == ("deleted", True)
    assert not (root / "notes.txt").exists()
    assert names(library, "ropes") == []
    (kept,) = library.past("notes.txt").versions
    assert (kept.why, kept.version) == ("deleted", outcome.version)
    restored = library.restore("notes.txt", kept.version)
    assert (restored.status, restored.searchable) == ("restored", True)
    assert names(library, "ropes") == ["notes.txt"]
    assert (root / "notes.txt").read_text() == PAGES["notes.txt"]


def test_deleting_checks_the_version_when_one_is_given(library: Library, root: Path) -> None:
    with pytest.raises(VersionMismatch):
        library.delete("notes.txt", if_version="0" * 16)
    assert (root / "notes.txt").exists()


def test_a_library_that_only_reads_refuses_every_write(root: Path, tmp_path: Path) -> None:
    library = open_library(tmp_path, root, Options(read_only=True))
    with pytest.raises(ReadOnly):
        library.update(Edit("new.md", "x"))
    with pytest.raises(ReadOnly):
        library.delete("notes.txt")
    assert not (root / "new.md").exists()


def test_a_document_past_the_limit_is_refused(root: Path, tmp_path: Path) -> None:
    library = open_library(tmp_path, root, Options(max_document_bytes=1000))
    with pytest.raises(TooLarge):
        library.update(Edit("new.md", "x" * 1001))
    assert not (root / "new.md").exists()


def test_a_call_that_writes_nothing_is_refused(library: Library) -> None:
    with pytest.raises(InvalidInput):
        library.update(Edit("new.md"))


def test_a_moved_document_is_found_under_its_new_name_with_its_history(
    library: Library, root: Path, tmp_path: Path
) -> None:
    write(root, {"see.md": "# See\n\nThe [tides](guide/tides.md#tides).\n"})
    library.update(Edit("guide/tides.md", "More.\n", mode="append"))
    tried = library.move("guide/tides.md", "sea/tides.md", dry_run=True)
    assert (root / "guide/tides.md").exists()
    moved = library.move("guide/tides.md", "sea/tides.md")
    assert (tried.status, moved.status, moved.searchable) == ("would_move", "moved", True)
    assert set(names(library, "lantern")) == {"guide/setup.md", "sea/tides.md"}
    assert "(sea/tides.md#tides)" in (root / "see.md").read_text()
    assert library.past("guide/tides.md").moved_to == "sea/tides.md"
    with pytest.raises(VersionNotFound, match=r"nothing is kept of never\.md$"):
        library.past("never.md")
    (first, *_) = library.past("sea/tides.md").versions
    assert library.restore("sea/tides.md", first.version).status == "restored"
    assert (root / "sea/tides.md").read_text() == PAGES["guide/tides.md"]
    audited = (tmp_path / "state/audit/writes.jsonl").read_text()
    assert audited.count('"move_document"') == 2
    assert '"new_name": "sea/tides.md"' in audited


def test_a_server_that_starts_ends_a_move_that_was_killed(root: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state", str(root))
    text = (root / "notes.txt").read_bytes()
    with journal.held(0.0):
        journal.begin(Intent("notes.txt", "sea/notes.txt", text, text, ()))
    write(root, {"sea/notes.txt": text.decode()})
    library = open_library(tmp_path, root, Options(linger_seconds=0.0))
    library.attend()
    try:
        until(lambda: journal.stage() is None)
    finally:
        library.close()
    assert (root / "notes.txt").exists() != (root / "sea/notes.txt").exists()


def test_an_afternoon_is_taken_back(library: Library, root: Path) -> None:
    def there() -> dict[str, str]:
        return {path.name: path.read_text() for path in root.rglob("*") if path.is_file()}

    before = there()
    library.update(Edit("new.md", "# New\n"))
    library.update(Edit("notes.txt", "More.\n", mode="append"))
    library.update(Edit("notes.txt", "And more.\n", mode="append"))
    library.delete("index.md")
    library.move("guide/tides.md", "sea/moved.md")
    (root / "notes.txt").write_text("edited\n")
    plan = library.plan_undoing(0.0)
    assert [
        (step.name, bool(step.current), bool(step.target), step.edited) for step in plan.steps
    ] == [
        ("new.md", True, False, False),
        ("sea/moved.md", True, False, False),
        ("guide/tides.md", False, True, False),
        ("index.md", False, True, False),
        ("notes.txt", True, True, True),
    ]
    for step in plan.steps:
        library.undo(step)
    assert there() == before
    assert library.plan_undoing(0.0).steps == ()
    assert library.plan_undoing(4e9).steps == ()
    assert {each.name for each in library.written()} == {step.name for step in plan.steps}


def test_a_name_gets_its_old_capitals_back(library: Library, root: Path) -> None:
    write(root, {"Notes.md": "# Notes\n"})
    library.move("Notes.md", "tmp.md")
    library.move("tmp.md", "notes.md")
    for step in library.plan_undoing(0.0).steps:
        library.undo(step)
    assert [path.name for path in root.glob("*otes.md")] == ["Notes.md"]


def test_what_others_made_where_nothing_of_ours_is_left_is_not_taken_back(
    library: Library, root: Path
) -> None:
    library.update(Edit("new.md", "# New\n"))
    library.delete("new.md")
    old = library.read("notes.txt").version
    library.update(Edit("notes.txt", "more\n", mode="append"))
    library.restore("notes.txt", old)
    write(root, {"new.md": "# Theirs\n", "notes.txt": "edited\n"})
    assert library.plan_undoing(0.0).steps == ()


@pytest.mark.parametrize("deleted", [False, True])
def test_what_was_saved_since_it_was_planned_is_not_put_back(
    library: Library, root: Path, deleted: bool
) -> None:
    library.update(Edit("notes.txt", "more\n", mode="append"))
    if deleted:
        library.delete("notes.txt")
    (step,) = library.plan_undoing(0.0).steps
    (root / "notes.txt").write_text("precious\n")
    with pytest.raises(VersionMismatch, match="since this was planned"):
        library.undo(step)
    assert (root / "notes.txt").read_text() == "precious\n"


def test_what_may_not_be_read_any_more_is_not_put_back(library: Library, root: Path) -> None:
    library.update(Edit("new.md", "# New\n"))
    (root / ".gitignore").write_text("new.md\n")
    plan = library.plan_undoing(0.0)
    assert plan.steps == ()
    assert [skipped.name for skipped in plan.skipped] == ["new.md"]


# Several folders


def test_labelled_folders_are_searched_together_under_their_labels(
    root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write(other, {"lamp.md": "# Lamp\n\nAnother lantern.\n"})
    folders = [FolderSpec(str(root), "docs"), FolderSpec(str(other), "adr")]
    library = Library(folders, cache=tmp_path / "cache", state=tmp_path / "state")
    library.catch_up(ignore)
    assert set(names(library, "lantern")) == {
        "docs/guide/setup.md",
        "docs/guide/tides.md",
        "adr/lamp.md",
    }
    assert names(library, "lantern", path="adr") == ["adr/lamp.md"]
    assert library.read("adr/lamp.md").title == "Lamp"
    library.update(Edit("adr/new.md", "# New\n\ngangway\n"))
    assert (other / "new.md").exists()
    assert names(library, "gangway") == ["adr/new.md"]
    with pytest.raises(DocumentNotFound, match=r"docs/, adr/; near to it: adr/lamp\.md$"):
        library.read("lamp.md")


@pytest.mark.parametrize(
    "labels", [(), ("", ""), ("a", ""), ("a", "a"), ("a b",), ("ü",), ("x" * 41,)]
)
def test_labels_that_cannot_be_told_apart_are_refused(
    root: Path, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    folders = [FolderSpec(str(root), label) for label in labels]
    with pytest.raises(InvalidInput):
        Library(folders, cache=tmp_path / "cache", state=tmp_path / "state")


def test_changes_tell_what_came_to_the_index(library: Library, root: Path) -> None:
    assert not library.changes()
    write(root, {"new.md": "# New\n", "notes.txt": "other\n"})
    (root / "index.md").unlink()
    library.reindex(False, ignore, threading.Event())
    changes = library.changes()
    assert (changes.added, changes.updated, changes.removed) == (
        ("new.md",),
        ("notes.txt",),
        ("index.md",),
    )
    assert not library.changes()


def test_another_folder_at_the_same_path_is_another_library(library: Library, root: Path) -> None:
    root.rename(root.with_name("old"))
    write(root, {"fresh.md": "# Fresh\n\nbilge\n"})
    library.catch_up(ignore)
    assert names(library, "bilge") == ["fresh.md"]
    assert names(library, "lantern") == []


def test_a_document_that_takes_too_long_as_markdown_is_read_as_text(
    root: Path, tmp_path: Path
) -> None:
    """Whoever reads or searches it does not try once more what the indexer has given up."""
    title = "endless: " + "words " * 20_000
    write(root, {"endless.md": f"# Heading\n\n{title}\n"})
    store = Store(home_of(tmp_path / "cache", root).index)
    builder = Builder(store.folder)
    builder.add(*take_in(Folder(root, Options()), "endless.md", plain=True))
    store.commit(builder.finish())
    library = open_library(tmp_path, root)
    (remark,) = library.status().folders[0].remarks
    assert (remark.name, remark.reason) == ("endless.md", READ_PLAINLY)
    read = library.read("endless.md")
    assert (read.outline, read.remarks) == ((), (READ_PLAINLY,))
    with (root / "endless.md").open("a", encoding="utf-8") as file:
        file.write("and more\n")
    assert [hit.anchor for hit in library.search(SearchRequest("endless")).hits] == [""]
    write(root, {"endless.md": f"# Other\n\n{title}\n"})
    assert [each.trail for each in library.read("endless.md").outline] == [("Other",)]
    library.close()
