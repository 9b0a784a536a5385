"""A link checker: which documents does a folder's Markdown link to, as a browser sees it?

It knows nothing of how docindex finds links. The text is rendered to HTML, tables and
all, and what the HTML links to is looked up among the files.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

BROKEN = "(broken)"

_RENDERER = MarkdownIt("commonmark", {"maxNesting": 100}).enable("table")
_WIKI = re.compile(r"\[\[([^\[\]|#]*)[^\[\]]*\]\]")
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\\[")
_PAGE_ENDS = ("", ".md", ".markdown", ".mdx", ".mdown")


def _html_block(
    _renderer: object, tokens: Sequence[Token], at: int, _options: object, _env: object
) -> str:
    """As it is, so that nothing makes a link of brackets in it."""
    return tokens[at].content.replace("[", "(")


_RENDERER.add_render_rule("html_block", _html_block)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in ("code", "script", "style")
        self.found += (("path", value) for key, value in attrs if key in ("href", "src") and value)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.found += (("wiki", page) for page in _WIKI.findall(data))


def links(text: str) -> list[tuple[str, str]]:
    """Kind (`path` or `wiki`) and target of each link, in the order of the HTML."""
    text = re.sub(r"\A---\r?\n.*?^---\r?$", "", text, count=1, flags=re.DOTALL | re.MULTILINE)
    text = _ESCAPED.sub(r"\1(", text)  # in HTML, it could not be told from a bracket that counts
    parser = _Links()
    # Of what looks like a marked section, Python's parser takes only some kinds.
    parser.feed(_RENDERER.render(text).replace("<![", "&lt;!["))
    return parser.found


def targets(name: str, text: str, files: Collection[str]) -> Iterator[str]:
    """Where each link leads: the name of a file, BROKEN, or what is not in the folder at all."""
    for kind, target in links(text):
        yield (_page if kind == "wiki" else _path)(name, target, files)


def _path(name: str, target: str, files: Collection[str]) -> str:
    url = urlsplit(target)
    if url.scheme or url.netloc or not url.path:
        return target
    path = unquote(url.path)
    base = "" if path.startswith("/") else posixpath.dirname(name)
    whole = posixpath.normpath(posixpath.join(base, path.lstrip("/") if not base else path))
    found = [whole + end for end in _PAGE_ENDS if whole + end in files]
    return found[0] if found and not path.endswith("/") else BROKEN


def _page(name: str, target: str, files: Collection[str]) -> str:
    page = target.strip()
    if page.startswith(("./", "../")):
        return _path(name, page, files)
    if page.startswith("/"):
        return _path("", page, files)
    exact = [page + end for end in _PAGE_ENDS if page + end in files]
    if "/" in page and exact:
        return exact[0]
    ends = tuple("/" + (page + end).casefold() for end in _PAGE_ENDS)
    found = [file for file in files if ("/" + file.casefold()).endswith(ends)]
    return found[0] if len(found) == 1 else f"{BROKEN} or ambiguous: {page}"


def all_targets(documents: Mapping[str, bytes], files: Collection[str]) -> dict[str, list[str]]:
    return {
        name: list(targets(name, data.decode("utf-8", "replace"), files))
        for name, data in documents.items()
    }
