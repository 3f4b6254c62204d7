"""`/inspections/{id}`: the whole story of one inspection on one page, to be read, decided on, made again and printed.

    the page          photo and map, why, the answer as posted, findings, what happened, the trail, the links in the chain
    decide            approve, reject or correct, through `inspection.decide` like a thumb; what comes of it is told in Slack too
    replay            made again in the background, for supervisors (`replays`)
    slack             on to the answer in Slack

Somebody who has been asked for a second look without knowing the answer sees none of it before they have said what they see.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from slack_sdk.errors import SlackClientError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kenpin.bot import corrections, inspection
from kenpin.bot.console import replays, telling
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.page import Visitor, desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.console.story import Story, is_hidden, told
from kenpin.bot.corrections import Form
from kenpin.bot.inspection import DecisionRequest
from kenpin.bot.messenger import Outcome
from kenpin.bot.slack.messages import NAME_CHARACTERS, NOTE_CHARACTERS
from kenpin.storage import people
from kenpin.storage.canonical import storable
from kenpin.storage.database import reading
from kenpin.storage.errors import EndorsedMeanwhileError
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, ProposalState, Role, Verdict

VERDICTS = {
    "approve": DecisionVerdict.APPROVED,
    "reject": DecisionVerdict.REJECTED,
    "correct": DecisionVerdict.CORRECTED,
}
RECORDED = ("recorded", "corrected", "rejected", "endorsed")  # outcomes that changed something
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What this visitor may decide here."""

    form_id: str  # of this showing of the page: what is sent twice from it counts once
    correction: Form | None  # what can be said instead; None where nobody may correct alone
    endorsed_by_visitor: bool


# --- the page --------------------------------------------------------------------------------------------------------------------------


def page(request: Request) -> Response:
    return _page(request, _id(request))


def _id(request: Request) -> str:
    """As a database takes it, whatever an address holds."""
    return storable(request.path_params["id"])


def _page(
    request: Request, id: str, *, status: int = 200, outcome: Outcome | None = None, wrong: str | None = None, typed: Mapping[str, str] = {}
) -> Response:
    """outcome: of what was just decided. wrong, typed: why a correction could not be taken, and what was in it."""
    here, at = visitor(request), desk(request)
    with reading(at.engine) as conn:
        story, hidden = told(conn, at.photos, id), is_hidden(conn, id, here.person_id)
    if story is None:
        return problem(request, 404, "console.unknown_inspection", inspection=id[:40])
    if hidden:
        return show(request, "inspection_hidden.html", story=story)
    running = replays.of(request).find(id) if here.may(Role.SUPERVISOR) else None
    return show(
        request,
        "inspection.html",
        status=status,
        story=story,
        tell=telling.Telling(story, here.language),
        controls=_controls(at, here, story),
        said=telling.outcome(story, outcome, here.language) if outcome else None,
        outcome=outcome,
        wrong=wrong,
        typed=typed,
        dispositions=list(Disposition),
        longest={"name": NAME_CHARACTERS, "note": NOTE_CHARACTERS},
        replay=running,
        changed=telling.replayed(running) if running is not None else ((), ()),
        can_replay=here.may(Role.SUPERVISOR) and story.answer is not None and not story.is_reference_command,
    )


def _controls(at: Desk, here: Visitor, story: Story) -> Controls | None:
    """None when there is nothing to decide, or not for this visitor."""
    if story.proposal is None or story.state is not ProposalState.PENDING or story.is_being_posted or not here.may(Role.SUPERVISOR):
        return None
    with reading(at.engine) as conn:
        may = people.live_grant(conn, here.person_id, story.proposal.part) is not None or bool(people.groups(conn, story.proposal.part))
    if not may:
        return None
    asked = _request(story, here, DecisionVerdict.CORRECTED, secrets.token_urlsafe(18))
    return Controls(
        form_id=secrets.token_urlsafe(18),
        correction=corrections.form(at.engine, asked),
        endorsed_by_visitor=story.endorsement is not None and story.endorsement.endorsed_by == here.person_id,
    )


def slack(request: Request) -> Response:
    """To the answer in Slack, or the question where no answer was posted."""
    at, id = desk(request), _id(request)
    with reading(at.engine) as conn:
        found = told(conn, at.photos, id)
    if found is None:
        return problem(request, 404, "console.unknown_inspection", inspection=id[:40])
    one = found.inspection
    channel, ts = (one.posted_channel, one.posted_ts) if one.posted_ts else (one.channel, one.message_ts)
    to = at.permalink(channel, ts) if at.permalink is not None and channel and ts else None
    if to is None or urlsplit(to).scheme not in ("https", "http"):
        return problem(request, 404, "console_inspection.not_in_slack", inspection=id)
    return RedirectResponse(to, status_code=302)


