"""Stock Whoosh finds in a segment what its own writer would have put there."""

import pickle
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer import schema
from docindex.indexer import stock as ours
from docindex.indexer.analysis import identifiers, terms
from docindex.indexer.lexicon import Lexicon
from docindex.indexer.merge import merge
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segment_writer import LEXICON, files_of
from docindex.indexer.segments import Builder, Built, Damaged
from docindex.indexer.vocabulary import Form
from tests import stock

File = tuple[Record, Document | None]
Fields = dict[str, list[str]]
"""The terms of a document of the index, by field."""

# fmt: off
WORDS = st.sampled_from(
    [
        "red", "foxes", "hen", "running", "C++", "c#", "snake_case", "Ärger", "naïve", "検索器",
        "の", "½", "v2.7", "getUserName", "std::vector", "--all", "हिन्दी",
        "\u00ad", "\ud800", "x" * 100, "é" * 100,
    ]
)
# fmt: on


@st.composite
def repeated(draw: st.DrawFn) -> str:
    return f"{draw(WORDS)} " * draw(st.integers(0, 300))


texts = st.one_of(st.lists(WORDS, max_size=25).map(" ".join), st.text(max_size=20), repeated())
titles = st.lists(WORDS, max_size=3).map(" ".join)


def section(text: str, trail: tuple[str, ...], number: int = 1) -> Section:
    return Section(
        trail[-1] if trail else "", len(trail), trail, f"a-{number}", number, number, text
    )


def file(name: str, *sections: Section, title: str = "", tags: tuple[str, ...] = ()) -> File:
    document = Document(name, title, tags, (), {}, sections, len(sections))
    return Record(name, "v", Stamp(1, 2, 3, 4), title, tags, len(sections)), document


def skipped(name: str) -> File:
    return Record(name, "", Stamp(1, 2, 3, 4), skipped="cannot be read"), None


def plain(*texts: str) -> File:
    """A file of sections with these texts."""
    return file("a.md", *(section(text, (), number) for number, text in enumerate(texts)))


@st.composite
def files(draw: st.DrawFn) -> list[File]:
    found: list[File] = []
    for number in range(draw(st.integers(0, 5))):
        name = f"{draw(st.sampled_from(['guide', 'Ärger', 'c++']))}/{number}.md"
        if draw(st.integers(0, 5)) == 0:
            found.append(skipped(name))
            continue
        sections = [
            section(draw(texts), tuple(draw(st.lists(titles, max_size=3))), place)
            for place in range(draw(st.integers(0, 4)))
        ]
        found.append(
            file(
                name, *sections, title=draw(titles), tags=tuple(draw(st.lists(titles, max_size=2)))
            )
        )
    return found


def build(folder: Path, files: Sequence[File]) -> Built:
    builder = Builder(folder)
    for record, document in files:
        builder.add(record, document)
    return builder.finish()


def parts(document: Document | None) -> list[dict[str, list[list[str]]]]:
    """What each document of the index has to hold: by field, the terms of each part."""
    found: list[dict[str, list[list[str]]]] = []
    for ordinal, one in enumerate((document and document.sections) or (None,)):
        title = [document.title] if document else []
        headings = list(one.trail) if one else []
        if ordinal == 0 and document:
            headings += [*document.tags, document.name]
        body = [*title, *headings, *([one.text] if one else [])]
        fields = {"title": title, "headings": headings, "body": body}
        terms_of = {field: list(map(terms, texts)) for field, texts in fields.items()}
        found.append({**terms_of, "identifiers": list(map(identifiers, body))})
    return found


def expected(files: Sequence[File]) -> list[Fields]:
    return [
        {field: list(chain.from_iterable(lists)) for field, lists in each.items()}
        for _, document in files
        for each in parts(document)
    ]


def read(folder: Path, built: Built) -> Any:
    return stock.open_segment(folder, built.segment)


