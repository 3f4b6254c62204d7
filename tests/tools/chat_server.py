"""An OpenAI-compatible server on loopback whose replies are scripted; everything between it and the chain is real.

It serves /v1/models and /v1/chat/completions, answers in the order of its script (the last entry again and again), and keeps what it was
sent.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODEL = "tiny-chat"

Turn = Callable[[dict[str, Any]], Response]


@dataclass
class ChatServer:
    address: str = ""
    script: list[Turn] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)  # the bodies of chat requests
    models: list[str] = field(default_factory=lambda: [MODEL])

    def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.received.append(body)
        turn = self.script[min(len(self.received), len(self.script)) - 1]
        return await run_in_threadpool(turn, body)

    def app(self) -> Starlette:
        routes = [Route("/v1/models", self._models), Route("/v1/chat/completions", self._chat, methods=["POST"])]
        return Starlette(routes=routes)


def calls(*wanted: tuple[str, dict[str, Any]]) -> Turn:
    """The model calls these tools."""

    def turn(body: dict[str, Any]) -> Response:
        tool_calls = [
            {"id": f"call-{len(body['messages'])}-{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for n, (name, arguments) in enumerate(wanted)
        ]
        return _completion({"role": "assistant", "content": None, "tool_calls": tool_calls}, "tool_calls")

    return turn


def replies(**claims: Any) -> Turn:
    """The model ends the conversation with the structured reply."""
    return calls(("Reply", claims))


def says(text: str) -> Turn:
    return lambda body: _completion({"role": "assistant", "content": text}, "stop")


def fails(status: int) -> Turn:
    return lambda body: JSONResponse({"error": {"message": "out of memory", "type": "server_error"}}, status_code=status)


def sends(text: str) -> Turn:
    """Something that is no chat completion."""
    return lambda body: Response(text, media_type="application/json")


def sleeps(seconds: float, then: Turn) -> Turn:
    def turn(body: dict[str, Any]) -> Response:
        time.sleep(seconds)
        return then(body)

    return turn


def _completion(message: dict[str, Any], finish: str) -> Response:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return JSONResponse(
        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": usage}
    )


@contextmanager
def running() -> Iterator[ChatServer]:
    chat = ChatServer()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(chat.app(), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    chat.address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    try:
        yield chat
    finally:
        server.should_exit = True
        thread.join(timeout=10)
