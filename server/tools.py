"""The tools: what a model can do with the library.

The docstring of each is the description that the model reads.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from docindex.indexer.errors import InvalidInput
from docindex.indexer.library import Library
from docindex.indexer.models import (
    Edit,
    ListRequest,
    SearchRequest,
    SortOrder,
    WriteMode,
)
from docindex.indexer.names import shown
from docindex.server import callers, readings, results, wire, writings
from docindex.server.offload import Offload
from docindex.server.progress import reporting
from docindex.server.protocol import Tool

MOST_TOKENS: Final = 10_000
FEWEST_TOKENS: Final = 400
TOKENS_PER_RESULT: Final = 130
SEARCH_TOKENS: Final = 1_300
TOKENS_PER_DOCUMENT: Final = 60
LIST_TOKENS: Final = 1_500
READ_TOKENS: Final = 4_000
DIFF_TOKENS: Final = 3_000

_Path = Annotated[str, Field(description="folder or glob: guide, **/adr-*.md")]
_Tags = Annotated[list[str], Field(description="all of these; status=draft: of the front matter")]
_Date = Annotated[str, Field(description="ISO date or time, UTC")]
_Cursor = Annotated[str, Field(description="of the answer before: next page")]
_MaxTokens = Annotated[int, Field(ge=FEWEST_TOKENS, le=MOST_TOKENS)]
_Name = Annotated[str, Field(description="as guide/setup.md")]
_Version = Annotated[str, Field(description="the version you read")]

_LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)
_DELETES = _WRITES.model_copy(update={"idempotent_hint": True})
_INDEXES = _DELETES.model_copy(update={"destructive_hint": False})

WRITE_TOOLS: Final = ("update_document", "move_document", "delete_document", "restore_document")


class Toolbox:
    def __init__(self, library: Library, offload: Offload) -> None:
        self._whole = library
        self._offload = offload

    @property
    def _library(self) -> Library:
        return callers.library_of_caller(self._whole)

    def tools(self, *, read_only: bool, callers: bool = False) -> list[Tool]:
        described: list[tuple[Callable[..., Awaitable[CallToolResult]], str, ToolAnnotations]] = [
            (self.search_documents, "Search documents", _LOOKS),
            (self.read_document, "Read a document", _LOOKS),
            (self.list_documents, "List documents", _LOOKS),
            (self.get_user_documents, "My documents", _LOOKS),
            (self.update_document, "Write a document", _WRITES),
            (self.move_document, "Move a document", _DELETES),
            (self.delete_document, "Delete a document", _DELETES),
            (self.restore_document, "Restore a document", _DELETES),
            (self.reindex, "Reindex", _INDEXES),
        ]
        return [
            Tool.from_function(
                function,
                title=title,
                description=inspect.getdoc(function),
                annotations=annotations,
            )
            for function, title, annotations in described
            if not (read_only and function.__name__ in WRITE_TOOLS)
            and (callers or function != self.get_user_documents)
        ]

    async def search_documents(
        self,
        query: str,
        max_results: Annotated[int, Field(ge=1, le=50)] = 10,
        path: _Path = "",
        tags: _Tags = [],  # noqa: B006
        modified_after: _Date = "",
        modified_before: _Date = "",
        cursor: _Cursor = "",
        max_tokens: Annotated[int | None, Field(ge=FEWEST_TOKENS, le=MOST_TOKENS)] = None,
    ) -> Annotated[CallToolResult, wire.SearchResults]:
        """Find the sections of the documents that answer a question, best first. Use it
        before answering anything the documents may know; plain words work best. Also:
        "phrase" +must -not prefix* title: heading: tag: path: AND OR NOT ( ).
        Then read_document with a result's name and its anchor as section, or lines."""
        request = SearchRequest(
            query=query,
            max_results=max_results,
            path=path,
            tags=tuple(tags),
            modified_after=_seconds("modified_after", modified_after),
            modified_before=_seconds("modified_before", modified_before),
            cursor=cursor,
        )
        budget = max_tokens or _budget(max_results * TOKENS_PER_RESULT, SEARCH_TOKENS)
        found = await self._offload.answer(
            lambda: results.search_results(self._library.search, request, budget)
        )
        return results.answer(*found)

    async def read_document(
        self,
        name: _Name,
        section: Annotated[str, Field(description="anchor or trail: Install > Linux")] = "",
        lines: Annotated[str, Field(description="120-160")] = "",
        max_tokens: _MaxTokens = READ_TOKENS,
    ) -> Annotated[CallToolResult, wire.DocumentPart]:
        """Read a document, one section of it with its subsections, or some lines, as it is
        on disk now. When the answer has `cut`, go on with cut.next_lines as lines, or choose
        from cut.outline. Keep `version` for update_document. Cite name and lines."""
        part = await self._offload.answer(
            lambda: readings.document_part(self._library.read(name, section, lines), max_tokens)
        )
        return readings.reading_answer(part)

    async def list_documents(
        self,
        path: _Path = "",
        tags: _Tags = [],  # noqa: B006
        sort: SortOrder = "path",
        max_results: Annotated[int, Field(ge=1, le=200)] = 50,
        cursor: _Cursor = "",
    ) -> Annotated[CallToolResult, wire.DocumentList]:
        """List documents with title, size, tags and time of change; sort=modified gives the
        latest first. To find what they say, use search_documents."""
        return await self._listed(ListRequest(path, tuple(tags), sort, max_results, cursor))

    async def get_user_documents(
        self,
        path: str = "",
        tags: list[str] = [],  # noqa: B006
        sort: SortOrder = "path",
        max_results: Annotated[int, Field(ge=1, le=200)] = 50,
        cursor: str = "",
    ) -> Annotated[CallToolResult, wire.OwnDocuments]:
        """As list_documents, of the user's own documents alone."""
        return await self._listed(ListRequest(path, tuple(tags), sort, max_results, cursor, True))

    async def _listed(self, request: ListRequest) -> CallToolResult:
        budget = _budget(request.max_results * TOKENS_PER_DOCUMENT, LIST_TOKENS)
        listing = await self._offload.answer(
            lambda: results.document_list(self._library.list, request, budget)
        )
        return results.answer(*listing)

    async def update_document(
        self,
        name: _Name,
        content: str | None = None,
        tags: Annotated[
            list[str] | None, Field(description="of the front matter: all, [] removes")
        ] = None,
        mode: WriteMode = "replace",
        section: Annotated[str, Field(description="anchor or trail")] = "",
        if_version: _Version = "",
        dry_run: bool = False,
    ) -> Annotated[CallToolResult, wire.Written]:
        """Create or change a document. Replacing a document or section that exists needs
        if_version, as read_document gave it; create, append and prepend do not. mode=section
        replaces the text under one heading; append and prepend take a section too. dry_run
        only shows the diff. Search finds the change at once, unless the answer says
        searchable: false. What was there can be restored."""
        edit = Edit(
            name=name,
            content=content,
            tags=None if tags is None else tuple(tags),
            mode=mode,
            section=section,
            if_version=if_version,
            dry_run=dry_run,
        )
        outcome = await self._offload.finish(lambda: self._library.update(edit, callers.author()))
        return results.answer(writings.written(outcome, DIFF_TOKENS))

    async def move_document(
        self,
        ctx: Context[Any, Any],
        name: _Name,
        new_name: str,
        if_version: _Version = "",
        dry_run: bool = False,
    ) -> Annotated[CallToolResult, wire.Moved]:
        """Rename a document, or move it to another folder. Links to it in other documents
        are rewritten, and listed; `left` lists those that were not."""
        async with reporting(ctx) as reached:
            moved = await self._offload.finish(
                lambda: self._library.move(
                    name, new_name, if_version, dry_run, callers.author(), listener=reached.note
                )
            )
        return results.answer(writings.moved(moved, DIFF_TOKENS))

    async def delete_document(
        self, name: _Name, if_version: _Version = "", dry_run: bool = False
    ) -> Annotated[CallToolResult, wire.Written]:
        """Delete a document. restore_document brings it back."""
        outcome = await self._offload.finish(
            lambda: self._library.delete(name, if_version, dry_run, callers.author())
        )
        return results.answer(writings.written(outcome, DIFF_TOKENS))

    async def restore_document(
        self,
        name: _Name,
        version: Annotated[str, Field(description="none: lists them")] = "",
        dry_run: bool = False,
    ) -> Annotated[CallToolResult, wire.Written]:
        """Bring back a deleted or earlier version of a document. Call it without version
        first: it lists what can be restored, latest first. What is there now is kept."""
        if not version:
            found = await self._offload.answer(lambda: self._library.past(name))
            return results.answer(writings.past(found))
        outcome = await self._offload.finish(
            lambda: self._library.restore(name, version, dry_run, callers.author())
        )
        return results.answer(writings.written(outcome, DIFF_TOKENS))

    async def reindex(
        self,
        ctx: Context[Any, Any],
        full: Annotated[bool, Field(description="build it anew")] = False,
    ) -> Annotated[CallToolResult, wire.Reindexed]:
        """Compare the index with the folder now. Seldom needed: changes are indexed as they
        happen. Reports progress, can be cancelled, ends with counts and skipped files."""
        cancelled = threading.Event()
        try:
            async with reporting(ctx) as reached:
                report = await self._offload.long(
                    lambda: self._library.reindex(full, reached.note, cancelled)
                )
                reached.finish(report.documents)
        finally:
            cancelled.set()
        return results.answer(results.reindexed(report))


def _budget(wanted: int, least: int) -> int:
    return min(MOST_TOKENS, max(wanted, least))


def _seconds(argument: str, text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 date or time; without a zone, UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{argument} must be a date such as 2026-01-31 or a time such as "
            f'2026-01-31T09:00:00Z, not "{shown(text)}".'
        ) from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
