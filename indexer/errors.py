"""Every error that docindex raises on purpose.

    DocindexError
    ├── InvalidInput            the call itself is wrong
    │   ├── InvalidName
    │   ├── InvalidCursor
    │   └── InvalidSettings
    ├── NotFound                what was named is not there
    │   ├── DocumentNotFound
    │   ├── SectionNotFound
    │   └── VersionNotFound
    ├── Conflict                the document is not what the caller thinks
    │   ├── VersionRequired
    │   └── VersionMismatch
    ├── Refused                 it is there, but docindex does not touch it
    │   ├── NotADocument
    │   ├── TooLarge
    │   ├── ReadOnly
    │   └── NotWritable
    ├── Unavailable             it may work later
    │   ├── FolderUnavailable
    │   ├── IndexUnavailable
    │   ├── WriteFailed
    │   ├── TimedOut
    │   └── RateLimited
    └── Cancelled

Each class has a stable `code`, which programs may test. A message says what was
wrong and what to do next, and never holds a path of the server.
"""

from typing import ClassVar


class DocindexError(Exception):
    """The root of the tree. `str(error)` is the message meant for the caller."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1


class InvalidInput(DocindexError):
    code = "invalid_input"
    exit_status = 2


class InvalidName(InvalidInput):
    code = "invalid_name"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class InvalidSettings(InvalidInput):
    code = "invalid_settings"


class NotFound(DocindexError):
    code = "not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"


class SectionNotFound(NotFound):
    code = "section_not_found"


class VersionNotFound(NotFound):
    code = "version_not_found"


class Conflict(DocindexError):
    code = "conflict"


class VersionRequired(Conflict):
    code = "version_required"


class VersionMismatch(Conflict):
    """`diff` shows what has changed since, as a unified diff, where that is known."""

    code = "version_mismatch"

    def __init__(self, message: str, diff: str = "") -> None:
        super().__init__(message)
        self.diff = diff


class Refused(DocindexError):
    code = "refused"


class NotADocument(Refused):
    code = "not_a_document"


class TooLarge(Refused):
    code = "too_large"


class ReadOnly(Refused):
    code = "read_only"


class NotWritable(Refused):
    code = "not_writable"


class Unavailable(DocindexError):
    code = "unavailable"


class FolderUnavailable(Unavailable):
    code = "folder_unavailable"


class IndexUnavailable(Unavailable):
    code = "index_unavailable"


class WriteFailed(Unavailable):
    code = "write_failed"


class TimedOut(Unavailable):
    code = "timed_out"


class RateLimited(Unavailable):
    """`retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Cancelled(DocindexError):
    code = "cancelled"
