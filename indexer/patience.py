"""How long a worker may take for something before it is stopped.

No document is worth more time than this. What counts is time in which the indexer
itself was running, so a machine that was asleep has stopped nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. Reading takes some 0.3 a megabyte on an idle machine, writing less."""

    start: float = 60.0
    """For a worker to begin."""
    file: float = 10.0
    megabyte: float = 5.0
    """More for each megabyte of a file, and of what is written or merged."""
    write: float = 60.0

    def for_file(self, size: int) -> float:
        """For a file of so many bytes, from opening it to having its terms."""
        return self.file + self.megabyte * size / 1e6

    def for_writing(self, size: int) -> float:
        """For making a segment of so many bytes of files, or of other segments."""
        return self.write + self.megabyte * size / 1e6