def postings(reader: Any, field: str, term: str) -> dict[int, float]:
    matcher = reader.postings(field, term)
    found: dict[int, float] = {}
    while matcher.is_active():
        found[matcher.id()] = matcher.weight()
        matcher.next()
    return found


def stock_built(folder: Path, documents: Sequence[Fields]) -> Any:
    """An index of the same terms, written by Whoosh with frequencies as values."""
    fields = {
        field: ours.TEXT(analyzer=ours.IDAnalyzer(), phrase=False) for field in schema.TEXT_FIELDS
    }
    index = stock.index.create_in(str(folder), ours.Schema(**fields))
    writer = index.writer()
    for document in documents:
        writer.add_document(**{field: found for field, found in document.items() if found})
    writer.commit()
    return index.reader()


def scores(reader: Any, query: Any) -> dict[int, float]:
    searcher = stock.searching.Searcher(reader, weighting=stock.scoring.BM25F(B=0.75, K1=1.2))
    return dict(searcher.search(query, limit=None).items())


@settings(max_examples=60)
@given(files())
def test_stock_whoosh_finds_every_term_of_every_document(found: list[File]) -> None:
    with TemporaryDirectory() as place:
        reader: Any = read(Path(place), build(Path(place), found))
        documents = expected(found)
        assert reader.doc_count_all() == len(documents)
        for field in schema.TEXT_FIELDS:
            counts = [Counter(document[field]) for document in documents]
            everything = sorted(set(chain.from_iterable(counts)))
            assert list(reader.field_terms(field)) == everything
            for term in everything:
                assert postings(reader, field, term) == {
                    number: count[term] for number, count in enumerate(counts) if term in count
                }
            assert reader.field_length(field) == sum(count.total() for count in counts)
            for number, count in enumerate(counts):
                kept = reader.doc_field_length(number, field) or 0
                assert kept == ours.FIELD_LENGTHS[stock.numeric.length_to_byte(count.total())]


@settings(max_examples=25)
@given(files().filter(lambda found: any(document for _, document in found)), st.data())
def test_stock_whoosh_scores_as_in_an_index_of_its_own(
    found: list[File], data: st.DataObject
) -> None:
    with TemporaryDirectory() as place, TemporaryDirectory() as other:
        documents = expected(found)
        ours: Any = read(Path(place), build(Path(place), found))
        theirs = stock_built(Path(other), documents)
        everything = sorted({(f, term) for each in documents for f in each for term in each[f]})
        queries = [stock.query.Term(field, term) for field, term in everything]
        queries.append(stock.query.Or(data.draw(st.lists(st.sampled_from(queries), max_size=6))))
        for query in queries:
            assert scores(ours, query) == pytest.approx(scores(theirs, query), abs=1e-6)
        theirs.close()


@settings(max_examples=60)
@given(files())
def test_a_stream_has_the_terms_in_order_with_breaks_between_the_parts(found: list[File]) -> None:
    with TemporaryDirectory() as place:
        reader: Any = read(Path(place), build(Path(place), found))
        numbered = ["", *reader.field_terms("body")]
        column = reader.column_reader("stream")
        wanted = [each["body"] for _, document in found for each in parts(document)]
        for number, lists in enumerate(wanted):
            stream = np.frombuffer(column[number], "<u2")
            split = np.split(stream, np.flatnonzero(stream == 0))
            runs = [[numbered[n] for n in run.tolist() if n] for run in split]
            assert [run for run in runs if run] == [run for run in lists if run]


