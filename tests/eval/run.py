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


@dataclass(frozen=True)
class Asked:
    """How many written questions the first hits of each engine answer."""

    pooled: bool
    """Whether answers count that were only seen when what was found was judged."""
    documents: bool
    """Whether a hit elsewhere in a right document counts too."""
    asked: int
    right: Mapping[str, int]
    """By engine."""


@dataclass
class Run:
    compared: list[Compared] = field(default_factory=list[Compared])
    asked: dict[str, list[Asked]] = field(default_factory=dict[str, list[Asked]])
    """By collection, as what follows."""
    found: dict[str, list[Found]] = field(default_factory=dict[str, list[Found]])
    read: dict[str, list[Reading]] = field(default_factory=dict[str, list[Reading]])
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Documents and sections of each collection."""
