"""The page /people: who may decide on which part, and every grant given and taken back. An admin changes it; what was decided stands.

Beside each permission stands what it decides about now: how many proposals wait under it, and where nobody else could decide on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import approvers
from kenpin.bot.approvers import ApproverError
from kenpin.bot.console import changes
from kenpin.bot.console.page import Nav, desk, form, needs, problem, see_other, show, visitor
from kenpin.storage import parts, people, search
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.people import Grant
from kenpin.storage.vocabulary import ANY_PART, Role

KINDS = (AuditKind.APPROVER_GRANTED, AuditKind.APPROVER_REVOKED, AuditKind.ROLE_CHANGED)


def overview(request: Request) -> Response:
    with reading(desk(request).engine) as conn:
        live = people.grants(conn)
        return show(
            request,
            "people.html",
            grants=live,
            groups=approvers.groups(conn),
            waits=_waits(conn),
            names=people.names(conn, {grant.person_id for grant in live}),
            parts=parts.numbers(conn),
            changed=changes.newest(conn, KINDS),
            any_part=ANY_PART,
            direct=people.DIRECT,
        )


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What is to be decided on now."""

    counts: dict[str, int]  # part -> proposals
    only: dict[str, str]  # part -> the id of the only person who may decide on it

    def under(self, scope: str) -> int:
        return sum(count for part, count in self.counts.items() if scope in (ANY_PART, part))

    def on_nobody_else(self, grant: Grant, live: Sequence[Grant]) -> tuple[str, ...]:
        """The parts whose proposals nobody could decide on if this grant were taken back."""
        mine = [one for one in live if one.person_id == grant.person_id and one != grant]
        return tuple(
            part
            for part, person_id in self.only.items()
            if person_id == grant.person_id and grant.scope in (ANY_PART, part) and not any(one.scope in (ANY_PART, part) for one in mine)
        )


def _waits(conn: Connection) -> Waits:
    counts = search.waiting(conn)
    may = {part: people.approvers_of(conn, part) for part in counts}
    return Waits(counts=counts, only={part: each[0].id for part, each in may.items() if len(each) == 1})


@needs(Role.ADMIN)
def grant(request: Request) -> Response:
    typed = form(request)
    who, part = typed.get("who", "").strip(), typed.get("part", "").strip()
    try:
        approvers.approve(desk(request).engine, None, who, part or None, granted_by=visitor(request).person_id)
    except ApproverError:
        return problem(request, 400, "console_people.nobody", who=who or "–")
    except UnknownRowError:
        return problem(request, 404, "console_people.no_part", part=part)
    return see_other("/people")


@needs(Role.ADMIN)
def revoke(request: Request) -> Response:
    typed = form(request)
    who, scope = typed.get("who", ""), typed.get("scope", "")
    try:
        taken = approvers.revoke(desk(request).engine, who, None if scope == ANY_PART else scope, revoked_by=visitor(request).person_id)
    except UnknownRowError:
        return problem(request, 404, "console_people.no_part", part=scope or "–")
    return see_other("/people") if taken else problem(request, 409, "console_people.nothing_to_take", who=who or "–")


ROUTES = [
    Route("/people", overview),
    Route("/people/grant", grant, methods=["POST"]),
    Route("/people/revoke", revoke, methods=["POST"]),
]
NAV: Nav = ("/people", "console_people.nav", Role.VIEWER)
