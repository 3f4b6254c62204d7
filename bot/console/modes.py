"""The page /modes: each part's mode, what the next one needs and how far it is; a supervisor signs a promotion, or takes a part down.

What is signed is the evidence on the page: when it has changed since, it is shown again first. `kenpin.bot.modes` makes the changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import modes
from kenpin.bot.console.page import Nav, desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.modes import ModeTerms
from kenpin.storage import accept_groups, parts, people
from kenpin.storage import modes as on_record
from kenpin.storage.database import reading
from kenpin.storage.errors import ModeError
from kenpin.storage.modes import Evidence
from kenpin.storage.vocabulary import Mode, Role

ON_A_PAGE = 20  # parts
WORST = 100.0  # in 100: where nothing is known


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One condition of the next mode, and how far it is met."""

    name: str  # the entry of its words
    holes: dict[str, object]
    share: float  # 0 to 1
    is_met: bool


def overview(request: Request) -> Response:
    here, terms = desk(request), modes.terms_of(desk(request).settings)
    after = request.query_params.get("after", "")
    with reading(here.engine) as conn:
        later = [number for number in parts.numbers(conn) if number > after]
        shown = [modes.standing(conn, terms, number, with_drift=False) for number in later[:ON_A_PAGE]]
    return show(
        request,
        "modes.html",
        rows=[(one, _bars(one.towards, drift=False) if one.towards else []) for one in shown],
        more=urlencode({"after": shown[-1].part}) if len(later) > ON_A_PAGE else None,
        is_first=not after,
        link=_link,
    )


def one_part(request: Request) -> Response:
    here, terms = desk(request), modes.terms_of(desk(request).settings)
    written = request.query_params.get("part", "")
    with reading(here.engine) as conn:
        number = parts.number_of(conn, written)
        if number is None:
            return _unknown(request, written)
        now = modes.standing(conn, terms, number)
        history = on_record.history(conn, number)
        signers = {change.signed_by for change in history if change.signed_by}
        names = {id: person.name for id in signers if (person := people.find(conn, id)) and person.name}
        waiting = [
            (group, sum(accept_groups.is_waiting(member) for member in accept_groups.members(conn, group.id)))
            for group in accept_groups.unapproved(conn, number)
        ]
    return show(
        request,
        "mode.html",
        now=now,
        all_modes=list(Mode),
        lower=[mode for mode in Mode if list(Mode).index(mode) < list(Mode).index(now.mode)],
        bars=_bars(now.towards, drift=True) if now.towards else [],
        history=history,
        names=names,
        waiting=waiting,
        may_sign=visitor(request).may(Role.SUPERVISOR),
    )


@needs(Role.SUPERVISOR)
def sign(request: Request) -> Response:
    typed = form(request)
    if typed.get("confirmed") != "yes":
        return problem(request, 400, "console_modes.not_confirmed")
    return _changed(
        request,
        typed.get("part", ""),
        lambda terms, number: modes.promote(
            desk(request).engine, desk(request).jobs, terms, number, visitor(request).person_id, typed.get("shown", "")
        ),
    )


@needs(Role.SUPERVISOR)
def lower(request: Request) -> Response:
    typed = form(request)
    if typed.get("to") not in list(Mode):
        return problem(request, 400, "console.not_understood")
    return _changed(
        request,
        typed.get("part", ""),
        lambda terms, number: modes.demote(
            desk(request).engine, desk(request).jobs, terms, number, Mode(typed["to"]), visitor(request).person_id, typed.get("why", "")
        ),
    )


def _changed(request: Request, written: str, change: Callable[[ModeTerms, str], object]) -> Response:
    """Back to the part's page once its mode is changed, or a page that says why it was not."""
    with reading(desk(request).engine) as conn:
        number = parts.number_of(conn, written)
    if number is None:
        return _unknown(request, written)
    try:
        change(modes.terms_of(desk(request).settings), number)
    except ModeError as error:
        return problem(request, 409, f"console_modes.refused_{error.kind}", part=number)
    return see_other(_link(number))


def _bars(seen: Evidence, *, drift: bool) -> list[Bar]:
    counts, needed = seen.counts, seen.needed
    bars = [
        Bar(
            name="decided",
            holes={"n": f"{counts.decided:,}", "needed": f"{needed.decided:,}"},
            share=min(1.0, counts.decided / needed.decided),
            is_met=counts.decided >= needed.decided,
        ),
        Bar(
            name="escapes",
            holes={
                "bound": f"{seen.escapes_bound:.1f}",
                "needed": f"{needed.escapes:.1f}",
                "k": f"{counts.escapes:,}",
                "n": f"{counts.called_ok:,}",
            },
            share=_nearness(seen.escapes_bound, needed.escapes),
            is_met=seen.escapes_bound <= needed.escapes,
        ),
        Bar(
            name="overkill",
            holes={
                "bound": f"{seen.overkill_bound:.1f}",
                "needed": f"{needed.overkill:.1f}",
                "k": f"{counts.overkill:,}",
                "n": f"{counts.good:,}",
            },
            share=_nearness(seen.overkill_bound, needed.overkill),
            is_met=seen.overkill_bound <= needed.overkill,
        ),
    ]
    if drift and seen.drift is None:
        bars.append(Bar(name="no_drift", holes={}, share=1.0, is_met=True))
    elif drift:
        since = str(seen.drift_since)[:16].replace("T", " ")
        bars.append(Bar(name="drift", holes={"since": since}, share=0.0, is_met=False))
    return bars


def _nearness(bound: float, needed: float) -> float:
    """How near a bound has come down to what is needed, 0 to 1, on a logarithmic scale: each tenfold of decisions moves it as far."""
    if bound <= needed:
        return 1.0
    return max(0.0, math.log(WORST / bound) / math.log(WORST / needed))


def _link(part: str) -> str:
    return f"/modes/part?{urlencode({'part': part})}"


def _unknown(request: Request, written: str) -> Response:
    return problem(request, 404, "console_modes.unknown_part", part=written or "–")


ROUTES = [
    Route("/modes", overview),
    Route("/modes/part", one_part),
    Route("/modes/sign", sign, methods=["POST"]),
    Route("/modes/lower", lower, methods=["POST"]),
]
NAV: Nav = ("/modes", "console_modes.nav", Role.VIEWER)
