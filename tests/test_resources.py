"""Documents as resources, and the state of the index as one."""

import json

import pytest
from mcp import MCPError
from mcp_types import TextResourceContents

from docindex.indexer.errors import FolderUnavailable, InvalidCursor
from docindex.indexer.models import Listed, Skipped
from docindex.server import resources
from tests.fake_library import FakeLibrary, reading
from tests.served import ERAS, connected

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def listed(count: int) -> list[Listed]:
    return [
        Listed(f"guide/p {n}.md", f"Page {n}", 100 + n, 1_700_000_000.0, ()) for n in range(count)
    ]


@ERAS
async def test_all_documents_are_listed_page_by_page_after_the_status(era: str) -> None:
    async with connected(FakeLibrary(listed=listed(250)), era) as client:
        pages = [await client.list_resources()]
        while cursor := pages[-1].next_cursor:
            pages.append(await client.list_resources(cursor=cursor))
    assert [len(page.resources) for page in pages] == [101, 100, 50]
    uris = [resource.uri for page in pages for resource in page.resources]
    assert uris[0] == "doc://index/status"
    assert uris[1:] == [f"doc://documents/guide/p%20{number}.md" for number in range(250)]


async def test_a_listed_document_has_title_size_type_and_time() -> None:
    found = [*listed(1), Listed("notes.TXT", "", 7, 1e18, ())]
    async with connected(FakeLibrary(listed=found)) as client:
        _, page, notes = (await client.list_resources()).resources
    assert (page.name, page.title, page.size) == ("guide/p 0.md", "Page 0", 100)
    assert page.mime_type == "text/markdown"
    assert page.annotations is not None
    assert page.annotations.last_modified == "2023-11-14T22:13:20Z"
    assert (notes.mime_type, notes.title, notes.annotations) == ("text/plain", None, None)


@ERAS
async def test_a_cursor_that_is_none_is_refused(era: str) -> None:
    async with connected(FakeLibrary(failure=InvalidCursor("begin again")), era) as client:
        with pytest.raises(MCPError, match=r"^invalid_cursor: begin again") as caught:
            await client.list_resources(cursor="nonsense")
    assert caught.value.code == -32602
    assert caught.value.data == {"code": "invalid_cursor"}


@ERAS
async def test_one_template_stands_for_every_document(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "doc://documents/{+name}"
    assert template.mime_type == "text/markdown"


@ERAS
async def test_a_document_is_read_by_its_uri_and_a_section_by_its_anchor(era: str) -> None:
    library = FakeLibrary(readings={"guide/café.md": reading("# Café\n", name="guide/café.md")})
    uri = "doc://documents/guide/caf%C3%A9.md"
    async with connected(library, era) as client:
        (whole,) = (await client.read_resource(uri)).contents
        (section,) = (await client.read_resource(f"{uri}#caf%C3%A9")).contents
    assert isinstance(whole, TextResourceContents)
    assert (whole.uri, whole.text, whole.mime_type) == (uri, "# Café\n", "text/markdown")
    assert whole.meta is not None
    assert whole.meta["docindex/version"] == "b3c1f0a94d27"
    assert section.uri == f"{uri}#caf%C3%A9"
    assert library.asked == [("guide/café.md", "", ""), ("guide/café.md", "café", "")]


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("doc://documents/nope.md", "document_not_found"),
        ("doc://documents/", "invalid_name"),
        ("doc://documents/../etc/passwd", "invalid_name"),
        ("doc://documents/..%2f..%2fetc%2fpasswd.md", "invalid_name"),
        ("doc://documents/%252e%252e/x.md", "document_not_found"),
        ("doc://documents//etc/x.md", "invalid_name"),
        ("doc://documents/a.md?x=1", "invalid_name"),
        ("doc://user@documents/a.md", "invalid_name"),
        ("doc://documents:80/a.md", "invalid_name"),
        ("doc://documents/a%00.md", "invalid_name"),
        ("doc://documents/a%ff.md", "invalid_name"),
        ("doc://documents/.git/config", "not_a_document"),
        ("doc://documents/" + "a/" * 3_000 + "b.md", "invalid_name"),
        ("doc://elsewhere/a.md", "invalid_name"),
        ("doc:a.md", "invalid_name"),
        ("DOC://index/status", "invalid_name"),
    ],
)
@ERAS
async def test_a_uri_that_addresses_no_document_is_an_error_that_says_why(
    uri: str, code: str, era: str
) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.code == -32602
    assert caught.value.data == {"code": code}
    assert caught.value.message.startswith(f"{code}: ")
    assert len(caught.value.message) < 400


@ERAS
async def test_uris_of_other_schemes_are_unknown(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource("file:///etc/passwd")
    assert caught.value.code == -32602


@ERAS
async def test_what_may_work_later_is_no_fault_of_the_caller(era: str) -> None:
    library = FakeLibrary(failure=FolderUnavailable("the documents folder is not there"))
    async with connected(library, era) as client:
        with pytest.raises(MCPError, match=r"^folder_unavailable: ") as caught:
            await client.read_resource("doc://documents/a.md")
    assert caught.value.code == -32603


@ERAS
async def test_an_accident_does_not_get_out(era: str, caplog: pytest.LogCaptureFixture) -> None:
    library = FakeLibrary(failure=OSError(5, "disk on fire", "/home/ana/secret.md"))
    async with connected(library, era) as client:
        with pytest.raises(MCPError, match=r"^internal_error: ") as caught:
            await client.read_resource("doc://documents/a.md")
    assert caught.value.code == -32603
    assert "secret" not in str(caught.value)
    assert "disk" not in str(caught.value)
    assert "accident" in caplog.text


async def test_a_document_that_no_client_could_take_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resources, "MOST_BYTES", 100)
    library = FakeLibrary(
        readings={"long.md": reading("x" * 101), "escaped.md": reading("\x00" * 50)}
    )
    async with connected(library) as client:
        for name in library.readings:
            with pytest.raises(MCPError, match=r"^too_large: .* add #anchor"):
                await client.read_resource(f"doc://documents/{name}")


@ERAS
async def test_the_status_is_a_json_resource(era: str) -> None:
    skipped = tuple(Skipped(f"{number}.md", "too large") for number in range(300))
    async with connected(FakeLibrary(labels=["docs", "adr"], skipped=skipped), era) as client:
        (contents,) = (await client.read_resource("doc://index/status")).contents
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "application/json"
    status = json.loads(contents.text)
    assert status["index"]["state"] == "ready"
    docs, adr = status["folders"]
    assert (docs["label"], adr["label"], docs["indexer"]) == ("docs", "adr", "running")
    assert docs["skipped"][0] == {"name": "0.md", "reason": "too large"}
    assert len(docs["skipped"]) + docs["more_skipped"] == 300
