"""`/local/…` for tests: trouble on demand, the record of calls, and the bot's connections."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .arguments import json_body
from .errors import invalid_arguments
from .events_api import EventsApi
from .office import office_of


async def faults(request: Request) -> Response:
    office = office_of(request)
    if request.method == "POST":
        office.faults.set(await json_body(request))
    return JSONResponse({"ok": True, "faults": office.faults.shown()})


async def calls(request: Request) -> Response:
    office = office_of(request)
    if request.method == "DELETE":
        office.calls.clear()
    latest = office.calls.latest(request.query_params.get("method"))
    return JSONResponse({"ok": True, "counts": dict(office.calls.counts), "calls": latest})


async def connections(request: Request) -> Response:
    """GET shows how the bot is reached; POST {"do": "rotate" | "warn" | "link_disabled" | "cut" | "verify"}."""
    office = office_of(request)
    done: Any = None
    if request.method == "POST":
        wanted = (await json_body(request)).get("do")
        if wanted == "verify" and isinstance(office.delivery, EventsApi):
            done = await office.delivery.verify()
        elif wanted == "cut":
            done = await office.socket.cut()
        elif reason := {"rotate": "refresh_requested", "warn": "warning", "link_disabled": "link_disabled"}.get(str(wanted)):
            done = await office.socket.rotate(reason)
        else:
            raise invalid_arguments(f"do must be rotate, warn, link_disabled, cut, or verify in HTTP mode; it is {wanted!r}")
    return JSONResponse({"ok": True, "done": done, **office.delivery.shown()})


ROUTES = [
    Route("/local/faults", faults, methods=["GET", "POST"]),
    Route("/local/calls", calls, methods=["GET", "DELETE"]),
    Route("/local/connections", connections, methods=["GET", "POST"]),
]
