"""One file from disk to what the index keeps of it."""

from dataclasses import replace

from docindex.indexer.files import Folder, version_of
from docindex.indexer.frontmatter import fields_of
from docindex.indexer.markdown import parse
from docindex.indexer.models import Document, Record, Stamp
from docindex.indexer.stamps import settled

UNKNOWN = Stamp(0, 0, 0, 0)

LIGHT_BYTES = 100_000
"""What takes little time to read, whatever is in it."""

READ_PLAINLY = "takes too long to read as Markdown: read as plain text"


def take_in(
    folder: Folder, name: str, known: Record | None = None, *, plain: bool = False
) -> tuple[Record, Document | None]:
    """Reads and parses a file. The document is None when it is the one that is
    known already, or cannot be indexed: then the record says why. One that is to be
    read as `plain` text, since parsing it would take too long, has a remark that says so.

    Raises DocumentNotFound when it is gone and FolderUnavailable when the whole folder is.
    """
    found = folder.read(name)
    stamp = settled(found.stamp)
    version = version_of(found.data)
    # Of another time, it is indexed again: documents are listed, sorted and filtered by that.
    unchanged = (version, stamp.mtime_ns)
    if known and not known.skipped and (known.version, known.stamp.mtime_ns) == unchanged:
        return replace(known, stamp=stamp), None
    document = parse(found.data, name, plain=plain)
    record = Record(
        name=name,
        version=version,
        stamp=stamp,
        title=document.title,
        tags=document.tags,
        sections=len(document.sections),
        remarks=(*document.remarks, READ_PLAINLY) if plain else document.remarks,
        fields=fields_in(document),
    )
    return record, document


def fields_in(document: Document) -> tuple[str, ...]:
    """What a document can be chosen by beside its tags."""
    return (*fields_of(document.front_matter), *document.hashtags)
