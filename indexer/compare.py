"""What has to be indexed: a folder against the records of its index."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from docindex.indexer.batch import Task
from docindex.indexer.files import Folder
from docindex.indexer.intake import UNKNOWN
from docindex.indexer.models import Record, Scan, Stamp

FEW_FILES = 40
FEW_BYTES = 300_000
"""What is indexed at once, within some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Plan:
    tasks: tuple[Task, ...] = ()
    gone: tuple[str, ...] = ()
    """Names in the index that are no longer in the folder."""

    def __bool__(self) -> bool:
        return bool(self.tasks or self.gone)

    @property
    def small(self) -> bool:
        """Whether all that is light in it can be indexed at once."""
        size = sum(task.stamp.size for task in self.tasks if task.light)
        return len(self.tasks) <= FEW_FILES and size <= FEW_BYTES

    @property
    def light(self) -> bool:
        return all(task.light for task in self.tasks)


def compare(scan: Scan, records: Mapping[str, Record], full: bool = False) -> Plan:
    """The whole folder. `full` indexes every file again, changed or not."""
    gone = [name for name in records if name not in scan.files and name not in scan.skipped]
    return Plan(tuple(_tasks(scan, records, full)), tuple(gone))


def compare_names(
    folder: Folder,
    records: Mapping[str, Record],
    names: Iterable[str],
    begun: Iterable[str] = (),
    pulse: Callable[[], None] | None = None,
) -> Plan:
    """Some names: documents, or folders with all that is below them. `pulse` is called for
    each entry of these.

    A name that stands in the index, or is about to since its indexing has `begun`, and is
    nowhere in the folder is gone; so is everything below a folder that is.
    """
    found: dict[str, Stamp] = {}
    refused: dict[str, str] = {}
    looked: set[str] = set()
    folders: list[str] = []
    for name in names:
        looked.add(name)
        state = folder.look(name)
        if isinstance(state, Stamp):
            found[name] = state
            continue
        folders.append(f"{name}/")
        if isinstance(state, str):
            refused[name] = state
        else:
            below = folder.scan_below(name, pulse)
            found.update(below.files)
            refused.update(below.skipped)
    coming = set(begun)
    concerned = {name for name in looked if name in records or name in coming}
    if folders:
        prefixes = tuple(folders)
        concerned.update(name for name in chain(records, coming) if name.startswith(prefixes))
    tasks = _tasks(Scan(found, refused, 0), records, full=False)
    gone = [name for name in concerned if name not in found and name not in refused]
    return Plan(tuple(tasks), tuple(gone))


def empties(plan: Plan, records: Mapping[str, Record]) -> bool:
    """Whether a plan would take away all of several documents: a folder whose file
    system is not mounted looks just so."""
    return len(records) > 1 and not plan.tasks and set(plan.gone) >= records.keys()


def _tasks(scan: Scan, records: Mapping[str, Record], full: bool) -> Iterable[Task]:
    for name, stamp in scan.files.items():
        known = records.get(name)
        if full:
            yield Task(name, stamp)
        elif known is None or known.stamp != stamp:
            yield Task(name, stamp, known)
    for name, reason in scan.skipped.items():
        known = records.get(name)
        if known is None or known.skipped != reason:
            yield Task(name, UNKNOWN, refusal=reason)
