"""Postings come out of their bytes as they went in, for stock Whoosh and for numpy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer import stock as ours
from docindex.indexer.inversion import Inverted
from docindex.indexer.postings import ENTRY, FEW, Encoded, decode, encode
from tests import stock

Term = dict[int, int]
"""Documents and how often each has the term."""

LENGTHS = np.arange(400_000, dtype=np.uint32).astype(np.uint8)

docnums = st.one_of(st.integers(0, 300), st.integers(0, 70_000), st.integers(0, len(LENGTHS) - 1))
frequencies = st.one_of(st.just(1), st.integers(1, 3), st.integers(1, 255), st.integers(1, 70_000))
few = st.dictionaries(docnums, frequencies, min_size=1, max_size=FEW + 2)
uniform = st.builds(dict.fromkeys, st.lists(docnums, min_size=1, max_size=FEW + 2), frequencies)


@st.composite
def many(draw: st.DrawFn) -> Term:
    """A long list, in steps that are all alike."""
    first, step = draw(st.integers(0, 90_000)), draw(st.sampled_from([1, 2, 255, 256, 3_000]))
    least, variety = draw(frequencies), draw(st.integers(1, 300))
    times = range(draw(st.integers(FEW - 1, 100)))
    return {first + step * time: least + time * 7 % variety for time in times}


fields = st.lists(st.one_of(few, uniform, many()), max_size=12)


def inverted(terms: list[Term]) -> Inverted:
    sizes = [len(term) for term in terms]
    pairs = [pair for term in terms for pair in sorted(term.items())]
    return Inverted(
        [f"{number:04}".encode() for number in range(len(terms))],
        np.cumsum([0, *sizes], dtype=np.int64),
        np.array([docnum for docnum, _ in pairs], np.uint32),
        np.array([frequency for _, frequency in pairs], np.uint32),
    )


def matcher(encoded: Encoded, number: int) -> Any:
    """Stock Whoosh's, over the postings of a term."""
    entry = encoded.entries[number]
    file = stock.BufferFile(encoded.blocks)
    return stock.codec.W3LeafMatcher(
        file, int(entry["offset"]), int(entry["size"]), ours.Existence()
    )


def posted(matcher: Any) -> Iterator[tuple[int, float]]:
    while matcher.is_active():
        yield matcher.id(), matcher.weight()
        matcher.next()


@given(fields)
def test_stock_whoosh_iterates_what_was_written(terms: list[Term]) -> None:
    encoded = encode(inverted(terms), LENGTHS)
    for number, term in enumerate(terms):
        assert list(posted(matcher(encoded, number))) == sorted(term.items())


@given(fields)
def test_numpy_reads_what_was_written(terms: list[Term]) -> None:
    postings = inverted(terms)
    encoded = encode(postings, LENGTHS)
    found = decode(memoryview(encoded.blocks), encoded.entries, list(postings.terms))
    assert found.terms == postings.terms
    for name in ("starts", "docnums", "frequencies"):
        written, read = getattr(postings, name), getattr(found, name)
        assert written.dtype == read.dtype
        assert written.tolist() == read.tolist()


@given(fields, st.data())
def test_stock_whoosh_skips_to_any_document(terms: list[Term], data: st.DataObject) -> None:
    encoded = encode(inverted(terms), LENGTHS)
    for number, term in enumerate(terms):
        target = data.draw(docnums)
        found = matcher(encoded, number)
        found.skip_to(target)
        assert list(posted(found)) == sorted(p for p in term.items() if p[0] >= target)


@given(fields)
def test_stock_whoosh_knows_what_a_term_can_score_at_most(terms: list[Term]) -> None:
    encoded = encode(inverted(terms), LENGTHS)
    for number, term in enumerate(terms):
        found = matcher(encoded, number)
        info = stock.codec.W3TermInfo.from_bytes(encoded.entries[number].tobytes())
        lengths = [ours.FIELD_LENGTHS[int(LENGTHS[docnum])] for docnum in term]
        for limits in (
            (found.block_max_weight(), found.block_min_length(), found.block_max_length()),
            (info.max_weight(), info.min_length(), info.max_length()),
        ):
            assert limits == (max(term.values()), min(lengths), max(lengths))
        assert found.block_max_id() == info.max_id() == max(term)
        assert info.min_id() == min(term)
        assert info.weight() == sum(term.values())
        assert info.doc_frequency() == len(term)


@pytest.mark.parametrize("count", [1, 2, FEW - 1, FEW, 300])
def test_blocks_are_as_small_as_their_numbers_allow(count: int) -> None:
    """A posting takes a byte for its step in a long list, and two in a short one."""
    near = len(encode(inverted([dict.fromkeys(range(count), 1)]), LENGTHS).blocks)
    assert near < 60 + count * (1 if count >= FEW else 2)


def test_an_entry_of_the_dictionary_is_as_long_as_stock_whoosh_writes_it() -> None:
    info = stock.codec.W3TermInfo()
    info.set_extent(0, 0)
    assert ENTRY.itemsize == len(info.to_bytes())