@settings(max_examples=60)
@given(files())
def test_all_that_is_kept_of_a_file_stands_with_its_head(found: list[File]) -> None:
    with TemporaryDirectory() as place:
        built = build(Path(place), found)
        reader: Any = read(Path(place), built)
        assert [head.record for head in built.heads] == [record for record, _ in found]
        assert stock.heads_of(reader) == list(built.heads)
        names: list[str] = []
        for head, (record, document) in zip(built.heads, found, strict=True):
            stored = reader.stored_fields(head.docnum)
            assert schema.unpack(stored["record"]) == record
            assert stored["sections"] == tuple(
                (one.trail, one.anchor, one.first_line, one.last_line)
                for one in (document.sections if document else ())
            )
            numbers = list(range(head.docnum, head.last + 1))
            assert list(postings(reader, "path", record.name)) == numbers
            assert [reader.stored_fields(number) for number in numbers[1:]] == [{}] * len(
                numbers[1:]
            )
            names += [record.name] * len(numbers)
        assert len(names) == reader.doc_count_all()
        assert list(reader.field_terms("path")) == sorted(set(names))


@pytest.mark.parametrize(
    ("found", "term", "documents"),
    [
        ([], "red", 0),
        ([skipped("a.md")], "red", 0),
        ([plain("red")], "red", 1),
        ([plain()], "a", 1),
        ([plain(*["red"] * 300)], "red", 300),
        ([plain(*["red " * 300] * 20)], "red", 20),
        ([plain(*["red fox"] * 40_000)], "fox", 40_000),
    ],
    ids=["nothing", "skipped", "one", "no-section", "every", "often", "long-columns"],
)
def test_a_segment_of_any_size_is_opened(
    tmp_path: Path, found: list[File], term: str, documents: int
) -> None:
    reader: Any = read(tmp_path, build(tmp_path, found))
    assert reader.doc_frequency("body", term) == documents
    if documents:
        numbers = postings(reader, "body", term)
        assert list(numbers) == list(range(documents))
        (kind,) = Counter(list(numbers.values()))
        assert reader.frequency("body", term) == kind * documents


def test_documents_past_two_bytes_are_found_by_rare_and_frequent_words(tmp_path: Path) -> None:
    size = 70_000
    texts = ["often " if number % 2 else "" for number in range(size)]
    for number in (0, 65_535, 65_536, size - 1):
        texts[number] += "rare"
    texts[size - 2] += "last " * 300
    reader: Any = read(tmp_path, build(tmp_path, [plain(*texts)]))
    assert list(postings(reader, "body", "rare")) == [0, 65_535, 65_536, size - 1]
    assert list(postings(reader, "body", "often")) == list(range(1, size, 2))
    assert postings(reader, "body", "last") == {size - 2: 300}
    assert reader.stored_fields(0)["record"][5] == size
    assert reader.column_reader("stream")[size - 3] == reader.column_reader("stream")[1]


def test_streams_are_wide_when_there_are_many_terms(tmp_path: Path) -> None:
    texts = [" ".join(f"w{number}" for number in range(first, 70_000, 7)) for first in range(7)]
    built = build(tmp_path, [plain(*texts)])
    reader: Any = read(tmp_path, built)
    assert reader._terms._tindex.extras["streamsize"] == 4
    numbered = ["", *reader.field_terms("body")]
    assert len(numbered) > 65_535
    stream = np.frombuffer(reader.column_reader("stream")[6], "<u4")
    assert [numbered[number] for number in stream.tolist() if number] == texts[6].split()
    merged = merge(tmp_path, [built.segment])
    assert content(tmp_path, merged) == content(tmp_path, built)


def content(folder: Path, built: Built) -> dict[str, bytes]:
    """The files in a segment, but for the lexicon."""
    path = folder / f"{built.segment.segment_id()}.seg"
    files = files_of(path.read_bytes())
    return {name: bytes(data) for name, data in files.items() if name != LEXICON}


def lexicon(folder: Path, built: Built) -> dict[Form, int]:
    path = folder / f"{built.segment.segment_id()}.seg"
    return dict(Lexicon(files_of(path.read_bytes())[LEXICON]).counts())


def renamed(found: list[File], label: str) -> list[File]:
    """With names that no other part has."""
    return [
        (
            Record(f"{label}{record.name}", *_rest(record)),
            document and Document(f"{label}{document.name}", *_rest(document)),
        )
        for record, document in found
    ]


