"""What one run found, as it is kept and shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.eval.finding import Found
from tests.eval.harm import Harm
from tests.eval.measures import Measured
from tests.eval.reading import Reading

OURS = "docindex"


@dataclass(frozen=True)
class Compared:
    """One set of judged questions, asked of several engines."""

    name: str
    questions: int
    engines: Mapping[str, Measured]
    times: tuple[float, ...]
    """Seconds that each search of the product took, ascending."""
    harm: Harm


@dataclass
class Run:
    compared: list[Compared] = field(default_factory=list[Compared])
    found: dict[str, list[Found]] = field(default_factory=dict[str, list[Found]])
    """By collection."""
    read: dict[str, list[Reading]] = field(default_factory=dict[str, list[Reading]])
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Documents and sections of each collection."""
