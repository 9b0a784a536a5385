"""Bytes to text, and back without loss; and what a line is.

A line ends with `\\n`, `\\r\\n` or a lone `\\r`, as editors count, and with nothing
else: `str.splitlines` would also split at form feeds and U+2028. Whatever speaks
of line numbers takes its lines from `split_lines`.
"""

import codecs
import io
import re
import unicodedata
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How an encoding carries what it cannot decode: as lone surrogates, which become
# the same bytes again (PEP 383). Single-byte encodings have nothing to carry.
_CARRY = {"utf-8": "surrogateescape", "utf-16-le": "surrogatepass", "utf-16-be": "surrogatepass"}

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_NON_ASCII = re.compile(r"[^\0-\x7f]+")
_CONTROL = re.compile(r"[\0-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_MARK_RUN = re.compile(r"[^\w\s\0-\x7f]{200,}")
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, and what it takes to write it back."""

    text: str
    """Without the BOM. NUL and what could not be decoded became U+FFFD, one for one."""
    exact: str
    """As `text`, but `encode` turns it into the file's own bytes. It may hold NUL and
    lone surrogates, so it is not for showing."""
    encoding: str
    """`utf-8`, `utf-16-le`, `utf-16-be`, `cp1252` or `latin-1`."""
    bom: bytes
    binary: bool
    """By the look of it, no text at all."""
    remarks: tuple[str, ...]

    @property
    def newline(self) -> str:
        """The prevailing one."""
        return prevailing_newline(self.exact)

    def encode(self, exact: str) -> bytes:
        """Raises UnicodeEncodeError for a character that the encoding does not have."""
        return self.bom + exact.encode(self.encoding, _CARRY.get(self.encoding, "strict"))


def decode(data: bytes) -> Decoded:
    """Reads UTF-8 with or without BOM, UTF-16 with BOM, and anything else as
    Windows-1252 or Latin-1, with a remark. Never fails.
    """
    bom, encoding = next((each for each in _BOMS if data.startswith(each[0])), (b"", "utf-8"))
    body = data[len(bom) :]
    remarks: list[str] = []
    try:
        exact = body.decode(encoding)
    except UnicodeDecodeError as error:
        exact, encoding, remark = _salvage(body, encoding, error.start)
        remarks.append(remark)

    binary = bool(remarks or "\0" in exact) and _looks_binary(exact)
    if binary:
        remarks = ["binary data, not text: only its name is indexed"]
    elif "\0" in exact:
        remarks.append("holds NUL characters: each is read as \ufffd")
    return Decoded(
        text=_UNREADABLE.sub("\ufffd", exact) if remarks else exact,
        exact=exact,
        encoding=encoding,
        bom=bom,
        binary=binary,
        remarks=tuple(remarks),
    )


def split_lines(text: str) -> list[str]:
    """The lines with their ends, so that joining them gives the text again. What
    follows the last end is a line only when it is not empty."""
    return io.StringIO(text, newline="").readlines()


def count_lines(text: str) -> int:
    """`len(split_lines(text))`, without making the lines."""
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends + (text != "" and not text.endswith(("\n", "\r")))


def unify_newlines(text: str, newline: str = "\n") -> str:
    """Every line end of the text made the same."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if newline == "\n" else text.replace("\n", newline)


def prevailing_newline(text: str) -> str:
    """The most frequent line end: `\\n` when there is none, a lone `\\r` when there is
    no other."""
    pairs = text.count("\r\n")
    if "\n" in text:
        return "\r\n" if pairs > text.count("\n") - pairs else "\n"
    return "\r" if "\r" in text else "\n"


def nfc(text: str) -> str:
    """The text in Unicode's normal form C, which what is compared or indexed has.

    A run of hundreds of combining marks loses them: putting marks in order takes time
    quadratic in the run, and no script has such runs.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _MARK_RUN.sub(_without_marks, text))


def _without_marks(match: re.Match[str]) -> str:
    return "".join(each for each in match[0] if not unicodedata.combining(each))


def _salvage(body: bytes, encoding: str, at: int) -> tuple[str, str, str]:
    """Text, encoding and remark for bytes that are not what they were taken for, as the
    byte `at` shows."""
    if encoding != "utf-8":
        whole = body[: len(body) // 2 * 2]
        return whole.decode(encoding, _CARRY[encoding]), encoding, "holds broken UTF-16"
    # Text in which good sequences prevail is UTF-8 that was damaged; in text of
    # another encoding, hardly a sequence is good UTF-8 by chance.
    around = body[max(0, at - _SAMPLE // 2) : at + _SAMPLE // 2].decode("utf-8", _CARRY["utf-8"])
    bad = len(_LONE_SURROGATE.findall(around))
    good = sum(len(run) for run in _NON_ASCII.findall(around)) - bad
    if good > bad:
        exact = body.decode("utf-8", _CARRY["utf-8"])
        return exact, "utf-8", "holds broken UTF-8: what could not be read shows as \ufffd"
    try:
        return body.decode("cp1252"), "cp1252", "not UTF-8: read as Windows-1252"
    except UnicodeDecodeError:
        return body.decode("latin-1"), "latin-1", "not UTF-8: read as Latin-1"


def _looks_binary(text: str) -> bool:
    sample = text[:_SAMPLE]
    controls = len(_CONTROL.findall(sample))
    return controls > 8 and controls * 20 > len(sample)
