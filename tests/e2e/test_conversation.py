"""The same conversation with docindex, had by each client in each protocol era."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.sandbox import DOCUMENTS, Sandbox, opened_sandbox

HERE = Path(__file__).parent
Json = dict[str, Any]

CLIENTS = {
    "python-legacy": (sys.executable, str(HERE / "conversation.py"), "legacy"),
    "python-modern": (sys.executable, str(HERE / "conversation.py"), "auto"),
    "typescript-legacy": ("node", str(HERE / "legacy.ts")),
    "typescript-modern": ("node", str(HERE / "modern.ts")),
}
NOTES = 1_000
"""So many that a reindex takes long enough to tell of its progress before its end."""
TOOLS = {
    "search_documents",
    "read_document",
    "list_documents",
    "update_document",
    "delete_document",
    "reindex",
}


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def transcript(
    client: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Json]:
    """What each step of the conversation gave: results as they are on the wire."""
    command = CLIENTS[client]
    folders: tuple[Path, ...] = ()
    if command[0] == "node":
        folders = request.getfixturevalue("node_folders")
        command = (str(folders[0] / "node"), *command[1:])
    with opened_sandbox(tmp_path_factory.mktemp(client), folders, NOTES) as sandbox:
        yield json.loads(sandbox.run(*command, str(sandbox.documents), *sandbox.server))


def structured(answer: Json) -> Json:
    assert not answer.get("isError"), answer
    content: Json = answer["structuredContent"]
    return content


def text_of(resource: Json) -> str:
    assert "contents" in resource, resource
    return "".join(content["text"] for content in resource["contents"])


def test_the_scripts_of_the_typescript_clients_have_no_type_errors(node_sandbox: Sandbox) -> None:
    node_sandbox.run("tsc", "--project", str(HERE))


def test_each_client_speaks_the_protocol_of_its_era(client: str, transcript: Json) -> None:
    expected = "2025-11-25" if client.endswith("legacy") else "2026-07-28"
    assert transcript["protocol_version"] == expected


def test_instructions_tell_how_many_documents_there_are(transcript: Json) -> None:
    assert "documents" in transcript["instructions"]


def test_every_tool_is_listed_with_its_schemas_and_annotations(transcript: Json) -> None:
    tools = {tool["name"]: tool for tool in transcript["tools"]}
    assert tools.keys() >= TOOLS
    for tool in tools.values():
        assert {"title", "description", "inputSchema", "outputSchema", "annotations"} <= tool.keys()


def test_a_search_finds_the_section_that_is_asked_for(transcript: Json) -> None:
    found = structured(transcript["search"])
    best = found["results"][0]
    assert (best["name"], best["anchor"]) == ("guide/lamp.md", "trimming-the-wick")
    assert "brass scissors" in best["snippet"]
    assert found["index"]["state"] == "ready"
    assert found["index"]["documents"] == len(DOCUMENTS) + NOTES


def test_an_unknown_argument_is_refused_by_name(transcript: Json) -> None:
    refused = transcript["refused"]
    assert refused["isError"]
    assert "colour" in refused["content"][0]["text"]


def test_every_document_is_listed_as_a_resource(transcript: Json) -> None:
    uris = {resource["uri"] for resource in transcript["resources"]}
    assert {
        "doc://documents/guide/lamp.md",
        "doc://documents/guide/fog%20signal.md",
        "doc://documents/%E8%A8%98%E9%8C%B2/%E9%9C%A7%E7%AC%9B.md",
        "doc://documents/notes/0199.md",
    } <= uris
    templates = {template["uriTemplate"] for template in transcript["resource_templates"]}
    assert "doc://documents/{+name}" in templates


def test_a_document_is_read_as_a_resource(transcript: Json) -> None:
    text = text_of(transcript["resource"])
    assert "brass scissors" in text
    assert "colza oil" in text


def test_a_name_in_japanese_is_read_as_a_resource(transcript: Json) -> None:
    assert "二時間ごとに巻き上げる" in text_of(transcript["resource_in_japanese"])


def test_an_anchor_reads_one_section_as_a_resource(transcript: Json) -> None:
    text = text_of(transcript["resource_section"])
    assert "brass scissors" in text
    assert "colza oil" not in text


def test_a_section_is_read_with_its_version(transcript: Json) -> None:
    section = structured(transcript["section"])
    assert "brass scissors" in section["text"]
    assert "colza oil" not in section["text"]
    assert section["version"]


def test_a_document_that_was_created_is_found_at_once(transcript: Json) -> None:
    assert structured(transcript["created"])["status"] == "created"
    found = structured(transcript["created_found"])
    assert [result["name"] for result in found["results"]] == ["guide/bell buoy.md"]


def test_a_section_that_was_edited_is_found_at_once(transcript: Json) -> None:
    edited = structured(transcript["edited"])
    assert edited["status"] == "updated"
    assert edited["version"] != structured(transcript["section"])["version"]
    found = structured(transcript["edited_found"])
    assert [result["anchor"] for result in found["results"]] == ["trimming-the-wick"]


def test_a_reindex_tells_of_its_progress_and_its_counts(transcript: Json) -> None:
    report = structured(transcript["reindexed"])
    documents = len(DOCUMENTS) + NOTES + 1
    assert report["documents"] == documents
    assert report["indexed"] == documents
    steps = [step["progress"] for step in transcript["progress"]]
    assert steps, "no progress was reported"
    assert steps == sorted(steps)
    assert all(step["progress"] <= step["total"] for step in transcript["progress"])


def test_names_are_completed_for_the_resource_and_for_the_prompts(transcript: Json) -> None:
    names = ["guide/bell buoy.md", "guide/fog signal.md", "guide/lamp.md"]
    assert sorted(transcript["completed_names"]["values"]) == names
    assert transcript["completed_prompt"]["values"] == ["guide/fog signal.md"]


def test_prompts_name_the_document_and_ask_for_citations(transcript: Json) -> None:
    assert {prompt["name"] for prompt in transcript["prompts"]} == {
        "answer_from_documents",
        "summarize_document",
        "review_document",
    }
    prompt = json.dumps(transcript["prompt"]["messages"])
    assert "guide/lamp.md" in prompt
    assert "lines" in prompt


def test_changes_on_disk_reach_the_client(transcript: Json) -> None:
    updated = {change.get("uri") for change in transcript["changes"]}
    assert "doc://documents/guide/fog%20signal.md" in updated, transcript["changes"]
    listed = {resource["uri"] for resource in transcript["resources_after_change"]}
    assert "doc://documents/new.md" in listed, transcript["changes"]
