"""The one door to the files of a folder, for indexing, reading and writing alike.

What a scan does not list cannot be read or written either, and nothing here
reaches beyond the folder, whatever the name, the link or the race.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress

from docindex.indexer import atomic
from docindex.indexer.directories import (
    NATIVE,
    Directory,
    is_link,
    read_bytes,
    read_descriptor,
    unreadable,
    words,
)
from docindex.indexer.errors import (
    DocumentNotFound,
    FolderUnavailable,
    InvalidName,
    NotADocument,
    ReadOnly,
    TooLarge,
    Unavailable,
    VersionMismatch,
    WriteFailed,
)
from docindex.indexer.models import FileBytes, Options, Scan, Stamp
from docindex.indexer.names import (
    has_document_extension,
    normalised,
    parse_name,
    parse_path,
    refuse_creation,
    shown,
)
from docindex.indexer.root import Place, Root, Visit, left_out
from docindex.indexer.walk import Walk, obstacle, stamp_of

Keep = Callable[[bytes], None]
"""Takes what another program wrote in the last instant, and is about to be gone."""

_READINGS = 3
"""How often a file is read when it changes meanwhile."""


def version_of(data: bytes) -> str:
    """16 hexadecimal digits that tell these bytes from others."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


class WriteProtected(WriteFailed):
    """The mode of the file, or that of its folder, forbids it."""


