"""Random operations on an index against a dictionary, with stock Whoosh as the reader.

What a process does at the time of a crash is lost or done whole, and nothing else.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from docindex.indexer.merge import merge
from docindex.indexer.merging import AFTER_A_RUN, many, spent
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segments import Builder, Built
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store
from tests import stock

names = st.sampled_from([f"{number}.md" for number in range(12)])
some_names = st.sets(names, min_size=1, max_size=6)

Content = dict[str, int]
"""The version of each document; a document of version n has n % 3 sections, or none."""


@dataclass
class Making:
    """A segment that somebody is about to commit."""

    built: Built
    content: Content
    stale: set[str]


@dataclass
class Merging:
    built: Built
    sources: list[str]


class IndexModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.folder = self.place / "index"
        self.store = Store(self.folder)
        self.snapshots = Snapshots(self.folder)
        self.content: Content = {}
        self.version = 0
        self.making: Making | None = None
        self.merging: Merging | None = None

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    # What is done to it

    @rule(changed=some_names)
    def index(self, changed: set[str]) -> None:
        built, content = self.build(changed)
        self.outdate(changed)
        self.store.commit(built)
        self.content |= content

    @rule(gone=some_names)
    def remove(self, gone: set[str]) -> None:
        self.outdate(gone)
        self.store.commit(None, removed=gone & set(self.content))
        self.content = {name: v for name, v in self.content.items() if name not in gone}

    @precondition(lambda self: self.making is None)
    @rule(changed=some_names)
    def begin_a_segment(self, changed: set[str]) -> None:
        self.making = Making(*self.build(changed), stale=set())

    @precondition(lambda self: self.making is not None)
    @rule()
    def end_a_segment(self) -> None:
        making, self.making = self.making, None
        assert making is not None
        self.store.commit(making.built, stale=making.stale)
        self.content |= {n: v for n, v in making.content.items() if n not in making.stale}

    @precondition(lambda self: self.merging is None)
    @rule(all_of_them=st.booleans())
    def begin_a_merge(self, all_of_them: bool) -> None:
        weights = self.store.weights()
        sources = spent(weights) or many(weights, AFTER_A_RUN)
        if all_of_them:
            sources = [weight.segment_id for weight in weights]
        if sources:
            self.merging = Merging(merge(self.folder, self.store.segments(sources)), sources)

    @precondition(lambda self: self.merging is not None)
    @rule()
    def end_a_merge(self) -> None:
        merging, self.merging = self.merging, None
        assert merging is not None
        self.store.commit_merge(merging.built, merging.sources)

    @rule()
    def sweep(self) -> None:
        self.store.sweep(now=float("inf"))

    @rule()
    def crash(self) -> None:
        """All that was under way is lost."""
        self.making = self.merging = None
        self.store = Store(self.folder)
        assert self.store.repaired == ""
        named = {path.name.partition(".")[0] for path in self.folder.glob("*.s*")}
        assert named == {weight.segment_id for weight in self.store.weights()}

    @rule(changed=some_names, calls=st.integers(0, 6))
    def crash_while_it_is_indexed(self, changed: set[str], calls: int) -> None:
        """After so many calls of the system."""
        before = dict(self.content)
        self.version += 1
        after = before | dict.fromkeys(changed, self.version)
        with failing(calls), suppress(OSError):
            self.store.commit(self.segment(after, changed))
        self.find(before, after)

    @precondition(lambda self: len(self.store.weights()) > 1)
    @rule(calls=st.integers(0, 6))
    def crash_while_it_is_merged(self, calls: int) -> None:
        sources = [weight.segment_id for weight in self.store.weights()]
        with failing(calls), suppress(OSError):
            self.store.commit_merge(merge(self.folder, self.store.segments(sources)), sources)
        self.find(self.content, self.content)

    # What has to be

    @invariant()
    def the_store_knows_what_is_there(self) -> None:
        records = self.store.records
        assert {name: int(r.version) for name, r in records.items()} == self.content
        skipped = {name for name, version in self.content.items() if version % 3 == 0}
        assert set(records.skipped) == skipped
        assert records.documents == len(self.content) - len(skipped)
        assert records.sections == sum(version % 3 for version in self.content.values())

    @invariant()
    def readers_find_what_is_there(self) -> None:
        snapshot = self.snapshots.newest()
        assert snapshot.generation == self.store.generation
        found = [(head.record.name, int(head.record.version)) for _, head in snapshot.heads()]
        assert sorted(found) == sorted(self.content.items())

    @invariant()
    def stock_whoosh_finds_what_is_there(self) -> None:
        with stock.index.open_dir(str(self.folder)).reader() as reader:
            assert reader.doc_count() == sum(max(v % 3, 1) for v in self.content.values())
            found = Content()
            for name in reader.field_terms("path"):
                matcher = reader.postings("path", name)
                live = [n for n in matcher.all_ids() if not reader.is_deleted(n)]
                if live:
                    version = int(reader.stored_fields(live[0])["record"][1])
                    assert len(live) == max(version % 3, 1)
                    found[name] = version
            assert found == self.content
            for version in set(self.content.values()):
                if version % 3:
                    ids = reader.postings("body", f"word{version}").all_ids()
                    live = [n for n in ids if not reader.is_deleted(n)]
                    assert len(live) == (version % 3) * [*self.content.values()].count(version)

    # Tools

    def outdate(self, changed: set[str]) -> None:
        if self.making is not None:
            self.making.stale |= changed

    def build(self, changed: set[str]) -> tuple[Built, Content]:
        self.version += 1
        content = dict.fromkeys(changed, self.version)
        return self.segment(content, changed), content

    def segment(self, content: Content, changed: set[str]) -> Built:
        builder = Builder(self.folder)
        for name in sorted(changed):
            builder.add(*document(name, content[name]))
        return builder.finish()

    def find(self, before: Content, after: Content) -> None:
        """Opens what a crash has left: the one or the other."""
        self.making = self.merging = None
        self.store = Store(self.folder)
        assert self.store.repaired == ""
        found = {name: int(r.version) for name, r in self.store.records.items()}
        assert found in (before, after)
        self.content = found


def document(name: str, version: int) -> tuple[Record, Document | None]:
    count = version % 3
    stamp = Stamp(version, 1, 1, 1)
    if not count:
        return Record(name, f"{version}", stamp, skipped="for a reason"), None
    sections = tuple(
        Section(f"Part {n}", 1, (f"Part {n}",), f"part-{n}", n, n, f"word{version} of part {n}")
        for n in range(count)
    )
    parsed = Document(name, name, (), (), {}, sections, count)
    return Record(name, f"{version}", stamp, name, sections=count), parsed


@contextmanager
def failing(calls: int) -> Generator[None]:
    """What makes things last fails after so many calls, and for good."""
    left = calls

    def counted(call: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            call(*arguments)

        return act

    with (
        patch("os.fsync", counted(os.fsync)),
        patch("os.replace", counted(os.replace)),
        patch("os.rename", counted(os.rename)),
    ):
        yield


IndexModel.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestIndexModel = IndexModel.TestCase
