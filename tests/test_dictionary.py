"""The dictionary of a segment holds every term, where stock Whoosh looks for it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.dictionary import DictionaryWriter, read_dictionary
from docindex.indexer.postings import ENTRY
from tests import stock

terms = st.lists(st.binary(max_size=8), unique=True).map(sorted)


def written(fields: dict[str, list[bytes]]) -> bytes:
    """Each term's offset is its number in its field."""
    writer = DictionaryWriter()
    for field, keys in fields.items():
        entries = np.zeros(len(keys), ENTRY)
        entries["offset"] = np.arange(len(keys))
        writer.begin_field(field)
        writer.add(keys[:2], entries[:2])
        writer.add(keys[2:], entries[2:])
    return b"".join(writer.finish({"noted": 7}))


def reader(file: bytes) -> Any:
    return stock.filetables.OrderedHashReader(stock.BufferFile(file), len(file))


@given(st.dictionaries(st.sampled_from(["body", "kind", "title"]), terms))
def test_what_was_written_is_read_again(fields: dict[str, list[bytes]]) -> None:
    found = read_dictionary(written(fields))
    assert {field: read.texts for field, read in found.items()} == fields
    for read in found.values():
        assert read.entries["offset"].tolist() == list(range(len(read.texts)))


@given(st.dictionaries(st.sampled_from(["body", "kind", "title"]), terms), st.binary(max_size=8))
def test_stock_whoosh_finds_every_term_and_no_other(
    fields: dict[str, list[bytes]], other: bytes
) -> None:
    found = reader(written(fields))
    keys = [
        number.to_bytes(2, "big") + term
        for number, keys in enumerate(fields.values())
        for term in keys
    ]
    assert list(found.keys()) == keys
    assert all(key in found for key in keys)
    assert (other in found) == (other in keys)
    assert found.closest_key(other) == min((key for key in keys if key >= other), default=None)
    assert found.extras["noted"] == 7


@pytest.mark.parametrize("count", [1, 3, 700, 20_000])
def test_keys_that_collide_are_found_around_the_end_of_their_table(count: int) -> None:
    keys = sorted(str(number).encode() for number in range(count))
    found = reader(written({"body": keys}))
    for number, key in enumerate(keys):
        stored = found[b"\0\0" + key]
        assert np.frombuffer(stored, ENTRY)["offset"] == number
