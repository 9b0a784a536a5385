"""The conversation of `conversation.ts`, with the Python SDK.

    python conversation.py legacy|auto DOCUMENTS COMMAND ARGUMENT…

serves DOCUMENTS with the command and prints the transcript as JSON. What it
should hold is checked by `test_conversation.py`.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
from mcp import Client, MCPDeprecationWarning, StdioServerParameters
from mcp.client import IncomingMessage
from mcp.client.session import MessageHandlerFnT
from mcp.client.subscriptions import ResourceUpdated
from mcp_types import (
    PromptReference,
    ResourceListChangedNotification,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
)
from pydantic import BaseModel

Json = dict[str, Any]

LAMP = "doc://documents/guide/lamp.md"
SIGNAL = "doc://documents/guide/fog%20signal.md"
RECORD = "doc://documents/" + quote("記録/霧笛.md")
READY_SECONDS = 30
CHANGE_SECONDS = 10


async def main(mode: str, documents: Path, command: Sequence[str]) -> None:
    changes: list[Json] = []

    async def on_message(message: IncomingMessage) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            changes.append({"method": message.method, "uri": str(message.params.uri)})
        elif isinstance(message, ResourceListChangedNotification):
            changes.append({"method": message.method})

    async with connected(command, os.environ, mode=mode, on_message=on_message) as client:
        print(json.dumps(await converse(client, documents, changes)))


def connected(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    mode: str = "auto",
    on_message: MessageHandlerFnT | None = None,
) -> Client:
    """A client of a server of its own; connects and ends with `async with`."""
    server = StdioServerParameters(command=command[0], args=[*command[1:]], env=dict(env))
    return Client(server, mode=mode, message_handler=on_message)


async def converse(client: Client, documents: Path, changes: list[Json]) -> Json:
    transcript: Json = {
        "protocol_version": client.protocol_version,
        "instructions": client.instructions,
    }

    async def note(key: str, step: Awaitable[object]) -> Json:
        """Notes what came of a step, and goes on when it was refused."""
        try:
            outcome = await step
        except Exception as error:
            outcome = {"failed": str(error)}
        transcript[key] = wire(outcome) if isinstance(outcome, BaseModel) else outcome
        return transcript[key] if isinstance(outcome, BaseModel) else {}

    await note("tools", every_tool(client))
    await note("search", indexed(client, "trimming the wick"))
    unknown = {"query": "wick", "colour": "red"}
    await note("refused", client.call_tool("search_documents", unknown))

    await note("resources", every_resource(client))
    await note("resource_templates", every_template(client))
    await note("resource", client.read_resource(LAMP))
    await note("resource_in_japanese", client.read_resource(RECORD))
    await note("resource_section", client.read_resource(f"{LAMP}#trimming-the-wick"))
    section: Json = {"name": "guide/lamp.md", "section": "trimming-the-wick"}
    read = await note("section", client.call_tool("read_document", section))

    created = {
        "name": "guide/bell buoy.md",
        "content": "# The bell buoy\n\nThe clapper squeaks wistfully.\n",
    }
    await note("created", client.call_tool("update_document", created))
    query = {"query": "squeaks wistfully"}
    await note("created_found", client.call_tool("search_documents", query))
    edited = {
        **section,
        "mode": "section",
        "content": "Trim it ceremoniously.\n",
        "if_version": read.get("structuredContent", {}).get("version"),
    }
    await note("edited", client.call_tool("update_document", edited))
    await note("edited_found", client.call_tool("search_documents", {"query": "ceremoniously"}))

    steps: list[Json] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        steps.append({"progress": progress, "total": total, "message": message})

    full = {"full": True}
    await note("reindexed", client.call_tool("reindex", full, progress_callback=report))
    transcript["progress"] = steps

    await note("completed_names", completed(client, "template", "guide/"))
    await note("completed_prompt", completed(client, "prompt", "guide/f"))
    await note("prompts", every_prompt(client))
    await note("prompt", client.get_prompt("summarize_document", {"name": "guide/lamp.md"}))

    async with AsyncExitStack() as stack:
        await note("subscribed", subscribe(client, stack, changes))
        changes.clear()
        with (documents / "guide" / "fog signal.md").open("a", encoding="utf-8") as file:
            file.write("\nOil it in spring.\n")
        (documents / "new.md").write_text("# New\n\nJust come.\n", encoding="utf-8")
        seen = 0
        listed: list[Json] = []

        async def told_of_both() -> bool:
            nonlocal seen, listed
            if len(changes) > seen:
                seen = len(changes)
                listed = await every_resource(client)
            return any(change.get("uri") == SIGNAL for change in changes) and any(
                resource["uri"] == "doc://documents/new.md" for resource in listed
            )

        await until(told_of_both, CHANGE_SECONDS)
    transcript["resources_after_change"] = listed
    transcript["changes"] = changes
    return transcript


async def indexed(client: Client, query: str = "lamp") -> BaseModel:
    """The answer to a query once the first build is done: a later one may find the index
    compared with its folder again."""
    answer: BaseModel | None = None

    async def ready() -> bool:
        nonlocal answer
        answer = found = await client.call_tool("search_documents", {"query": query})
        content: Json = found.structured_content or {}
        return bool(content.get("index", {}).get("state") == "ready")

    if not await until(ready, READY_SECONDS) or answer is None:
        said = answer.model_dump_json() if answer else ""
        raise RuntimeError(f"the index is not ready after {READY_SECONDS} s: {said}")
    return answer


async def subscribe(client: Client, stack: AsyncExitStack, changes: list[Json]) -> None:
    """Asks for the changes of one resource, and of the list of resources."""
    if client.protocol_version < "2026":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            await client.subscribe_resource(SIGNAL)  # pyright: ignore[reportDeprecated]
        return
    listening = client.listen(resources_list_changed=True, resource_subscriptions=[SIGNAL])
    subscription = await stack.enter_async_context(listening)

    async def listen() -> None:
        async for event in subscription:
            if isinstance(event, ResourceUpdated):
                changes.append({"method": "notifications/resources/updated", "uri": event.uri})
            else:
                changes.append({"method": "notifications/resources/list_changed"})

    tasks = await stack.enter_async_context(anyio.create_task_group())
    stack.callback(tasks.cancel_scope.cancel)
    tasks.start_soon(listen)


async def every_tool(client: Client) -> list[Json]:
    return [wire(tool) for tool in (await client.list_tools()).tools]


async def every_prompt(client: Client) -> list[Json]:
    return [wire(prompt) for prompt in (await client.list_prompts()).prompts]


async def every_template(client: Client) -> list[Json]:
    return [wire(found) for found in (await client.list_resource_templates()).resource_templates]


async def every_resource(client: Client) -> list[Json]:
    page = await client.list_resources()
    found = [wire(resource) for resource in page.resources]
    while page.next_cursor is not None:
        page = await client.list_resources(cursor=page.next_cursor)
        found += [wire(resource) for resource in page.resources]
    return found


async def completed(client: Client, of: str, prefix: str) -> BaseModel:
    reference = (
        ResourceTemplateReference(uri="doc://documents/{+name}")
        if of == "template"
        else PromptReference(name="summarize_document")
    )
    return (await client.complete(reference, {"name": "name", "value": prefix})).completion


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether `condition` came to hold within the time."""
    deadline = time.monotonic() + seconds
    while True:
        if await condition():
            return True
        if time.monotonic() > deadline:
            return False
        await anyio.sleep(0.02)


def wire(model: BaseModel) -> Json:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


if __name__ == "__main__":
    mode, documents, *command = sys.argv[1:]
    anyio.run(main, mode, Path(documents), command)
