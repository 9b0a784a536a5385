"""docindex over HTTP, with what the conformance suite wants to call beside the documents.

    python conformance_server.py DOCUMENTS

The suite knows its own tools, resources and prompts by name. They stand on the very app
that `docindex serve --http` runs, and are nowhere but in this test. Prints the address.
"""

import base64
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp import MCPDeprecationWarning, MCPError
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    ClientCapabilities,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    MissingRequiredClientCapabilityErrorData,
    SamplingCapability,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field

from docindex.indexer.library import Library
from docindex.indexer.models import FolderSpec, Options
from docindex.server.listening import bind, local_url, process_of, server_of
from docindex.server.metrics import Metrics
from docindex.server.protocol import Server
from docindex.server.settings import Settings

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n a picture, as far as the suite looks").decode()
WAV = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0"
).decode()
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, text: str = "embedded text") -> EmbeddedResource:
    found = TextResourceContents(uri=uri, text=text, mime_type="text/plain")
    return EmbeddedResource(type="resource", resource=found)


def text(said: str) -> TextContent:
    return TextContent(type="text", text=said)


class Name(BaseModel):
    name: str


async def ask() -> Elicit[Name]:
    return Elicit("What is your name?", Name)


def add_plain_tools(server: Server) -> None:
    def answers(name: str, *blocks: ContentBlock) -> None:
        async def answer() -> CallToolResult:
            return CallToolResult(content=[*blocks])

        server.tool(name, description=f"For the conformance suite: {name}")(answer)

    answers("test_simple_text", text("This is a simple text response for testing."))
    answers("test_image_content", image())
    answers("test_audio_content", AudioContent(type="audio", data=WAV, mime_type="audio/wav"))
    answers("test_embedded_resource", embedded("test://embedded-resource"))
    answers(
        "test_multiple_content_types",
        text("Multiple content types test:"),
        image(),
        embedded("test://mixed-content-resource", '{"test": "data", "value": 123}'),
    )


def add_tools(server: Server) -> None:
    @server.tool("test_error_handling")
    async def fails() -> str:
        """For the conformance suite: always fails"""
        raise ValueError("This tool intentionally returns an error for testing")

    @server.tool("test_tool_with_progress")
    async def progresses(ctx: Context[Any]) -> str:
        """For the conformance suite: reports progress"""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"Completed step {done} of 100")
            await anyio.sleep(0.05)
        return "done"

    @server.tool("json_schema_2020_12_tool")
    async def schema(name: str = "") -> str:
        """For the conformance suite: a schema with all there is"""
        return name

    server._tool_manager._tools["json_schema_2020_12_tool"].parameters = SCHEMA

    @server.tool("test_custom_headers")
    async def headers(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
        priority: Annotated[int, Field(json_schema_extra={"x-mcp-header": "Priority"})] = 1,
        verbose: Annotated[bool, Field(json_schema_extra={"x-mcp-header": "Verbose"})] = False,
        query: str = "",
    ) -> str:
        """For the conformance suite: arguments that are headers too"""
        return f"{region} {priority} {verbose} {query}"


def add_diagnostic_tools(server: Server) -> None:
    @server.tool("test_missing_capability")
    async def samples(ctx: Context[Any]) -> str:
        """For the conformance suite: needs a client that samples"""
        needed = ClientCapabilities(sampling=SamplingCapability())
        if not ctx.session.check_client_capability(needed):
            data = MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
            raise MCPError(
                MISSING_REQUIRED_CLIENT_CAPABILITY,
                "sampling is needed",
                data.model_dump(by_alias=True, exclude_none=True),
            )
        return "it samples"

    @server.tool("test_streaming_elicitation")
    async def streams(ctx: Context[Any], name: Annotated[Name, Resolve(ask)]) -> str:
        """For the conformance suite: asks in the middle of a call"""
        await ctx.report_progress(1, 1)
        return name.name

    @server.tool("test_logging_tool")
    async def logs(ctx: Context[Any]) -> str:
        """For the conformance suite: sends a line of a log"""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            await ctx.session.send_log_message("info", "a line")  # pyright: ignore[reportDeprecated]
        return "logged"

    @server.tool("test_trigger_tool_change")
    async def tools_change(ctx: Context[Any]) -> str:
        """For the conformance suite: tells that the tools have changed"""
        await ctx.notify_tools_changed()
        return "told"

    @server.tool("test_trigger_prompt_change")
    async def prompts_change(ctx: Context[Any]) -> str:
        """For the conformance suite: tells that the prompts have changed"""
        await ctx.notify_prompts_changed()
        return "told"


def add_resources(server: Server) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        """For the conformance suite"""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        """For the conformance suite"""
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def templated(id: str) -> str:  # noqa: A002
        """For the conformance suite"""
        return f'{{"id": "{id}", "templateTest": true, "data": "Data for ID: {id}"}}'


def add_prompts(server: Server) -> None:
    @server.prompt("test_simple_prompt")
    async def simple() -> str:
        """For the conformance suite"""
        return "This is a simple prompt for testing."

    @server.prompt("test_prompt_with_arguments")
    async def arguments(arg1: str, arg2: str) -> str:
        """For the conformance suite"""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt("test_prompt_with_embedded_resource")
    async def resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803
        """For the conformance suite"""
        return [
            UserMessage(content=embedded(resourceUri)),
            UserMessage(content=text("Please process the embedded resource above.")),
        ]

    @server.prompt("test_prompt_with_image")
    async def with_image() -> list[UserMessage]:
        """For the conformance suite"""
        return [
            UserMessage(content=image()),
            UserMessage(content=text("Please analyze the image above.")),
        ]


async def main(documents: Path) -> None:
    settings = Settings(http=True)
    library = Library(
        [FolderSpec(str(documents))],
        cache=Path(os.environ["DOCINDEX_CACHE_DIR"]),
        state=Path(os.environ["DOCINDEX_STATE_DIR"]),
        options=Options(linger_seconds=1),
    )
    metrics = Metrics(library)
    server = server_of(library, settings, metrics)
    for add in (add_plain_tools, add_tools, add_diagnostic_tools, add_resources, add_prompts):
        add(server)
    listener = bind("127.0.0.1", 0)
    url = local_url(listener)
    print(url, flush=True)
    await process_of(server, library, settings, metrics, url, os._exit).serve([listener])
    library.close()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
