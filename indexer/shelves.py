"""The folders of a library together: what belongs to which, as far as a caller may know."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docindex.indexer.errors import DocumentNotFound, InvalidInput, NotWritable
from docindex.indexer.files import not_found
from docindex.indexer.models import FolderSpec
from docindex.indexer.names import parse_name, shown
from docindex.indexer.shelf import Shelf

if TYPE_CHECKING:
    from docindex.indexer.rules import Reach


@dataclass(frozen=True, slots=True)
class Shelves:
    """One or more, in the order in which they were given."""

    all: Sequence[Shelf]
    reach: "Reach | None" = None
    """What the caller may; None: everything."""

    def __iter__(self) -> Iterator[Shelf]:
        return iter(self.all)

    def may_read(self, name: str) -> bool:
        """Whether a document is there for the caller, if it is there; by the name alone."""
        return self.reach is None or self.reach.may_read(name)

    def may_write(self, name: str) -> bool:
        return self.reach is None or self.reach.may_write(name)

    def locate(self, name: str) -> tuple[Shelf, str]:
        """The folder that a name belongs to, and the name below it; whoever calls. Raises
        InvalidName, NotADocument, DocumentNotFound."""
        whole = parse_name(name)
        if not self.all[0].label:
            return self.all[0], whole
        label, _, inner = whole.partition("/")
        for shelf in self.all:
            if shelf.label == label and inner:
                return shelf, inner
        labels = ", ".join(f"{shelf.label}/" for shelf in self.all)
        raise DocumentNotFound(
            f"{shown(name)} is in none of the folders; names begin with {labels}"
        )

    def find(self, name: str) -> tuple[Shelf, str]:
        """The same. Raises DocumentNotFound when the caller may not read it, too: before
        anybody looks whether it is there."""
        shelf, inner = self.locate(name)
        if not self.may_read(shelf.outer(inner)):
            raise not_found(inner)
        return shelf, inner

    def find_to_write(self, name: str) -> tuple[Shelf, str]:
        """The same. Raises NotWritable when the caller may not write it, whether it is there
        or not."""
        shelf, inner = self.locate(name)
        if not self.may_write(shelf.outer(inner)):
            raise NotWritable(
                f"{shown(shelf.outer(inner))} is not where you may write (setting access); "
                "nothing was written"
            )
        return shelf, inner


def check_labels(folders: Sequence[FolderSpec]) -> None:
    """Raises InvalidInput when names would not tell the folders apart."""
    labels = [folder.label for folder in folders]
    if not labels:
        raise InvalidInput("no folder was given")
    if len(labels) > 1 and "" in labels:
        raise InvalidInput("of several folders each needs a label: handbook=DIR adr=DIR")
    if len(set(labels)) < len(labels):
        raise InvalidInput("two folders have the same label; give each its own")
    for label in labels:
        if label and not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", label):
            raise InvalidInput(
                f"{shown(label)} cannot be a label: letters, digits, - and _, at most 40 of them"
            )
