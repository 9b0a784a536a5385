"""Documents as resources, `doc://documents/{+name}`, and the state of the index as one."""

from typing import Any, Final

from mcp_types import (
    Annotations,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from docindex.indexer.errors import InvalidName, TooLarge
from docindex.indexer.library import Library
from docindex.indexer.models import Listed, ListRequest
from docindex.indexer.names import URI_PREFIX, parse_uri, shown, uri_of
from docindex.server import callers, results, statuses, wire
from docindex.server.failures import printable
from docindex.server.offload import Offload
from docindex.server.protocol import (
    HandlerResult,
    RequestContext,
    Server,
    sdk_handler,
    serve_method,
)

SCHEME: Final = "doc:"
STATUS_URI: Final = "doc://index/status"
TEMPLATE: Final = URI_PREFIX + "{+name}"

PAGE: Final = 100
MOST_BYTES: Final = 1_000_000
"""Of a document as a resource, in JSON: over HTTP, clients take no event above 1 MiB."""

_STATUS = Resource(
    uri=STATUS_URI,
    name="index-status",
    title="State of the index",
    description="Documents, what is pending, and which files were skipped and why",
    mime_type="application/json",
)
_DOCUMENTS = ResourceTemplate(
    uri_template=TEMPLATE,
    name="document",
    title="Document",
    description="A document by its name; #anchor addresses one section",
    mime_type="text/markdown",
)


class Resources:
    """Answers for `doc:` URIs. Others, if the server was given any, stay the SDK's."""

    def __init__(self, library: Library, offload: Offload) -> None:
        self._whole = library
        self._offload = offload

    @property
    def _library(self) -> Library:
        return callers.library_of_caller(self._whole)

    def attach(self, server: Server) -> None:
        self._others = sdk_handler(server, "resources/read")
        self._server = server
        page = PaginatedRequestParams
        serve_method(server, "resources/list", page, self._list)
        serve_method(server, "resources/templates/list", page, self._templates)
        serve_method(server, "resources/read", ReadResourceRequestParams, self._read)

    async def _list(
        self, _context: RequestContext, params: PaginatedRequestParams
    ) -> ListResourcesResult:
        request = ListRequest(max_results=PAGE, cursor=params.cursor or "")
        listing = await self._offload.answer(lambda: self._library.list(request))
        first = [] if params.cursor else [_STATUS, *await self._server.list_resources()]
        return ListResourcesResult(
            resources=[*first, *map(_resource, listing.documents)],
            next_cursor=listing.cursor or None,
        )

    async def _templates(
        self, _context: RequestContext, _params: PaginatedRequestParams
    ) -> ListResourceTemplatesResult:
        others = await self._server.list_resource_templates()
        return ListResourceTemplatesResult(resource_templates=[_DOCUMENTS, *others])

    async def _read(
        self, context: RequestContext, params: ReadResourceRequestParams
    ) -> HandlerResult:
        uri = str(params.uri)
        if not uri.lower().startswith(SCHEME):
            return await self._others(context, params)
        if uri == STATUS_URI:
            status = await self._offload.answer(self._library.status)
            text = results.compact(statuses.status(status))
            return _contents(uri, text, "application/json")
        if not uri.lower().startswith(URI_PREFIX):
            raise InvalidName(
                f'there is no resource "{shown(uri)}": documents are at {TEMPLATE}, '
                f"the state of the index at {STATUS_URI}."
            )
        name, anchor = parse_uri(uri)
        reading = await self._offload.answer(lambda: self._library.read(name, section=anchor))
        if len(reading.text) > MOST_BYTES or results.size(reading.text) > MOST_BYTES:
            raise TooLarge(
                f"{shown(name)} is too long to be read as one resource: add #anchor for a "
                "section, or use read_document with lines."
            )
        meta = {"docindex/version": reading.version, "docindex/note": wire.TEXT_IS_DATA}
        return _contents(uri, reading.text, _mime_type(reading.name), meta)


def _contents(
    uri: str, text: str, mime_type: str, meta: dict[str, str] | None = None
) -> ReadResourceResult:
    contents = TextResourceContents(
        uri=uri, text=printable(text), mime_type=mime_type, _meta=dict[str, Any](meta or {}) or None
    )
    return ReadResourceResult(contents=[contents])


def _resource(listed: Listed) -> Resource:
    modified = results.moment(listed.modified)
    return Resource(
        uri=uri_of(listed.name),
        name=printable(listed.name),
        title=printable(listed.title) or None,
        size=listed.size,
        mime_type=_mime_type(listed.name),
        annotations=Annotations(last_modified=modified) if modified else None,
    )


def _mime_type(name: str) -> str:
    return "text/plain" if name.lower().endswith(".txt") else "text/markdown"
