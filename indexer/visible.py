"""What a caller is told who may not read everything: of documents, counts and changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from operator import is_

from docindex.indexer.models import IndexView, Progress, Record, Skipped
from docindex.indexer.rules import Reach


class Visible:
    """The documents that a caller may read, at one generation. For any number of threads."""

    def __init__(self, reach: Reach, catalogues: Sequence[Mapping[str, Record]]) -> None:
        """`catalogues` have all documents of each folder, by their outer names."""
        self.reach = reach
        self._catalogues = catalogues
        self.folders = tuple(
            {name: record for name, record in records.items() if reach.may_read(name)}
            for records in catalogues
        )
        """Those that the caller may read, folder by folder."""

    def is_of(self, catalogues: Sequence[Mapping[str, Record]]) -> bool:
        """Whether it was made of these very catalogues."""
        return all(map(is_, self._catalogues, catalogues))

    @cached_property
    def generations(self) -> tuple[int, ...]:
        """What stays the same while nothing changes that the caller may read, and so tells
        nothing of other changes, as the generation of an index would."""
        return tuple(map(_mark, self.folders))


def _mark(records: Mapping[str, Record]) -> int:
    digest = blake2b(digest_size=6)
    for name in sorted(records):
        digest.update(f"{name}\0{records[name].version}\n".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest())


def narrowed(view: IndexView, folders: Iterable[Mapping[str, Record]]) -> IndexView:
    """What a caller is told who may read these documents. Changes under way may be others',
    so none are told of; what the caller's own answers meet is."""
    state = "ready" if view.state == "updating" else view.state
    return replace(view, state=state, documents=sum(map(len, folders)), pending=0)


def differences(
    before: Iterable[Mapping[str, Record]], after: Iterable[Mapping[str, Record]], full: bool
) -> tuple[int, int]:
    """How many documents were indexed between the two, and how many removed."""
    old = {name: record.version for records in before for name, record in records.items()}
    new = {name: record.version for records in after for name, record in records.items()}
    indexed = sum(full or old.get(name) != version for name, version in new.items())
    return indexed, len(old.keys() - new.keys())


def told(files: Iterable[Skipped], may_read: Callable[[str], bool]) -> tuple[Skipped, ...]:
    """Those that the caller may read. A folder may be among them: what is below counts."""
    return tuple(
        each
        for each in files
        if may_read(each.name) and may_read(f"{each.name.removesuffix('/')}/x.md")
    )


def in_shares(
    on_progress: Callable[[Progress], None], may_read: Callable[[str], bool]
) -> Callable[[Progress], None]:
    """Progress in percent: how many files there are is not for every caller."""

    def tell(progress: Progress) -> None:
        share = 100 * progress.done // max(progress.total, 1)
        on_progress(Progress(share, 100, progress.at if may_read(progress.at) else ""))

    return tell
