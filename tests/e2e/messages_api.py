"""The Messages API as far as a test needs it: a model that calls one tool, once.

It listens on loopback and keeps every request. It is also the proxy that the
client is told to use for all other hosts, and refuses to go there: what a
client tries to send elsewhere is listed in `strays` and never leaves.
"""

import json
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


class MessagesApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tool: str, arguments: Mapping[str, object], reply: str) -> None:
        """`reply` is what the model says once it has the tool's result."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tool = tool
        self.arguments = arguments
        self.reply = reply
        self.conversations: list[Json] = []
        """The bodies of the requests that offered the tool."""
        self.strays: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def tool_results(self) -> list[Json]:
        """The `tool_result` blocks that reached the model, in order, without repeats."""
        found = {
            block["tool_use_id"]: block
            for conversation in self.conversations
            for block in _blocks(conversation)
            if block["type"] == "tool_result"
        }
        return list(found.values())

    def answer(self, request: Json) -> tuple[Json, str]:
        """The content block of the model's turn, and why the turn ends."""
        if self.tool not in {tool["name"] for tool in request.get("tools", ())}:
            return {"type": "text", "text": "{}"}, "end_turn"
        self.conversations.append(request)
        if any(block["type"] == "tool_result" for block in _blocks(request)):
            return {"type": "text", "text": self.reply}, "end_turn"
        call = {"type": "tool_use", "id": "toolu_01", "name": self.tool, "input": self.arguments}
        return call, "tool_use"


@contextmanager
def serving(api: MessagesApi) -> Generator[MessagesApi]:
    thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        api.shutdown()
        thread.join()
        api.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self) -> MessagesApi:
        assert isinstance(self.server, MessagesApi)
        return self.server

    def do_HEAD(self) -> None:
        self._respond(200, "application/json", b"")

    def do_GET(self) -> None:
        if self._is_for_here():
            self._respond(404, "application/json", b"{}")

    def do_CONNECT(self) -> None:
        self.api.strays.append(self.path)
        self._respond(403, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self._is_for_here():
            return
        path = self.path.partition("?")[0]
        if path == "/v1/messages":
            request: Json = json.loads(body)
            block, stop_reason = self.api.answer(request)
            if request.get("stream"):
                events = "".join(_events(request["model"], block, stop_reason))
                self._respond(200, "text/event-stream", events.encode())
            else:
                message = _message(request["model"], [block], stop_reason)
                self._respond(200, "application/json", json.dumps(message).encode())
        elif path == "/v1/messages/count_tokens":
            self._respond(200, "application/json", b'{"input_tokens":1}')
        else:
            self._respond(404, "application/json", b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing: what matters is kept."""

    def _is_for_here(self) -> bool:
        if self.path.startswith("/"):
            return True
        self.api.strays.append(self.path)
        self._respond(403, "text/plain", b"")
        return False

    def _respond(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _blocks(request: Json) -> Iterator[Json]:
    for message in request["messages"]:
        if isinstance(message["content"], list):
            yield from message["content"]


def _message(model: str, content: Sequence[Json], stop_reason: str | None) -> Json:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _events(model: str, block: Json, stop_reason: str) -> Iterator[str]:
    """A turn of one content block, as the server-sent events of a stream."""
    empty: Json
    delta: Json
    if block["type"] == "tool_use":
        empty = block | {"input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    else:
        empty = block | {"text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    yield _event("message_start", message=_message(model, [], None))
    yield _event("content_block_start", index=0, content_block=empty)
    yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    stop: Json = {"stop_reason": stop_reason, "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage={"output_tokens": 1})
    yield _event("message_stop")


def _event(kind: str, **fields: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
