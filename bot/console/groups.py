"""`/groups/{id}`: a group of accepts that waits for one approval, its photos side by side; decided here as on its message in Slack.

Whoever is an approver of the part approves all that waits; any supervisor takes a single one out, or all, to be decided by itself.
Somebody who has yet to look again at one of them without knowing its answer does not see the group: in it, everything was called OK.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from slack_sdk.errors import SlackClientError
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import groups
from kenpin.bot.console.page import desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.console.photos import Size, address
from kenpin.bot.groups import TakeOut
from kenpin.bot.inspection import DecisionRequest
from kenpin.bot.messenger import GroupRefusal
from kenpin.bot.slack.messages import filled
from kenpin.prompts import render
from kenpin.storage import accept_groups, inspections, people, second_looks, sessions
from kenpin.storage.accept_groups import Group, Member
from kenpin.storage.canonical import storable
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import DecisionVerdict, Photo, Role

VERDICTS = {"approve": DecisionVerdict.APPROVED, "one_by_one": DecisionVerdict.REJECTED}
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One accept of the group, and the photos it is about."""

    member: Member
    asked_by: str
    photos: tuple[Photo, ...]
    has_map: bool
    became: str  # the entry that says what has become of it


def page(request: Request) -> Response:
    return _page(request)


def _page(request: Request, *, status: int = 200, refusal: GroupRefusal | None = None) -> Response:
    here, at, id = visitor(request), desk(request), storable(request.path_params["id"])
    with reading(at.engine) as conn:
        group = accept_groups.get(conn, id)
        if group is None:
            return problem(request, 404, "console_groups.unknown", group=id[:40])
        if _has_yet_to_look(conn, group, here.person_id):
            return problem(request, 403, "console_groups.look_first")
        rows, approval = _rows(conn, group), accept_groups.approval_of(conn, id)
        approvers = people.approvers_of(conn, group.part)
        may_decide = here.may(Role.SUPERVISOR) and (
            people.live_grant(conn, here.person_id, group.part) is not None or bool(people.groups(conn, group.part))
        )
        named = people.names(conn, {person for person in (approval and approval.approved_by, refusal and refusal.by) if person})
    with writing(at.engine) as conn:
        sessions.log_views(conn, here.person_id, sorted({photo.shown_sha256 for row in rows for photo in row.photos}))
    may_approve = ", ".join(person.name or person.id for person in approvers) or render("modes.nobody", here.language)
    said = None
    if refusal is not None:
        by, at_time = refusal.by or "–", (refusal.at or "–")[:16].replace("T", " ")
        known = {"part": group.part, "approvers": may_approve, "person": named.get(by, by), "time": at_time}
        said = filled(f"console_groups.refused_{refusal.kind}", here.language, known)
    waiting = sum(accept_groups.is_waiting(row.member) for row in rows)
    return show(
        request,
        "group.html",
        status=status,
        group=group,
        rows=rows,
        approval=approval,
        names=named,
        waiting=waiting,
        is_open=group.posted_at is not None and approval is None and waiting > 0,
        may_decide=may_decide,
        may_take_out=here.may(Role.SUPERVISOR),
        approvers=may_approve,
        said=said,
        form_id=secrets.token_urlsafe(18),
        is_waiting=accept_groups.is_waiting,
        picture=lambda row, photo: address(photo.sha256, Size.SHOWN),
        small=lambda photo: address(photo.sha256, Size.THUMB),
        map=lambda row, photo: address(photo.sha256, Size.MAP_THUMB, row.member.inspection_id),
    )


@needs(Role.SUPERVISOR)
def decide(request: Request) -> Response:
    """What a form of the page asks for. Whether this person may is asked by `groups`, whatever the page showed them."""
    here, at, asked, id = visitor(request), desk(request), form(request), storable(request.path_params["id"])
    with reading(at.engine) as conn:
        group = accept_groups.get(conn, id)
        hidden = group is not None and _has_yet_to_look(conn, group, here.person_id)
    verdict, one = VERDICTS.get(asked.get("decision", "")), asked.get("take_out")
    if group is None:
        return problem(request, 404, "console_groups.unknown", group=id[:40])
    if hidden:
        return problem(request, 403, "console_groups.look_first")
    if (verdict is None) == (one is None) or not _FORM_ID.fullmatch(asked.get("form_id", "")):
        return problem(request, 400, "console.not_understood")
    if group.posted_ts is None:
        return problem(request, 409, "console_groups.not_posted")
    if asked.get("digest") != group.digest:
        return problem(request, 409, "console_groups.another_group")
    event = f"console:{here.person_id}:{group.id}:{asked['form_id']}"
    try:
        at.refresh_user_groups(group.part)
    except (SlackClientError, OSError):
        return problem(request, 503, "console_inspection.slack_away")
    if one is not None:
        wanted = TakeOut(
            inspection_id=one,
            person=here.person_id,
            channel=group.channel,
            message_ts=group.posted_ts,
            source_event=f"{event}:{one}",
            via="console",
        )
        refusal = groups.take_out(at.engine, at.jobs, wanted)
    else:
        assert verdict is not None, "one of the two is asked for"
        decision = DecisionRequest(verdict=verdict, person=here.person_id, via="console", source_event=event)
        refusal = groups.decide(at.engine, at.jobs, group, decision)
    if refusal is None:
        return see_other(f"/groups/{quote(group.id)}")
    return _page(request, status=403 if refusal.kind == "not_an_approver" else 409, refusal=refusal)


def _has_yet_to_look(conn: Connection, group: Group, person_id: str) -> bool:
    still_blind = set(second_looks.open_for(conn, person_id))
    return any(member.inspection_id in still_blind for member in accept_groups.members(conn, group.id))


def _rows(conn: Connection, group: Group) -> list[Row]:
    """Those it was posted with, in that order; while it still collects, those that are in."""
    members = accept_groups.members(conn, group.id)
    posted = accept_groups.listed(group)
    members = tuple(member for member in members if member.proposal_id in posted) if posted else members
    names = people.names(conn, {member.asked_by for member in members})
    rows = []
    for member in members:
        answer = inspections.answer_of(conn, member.inspection_id)
        rows.append(
            Row(
                member=member,
                asked_by=names.get(member.asked_by, member.asked_by),
                photos=tuple(photo for photo in inspections.photos_of(conn, member.inspection_id) if isinstance(photo, Photo)),
                has_map=answer is not None and any(found.map_sha256 for found in answer.comparisons),
                became=member.decided or (f"out_{member.removed}" if member.removed else "expired" if member.expired else "waiting"),
            )
        )
    return rows


ROUTES = [
    Route("/groups/{id:str}", page),
    Route("/groups/{id:str}/decide", decide, methods=["POST"]),
]
