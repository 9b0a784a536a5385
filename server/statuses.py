"""The state of a library, as the status resource tells it."""

from typing import Final, NotRequired

from typing_extensions import TypedDict

from docindex.indexer.models import FolderStatus, LibraryStatus, Skipped
from docindex.server import results, wire

MOST_FILES: Final = 200


class Folder(TypedDict):
    label: NotRequired[str]
    index: wire.Index
    indexer: str
    generation: NotRequired[int]
    sections: int
    index_bytes: NotRequired[int]
    ignored: NotRequired[int]
    skipped: list[wire.SkippedFile]
    more_skipped: NotRequired[int]
    remarks: list[wire.SkippedFile]
    more_remarks: NotRequired[int]


class Status(TypedDict):
    index: wire.Index
    folders: list[Folder]


def status(found: LibraryStatus) -> Status:
    return {
        "index": results.index(found.index),
        "folders": [_folder(folder) for folder in found.folders],
    }


def _folder(found: FolderStatus) -> Folder:
    shaped: Folder = {
        "index": results.index(found.index),
        "indexer": found.indexer,
        "sections": found.sections,
        "skipped": _first(found.skipped),
        "remarks": _first(found.remarks),
    }
    if found.generation >= 0:
        shaped["generation"] = found.generation
        shaped["index_bytes"] = found.index_bytes
        shaped["ignored"] = found.ignored
    if found.label:
        shaped["label"] = found.label
    if len(found.skipped) > MOST_FILES:
        shaped["more_skipped"] = len(found.skipped) - MOST_FILES
    if len(found.remarks) > MOST_FILES:
        shaped["more_remarks"] = len(found.remarks) - MOST_FILES
    return shaped


def _first(files: tuple[Skipped, ...]) -> list[wire.SkippedFile]:
    return results.skipped(files[:MOST_FILES])
