"""Keeps other web sites out: a page elsewhere in the same browser must not be able to use this workspace.

A site can point its own name at 127.0.0.1 (DNS rebinding) or post a form here (cross-site request forgery). The first shows in the
Host header, the second in Origin or Sec-Fetch-Site. Programs such as Slack's clients send neither Origin nor Sec-Fetch-Site, and
Slack's WebSocket client sends Host without a port.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .settings import is_loopback


class Guard:
    """Refuses requests that came about through another site. allow_remote: any literal address may be the host."""

    def __init__(self, app: ASGIApp, *, allow_remote: bool) -> None:
        self._app = app
        self._allow_remote = allow_remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (reason := self._refusal(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": reason})
            else:
                await PlainTextResponse(f"{reason}\n", status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = urlsplit(f"//{headers.get('host', '')}")
        if not self._knows(host.hostname or ""):
            return f"This local workspace does not answer to the name {headers.get('host', '')!r}. Open it as http://127.0.0.1."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.netloc.lower():
            return f"Requests from {origin} are not accepted here."
        # Following a link to the page itself, or to where one says who one is, is fine: the other site learns nothing by it.
        is_page = scope["path"] in ("/", "/openid/connect/authorize") and scope.get("method") == "GET"
        opens_page = is_page and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not opens_page:
            return "Requests from another site are not accepted here."
        return None

    def _knows(self, name: str) -> bool:
        if is_loopback(name):
            return True
        if not self._allow_remote:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
