"""What a change would have done, tried on the latest answers behind a page's back; the pages of rules, FMEA and parts ask for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot.console.page import desk, needs, problem, show, visitor
from kenpin.bot.console.works import Progress, Work, works
from kenpin.bot.effects import Effect
from kenpin.storage import second_looks
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Role
from kenpin.tools.context import Site


def start(request: Request, change: bytes, effect: Callable[[Site, Progress, Collection[str]], Effect]) -> Work | None:
    """Try it; whoever tries the same change while it runs is shown that trial. None where this console runs without an eye.

    change: what tells it from another one. effect: told which inspections to leave out, as its reader is to look at them unknowing.
    """
    here = visitor(request)
    site = desk(request).site()
    if site is None:
        return None
    with reading(desk(request).engine) as conn:
        blind_to = second_looks.open_for(conn, here.person_id)
    kind = f"effect-{hashlib.sha256(change + here.person_id.encode()).hexdigest()[:16]}"
    return works(request).start(kind, here.person_id, lambda progress: effect(site, progress, blind_to))


def no_eye(request: Request) -> Response:
    return problem(request, 409, "console_effects.no_eye")


@needs(Role.SUPERVISOR)
def one(request: Request) -> Response:
    """How far a trial has come, as a part of a page."""
    work = works(request).find(request.path_params["id"])
    if work is None or not work.kind.startswith("effect-") or work.person_id != visitor(request).person_id:
        return problem(request, 404, "console_effects.gone")
    return show(request, "effect.html", work=work)


ROUTES = [Route("/effects/{id:str}", one)]
