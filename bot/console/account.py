"""One's own page: who one is here, in which language, and from how many browsers; an admin sees everybody who is in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kenpin.bot.console.page import change_language, desk, form, needs, own_path, problem, see_other, show, visitor
from kenpin.storage import audit, sessions
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Language, Role, SessionEnd


def account(request: Request) -> Response:
    here = visitor(request)
    idle_min = desk(request).settings.console_idle_min
    with reading(desk(request).engine) as conn:
        own = sessions.live(conn, idle_min=idle_min, person_id=here.person_id)
        others = sessions.live(conn, idle_min=idle_min) if here.may(Role.ADMIN) else ()
    return show(request, "account.html", own=own, others=[one for one in others if one.person_id != here.person_id])


def end_own_others(request: Request) -> Response:
    """Sign out everywhere else."""
    here = visitor(request)
    with writing(desk(request).engine) as conn:
        ended = sessions.end_all(conn, here.person_id, SessionEnd.SENT_AWAY, but=here.session.token_sha256)
        if ended:
            told = {"why": SessionEnd.SENT_AWAY.value, "by": here.person_id, "sessions": ended}
            audit.append(conn, AuditKind.SIGNED_OUT, told, person_id=here.person_id)
    return see_other("/account")


@needs(Role.ADMIN)
def send_away(request: Request) -> Response:
    """End every session of a person; they can sign in again while they have a role."""
    who = form(request).get("person_id", "")
    with writing(desk(request).engine) as conn:
        ended = sessions.end_all(conn, who, SessionEnd.SENT_AWAY)
        if ended:
            told = {"why": SessionEnd.SENT_AWAY.value, "by": visitor(request).person_id, "sessions": ended}
            audit.append(conn, AuditKind.SIGNED_OUT, told, person_id=who)
    if not ended:
        return problem(request, 404, "console_account.nobody_in")
    return see_other("/account")


def speak(request: Request) -> Response:
    """Another language from now on, and back to where one was."""
    asked = form(request)
    if asked.get("language") not in list(Language):
        return problem(request, 400, "console.not_understood")
    response = RedirectResponse(own_path(asked.get("to")), status_code=303)
    change_language(request, Language(asked["language"]), response)
    return response


ROUTES = [
    Route("/account", account),
    Route("/account/end-others", end_own_others, methods=["POST"]),
    Route("/account/send-away", send_away, methods=["POST"]),
    Route("/language", speak, methods=["POST"]),
]
