"""What is read of a segment is what stock Whoosh reads of it."""

import pickle
import struct
import tracemalloc
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer import stock as ours
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.schema import pack
from docindex.indexer.segment_reader import SegmentReader, decode
from docindex.indexer.segments import Builder, Damaged, Storage
from docindex.indexer.stock import Segment
from tests import stock

TEXTS = ("title", "headings", "body")

Row = Mapping[str, Any]

NOTHING: Row = {}


def schema(**text: Any) -> Any:
    """The fields of an index, texts as stock Whoosh has them unless told otherwise."""
    texts = {name: ours.TEXT(analyzer=ours.IDAnalyzer(), **text) for name in TEXTS}
    stream = ours.COLUMN(ours.ID().default_column())
    return ours.Schema(
        kind=ours.ID(),
        path=ours.ID(),
        record=ours.STORED(),
        sections=ours.STORED(),
        stream=stream,
        **texts,
    )


def written(
    folder: Path,
    rows: Iterable[Row],
    *,
    fields: Any = None,
    extras: Row | None = None,
    **codec: int,
) -> Segment:
    """A segment by stock Whoosh's own writer."""
    contents = stock.TOC(fields or schema(), [], 0)
    index = SimpleNamespace(
        storage=Storage(folder), indexname=stock.INDEX_NAME, _read_toc=lambda: contents
    )
    writer = stock.writing.SegmentWriter(index, _lk=False, codec=stock.W3Codec(**codec))
    for row in rows:
        writer.add_document(**row)
    segment: Segment = writer._finalize_segment()
    writer._finish()
    sign(folder, segment)
    return segment


def path_of(folder: Path, segment: Segment) -> Path:
    return folder / f"{segment.segment_id()}.seg"


def sign(folder: Path, segment: Segment) -> None:
    path = path_of(folder, segment)
    data = path.read_bytes()
    path.with_suffix(".sum").write_text(f"{len(data)} {zlib.crc32(data):08x}")


def agrees_with_stock(folder: Path, segment: Segment) -> SegmentReader:
    """Compares all that both can read."""
    reader = SegmentReader.open(folder, segment)
    oracle: Any = stock.open_segment(folder, segment, schema())
    numbers = range(oracle.doc_count_all())
    assert reader.segment_id == segment.segment_id()
    assert reader.size == len(numbers)
    for field in ("kind", "path", *TEXTS):
        terms = [term.decode() for term in oracle.lexicon(field)]
        assert list(reader.terms_from(field, "")) == terms
        assert reader.field_length(field) == oracle.field_length(field)
        assert [ours.FIELD_LENGTHS[byte] for byte in reader.lengths(field).tolist()] == [
            oracle.doc_field_length(number, field) or 0 for number in numbers
        ]
        for term in terms:
            matcher = oracle.postings(field, term)
            ids, weights = reader.postings(field, term)
            assert ids.dtype == np.uint32
            assert weights.dtype == np.float32
            assert ids.tolist() == list(oracle.postings(field, term).all_ids())
            assert len(ids) == oracle.doc_frequency(field, term)
            assert weights.tolist() == list(every_weight(matcher))
    for rank, term in enumerate(oracle.lexicon("body"), start=1):
        assert reader.number(term.decode()) == rank
    heads = reader.head_numbers().tolist()
    assert heads == [number for number in numbers if "record" in oracle.stored_fields(number)]
    for number in heads:
        stored = oracle.stored_fields(number)
        head = reader.head(number)
        assert head.record == reader.record(number)
        assert pack(head.record) == stored["record"]
        assert head.sections == stored["sections"]
    column = oracle.column_reader("stream")
    flat, bounds = reader.streams(np.arange(len(numbers), dtype=np.uint32))
    assert [flat[a:b].tobytes() for a, b in pairwise(bounds)] == list(column)
    return reader


def every_weight(matcher: Any) -> Iterable[float]:
    while matcher.is_active():
        yield matcher.weight()
        matcher.next()


def record(name: str, sections: int = 1) -> Record:
    return Record(name, "v1", Stamp(1, 2, 3, 4), name.upper(), ("tag",), sections)


def head(name: str, *trails: str) -> Row:
    sections = tuple(((trail,), trail.lower(), n, n + 1) for n, trail in enumerate(trails, 1))
    return {
        "kind": "head",
        "path": name,
        "record": pack(record(name, len(trails))),
        "sections": sections,
    }