class Folder:
    """The documents below one root. Holds nothing open between two calls.

    The root is the one that was there at the first call: when it goes, or
    another one comes in its place, every method raises FolderUnavailable.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        options: Options,
        *,
        directories: type[Directory] = NATIVE,
    ) -> None:
        self._root = Root(os.fspath(path), options.honour_ignore_files, directories)
        self._options = options

    @property
    def path(self) -> str:
        """The real path of the root: for watching and locking, never for messages."""
        return self._root.path

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the root."""
        with self._root.open() as root:
            return root.identity()

    def check(self) -> None:
        """Raises FolderUnavailable unless the root is there and still the same."""
        self._root.open().close()

    # What is there

    def scan(self, pulse: Callable[[], None] | None = None) -> Scan:
        """`pulse` is called for each entry. Raises Unavailable when the process is out of
        resources, and FolderUnavailable."""
        walk = Walk(self._options, pulse=pulse)
        self._walk(walk)
        return walk.result()

    def scan_below(self, name: str, pulse: Callable[[], None] | None = None) -> Scan:
        """The part of a scan that lies below one folder, with full names: nothing, when
        there is no such folder or a scan would not enter it. Raises as `scan` does."""
        walk = Walk(self._options, pulse=pulse)
        with suppress(InvalidName, NotADocument):
            self._walk(walk, parse_path(name).split("/"))
        return walk.result()

    def look(self, name: str, visit: Visit | None = None) -> Stamp | str | None:
        """What a scan would say of one name: the stamp of a document, the reason for
        which it, or a link, is skipped, or None when there is no such document or it cannot
        be the name of one. Whoever looks at several does it in one visit. Raises as `scan`
        does."""
        try:
            *folders, last = parse_path(name).split("/")
        except (InvalidName, NotADocument):
            return None
        with nullcontext(visit) if visit else Visit() as way:
            way.rest()
            try:
                place = self._root.descend(way, name, folders)
            except NotADocument:
                return None
            except OSError as error:
                unreadable(error)
                return None
            if place.missing or place.rules.ignore(folders, last, folder=False):
                return None
            try:
                _, status = self._root.entry(place.directory, last)
            except FileNotFoundError:
                return None
            except OSError as error:
                reason = unreadable(error)
                return reason if has_document_extension(last) else None
        if stat.S_ISDIR(status.st_mode) or not (has_document_extension(last) or is_link(status)):
            return None
        return obstacle(status, self._options.max_document_bytes) or stamp_of(status)

    def _walk(self, walk: Walk, folders: Sequence[str] = ()) -> None:
        with Visit() as visit:
            try:
                place = self._root.descend(visit, "", folders)
                if not place.missing:
                    walk.enter(place.directory, folders, place.above)
            except OSError as error:
                if not folders:
                    raise FolderUnavailable(
                        f"the documents folder cannot be read ({words(error)})"
                    ) from error
                walk.skip("/".join(folders), unreadable(error), folder=True)
        self.check()  # a root that went away meanwhile looked like one without files

    # Reading

    def read(self, name: str, visit: Visit | None = None) -> FileBytes:
        """The bytes of a document, and the stamp that belongs to them. Whoever reads
        several at once does it in one visit.

        When the file keeps changing, the stamp is older than the bytes, so that a
        later comparison finds it changed. Raises InvalidName, NotADocument,
        DocumentNotFound, TooLarge, Unavailable, FolderUnavailable.
        """
        name = parse_name(name)
        with nullcontext(visit) if visit else Visit() as way:
            way.rest()
            try:
                place, entry = self._find(way, name)
                if not entry:
                    raise not_found(name)
                return self._read(place.directory, entry, name)
            except FileNotFoundError:
                raise not_found(name) from None
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
                    raise NotADocument(
                        f"{shown(name)} is not a document: {words(error)}"
                    ) from error
                raise Unavailable(f"{shown(name)} cannot be read now: {words(error)}") from error

    def _find(self, visit: Visit, name: str) -> tuple[Place, str]:
        """The folder of a document, and how the disk spells its last component: ""
        when it is not there. Raises NotADocument when an ignore rule leaves it out."""
        components = name.split("/")
        place = self._root.descend(visit, name, components[:-1])
        for end in range(len(place.path), len(components)):
            last = end == len(components) - 1
            if place.rules.ignore(components[:end], components[end], folder=not last):
                raise left_out(name)
        if not place.missing:
            with suppress(FileNotFoundError):
                spelled, _ = self._root.entry(place.directory, components[-1])
                return place, spelled
        return place, ""

    def _read(self, directory: Directory, entry: str, name: str) -> FileBytes:
        limit = self._options.max_document_bytes
        self._refuse(directory.status(entry), name)
        descriptor = directory.open(entry)
        try:
            reading = 0
            while True:
                reading += 1
                before = os.fstat(descriptor)
                self._refuse(before, name)
                data = read_descriptor(descriptor, limit)
                if len(data) > limit:
                    raise TooLarge(
                        f"{shown(name)} is growing, and is larger than {limit:,} bytes by now"
                    )
                stamp = stamp_of(before)
                steady = len(data) == stamp.size and stamp_of(os.fstat(descriptor)) == stamp
                if steady or reading == _READINGS:
                    return FileBytes(data, stamp)
                os.lseek(descriptor, 0, os.SEEK_SET)
        finally:
            os.close(descriptor)

    def _refuse(self, status: os.stat_result, name: str) -> None:
        if reason := obstacle(status, self._options.max_document_bytes):
            if stat.S_ISREG(status.st_mode):
                raise TooLarge(f"{shown(name)} is {reason}")
            raise NotADocument(f"{shown(name)} is not a document: {reason}")

    # Writing

    def whereabouts(self, name: str) -> str:
        """What tells the file of this name from all others, there or not, by whatever
        folder it is reached: device and inode of the last folder on the way to it that
        exists, and what follows. Raises as `write` does."""
        name = parse_name(name)
        *folders, last = name.split("/")
        with Visit() as visit, _writing(name, "written"):
            place = self._root.descend(visit, name, folders)
            device, inode = place.directory.identity()
            return f"{device}:{inode}/{'/'.join([*place.missing, last])}"

    def attributes(self, name: str) -> atomic.Attributes:
        """Raises as `remove` does."""
        name = parse_name(name)
        with Visit() as visit, _writing(name, "read"):
            place, entry = self._find(visit, name)
            if not entry:
                raise not_found(name)
            return atomic.Attributes.of(place.directory.status(entry))

    def write(
        self,
        name: str,
        data: bytes,
        *,
        expect: str,
        keep: Keep | None = None,
        like: atomic.Attributes | None = None,
    ) -> Stamp:
        """Replaces the document whose version is `expect`, or creates it when that is "".

        The version is checked again just before the new text takes the name, and
        what was there stays, whatever fails. What somebody wrote after that is given to
        `keep`; without it, or when that raises, the replacement is undone. Missing
        folders are made. The file keeps its mode and, where the system allows, its
        owner; a new one has those of `like`. Other hard links to it keep the old text.

        Raises InvalidName, NotADocument, TooLarge, ReadOnly, VersionMismatch,
        WriteFailed, FolderUnavailable.
        """
        name = parse_name(name)
        self._check_writable()
        if len(data) > self._options.max_document_bytes:
            raise TooLarge(
                f"{shown(name)} would be {len(data):,} bytes, and the limit is "
                f"{self._options.max_document_bytes:,}: split it into several documents"
            )
        with Visit() as visit, _writing(name, "written"):
            place, entry = self._checked(visit, name, expect)
            with atomic.folders(place.directory, place.missing) as directory:
                return atomic.put(
                    directory,
                    entry,
                    data,
                    lambda: self._verify(directory, entry, name, expect),
                    lambda aside: self._look_at(directory, aside, name, expect, keep),
                    like,
                )

    def check_write(self, name: str, *, expect: str) -> None:
        """Changes nothing, and raises what `write` would raise, as far as that is known
        before it begins."""
        name = parse_name(name)
        self._check_writable()
        with Visit() as visit, _writing(name, "written"):
            self._checked(visit, name, expect)

    def _checked(self, visit: Visit, name: str, expect: str) -> tuple[Place, str]:
        """Where a document is written, and under which name. Raises as `write` does."""
        place, found = self._find(visit, name)
        if found:
            self._verify(place.directory, found, name, expect)
        else:
            _refuse_version(name, expect, "")
            _refuse_new(place, name)
        if not place.directory.writable("."):
            raise WriteProtected(
                f"the folder of {shown(name)} is write-protected; nothing was changed"
            )
        return place, found or name.rpartition("/")[2]

    def remove(self, name: str, *, expect: str, keep: Keep | None = None) -> None:
        """Removes the document whose version is `expect`. Its folder stays, empty or not.

        What it really held goes to `keep` as in `write`. Raises as `write` does, and
        DocumentNotFound.
        """
        name = parse_name(name)
        self._check_writable()
        with Visit() as visit, _writing(name, "deleted"):
            place, entry = self._find(visit, name)
            if not entry:
                raise not_found(name)
            self._verify(place.directory, entry, name, expect)
            atomic.remove(
                place.directory,
                entry,
                lambda aside: self._look_at(place.directory, aside, name, expect, keep),
            )

    def sweep_temporaries(self, rescue: Callable[[str, str, bytes], None] | None = None) -> int:
        """Removes what writes that were killed more than an hour ago have left behind,
        and returns how many files that were. Raises as `scan` does, and ReadOnly.

        Before that, `rescue` is given the folder (with a final `/`), the name and the
        bytes of each; a file for which it raises Unavailable stays."""
        self._check_writable()
        swept: list[str] = []
        limit = self._options.max_document_bytes

        def sweep(directory: Directory, prefix: str, entry: os.DirEntry[str]) -> None:
            with suppress(OSError, Unavailable):
                if not atomic.is_leftover(directory, entry):
                    return
                if rescue is not None:
                    data = read_bytes(directory, entry.name, limit)
                    if len(data) > limit:
                        return
                    rescue(prefix, entry.name, data)
                directory.unlink(entry.name)
                swept.append(entry.name)

        self._walk(Walk(self._options, on_hidden=sweep))
        return len(swept)

    def _verify(self, directory: Directory, entry: str, name: str, expect: str) -> bool:
        """Whether the document is there. Raises VersionMismatch unless it is as expected."""
        try:
            found = version_of(self._read(directory, entry, name).data)
        except FileNotFoundError:
            found = ""
        _refuse_version(name, expect, found)
        if found and not directory.writable(entry):
            raise WriteProtected(f"{shown(name)} is write-protected; nothing was changed")
        return bool(found)

    def _look_at(
        self, directory: Directory, aside: str, name: str, expect: str, keep: Keep | None
    ) -> None:
        """Whether what was put aside is what was to be replaced. Raises when it is not,
        and cannot be kept."""
        data = self._read(directory, aside, name).data
        if version_of(data) == expect:
            return
        if keep is None:
            _refuse_version(name, expect, version_of(data))
        else:
            keep(data)

    def _check_writable(self) -> None:
        if self._options.read_only:
            raise ReadOnly("this library is read-only (setting read_only); nothing was changed")


