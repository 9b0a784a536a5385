"""Where the links in a piece of HTML are."""

import re
from collections.abc import Iterator

_QUOTED = r"\"[^\"]{0,5000}+\"|'[^']{0,5000}+'"
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1|\Z)"
    # In a group of its own, since Python before 3.11.5 goes on in the wrong place otherwise.
    rf"|<[a-z][a-z0-9-]*+(?P<attributes>(?:[^<>\"']|(?>{_QUOTED}))*+)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rf"[\s/]++([^\s\"'<>/=]++)(?:\s*+=\s*+({_QUOTED}|[^\s\"'=<>`]++))?", re.DOTALL
)


def find_in_html(source: str) -> Iterator[tuple[int, int]]:
    """Start and end of the values of `href` and `src`, without their quotes. What is in a
    comment or a script is no link, nor is a value of several lines."""
    for tag in _TAG.finditer(source):
        if tag["attributes"] is None:
            continue
        for attribute in _ATTRIBUTE.finditer(source, *tag.span("attributes")):
            if attribute[1].lower() in ("href", "src") and attribute[2]:
                start, end = attribute.span(2)
                quotes = source[start] in "\"'"
                if "\n" not in attribute[2]:
                    yield start + quotes, end - quotes
