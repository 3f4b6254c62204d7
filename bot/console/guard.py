"""What holds for every answer of the console, whichever page gives it: its headers, and how much a browser may send.

Pages have no script, style or handler of their own inside them, so that the policy can forbid all of them: text that somebody managed
to get into a page can do nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 32 * 1024 * 1024  # of a request: an FMEA table or a few photos
MOST_FIELDS = 2000
LONGEST_FIELD_BYTES = 4 * 1024 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def headers(*, secure: bool) -> Mapping[str, str]:
    """secure: the console is reached over https."""
    always = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cache-Control": "no-store",
    }
    return always | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})


async def read_form(request: Request) -> FormData:
    """For the views, which are no coroutines: they have it run in the server's own loop. Raises HTTPException for what is no form."""
    return await request.form(max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD_BYTES)


class Guard:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app, self._headers = app, headers(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Request(scope).headers.get("content-length", "0")
        chunked = "transfer-encoding" in Request(scope).headers  # no browser sends a form so, and its size is not known beforehand
        if chunked or not length.isdecimal() or int(length) > MOST_BYTES:
            await PlainTextResponse(f"At most {MOST_BYTES} bytes, and say how many.\n", status_code=413)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                mutable = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    mutable.setdefault(name, "no-cache" if name == "Cache-Control" and scope["path"].startswith("/static/") else value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
