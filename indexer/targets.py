"""Where a link leads, and how it is written so that it leads somewhere else.

A link by path leads from the folder of its document, or with a leading `/` from the
root; it may leave out the extension. A wiki link names a page, with as much of the
path before it as its author cared for. Everything here is pure: no disk is touched.
"""

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from markdown_it.common.utils import unescapeAll

from docindex.indexer.links import LinkKind
from docindex.indexer.markdown import is_plain_text
from docindex.indexer.names import EXTENSIONS, normalised

Path = tuple[str, ...]
"""Components from the root of the folder on; it may begin with `..`."""

_PAGES = tuple(extension for extension in EXTENSIONS if not is_plain_text(extension))
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_UNITS = re.compile(
    r"\\[!-/:-@\[-`{-~]|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{1,31});|.", re.DOTALL
)
_ESCAPE = re.compile("%([0-9A-Fa-f])[0-9A-Fa-f]")
_SAFE: dict[LinkKind, str] = {
    "plain": "-._~!$+,;=@'&()",
    "angle": "-._~!$+,;=@'&() ",
    "html": "-._~!$+,;=@&()",
}
_NOT_IN_WIKI = re.compile(r"[\[\]|#^`\\<>*\n]")


class Names:
    """The names that documents have, before a move or after it."""

    def __init__(self, names: Iterable[str], others: Iterable[str] = ()) -> None:
        """`others` are files and folders that have the name of a document but for its
        extension: a link to that name leads to them."""
        self._names = frozenset(names)
        self._others = frozenset(others)
        self._pages: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(self._names):
            last = name.rpartition("/")[2].casefold()
            for key in {last, without_extension(last)}:
                self._pages[key].append(name)

    def after(self, old: str, new: str) -> "Names":
        return Names(self._names - {old} | {new}, self._others)

    def at(self, path: str) -> str:
        """The document at a path that may lack an extension; "" when there is none."""
        if path in self._names:
            return path
        return "" if path in self._others else self._page_at(path)

    def pages(self, target: str, folder: Path) -> Sequence[str]:
        """The documents that a wiki link in this folder may mean."""
        first, *rest = parts = normalised(target).split("/")
        if not first and rest:
            found = self._page_at("/".join(rest))
            return [found] if found else []
        if first in (".", ".."):
            found = self._page_at("/".join(joined(folder, parts)))
            return [found] if found else []
        above = [part.casefold() for part in parts[:-1]]
        candidates = [
            name
            for name in self._pages.get(parts[-1].casefold(), ())
            if not above or name.casefold().split("/")[-1 - len(above) : -1] == above
        ]
        whole = self._page_at("/".join(parts)) if len(candidates) > 1 and above else ""
        return [whole] if whole else candidates

    def _page_at(self, path: str) -> str:
        if path in self._names:
            return path
        found = [path + end for end in _PAGES if path + end in self._names]
        return found[0] if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a link by path. `components` are as they are written, `said` what
    they mean; `tail` is query and fragment."""

    components: Path
    said: Path
    tail: str
    kind: LinkKind

    def path(self, folder: Path) -> Path:
        """Where it leads, from a document in this folder."""
        return joined((), self.said) if self.rooted else joined(folder, self.said)

    @property
    def rooted(self) -> bool:
        return not self.said[0]

    def to(self, path: Path, folder: Path, *, moved: bool, encodable: Callable[[str], bool]) -> str:
        """How it is written to lead to `path`, from a document in `folder`, in the way
        that it was written; `moved` when that document was in another folder before."""
        said: Path
        if not moved and path[:-1] == self.path(folder)[:-1]:
            said = (*self.said[:-1], path[-1])  # however the folder was written
        elif self.rooted:
            said = ("", *path)
        else:
            said = _relative(path, folder)
            if self.said[0] == "." and said[0] not in (".", ".."):
                said = (".", *said)
            if not self.said[-1] and said[-1]:
                said = (*said, "")
        known = dict(zip(self.said, self.components, strict=True))
        as_written = "/".join(self.components)
        components = [
            known.get(part) or _encoded(part, self.kind, as_written, encodable) for part in said
        ]
        if ":" in components[0]:
            components.insert(0, ".")  # or it would be the scheme of a URL
        return "/".join(components) + self.tail


def parse_target(source: str, kind: LinkKind) -> Target | None:
    """None when it leads elsewhere than to a file, or only within its own document."""
    unescape = html.unescape if kind == "html" else unescapeAll
    units = [(unit, unescape(unit)) for unit in _UNITS.findall(source)]
    if _ELSEWHERE.match("".join(said for _, said in units[:200])):
        return None
    end = next((n for n, (_, said) in enumerate(units) if said in ("?", "#")), len(units))
    if not end:
        return None
    components, said = [""], [""]
    for unit, meaning in units[:end]:
        if meaning == "/":
            components.append("")
            said.append("")
        else:
            components[-1] += unit
            said[-1] += meaning
    return Target(
        tuple(components),
        tuple(_decoded(part) for part in said),
        "".join(unit for unit, _ in units[end:]),
        kind,
    )


def joined(folder: Path, parts: Iterable[str]) -> Path:
    path = list(folder)
    for part in parts:
        if part == ".." and path and path[-1] != "..":
            path.pop()
        elif part not in ("", "."):
            path.append(part)
    return tuple(path)


def wiki_spellings(target: str, old: str, new: str, folder: Path) -> Iterator[str]:
    """How a wiki link to a page may be written now that its name is `new`, the one that
    is most like `target` first."""
    parts = target.split("/")
    whole = new if has_extension(target, old) else without_extension(new)
    path = tuple(whole.split("/"))
    spellings = [whole, f"/{whole}", new, f"/{new}"]
    if not parts[0]:
        spellings.insert(0, f"/{whole}")
    elif parts[0] in (".", ".."):
        spellings.insert(0, "/".join(_relative(path, folder)))
    elif len(parts) < len(old.split("/")):
        spellings[:0] = [target, "/".join((*parts[:-1], path[-1]))]
    return (each for each in spellings if not _NOT_IN_WIKI.search(each))


def has_extension(written: str, name: str) -> bool:
    """Whether a target that leads to `name` was written with its extension."""
    return written.casefold().endswith(f".{name.rpartition('.')[2]}".casefold())


def without_extension(name: str) -> str:
    """The name of a page; of a text file, all of its name."""
    stem, dot, extension = name.rpartition(".")
    return stem if dot and f".{extension.lower()}" in _PAGES else name


def _relative(path: Path, folder: Path) -> Path:
    shared = 0
    while shared < min(len(path), len(folder)) and path[shared] == folder[shared]:
        shared += 1
    return (*[".."] * (len(folder) - shared), *path[shared:]) or (".",)


def _decoded(part: str) -> str:
    if "%" in part:
        try:
            part = unquote(part, errors="strict")
        except UnicodeDecodeError:
            return part
    return normalised(part)


def _encoded(part: str, kind: LinkKind, like: str, encodable: Callable[[str], bool]) -> str:
    """`part` as a component of a link's path. It is percent-encoded where it must be;
    with what else was percent-encoded in `like`, it is wherever it may be."""
    escapes = _ESCAPE.findall(like)
    safe = "-._~" if escapes else _SAFE[kind]
    if kind == "plain" and not _balanced(part):
        safe = safe.replace("(", "").replace(")", "")
    if unescapeAll(part) != part or html.unescape(part) != part:
        safe = safe.replace("&", "")
    plain = like.isascii() and any(high in "89abcdefABCDEF" for high in escapes)

    def stays(character: str) -> bool:
        if character.isascii():
            return character.isalnum() or character in safe
        return not plain and character.isprintable() and encodable(character)

    return "".join(each if stays(each) else quote(each, safe="") for each in part)


def _balanced(part: str) -> bool:
    depth = 0
    for character in part:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
