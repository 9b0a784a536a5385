"""The prompts, and completion of the names they take."""

import pytest
from mcp import Client, MCPError
from mcp_types import PromptReference, ResourceTemplateReference, TextContent

from docindex.indexer.errors import NotADocument
from docindex.indexer.models import Listed
from tests.fake_library import FakeLibrary, reading
from tests.served import ERAS, connected

pytestmark = pytest.mark.anyio

TEMPLATE = ResourceTemplateReference(type="ref/resource", uri="doc://documents/{+name}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def prompt(name: str) -> PromptReference:
    return PromptReference(type="ref/prompt", name=name)


async def said(client: Client, name: str, arguments: dict[str, str]) -> str:
    (message,) = (await client.get_prompt(name, arguments)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


@ERAS
async def test_the_prompts_are_listed_with_what_they_take(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        prompts = (await client.list_prompts()).prompts
    assert {
        prompt.name: [(argument.name, argument.required) for argument in prompt.arguments or ()]
        for prompt in prompts
    } == {
        "answer_from_documents": [("question", True)],
        "summarize_document": [("name", True)],
        "review_document": [("name", True)],
    }
    for listed in prompts:
        assert listed.title
        assert listed.description
        assert all(argument.description for argument in listed.arguments or ())


@ERAS
async def test_prompts_ask_for_sources_and_name_the_tools_to_use(era: str) -> None:
    library = FakeLibrary(readings={"guide/setup.md": reading("# Setup\n")})
    async with connected(library, era) as client:
        answer = await said(client, "answer_from_documents", {"question": "Why {name}?"})
        summary = await said(client, "summarize_document", {"name": "guide/setup.md"})
        review = await said(client, "review_document", {"name": "guide/setup.md"})
    assert answer.endswith("Question: Why {name}?")
    assert "search_documents" in answer
    for text in (answer, summary, review):
        assert "read_document" in text
        assert "Cite the document's name and lines" in text
    for text in (summary, review):
        assert "guide/setup.md. Read all of it" in text


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("nope", {}, 'unknown prompt "nope"; there are answer_from_documents, '),
        ("summarise_document", {}, "Did you mean summarize_document?"),
        ("summarize_document", {}, "summarize_document needs name"),
        ("summarize_document", None, "summarize_document needs name"),
        ("answer_from_documents", {"question": "  "}, "answer_from_documents needs question"),
        ("summarize_document", {"name": "a.md", "nmae": "b"}, 'unknown argument of .* "nmae"'),
        ("summarize_document", {"name": "nope.md"}, "document_not_found: there is no nope.md"),
    ],
)
@ERAS
async def test_a_prompt_that_cannot_be_given_is_an_error_of_the_caller(
    name: str,
    arguments: dict[str, str] | None,
    told: str,
    era: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError, match=told) as caught:
            await client.get_prompt(name, arguments)
    assert caught.value.code == -32602
    assert not [record for record in caplog.records if record.exc_info]


@ERAS
async def test_what_is_no_document_gives_no_prompt(era: str) -> None:
    async with connected(FakeLibrary(failure=NotADocument("it is hidden")), era) as client:
        with pytest.raises(MCPError, match=r"^not_a_document: it is hidden"):
            await client.get_prompt("review_document", {"name": ".git/config"})


@ERAS
async def test_names_are_completed_for_prompts_and_resources(era: str) -> None:
    found = [Listed(f"guide/{number:03}.md", "", 1, 0.0, ()) for number in range(150)]
    async with connected(FakeLibrary(listed=found), era) as client:
        argument = {"name": "name", "value": "guide/"}
        many = (await client.complete(TEMPLATE, argument)).completion
        argument = {"name": "name", "value": "guide/14"}
        few = (await client.complete(prompt("review_document"), argument)).completion
    assert (len(many.values), many.total, many.has_more) == (100, 150, True)
    assert few.values == [f"guide/{number}.md" for number in range(140, 150)]
    assert few.has_more is False


@ERAS
async def test_a_question_has_no_completions(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        argument = {"name": "question", "value": "why"}
        answer = await client.complete(prompt("answer_from_documents"), argument)
    assert answer.completion.values == []


@pytest.mark.parametrize(
    ("ref", "argument"),
    [
        (prompt("nope"), "name"),
        (prompt("review_document"), "title"),
        (TEMPLATE, "anchor"),
        (ResourceTemplateReference(type="ref/resource", uri="doc://x/{y}"), "y"),
    ],
)
@ERAS
async def test_completing_what_is_not_there_is_refused(
    ref: PromptReference | ResourceTemplateReference, argument: str, era: str
) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError, match="to complete") as caught:
            await client.complete(ref, {"name": argument, "value": ""})
    assert caught.value.code == -32602