words = st.lists(
    st.sampled_from(["a", "b", "aa", "ab", "é", "日本", "𝄞", "\U0010ffff"])
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4),
    max_size=12,
)
streams = st.binary(max_size=3).map(lambda half: half + half)
rows = st.fixed_dictionaries(
    {
        "title": words,
        "headings": words,
        "body": words,
        "stream": streams,
        "path": st.text("ab", max_size=2),
    }
)


@settings(max_examples=60)
@given(
    st.lists(rows | st.just(NOTHING), max_size=20),
    st.sets(st.integers(0, 19)),
    st.sampled_from([{}, {"phrase": False}]),
    st.integers(1, 5),
    st.sampled_from([0, 3]),
)
def test_any_segment_is_read_as_stock_reads_it(
    found: list[Row], heads: set[int], text: dict[str, bool], block: int, compression: int
) -> None:
    documents = [
        {**row, **head(f"{number}.md", "One", "Two")} if number in heads else row
        for number, row in enumerate(found)
    ]
    with TemporaryDirectory() as place:
        segment = written(
            Path(place), documents, fields=schema(**text), blocklimit=block, compression=compression
        )
        agrees_with_stock(Path(place), segment)


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=300), max_size=40), st.randoms())
def test_our_own_segments_are_read_as_stock_reads_them(
    texts: list[list[str]], random: Random
) -> None:
    with TemporaryDirectory() as place:
        builder = Builder(Path(place))
        while texts:
            count = random.randrange(5)
            name = f"{len(texts)}.md"
            sections = tuple(
                Section("Part", 1, ("Part",), f"part-{n}", n, n, " ".join(text * 2))
                for n, text in enumerate(texts[:count], 1)
            )
            texts = texts[max(count, 1) :]
            document = Document(name, "Title", ("tag",), (), {}, sections, 1)
            if random.randrange(9):
                builder.add(record(name, len(sections)), document)
            else:
                builder.add(record(name, 0), None)
        agrees_with_stock(Path(place), builder.finish().segment)


ids = st.lists(st.integers(0, 300) | st.integers(0, 1 << 32 - 1), min_size=1, unique=True).map(
    sorted
)


def kept_as(kind: str, numbers: Sequence[float]) -> object:
    """Postings may hold numbers in any of these ways."""
    match kind:
        case "tuple":
            return tuple(numbers)
        case "bytes":
            return bytes(map(int, numbers))
        case _:
            return array(kind, numbers)


@given(st.lists(ids, min_size=1, max_size=3), st.booleans(), st.data())
def test_numbers_are_decoded_however_they_are_kept(
    blocks: list[list[int]], compressed: bool, data: st.DataObject
) -> None:
    written = b"W3Bl"
    everything: list[tuple[int, float]] = []
    for number, block in enumerate(blocks, start=1):
        steps = [later - earlier for earlier, later in pairwise([0, *block])]
        kinds = ["tuple", "I", *["H"] * (max(steps) < 1 << 16), *["bytes"] * (max(steps) < 256)]
        weights = [float(data.draw(st.integers(1, 255))) for _ in block]
        kept, weights = data.draw(
            st.sampled_from(
                [
                    (None, [1.0] * len(block)),
                    (weights[0], weights[:1] * len(block)),
                    *((kept_as(kind, weights), weights) for kind in ("tuple", "bytes", "f")),
                ]
            )
        )
        content = pickle.dumps((kept_as(data.draw(st.sampled_from(kinds)), steps), kept, None), 4)
        info = pickle.dumps((len(block), block[-1], max(weights), int(compressed), 0, 255), 2)
        rest = info + (zlib.compress(content) if compressed else content)
        last = number == len(blocks)
        written += struct.pack("!i", -len(rest) if last else len(rest)) + rest
        everything += zip(block, weights, strict=True)
    found = decode(memoryview(b"before" + written + b"behind"), len("before"))
    assert list(zip(found.ids.tolist(), found.weights.tolist(), strict=True)) == everything


