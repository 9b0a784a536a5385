"""The one table of settings.

Each field of `Settings` is a row: name, type, bounds, default and help. The
flags of the command line, the `DOCINDEX_*` variables, the settings file, the
checks, their messages and the tests of the documentation all follow from it.

Importing this costs little beside the MCP SDK, which needs pydantic anyway: it
is on the way to a server's first answer.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, cast, get_args, get_origin

import platformdirs
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo

from docindex.indexer.access import Rule
from docindex.indexer.errors import InvalidInput, InvalidSettings
from docindex.indexer.models import FolderSpec, Options
from docindex.indexer.names import EXTENSIONS
from docindex.server.http_settings import ALGORITHMS, SECRETS, HttpSettings, knows_callers

ENVIRONMENT_PREFIX = "DOCINDEX_"

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DEFAULTS = Options()


def parse_folder(text: str, base: Path) -> FolderSpec:
    """`[LABEL=]DIR`, where DIR may begin with `~` or be relative to `base`.

    What stands before the first `=` is a label when it looks like one; a folder
    with such a name is written `./a=b`. Raises ValueError.
    """
    label, equals, folder = text.partition("=")
    if not equals or "/" in label or os.sep in label:
        label, folder = "", text
    elif not _LABEL.fullmatch(label):
        raise ValueError(
            f"{text!r}: a label is made of letters, digits, - and _, at most 40; "
            "write ./ before a folder whose name holds ="
        )
    return FolderSpec(path=str(_absolute(folder, base)), label=label)


def _absolute(text: str, base: Path) -> Path:
    if not text or "\0" in text:
        raise ValueError(f"{text!r} is not a folder")
    # abspath and not resolve: what a link leads to may change while we run.
    return Path(os.path.abspath(base / os.path.expanduser(text)))


def _folder(value: object, info: ValidationInfo) -> object:
    return _absolute(value, _base(info)) if isinstance(value, str) else value


def _folders(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        value = value.split(os.pathsep)
    if not isinstance(value, list):
        return value
    return tuple(
        parse_folder(item, _base(info)) if isinstance(item, str) else item
        for item in cast("list[object]", value)
    )


def _base(info: ValidationInfo) -> Path:
    """Where a relative path of this field counts from."""
    bases: Mapping[str, Path] = info.context or {}
    return bases.get(info.field_name or "", Path.cwd())


def _texts(value: object) -> object:
    return value.split(os.pathsep) if isinstance(value, str) else value


def _path(text: str) -> str:
    from docindex.indexer.filters import PathFilter  # needed only where it is set

    try:
        PathFilter(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    if not text:
        raise ValueError("an empty text is no folder")
    return text


def _rules(value: object) -> object:
    """A table for each rule, or JSON of them."""
    if isinstance(value, str):
        import json  # needed only where it is set so

        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"it is not JSON: {error}") from None
    return tuple(map(_rule, cast("list[object]", value))) if isinstance(value, list) else value


def _rule(value: object) -> object:
    if not isinstance(value, dict):
        return value
    table = cast("dict[str, object]", value)
    for key in table:
        if key not in ("path", "read", "write"):
            raise ValueError(f"a rule has path, read and write, and no {key!r}")
    return table


def _compiled(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    from docindex.indexer.rules import Rules  # needed only where there are some

    try:
        Rules(rules)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return rules


def _extension(text: str) -> str:
    extension = f".{text.lower().removeprefix('.')}"
    if extension not in EXTENSIONS:
        raise ValueError(f"{text!r} is not the extension of a document")
    return extension


Folder = Annotated[Path, BeforeValidator(_folder)]
Folders = Annotated[tuple[FolderSpec, ...], BeforeValidator(_folders)]
Paths = Annotated[tuple[Annotated[str, AfterValidator(_path)], ...], BeforeValidator(_texts)]
Extensions = Annotated[
    tuple[Annotated[str, AfterValidator(_extension)], ...], BeforeValidator(_texts)
]
Access = Annotated[tuple[Rule, ...], BeforeValidator(_rules), AfterValidator(_compiled)]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(HttpSettings):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    folders: Folders = Field(
        default=(),
        description="The folders of documents that a command without DIR is about.",
    )
    cache_dir: Folder = Field(
        default_factory=lambda: platformdirs.user_cache_path("docindex", appauthor=False),
        description="Where the indexes are kept. They can always be rebuilt.",
    )
    state_dir: Folder = Field(
        default_factory=lambda: platformdirs.user_state_path("docindex", appauthor=False),
        description="Where the history, the audit log and the locks of writes are kept.",
    )
    read_only: bool = Field(
        default=False,
        description="Serve no tool that changes a document.",
    )
    writable_paths: Paths = Field(
        default=(),
        description="Folders and globs that may be written to; none means everywhere.",
    )
    writable_extensions: Extensions = Field(
        default=(),
        description="Extensions of documents that may be written; none means all.",
    )
    access: Access = Field(
        default=(),
        description="Who may read and write what, over HTTP with tokens; none: all may all.",
    )
    max_document_bytes: int = Field(
        default=_DEFAULTS.max_document_bytes,
        ge=1_000,
        le=200_000_000,
        description="Larger files are not indexed, but listed as skipped; nor are they written.",
    )
    honour_ignore_files: bool = Field(
        default=_DEFAULTS.honour_ignore_files,
        description="Leave out what .gitignore, .ignore and .docindexignore name.",
    )
    history_days: int = Field(
        default=_DEFAULTS.history_days,
        ge=0,
        le=36_500,
        description="Days for which replaced and deleted versions are kept; 0 is for ever.",
    )
    history_bytes: int = Field(
        default=_DEFAULTS.history_bytes,
        ge=0,
        le=1_000_000_000_000,
        description="Bytes of history that are kept for each folder; 0 is without limit.",
    )
    audit: bool = Field(
        default=_DEFAULTS.audit,
        description="Log each write, with who and when, in the state folder.",
    )
    debounce_ms: int = Field(
        default=_DEFAULTS.debounce_ms,
        ge=10,
        le=10_000,
        description="Milliseconds for which changes are gathered before they are indexed.",
    )
    reconcile_seconds: float = Field(
        default=_DEFAULTS.reconcile_seconds,
        ge=5,
        le=86_400,
        description="Seconds between two comparisons of the whole folder with its index.",
    )
    linger_seconds: float = Field(
        default=_DEFAULTS.linger_seconds,
        ge=0,
        le=3_600,
        description="Seconds for which an indexer outlives the last server that needs it.",
    )
    log_level: LogLevel = Field(
        default="info",
        description="The least important messages that are logged, on stderr.",
    )

    def options(self) -> Options:
        """What the indexer has to know."""
        return Options(
            max_document_bytes=self.max_document_bytes,
            honour_ignore_files=self.honour_ignore_files,
            read_only=self.read_only,
            debounce_ms=self.debounce_ms,
            reconcile_seconds=self.reconcile_seconds,
            linger_seconds=self.linger_seconds,
            history_days=self.history_days,
            history_bytes=self.history_bytes,
            writable_paths=self.writable_paths,
            writable_extensions=self.writable_extensions,
            audit=self.audit,
        )


def check_callers(settings: Settings) -> None:
    """Raises InvalidSettings for a server over HTTP with rules for callers whom it could not
    tell apart: it would show everything to all of them."""
    if settings.access and not knows_callers(settings):
        raise InvalidSettings(
            "access has rules, and nothing says who calls: set oauth_issuer, or make a token "
            "with `docindex token NAME` and set tokens_file; or serve without rules"
        )


NAMES: tuple[str, ...] = tuple(
    sorted(Settings.model_fields, key=HttpSettings.model_fields.__contains__)
)
"""What is about HTTP comes last."""


LISTS = {
    "folders": "a list of folders, each DIR or LABEL=DIR",
    "writable_paths": "a list of folders and globs, such as notes or drafts/*.md",
    "access": "a list of rules, each with path, read and write",
    "writable_extensions": f"a list of extensions out of {', '.join(EXTENSIONS)}",
    "allowed_hosts": "a list of hosts, each NAME, NAME:PORT or NAME:*",
    "allowed_origins": "a list of origins, such as https://app.example.com",
    "rate_limits": "a list of rates, each N/minute or TOOL=N/minute; second, hour and day too",
    "tokens": "a list of lines that `docindex token` has printed",
    "oauth_algorithms": f"a list of algorithms out of {', '.join(ALGORITHMS)}",
}
"""What the settings may be that hold several values."""

_URL = ("URL", "an https:// address; http:// on this machine")
TEXTS = {
    "host": ("ADDRESS", "an IP address or a name"),
    "public_url": _URL,
    "oauth_issuer": _URL,
    "oauth_jwks_url": _URL,
    "oauth_introspection_url": _URL,
    "tokens_file": ("FILE", "a file"),
    "oauth_audience": ("TEXT", "a text"),
    "oauth_client_id": ("TEXT", "a text"),
    "oauth_client_secret": ("TEXT", "a text"),
    "oauth_name_claim": ("CLAIM", "the name of a claim"),
    "oauth_groups_claim": ("CLAIM", "the name of a claim"),
}
"""What the settings may be that hold a text: its placeholder, and in words."""


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def description(name: str) -> str:
    return Settings.model_fields[name].description or ""


def is_switch(name: str) -> bool:
    return Settings.model_fields[name].annotation is bool


def placeholder(name: str) -> str:
    """What stands for its value in a usage line."""
    kind = Settings.model_fields[name].annotation
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    if name in LISTS:
        return "LIST"
    if name in TEXTS:
        return TEXTS[name][0]
    return "N" if is_number(name) else "DIR"


def is_number(name: str) -> bool:
    kind = Settings.model_fields[name].annotation
    return kind is int or kind is float


def bounds(name: str) -> tuple[float, float]:
    """The least and the greatest number that is allowed."""
    found = Settings.model_fields[name].metadata
    low: float = next(bound.ge for bound in found if hasattr(bound, "ge"))
    high: float = next(bound.le for bound in found if hasattr(bound, "le"))
    return low, high


def allowed(name: str) -> str:
    """What a setting may be, in words: "a whole number from 10 to 10,000"."""
    field = Settings.model_fields[name]
    if is_switch(name):
        return "true or false"
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    if field.annotation is Path:
        return "a folder"
    if name in LISTS:
        return LISTS[name]
    if name in TEXTS:
        return TEXTS[name][1]
    low, high = bounds(name)
    number = "a whole number" if field.annotation is int else "a number"
    return f"{number} from {low:,} to {high:,}"


def default(name: str) -> str:
    """The default, in words."""
    if name in SECRETS:
        return "none"
    value: object = Settings.model_fields[name].get_default(call_default_factory=True)
    if isinstance(value, Path):
        return with_tilde(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value))) or "none"
    if name == "port":
        return str(value)
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value or "none")


def with_tilde(path: Path) -> str:
    """With `~` for the home folder, as people write it."""
    try:
        return str("~" / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
