"""Who calls, and the rules that tell what callers may."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf the library is asked."""

    name: str
    """"" for nobody in particular, who may what everybody may."""
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else is known of the caller, as a token says it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed of the documents that a path fits."""

    path: str
    """A folder or a glob (see `PathFilter`), perhaps with placeholders."""
    read: tuple[str, ...] = ()
    """`*` (everybody), `NAME`, `group:NAME` or `claim:KEY=VALUE`."""
    write: tuple[str, ...] = ()
    """The same. Who may write may read."""