def test_documents_past_two_to_the_sixteenth_are_found(tmp_path: Path) -> None:
    rare = {5: ["few"], 66_000: ["few", "late"], 69_999: ["late", "late"]}
    found = ({"body": ["all", *rare.get(number, [])]} for number in range(70_000))
    reader = SegmentReader.open(tmp_path, written(tmp_path, found, blocklimit=1000))
    assert reader.size == 70_000
    np.testing.assert_array_equal(reader.postings("body", "all").ids, np.arange(70_000))
    assert reader.postings("body", "few").ids.tolist() == [5, 66_000]
    ids, weights = reader.postings("body", "late")
    assert (ids.tolist(), weights.tolist()) == ([66_000, 69_999], [1, 2])
    assert np.flatnonzero(reader.lengths("body") > 1).tolist() == [5, 66_000, 69_999]


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    reader = SegmentReader.open(tmp_path, written(tmp_path, [{"title": ["a"]}]))
    for field, term in (
        ("body", "a"),
        ("title", "b"),
        ("title", ""),
        ("none", "a"),
        ("title", "\ud800"),
    ):
        assert reader.postings(field, term).ids.size == 0
        assert reader.postings(field, term).ids.tolist() == []
        assert reader.postings(field, term).weights.tolist() == []
    assert reader.number("a") == 0
    assert list(reader.terms_from("none", "")) == []
    assert list(reader.terms_from("title", "\ud800")) == []
    assert reader.field_length("none") == 0
    assert reader.lengths("none").tolist() == [0]
    assert reader.head_numbers().tolist() == []


@given(
    st.sets(st.text("ab\u00e9\ud7ff\ue000\U00010000", min_size=1, max_size=3)),
    st.text("ab\u00e9", max_size=2),
)
def test_a_prefix_gives_the_terms_that_begin_so_in_the_order_of_their_bytes(
    terms: set[str], prefix: str
) -> None:
    with TemporaryDirectory() as place:
        documents = [{"title": ["zzz", "\0"], "body": sorted(terms)}]
        reader = SegmentReader.open(Path(place), written(Path(place), documents))
    wanted = sorted((t for t in terms if t.startswith(prefix)), key=str.encode)
    assert list(reader.terms_from("body", prefix)) == wanted


def test_streams_are_gathered_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    numbers = [[1, 2, 0, 300], [], [7], [60_000] * 3]
    found = [{"stream": np.array(one, "<u2").tobytes()} for one in numbers]
    reader = SegmentReader.open(tmp_path, written(tmp_path, found))
    flat, bounds = reader.streams(np.array([3, 0, 1, 3], np.uint32))
    assert flat.tolist() == [*numbers[3], *numbers[0], *numbers[3]]
    assert bounds.tolist() == [0, 3, 7, 7, 10]
    flat, bounds = reader.streams(np.zeros(0, np.uint32))
    assert (flat.tolist(), bounds.tolist()) == ([], [0])


@pytest.mark.parametrize(("terms", "size"), [(65_534, 2), (65_535, 4)])
def test_streams_have_room_for_the_number_of_every_term(
    tmp_path: Path, terms: int, size: int
) -> None:
    first, *others = [f"w{number:05}" for number in range(terms)]  # in the order of their bytes
    builder = Builder(tmp_path)
    section = Section("", 0, (), "", 1, 1, " ".join(others))
    # The name of a document counts as text of it.
    builder.add(record(first), Document(first, "", (), (), {}, (section,), 1))
    reader = SegmentReader.open(tmp_path, builder.finish().segment)
    flat, _ = reader.streams(np.zeros(1, np.uint32))
    assert flat.dtype.itemsize == size
    assert flat[flat > 0].tolist() == list(range(1, terms + 1))
    assert [reader.number(word) for word in (first, *others)] == list(range(1, terms + 1))
    assert not any(reader.number(f"{word}x") for word in others)


def test_columns_that_say_where_their_rows_begin_are_read_as_well(tmp_path: Path) -> None:
    """Stock writes these places in columns of more than 32,768 documents."""
    numbers = range(33_000)
    reader = SegmentReader.open(
        tmp_path, written(tmp_path, ({"stream": n.to_bytes(2, "little")} for n in numbers))
    )
    flat, _ = reader.streams(np.arange(33_000, dtype=np.uint32))
    assert flat.tolist() == list(numbers)


