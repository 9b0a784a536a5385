"""Finding the section that somebody names, and where it ends."""

from collections.abc import Callable, Iterator, Sequence

from docindex.indexer.encoding import nfc
from docindex.indexer.errors import SectionNotFound
from docindex.indexer.headings import slug
from docindex.indexer.models import Document, Section
from docindex.indexer.names import shown

_LISTED = 20
_TOLD = 10


def find_section(sections: Sequence[Section], wanted: str) -> Section:
    """The section with this anchor (`linux`, `#linux`), this heading (`Linux`) or this
    end of a heading trail (`Install > Linux`, `Install/Linux`), in this order; then
    whatever the case; then by the anchor that these words would make.

    Raises SectionNotFound, with the anchors there are, when no section answers to it,
    or more than one.
    """
    wanted = nfc(" ".join(wanted.split()))
    headed = [each for each in sections if each.level]
    for found in _candidates(headed, wanted) if wanted else ():
        if len(found) == 1:
            return found[0]
        if found:
            raise SectionNotFound(
                f'"{shown(wanted)}" names {len(found)} sections; use one of the anchors '
                f"{_told_apart(found)}"
            )
    if not headed:
        raise SectionNotFound("the document has no headings, so it has no sections to name")
    raise SectionNotFound(f'there is no section "{shown(wanted)}"; there are {_listed(headed)}')


def section_range(document: Document, section: Section) -> tuple[int, int]:
    """First and last line of a section with its subsections, down to the line before
    the next heading of the same or a higher level."""
    if not section.level:
        return section.first_line, section.last_line
    following = (
        each.first_line
        for each in document.sections
        if each.first_line > section.first_line and each.level <= section.level
    )
    return section.first_line, next(following, document.line_count + 1) - 1


def _candidates(sections: Sequence[Section], wanted: str) -> Iterator[list[Section]]:
    heading = wanted.lstrip("# ")
    folds: tuple[Callable[[str], str], ...] = (str, str.casefold)
    for fold in folds:
        anchor = fold(wanted.removeprefix("#"))
        yield [each for each in sections if fold(each.anchor) == anchor]
        for parts in ([heading], heading.split(">"), heading.split("/")):
            trail = [fold(part.strip()) for part in parts]
            ends = [each for each in sections if [*map(fold, each.trail[-len(trail) :])] == trail]
            # A whole trail comes before the ends of longer ones.
            yield [each for each in ends if len(each.trail) == len(trail)]
            yield ends
        # As `search_documents` tells a trail, in which a heading may have a > of its own.
        joined = f" > {fold(heading)}"
        yield [each for each in sections if f" > {fold(' > '.join(each.trail))}".endswith(joined)]
    anchor = slug(heading).strip("-")
    yield [each for each in sections if each.anchor.strip("-") == anchor]


def _told_apart(sections: Sequence[Section]) -> str:
    """The anchors, each with its whole trail."""
    said = [f"#{shown(each.anchor)} ({shown(' > '.join(each.trail))})" for each in sections[:_TOLD]]
    more = len(sections) - _TOLD
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")


def _listed(sections: Sequence[Section]) -> str:
    anchors = ", ".join(f"#{shown(each.anchor)}" for each in sections[:_LISTED])
    more = len(sections) - _LISTED
    return f"{anchors} and {more} more" if more > 0 else anchors
