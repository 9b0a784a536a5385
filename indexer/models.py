"""The values that pass between the parts. All are frozen; none does any work.

Line numbers count from 1 and ranges include both ends. Names are document
names (`guide/setup.md`); times are seconds since the epoch (UTC) unless the
field says nanoseconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"

IndexState = Literal["building", "updating", "ready", "rebuilding", "degraded"]
WriteMode = Literal["replace", "append", "prepend", "section"]
WriteStatus = Literal[
    "created",
    "updated",
    "unchanged",
    "deleted",
    "restored",
    "moved",
    "would_create",
    "would_update",
    "would_delete",
    "would_restore",
    "would_move",
]
Why = Literal["created", "updated", "deleted", "restored", "moved", "displaced", "overwritten"]
"""What became of a version: `displaced` is what another program wrote in the instant
before a write of ours, `overwritten` what another program has replaced."""
SortOrder = Literal["path", "modified"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the indexer has to know of the settings. The settings table fills it."""

    max_document_bytes: int = 20_000_000
    honour_ignore_files: bool = True
    read_only: bool = False
    debounce_ms: int = 200
    reconcile_seconds: float = 300.0
    linger_seconds: float = 10.0
    history_days: int = 90
    """How long a version is kept that was replaced or deleted; 0 for ever."""
    history_bytes: int = 500_000_000
    """How much is kept for one folder, compressed; 0 without limit."""
    writable_paths: tuple[str, ...] = ()
    """Folders or globs that may be written to; none means everywhere."""
    writable_extensions: tuple[str, ...] = ()
    """Extensions that may be written; none means all that are indexed."""
    audit: bool = True


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stat tells of a file's content without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the text under it, up to the next heading.

    The text before the first heading is a section too: its `heading` is "",
    its `trail` is empty, its `anchor` is "" and its `level` is 0.
    """

    heading: str
    level: int
    trail: tuple[str, ...]
    """The headings above it, outermost first, and its own heading last."""
    anchor: str
    first_line: int
    last_line: int
    text: str
    """The lines under the heading, without the heading itself."""


@dataclass(frozen=True, slots=True)
class Document:
    """What the parser found in one file."""

    name: str
    title: str
    tags: tuple[str, ...]
    links: tuple[str, ...]
    """Targets as they are written, in order, without repeats."""
    front_matter: Mapping[str, JsonValue]
    sections: tuple[Section, ...]
    line_count: int
    remarks: tuple[str, ...] = ()
    """What was wrong with the file and how it was read all the same."""
    hashtags: tuple[str, ...] = ()
    """Words in the text with a # in front, without it, each once."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the index keeps of one file. A skipped file has a `skipped` reason."""

    name: str
    version: str
    stamp: Stamp
    title: str = ""
    tags: tuple[str, ...] = ()
    sections: int = 0
    skipped: str = ""
    remarks: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """What else its front matter says, as `status=draft`, and hashtags of its text."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What it can be chosen by: tags and fields."""
        return (*self.tags, *self.fields)