def _rest(value: Any) -> list[Any]:
    return [getattr(value, field) for field in value.__dataclass_fields__ if field != "name"]


@settings(max_examples=60)
@given(st.lists(files(), min_size=1, max_size=4), st.data())
def test_a_merge_gives_what_a_build_of_the_survivors_gives(
    segments: list[list[File]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        survivors: list[File] = []
        sources: list[ours.Segment] = []
        for number, found in enumerate(segments):
            found = renamed(found, f"{number}-")
            built = build(folder, found)
            sources.append(built.segment)
            for head, one in zip(built.heads, found, strict=True):
                if data.draw(st.booleans()):
                    survivors.append(one)
                else:
                    for docnum in range(head.docnum, head.last + 1):
                        built.segment.delete_document(docnum)
        merged, fresh = merge(folder, sources), build(folder, survivors)
        assert merged.heads == fresh.heads
        assert content(folder, merged) == content(folder, fresh)
        # What is deleted may have had more words, and more often, but of no other terms.
        spoken, left = lexicon(folder, merged), lexicon(folder, fresh)
        assert left.keys() <= spoken.keys()
        assert all(spoken[form] >= count for form, count in left.items())
        assert {form.term for form in spoken} == {form.term for form in left}
        assert vars(merged.segment)["_fieldlengths"] == vars(fresh.segment)["_fieldlengths"]
        assert merged.segment.doc_count_all() == fresh.segment.doc_count_all()


def test_merging_again_and_again_changes_nothing(tmp_path: Path) -> None:
    found = [file(f"{n}.md", section("red fox " * n * 100, ("Foxes",))) for n in range(6)]
    merged = build(tmp_path, found[:1])
    for one in found[1:]:
        merged = merge(tmp_path, [merged.segment, build(tmp_path, [one]).segment])
    assert content(tmp_path, merged) == content(tmp_path, build(tmp_path, found))


def test_a_file_that_cannot_be_analysed_leaves_no_trace(tmp_path: Path) -> None:
    builder = Builder(tmp_path)
    builder.add(*file("a.md", section("red", ())))
    bad: Any = None
    with pytest.raises(TypeError):
        builder.add(*file("b.md", section("owl", ("Hen",)), section(bad, ("Hen", "Fox"))))
    builder.add(*file("c.md", section("hen", ())))
    again = build(tmp_path, [file("a.md", section("red", ())), file("c.md", section("hen", ()))])
    assert content(tmp_path, builder.finish()) == content(tmp_path, again)


def test_a_segment_names_itself_and_can_be_sent_to_another_process(tmp_path: Path) -> None:
    built: Built = pickle.loads(pickle.dumps(build(tmp_path, [plain("red")])))
    again = build(tmp_path, [plain("red")])
    assert built.segment.segment_id() != again.segment.segment_id()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{one.segment.segment_id()}{suffix}"
        for one in (built, again)
        for suffix in (".seg", ".sum")
    }
    assert read(tmp_path, built).doc_count_all() == 1


@pytest.mark.parametrize("harm", ["cut", "lengthen", "flip", "empty"])
def test_a_segment_that_is_not_as_it_was_written_is_not_read(tmp_path: Path, harm: str) -> None:
    built = build(tmp_path, [plain("red fox")])
    path = tmp_path / f"{built.segment.segment_id()}.seg"
    data = path.read_bytes()
    harmed = {
        "cut": data[:-1],
        "lengthen": data + b"\0",
        "flip": data[:50] + bytes([data[50] ^ 1]) + data[51:],
        "empty": b"",
    }
    path.write_bytes(harmed[harm])
    with pytest.raises(Damaged):
        read(tmp_path, built)
    with pytest.raises(Damaged):
        merge(tmp_path, [built.segment])


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "gone")
    builder.add(*plain("red"))
    with pytest.raises(FileNotFoundError):
        builder.finish()
    builder.discard()
    assert list(tmp_path.iterdir()) == []