def test_a_head_knows_its_file_and_the_sections_of_it(tmp_path: Path) -> None:
    found: list[Row] = [head("a.md", "One", "Two"), {}, head("empty.md"), head("b.md", "Three")]
    reader = SegmentReader.open(tmp_path, written(tmp_path, found))
    assert reader.head_numbers().tolist() == [0, 2, 3]
    sections = ((("One",), "one", 1, 2), (("Two",), "two", 2, 3))
    assert reader.head(0)[:3] == (record("a.md", 2), sections, "")
    assert reader.head(2)[:3] == (record("empty.md", 0), (), "")
    assert reader.record(3) == record("b.md", 1)


@pytest.mark.parametrize("letters", ["plain", "été", "“quoted”", "日本語", "\U0001f600"])
def test_heads_are_counted_with_all_that_they_hold(tmp_path: Path, letters: str) -> None:
    trails = [f"Heading {number} {letters}" for number in range(30)]
    rows: list[Row] = []
    for number in range(20):
        rows += [head(f"{number}.md", *trails[number:]), *[NOTHING] * (29 - number)]
    reader = SegmentReader.open(tmp_path, written(tmp_path, rows))
    reader.head(0)
    tracemalloc.start()
    try:
        heads = [reader.head(number) for number in reader.head_numbers().tolist()]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= sum(each.nbytes for each in heads) <= 5 * taken


def test_many_threads_read_the_same_as_one(tmp_path: Path) -> None:
    random = Random(1)
    found = [{"body": random.choices("abcdefgh", k=9)} for _ in range(300)]
    reader = SegmentReader.open(tmp_path, written(tmp_path, found, blocklimit=7))

    def everything(_: int) -> list[object]:
        return [
            (term, reader.number(term), *map(bytes, reader.postings("body", term)))
            for term in reader.terms_from("body", "")
        ]

    alone = everything(0)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(everything, range(32)))


# Damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Segment]:
    folder = tmp_path_factory.mktemp("sound")
    texts = [{**head(f"{n}.md", "One"), "body": ["all", f"word{n}"]} for n in range(40)]
    return folder, written(folder, texts)


@given(st.sampled_from([".seg", ".sum"]), st.data())
def test_whatever_befalls_a_file_is_noticed_at_opening(
    sound: tuple[Path, Segment], suffix: str, data: st.DataObject
) -> None:
    folder, segment = sound
    whole = path_of(folder, segment).with_suffix(suffix).read_bytes()
    where = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    flipped = bytearray(whole)
    flipped[where] ^= change
    harmed = data.draw(st.sampled_from([bytes(flipped), whole[:where], whole + whole[: where + 1]]))
    with TemporaryDirectory() as place:
        for path in folder.iterdir():
            content = harmed if path.suffix == suffix else path.read_bytes()
            (Path(place) / path.name).write_bytes(content)
        with pytest.raises(Damaged):
            SegmentReader.open(Path(place), segment)


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "half": lambda whole: whole[: len(whole) // 2],
    "directory elsewhere": lambda whole: b"\x7f" + whole[1:],
    "no dictionary": lambda whole: whole.replace(b"HSH3", b"HSH4"),
    "dictionary without places": lambda whole: whole.replace(b"indexlen", b"indexlem"),
    "no blocks": lambda whole: whole.replace(b"W3Bl", b"W2Bl"),
    "no postings": lambda whole: whole.replace(b".pst", b".pts"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_segment_that_was_written_wrong_is_damaged_too(
    sound: tuple[Path, Segment], tmp_path: Path, wrong: Callable[[bytes], bytes]
) -> None:
    folder, segment = sound
    path_of(tmp_path, segment).write_bytes(wrong(path_of(folder, segment).read_bytes()))
    sign(tmp_path, segment)
    with pytest.raises(Damaged):
        SegmentReader.open(tmp_path, segment)


def test_a_segment_that_is_gone_is_not_found(sound: tuple[Path, Segment], tmp_path: Path) -> None:
    _, segment = sound
    with pytest.raises(FileNotFoundError):
        SegmentReader.open(tmp_path, segment)
    path_of(tmp_path, segment).with_suffix(".sum").write_text("1 2")
    with pytest.raises(FileNotFoundError):
        SegmentReader.open(tmp_path, segment)


def test_a_segment_without_its_checksum_is_damaged(
    sound: tuple[Path, Segment], tmp_path: Path
) -> None:
    folder, segment = sound
    path_of(tmp_path, segment).write_bytes(path_of(folder, segment).read_bytes())
    with pytest.raises(Damaged):
        SegmentReader.open(tmp_path, segment)
