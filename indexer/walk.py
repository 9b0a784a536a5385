"""A walk over a folder: what in it can be indexed, and why the rest cannot."""

import os
import stat
from collections.abc import Callable, Sequence

from docindex.indexer.directories import Directory, is_link, unreadable
from docindex.indexer.ignores import IGNORE_FILES, IgnoreRules, load
from docindex.indexer.models import Options, Scan, Stamp
from docindex.indexer.names import escaped, has_document_extension, name_problem, normalised

_LINK = "symbolic link: not followed; add its target as a folder of its own"
_TWIN = "something else here has this name in another Unicode form; rename one of the two"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def obstacle(status: os.stat_result, limit: int) -> str:
    """Why a file of this status is not indexed, with `limit` in bytes; "" when it can be."""
    if is_link(status):
        return _LINK
    if not stat.S_ISREG(status.st_mode):
        kind = next((kind for test, kind in _KINDS if test(status.st_mode)), "something else")
        return f"not a regular file, but {kind}"
    if status.st_size > limit:
        return f"too large: {status.st_size:,} bytes, and the limit is {limit:,}"
    return ""


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class Walk:
    """Collects what it meets. No entry, whatever is wrong with it, ends the walk."""

    def __init__(
        self,
        options: Options,
        on_hidden: Callable[[Directory, str, os.DirEntry[str]], None] | None = None,
        pulse: Callable[[], None] | None = None,
    ) -> None:
        """`on_hidden` is called with the folder, open and by its name with a final `/`,
        and the entry; `pulse` for each entry that is met."""
        self._options = options
        self._on_hidden = on_hidden
        self._pulse = pulse
        self._files: dict[str, Stamp] = {}
        self._skipped: dict[str, str] = {}
        self._ignored = 0
        self._folders: list[str] = []

    def result(self) -> Scan:
        return Scan(self._files, self._skipped, self._ignored, frozenset(self._folders))

    def enter(self, directory: Directory, path: Sequence[str], above: IgnoreRules) -> None:
        """Walks the folder, whose components below the root are `path`, and all below it.

        `above` are the rules of the folders above it. Raises OSError when the
        folder itself cannot be listed.
        """
        entries = directory.entries()
        prefix = "".join(f"{component}/" for component in path)
        rules = above
        if self._options.honour_ignore_files:
            present = [entry.name for entry in entries if entry.name in IGNORE_FILES]
            rules, problems = load(directory, len(path), above, present)
            self._skipped.update((prefix + name, problem) for name, problem in problems.items())
        other_forms: list[tuple[str, os.DirEntry[str]]] = []
        for entry in entries:
            raw = entry.name
            if raw.startswith("."):
                if self._on_hidden is not None:
                    self._on_hidden(directory, prefix, entry)
            elif (name := normalised(raw)) == raw:
                self._meet(directory, entry, path, prefix, name, rules)
            else:
                other_forms.append((name, entry))
        if other_forms:
            taken = {entry.name for entry in entries}
            for name, entry in sorted(other_forms, key=lambda form: form[1].name):
                self._meet(directory, entry, path, prefix, name, rules, twin=name in taken)
                taken.add(name)

    def skip(self, name: str, reason: str, *, folder: bool) -> None:
        self._skipped[f"{name}/" if folder else name] = reason

    def _meet(
        self,
        directory: Directory,
        entry: os.DirEntry[str],
        path: Sequence[str],
        prefix: str,
        name: str,
        rules: IgnoreRules,
        twin: bool = False,
    ) -> None:
        full = prefix + name
        folder = False
        if self._pulse is not None:
            self._pulse()
        try:
            folder = entry.is_dir(follow_symlinks=False)
            if not folder and not has_document_extension(name) and not entry.is_symlink():
                return
            if rules.ignore(path, name, folder=folder):
                self._ignored += 1
            elif problem := name_problem(full):
                self.skip(escaped(prefix + entry.name), problem, folder=folder)
            elif twin:
                spelled = entry.name.encode("ascii", "backslashreplace").decode("ascii")
                self.skip(prefix + spelled, _TWIN, folder=folder)
            elif folder:
                with directory.enter(entry.name) as below:
                    self.enter(below, (*path, name), rules)
                self._folders.append(full)
            else:
                status = directory.status_of(entry)
                if reason := obstacle(status, self._options.max_document_bytes):
                    self._skipped[full] = reason
                else:
                    self._files[full] = stamp_of(status)
        except (FileNotFoundError, NotADirectoryError):
            return  # gone or replaced since it was listed
        except OSError as error:
            self.skip(full, unreadable(error), folder=folder)
