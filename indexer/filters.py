"""Choosing documents by path: a folder, a name or a glob."""

import fnmatch
import re
from collections.abc import Callable, Sequence

from docindex.indexer.errors import InvalidInput
from docindex.indexer.names import name_problem, normalised, shown

MAX_FILTER_CHARACTERS = 512


class PathFilter:
    """Selects documents by where they are. Case counts.

    - `guide` or `guide/`: everything below the folder; the full name of a
      document selects that one
    - `guide/*.md`, `**/adr-*.md`: a glob over the whole name, in which `*`, `?`
      and `[...]` stay within one component and `**` stands for any number
    - `*.txt`, `adr*/`: a glob without an inner `/` is looked for at every depth,
      as in a .gitignore; a leading `/` holds it to the top, a final `/` selects
      everything below the folders that match
    - empty, `/` or `.`: every document

    What a match costs grows with the length of the filter times that of the
    name, whatever these hold. Raises InvalidInput.
    """

    __slots__ = ("_glob", "_literal")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_FILTER_CHARACTERS:
            raise InvalidInput(
                f"the path filter is longer than {MAX_FILTER_CHARACTERS} characters. "
                "Name one folder or one glob"
            )
        path = normalised(text).removeprefix("./")
        if path in ("/", "."):
            path = ""
        body = path.removeprefix("/").removesuffix("/")
        if path and (problem := name_problem(body)):
            raise InvalidInput(
                f'the path filter "{shown(text)}" cannot match: {problem}. '
                "Name a folder (guide) or a glob (**/adr-*.md)"
            )
        self._literal = body
        self._glob: _Glob | None = None
        if is_glob(body):
            components = body.split("/")
            if len(components) == 1 and not path.startswith("/"):
                components.insert(0, "**")
            if path.endswith("/"):
                components.append("**")
            self._glob = _Glob(components)

    def matches(self, name: str) -> bool:
        if not self._literal or name == self._literal:
            return True
        if self._glob is not None:
            return self._glob.matches(name.split("/"))
        return name.startswith(self._literal) and name[len(self._literal)] == "/"


def is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")


class _Glob:
    """Matches components one by one. `fnmatch` translates a component so that it
    never backtracks over an earlier `*`; over an earlier `**` we need not go
    back either: if the last one cannot be stretched to fit, none can."""

    __slots__ = ("_wanted",)

    def __init__(self, components: Sequence[str]) -> None:
        wanted: list[Callable[[str], object] | None] = []
        for component in components:
            if component != "**":
                wanted.append(_component_matcher(component))
            elif not wanted or wanted[-1] is not None:
                wanted.append(None)
        if wanted[-1] is None:
            wanted.append(_component_matcher("*"))
        self._wanted = tuple(wanted)

    def matches(self, components: Sequence[str]) -> bool:
        wanted, count = self._wanted, len(self._wanted)
        at = here = 0
        stretch = -1  # the last `**` seen, and how far it reaches
        reach = 0
        while here < len(components):
            matcher = wanted[at] if at < count else None
            if matcher is None and at < count:
                stretch, reach = at, here
                at += 1
            elif matcher is not None and matcher(components[here]):
                at += 1
                here += 1
            elif stretch >= 0:
                reach += 1
                at, here = stretch + 1, reach
            else:
                return False
        return at == count


def _component_matcher(component: str) -> Callable[[str], object]:
    if is_glob(component):
        return re.compile(fnmatch.translate(component)).match
    return component.__eq__
