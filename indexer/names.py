"""What a document may be called, and how its address is written.

A name is the document's path below its folder: POSIX slashes, Unicode NFC, with
its extension (`guide/setup.md`). Everything here is pure: no disk is touched.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote, unquote

from docindex.indexer.errors import InvalidName, NotADocument

EXTENSIONS = (".md", ".markdown", ".mdx", ".mdown", ".txt")
URI_PREFIX = "doc://documents/"

_CITED = re.compile(
    rf"(.+(?:{'|'.join(map(re.escape, EXTENSIONS))}))(?:#(.+)|:(\d{{1,9}}(?:-\d{{0,9}})?))",
    re.IGNORECASE,
)
"""A name with a section or lines behind it."""

MAX_NAME_BYTES = 4096
MAX_COMPONENT_BYTES = 255
MAX_DEPTH = 64
"""Components in a name. A walk holds one open folder for each, so this bounds
the file descriptors that it needs."""
_SHOWN_CHARACTERS = 80

_EXAMPLE = "A name is a path below the folder, such as guide/setup.md"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DRIVE = re.compile("[A-Za-z]:")
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_+-][A-Za-z0-9_.+ -]{0,80}/){0,30}[A-Za-z0-9_+-][A-Za-z0-9_.+ -]{0,80}"
)
"""Names that need no closer look."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])", re.IGNORECASE)
_NOT_PORTABLE = re.compile(r'[<>:"|?*]')
_INVISIBLE = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Invisible, though their Unicode category (letter, mark, symbol) does not say so."""


def escaped(text: str) -> str:
    """`text` with everything that does not print written as an escape.

    Control and bidirectional characters, line separators and backslashes become
    `\\n`, `\\u202e`, `\\\\`; a byte that was no UTF-8 (a lone surrogate from the
    file system) becomes `\\xff`. Different texts stay different.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0x80 <= code <= 0xFF:
        return f"\\u{code:04x}"
    return character.encode("unicode_escape").decode("ascii")


def shown(text: str) -> str:
    """An untrusted text as a message may hold it: escaped, at most 80 characters."""
    safe = escaped(text[: _SHOWN_CHARACTERS * 2])
    if len(text) <= _SHOWN_CHARACTERS * 2 and len(safe) <= _SHOWN_CHARACTERS:
        return safe
    end = escaped(text[-20:])[-20:]
    return f"{safe[: _SHOWN_CHARACTERS - len(end) - 1]}…{end}"