def _refuse_version(name: str, expect: str, found: str) -> None:
    if found == expect:
        return
    if not found:
        raise VersionMismatch(
            f"{shown(name)} is not there (any more); nothing was changed. Write it as a new "
            "document if it should be there"
        )
    if not expect:
        raise VersionMismatch(
            f"{shown(name)} exists by now, with version {found}; nothing was changed. Read it, "
            "merge your text, and write with that version"
        )
    raise VersionMismatch(
        f"{shown(name)} has changed: its version is {found}, not {shown(expect)}; nothing was "
        "changed. Read it again, merge your text, and write with that version"
    )


def _refuse_new(place: Place, name: str) -> None:
    """Raises InvalidName when what would be made should not have the name it would have."""
    new = name.split("/")[len(place.path) :]
    for component in new:
        refuse_creation(name, component)
    folded = new[0].casefold()
    for entry in place.directory.entries():
        other = normalised(entry.name)
        if other.casefold() == folded:
            raise InvalidName(
                f"{shown(name)} cannot be created: only capital letters tell {shown(new[0])} from "
                f"{shown(other)}, which is there; use that name or another one"
            )


def not_found(name: str) -> DocumentNotFound:
    """The error for a document that is not there, or not for who asks."""
    return DocumentNotFound(
        f"there is no document {shown(name)}: list the documents to see their names"
    )


@contextmanager
def _writing(name: str, done: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            raise NotADocument(f"{shown(name)} is not a document: {words(error)}") from error
        raise WriteFailed(
            f"{shown(name)} was not {done}: {words(error)}; what was there is unchanged"
        ) from error