@dataclass(frozen=True, slots=True)
class IndexView:
    """How fresh an answer is."""

    state: IndexState
    documents: int
    pending: int
    as_of: float | None
    """When the folder was last seen to agree with the index."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    query: str
    max_results: int = 10
    path: str = ""
    """A folder (`guide` or `guide/`) or a glob (`**/adr-*.md`)."""
    tags: tuple[str, ...] = ()
    """All of them must be on the document, or in its front matter: `status=draft`."""
    modified_after: float | None = None
    modified_before: float | None = None
    cursor: str = ""
    snippet_bytes: int = 240
    explain: bool = False
    """Tell of each hit why it is where it is."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What a section's score has for one term of a query."""

    word: str
    """Of the query, as it was typed."""
    term: str
    fields: Mapping[str, float]
    """By where in the section it stands: `body` is all its text, and of title and headings
    the better one counts."""
    document: float
    """For standing in the document, anywhere."""

    @property
    def score(self) -> float:
        return sum(self.fields.values()) + self.document


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score is the sum of all, times `share`."""

    reasons: tuple[Reason, ...]
    cover: float = 0.0
    """For the share of the words that are there."""
    close: float = 0.0
    """For how close to each other they stand."""
    share: float = 1.0
    """Less than 1 when better sections of the same document come first."""


@dataclass(frozen=True, slots=True)
class Hit:
    name: str
    title: str
    trail: tuple[str, ...]
    anchor: str
    first_line: int
    last_line: int
    snippet: str
    snippet_line: int
    """Where the snippet begins."""
    score: float
    tags: tuple[str, ...]
    modified: float
    repeats: int = 0
    """Other sections with the same text, which are left out."""
    explanation: Explanation | None = None
    """If the request asks for it."""


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    hits: tuple[Hit, ...]
    total: int
    """Sections that match, before the limit of three per document."""
    cursor: str
    """Fetches the next page; "" on the last one."""
    index: IndexView
    corrected: str = ""
    """The query that was searched instead, when a word was mended."""
    remarks: tuple[str, ...] = ()
    """What the caller should know: a query that could not be parsed, a
    condition that leaves nothing, an index that moved under a cursor."""


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of an outline."""

    trail: tuple[str, ...]
    anchor: str
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A part of a document, as it stands on disk now."""

    name: str
    title: str
    version: str
    """Of the whole document, whatever part was asked for."""
    text: str
    first_line: int
    last_line: int
    line_count: int
    size: int
    modified: float
    tags: tuple[str, ...]
    front_matter: Mapping[str, JsonValue]
    outline: tuple[Heading, ...]
    """Every heading of the document."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListRequest:
    path: str = ""
    tags: tuple[str, ...] = ()
    sort: SortOrder = "path"
    max_results: int = 50
    cursor: str = ""
    own: bool = False
    """Only what belongs to the caller, by the rules of access."""


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    title: str
    size: int
    modified: float
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    documents: tuple[Listed, ...]
    total: int
    cursor: str
    index: IndexView
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one document, as a write tool was asked for it."""

    name: str
    content: str | None = None
    """None leaves the text as it is (an edit of the tags alone)."""
    tags: tuple[str, ...] | None = None
    """None leaves the tags as they are; an empty tuple removes them."""
    mode: WriteMode = "replace"
    section: str = ""
    """An anchor or a heading trail (`Install > Linux`)."""
    if_version: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    status: WriteStatus
    name: str
    version: str
    """The new one; of a deleted document, the last one."""
    searchable: bool
    """Search finds it already. False: it will, once the indexer has come to it."""
    diff: str = ""
    """A unified diff, for a dry run."""
    displaced: str = ""
    """The version of what another program wrote in the last instant, kept in the history."""
    before: str = ""
    """The version that was there; "" when there was none."""


@dataclass(frozen=True, slots=True)
class Author:
    """On whose behalf a write is done, for the audit log."""

    tool: str = ""
    """What was called; "" for the tool that does the same."""
    who: str = ""
    """"" for the user whose process this is."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version in the history of a document."""

    version: str
    when: float
    """When it was replaced, deleted or displaced."""
    bytes: int
    why: Why


@dataclass(frozen=True, slots=True)
class Past:
    """What can be restored of a document."""

    name: str
    current: str
    """The version that is there; "" when there is none any more."""
    versions: tuple[KeptVersion, ...]
    """The latest first, each once, and without the current one."""
    moved_to: str = ""
    """The name under which it goes on; "" when it was not moved away."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing the writes since some time would do to one document."""

    name: str
    current: str
    """The version that is there now; "" when there is none."""
    target: str
    """The version that was there before; "" when there was none."""
    edited: bool
    """Another program has changed the document since docindex last wrote it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A document that has a history, and its last write."""

    name: str
    when: float
    why: Why
    changes: int


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int
    at: str
    """The name being worked on, or what is being done."""


Listener = Callable[[Progress], None]


def unheard(progress: Progress) -> None:
    """The listener of work that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Skipped:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class UndoPlan:
    since: float
    steps: tuple[Undoing, ...]
    skipped: tuple[Skipped, ...]
    """Documents that cannot be put back, each with the reason."""
    whole_since: float
    """Before this time some of the history was cleaned away."""


@dataclass(frozen=True, slots=True)
class ReindexReport:
    documents: int
    sections: int
    indexed: int
    """Files that were read and indexed in this run."""
    removed: int
    seconds: float
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """One folder of the library, for `status` and `doctor`."""

    label: str
    """"" when the library is this folder alone."""
    index: IndexView
    generation: int
    """-1 before the first one, and for a caller who may not read everything: it tells of
    all changes."""
    sections: int
    indexer: Literal["running", "none"]
    index_bytes: int
    """0 for such a caller; `ignored` too."""
    ignored: int
    """Files and folders left out by ignore rules."""
    skipped: tuple[Skipped, ...]
    remarks: tuple[Skipped, ...] = ()
    """Documents that were indexed as far as sense went, each with the reason."""


@dataclass(frozen=True, slots=True)
class LibraryStatus:
    index: IndexView
    folders: tuple[FolderStatus, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What came to the index since somebody last asked."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


@dataclass(frozen=True, slots=True)
class FolderSpec:
    """A folder as it was asked for: `LABEL=DIR`, or `DIR` alone."""

    path: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class FileBytes:
    data: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Scan:
    """What a walk over the folder found."""

    files: Mapping[str, Stamp]
    skipped: Mapping[str, str]
    """Name (escaped where it has to be) and reason, for every indexable file
    that cannot be indexed."""
    ignored: int
    folders: frozenset[str] = field(default_factory=frozenset[str])
