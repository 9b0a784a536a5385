"""What is counted of the files in an index is what a look at all of them would count."""

from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.models import Record, Stamp
from docindex.indexer.records import Records

records = st.builds(
    Record,
    name=st.sampled_from("abcdef"),
    version=st.just("v"),
    stamp=st.just(Stamp(1, 1, 1, 1)),
    sections=st.integers(0, 5),
    skipped=st.sampled_from(["", "too large"]),
    remarks=st.sampled_from([(), ("one",), ("one", "two")]),
)


@given(st.lists(records | st.sampled_from("abcdef")))
def test_counts_follow_every_change(changes: list[Record | str]) -> None:
    """A name is dropped, a record is put."""
    kept, expected = Records(), dict[str, Record]()
    for change in changes:
        if isinstance(change, str):
            kept.drop(change)
            expected.pop(change, None)
        else:
            kept.put(change)
            expected[change.name] = change
    assert dict(kept) == expected
    assert len(kept) == len(expected)
    skipped = {name: record.skipped for name, record in expected.items() if record.skipped}
    assert kept.skipped == skipped
    assert kept.documents == len(expected) - len(skipped)
    assert kept.remarks == {n: "; ".join(r.remarks) for n, r in expected.items() if r.remarks}
    assert kept.sections == sum(record.sections for record in expected.values())