# --- deciding --------------------------------------------------------------------------------------------------------------------------


@needs(Role.SUPERVISOR)
def decide(request: Request) -> Response:
    """What a form of the page asks for. Whether this person may is asked by `inspection.decide`, whatever the page showed them."""
    here, at, id, asked = visitor(request), desk(request), _id(request), form(request)
    with reading(at.engine) as conn:
        story, hidden = told(conn, at.photos, id), is_hidden(conn, id, here.person_id)
    verdict = VERDICTS.get(asked.get("decision", ""))
    if story is None:
        return problem(request, 404, "console.unknown_inspection", inspection=id[:40])
    if verdict is None or not _FORM_ID.fullmatch(asked.get("form_id", "")):
        return problem(request, 400, "console.not_understood")
    if hidden:
        return problem(request, 403, "console_inspection.look_first")
    if story.proposal is None or story.altered is not None:
        return problem(request, 409, "console_inspection.nothing_to_decide")
    if asked.get("digest") != story.proposal.digest:
        return problem(request, 409, "console_inspection.another_proposal")
    if story.is_being_posted:
        return problem(request, 409, "console_inspection.being_posted")
    correction = None
    if verdict is DecisionVerdict.CORRECTED:
        said = _correction(asked)
        if isinstance(said, str):
            return _page(request, id, status=422, wrong=said, typed=asked)
        correction = said
    try:
        at.refresh_user_groups(story.proposal.part)
    except (SlackClientError, OSError):
        return problem(request, 503, "console_inspection.slack_away")
    wanted = _request(story, here, verdict, asked["form_id"], correction)
    try:
        outcome = inspection.decide(at.engine, at.jobs, wanted)
    except EndorsedMeanwhileError:  # at the same moment as another person, whose approval is found now
        outcome = inspection.decide(at.engine, at.jobs, wanted)
    if outcome is None or outcome.kind in RECORDED:  # None: this very form, sent twice
        return see_other(f"/inspections/{quote(id)}?decided={asked['form_id']}#decision")
    return _page(request, id, status=403 if outcome.kind == "refused" else 409, outcome=outcome, typed=asked)


def _request(story: Story, here: Visitor, verdict: DecisionVerdict, form_id: str, correction: Correction | None = None) -> DecisionRequest:
    """The person and the inspection are part of the event's name, so that nobody can pass for another's form."""
    return DecisionRequest(
        inspection_id=story.inspection.id,
        verdict=verdict,
        person=here.person_id,
        via="console",
        source_event=f"console:{here.person_id}:{story.inspection.id}:{form_id}",
        correction=correction,
    )


def _correction(asked: Mapping[str, str]) -> Correction | str:
    """What the form says instead, or the name of the wording that says what is missing in it."""
    really, disposition = asked.get("really", ""), asked.get("disposition", "")
    if really not in (Verdict.OK, Verdict.NOT_OK):
        return "really_missing"
    if disposition not in list(Disposition):
        return "disposition_missing"
    named, note = (" ".join(asked.get(field, "").split()) for field in ("other_class", "note"))
    chosen = asked.get("defect_class", "")
    if max(len(named), len(chosen)) > NAME_CHARACTERS or len(note) > NOTE_CHARACTERS:
        return "too_long"
    return Correction(
        really=Verdict(really),
        defect_class=named or chosen or None,
        disposition=Disposition(disposition),
        note=note,
    )


# --- making it again -------------------------------------------------------------------------------------------------------------------


@needs(Role.SUPERVISOR)
def start_replay(request: Request) -> Response:
    id = _id(request)
    replays.of(request).start(desk(request), id, visitor(request))
    return _replay(request, id) if request.headers.get("hx-request") else see_other(f"/inspections/{quote(id)}/replay")


@needs(Role.SUPERVISOR)
def show_replay(request: Request) -> Response:
    return _replay(request, _id(request))


def _replay(request: Request, id: str) -> Response:
    """How far it is: a part of the page for htmx, which asks again by itself; else a page that reloads."""
    running = replays.of(request).find(id)
    if running is None:
        return problem(request, 404, "console_inspection.no_replay")
    is_part = bool(request.headers.get("hx-request"))
    template = "inspection_replay_part.html" if is_part else "inspection_replay.html"
    response = show(request, template, id=id, replay=running, changed=telling.replayed(running))
    if not is_part and not running.is_over:
        response.headers["Refresh"] = "2"
    return response


ROUTES = [
    Route("/inspections/{id:str}", page),
    Route("/inspections/{id:str}/slack", slack),
    Route("/inspections/{id:str}/decide", decide, methods=["POST"]),
    Route("/inspections/{id:str}/replay", start_replay, methods=["POST"]),
    Route("/inspections/{id:str}/replay", show_replay),
]
