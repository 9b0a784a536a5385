"""docindex as it is used: a library over a folder, indexed, then asked."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docindex.indexer.library import Library
from docindex.indexer.models import Hit, SearchRequest
from tests.bench.installed import Installed

PAGE = 50
PAGES = 12
"""Looked through at most for the documents that a question finds."""


@dataclass
class Product:
    library: Library
    times: list[float] = field(default_factory=list[float])
    """Of the first pages that were asked for, in seconds."""
    mended: set[str] = field(default_factory=set[str])
    """Questions of which a word was mended."""

    def hits(self, text: str, count: int = 10) -> tuple[Hit, ...]:
        """The first page."""
        begin = time.perf_counter()
        answer = self.library.search(SearchRequest(text, max_results=count))
        self.times.append(time.perf_counter() - begin)
        if answer.corrected:
            self.mended.add(text)
        return answer.hits

    def ranked(self, text: str, depth: int) -> list[str]:
        """The names of the documents, best first, each by its best section."""
        names: dict[str, None] = {}
        for hits in self._pages(text):
            names |= dict.fromkeys(hit.name for hit in hits)
            if len(names) >= depth:
                break
        return list(names)[:depth]

    def _pages(self, text: str) -> Iterator[tuple[Hit, ...]]:
        cursor = ""
        for _ in range(PAGES):
            request = SearchRequest(text, max_results=PAGE, cursor=cursor, snippet_bytes=0)
            answer = self.library.search(request)
            yield answer.hits
            cursor = answer.cursor
            if not cursor:
                break


@contextmanager
def opened(documents: Path, place: Path) -> Generator[Product]:
    """`place` is for the index."""
    installed = Installed(place)
    library = installed.library(documents)
    try:
        library.catch_up(lambda progress: None)
        yield Product(library)
    finally:
        library.close()
        # Who was started to see to the index uses the place until it ends.
        installed.rest(documents)
