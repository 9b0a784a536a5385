"""Which documents may be written, by the settings."""

from docindex.indexer.errors import NotWritable, ReadOnly
from docindex.indexer.filters import PathFilter
from docindex.indexer.models import Options
from docindex.indexer.names import shown


class Permissions:
    def __init__(self, options: Options) -> None:
        """Raises InvalidInput for a path that is neither a folder nor a glob."""
        self._options = options
        self._paths = [PathFilter(path) for path in options.writable_paths]

    def check(self, name: str) -> None:
        """Raises ReadOnly, NotWritable. `name` is the one that the library knows it by."""
        options = self._options
        if options.read_only:
            raise ReadOnly("this server only reads (setting read_only); nothing was written")
        if self._paths and not any(each.matches(name) for each in self._paths):
            raise NotWritable(
                f"{shown(name)} is not where documents may be written (setting writable_paths); "
                f"allowed: {', '.join(map(shown, options.writable_paths))}"
            )
        extensions = options.writable_extensions
        if extensions and not name.lower().endswith(extensions):
            raise NotWritable(
                f"{shown(name)} has an extension that may not be written (setting "
                f"writable_extensions); allowed: {', '.join(map(shown, extensions))}"
            )
