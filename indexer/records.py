"""What an index has of each file, counted as it changes."""

from collections.abc import Iterator, Mapping

from docindex.indexer.models import Record


class Records(Mapping[str, Record]):
    """By name, skipped files included. What the status tells of them is at hand at any
    time: it is asked for after every commit and each tick, of any number of files."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self.sections = 0
        self.skipped: dict[str, str] = {}
        """The reasons, by name."""
        self.remarks: dict[str, str] = {}

    @property
    def documents(self) -> int:
        """Files that were not skipped."""
        return len(self._records) - len(self.skipped)

    def put(self, record: Record) -> None:
        self.drop(record.name)
        self._records[record.name] = record
        self.sections += record.sections
        if record.skipped:
            self.skipped[record.name] = record.skipped
        if record.remarks:
            self.remarks[record.name] = "; ".join(record.remarks)

    def drop(self, name: str) -> None:
        record = self._records.pop(name, None)
        if record is not None:
            self.sections -= record.sections
            self.skipped.pop(name, None)
            self.remarks.pop(name, None)

    def __getitem__(self, name: str) -> Record:
        return self._records[name]

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