def normalised(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def has_one_form(text: str) -> bool:
    """Whether only `text` itself has `text` for its NFC: so it is with ASCII, but for
    the signs that Unicode has twice (K and the kelvin sign, ; and `)."""
    return text.isascii() and not any(character in text for character in "K;`")


def has_document_extension(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS)


def name_problem(name: str) -> str:
    """Why `name` (NFC) cannot be the path of anything below a folder; "" when it can.

    Says nothing of hidden components and of the extension: folders are named by
    the same rules.
    """
    if _PLAIN.fullmatch(name):
        return ""
    if not name:
        return "it is empty"
    if _SURROGATE.search(name):
        return "it is not valid Unicode"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    if _CONTROL.search(name):
        return "it holds a control character"
    if _DRIVE.match(name):
        return "it begins with a drive letter"
    if "\\" in name:
        return "it holds a backslash; write / between folders"
    if name.startswith("/"):
        return "it is absolute; leave off the leading /"
    return _component_problem(name.split("/"))


def _component_problem(components: Sequence[str]) -> str:
    if len(components) > MAX_DEPTH:
        return f"it is more than {MAX_DEPTH} folders deep"
    for component in components:
        if not component:
            return "it has an empty component (a doubled or trailing /)"
        if component in (".", ".."):
            return f'it has the component "{component}"'
        if len(component.encode()) > MAX_COMPONENT_BYTES:
            return f"one of its components is longer than {MAX_COMPONENT_BYTES} bytes"
    return ""


def creation_problem(component: str) -> str:
    """Why nothing new should be called `component`; "" when it may.

    What is refused here is fine where it exists already, but would not survive
    a checkout on another system (`CON.md`, `a:b.md`, `notes.`), or deceives
    the eye (bidirectional overrides, characters without width).
    """
    if _DEVICE.fullmatch(component.split(".", 1)[0].rstrip(" ")):
        return "Windows reserves it for a device"
    if found := _NOT_PORTABLE.search(component):
        return f"Windows does not allow {found[0]} in it"
    if component.endswith((".", " ")):
        return "Windows does not keep a dot or a space at its end"
    for character in component:
        if unicodedata.category(character) == "Cf" or character in _INVISIBLE:
            return f"it holds the invisible character U+{ord(character):04X}"
    return ""


def parse_name(text: str, *, creating: bool = False) -> str:
    """The name that `text` means, in NFC.

    With `creating`, also refuses what nobody should make anew (see
    `creation_problem`). Windows resolves such names in ways of its own
    (streams, devices), so there they are refused always.

    Raises InvalidName when no file can have that name here, NotADocument when
    one can but is not indexed (hidden, or another extension).
    """
    name = parse_path(text)
    if not has_document_extension(name):
        if cited := _CITED.fullmatch(name):
            part = f'section "{shown(cited[2])}"' if cited[2] else f"lines {cited[3]}"
            raise NotADocument(
                f"{shown(name)} is not a document: the name is {shown(cited[1])}; give {part} "
                "beside it"
            )
        raise NotADocument(
            f"{shown(name)} is not a document: its name does not end in "
            f"{', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}"
        )
    if creating or os.name == "nt":
        for component in name.split("/"):
            refuse_creation(name, component)
    return name


def parse_path(text: str) -> str:
    """The path below the root, in NFC, of a document or folder that a scan may meet.

    Raises InvalidName, and NotADocument when a component is hidden.
    """
    if text.startswith(URI_PREFIX):
        problem = f"it is an address; leave off {URI_PREFIX}"
    elif len(text) > MAX_NAME_BYTES:
        problem = f"it is longer than {MAX_NAME_BYTES} bytes"
    else:
        problem = name_problem(name := normalised(text))
        if not problem:
            if hidden := next((part for part in name.split("/") if part.startswith(".")), ""):
                raise NotADocument(
                    f"{shown(name)} is not a document: {shown(hidden)} is hidden, and hidden "
                    "files and folders are left alone"
                )
            return name
    raise InvalidName(f'"{shown(text)}" is not a document name: {problem}. {_EXAMPLE}')


def refuse_creation(name: str, component: str) -> None:
    """Raises InvalidName when `component` of `name` must not be made anew."""
    if problem := creation_problem(component):
        raise InvalidName(
            f"{shown(name)} cannot be created: in {shown(component)}, {problem}. "
            "Choose another name"
        )


def uri_of(name: str, anchor: str = "") -> str:
    """`doc://documents/{+name}#{anchor}`: all but unreserved characters and `/`
    percent-encoded (RFC 3986, section 2.3)."""
    uri = URI_PREFIX + quote(name, safe="/")
    return f"{uri}#{quote(anchor, safe='')}" if anchor else uri


def parse_uri(uri: str) -> tuple[str, str]:
    """Name and anchor ("" when there is none) of a document's address.

    Characters that need not have been left unencoded are taken as they are, but
    nothing that means something in a URI (a query, a user, a port) is guessed at.

    Raises InvalidName, and NotADocument as `parse_name` does.
    """
    if len(uri) > 4 * MAX_NAME_BYTES:
        raise _bad_uri(uri, "it is too long")
    if uri[: len(URI_PREFIX)].lower() != URI_PREFIX:
        raise _bad_uri(uri, "it belongs to another scheme or host")
    path, _, fragment = uri[len(URI_PREFIX) :].partition("#")
    if "?" in path:
        raise _bad_uri(uri, "it has a query")
    if "%2f" in path.lower():
        raise _bad_uri(uri, "it has an encoded slash")
    name = parse_name(_unquoted(uri, path))
    anchor = _unquoted(uri, fragment)
    if "#" in fragment or _CONTROL.search(anchor) or _SURROGATE.search(anchor):
        raise _bad_uri(uri, "its fragment is not the anchor of a section")
    return name, anchor


def _unquoted(uri: str, part: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", part):
        raise _bad_uri(uri, "a % in it is not followed by two hexadecimal digits")
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise _bad_uri(uri, "its percent-encoding is not UTF-8") from None


def _bad_uri(uri: str, problem: str) -> InvalidName:
    return InvalidName(
        f'"{shown(uri)}" is not the address of a document: {problem}. '
        f"An address looks like {URI_PREFIX}guide/setup.md#linux"
    )
