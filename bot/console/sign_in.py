"""Signing in and out: off to Slack, back with a code, in with a session; whatever does not fit is refused, and the log has it.

A sign-in is begun by a link, not a form, as browsers hold the policy for forms against where Slack sends people next. How often an
address may try is counted in the database, so that it holds over processes and restarts.
"""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kenpin.bot.console import page
from kenpin.bot.console.identity import Identity, IdentityRefusedError, IdentityUnavailableError
from kenpin.bot.console.page import desk, problem, show
from kenpin.bot.console.roles import GroupUnknownError
from kenpin.storage import audit, people, sessions
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.sessions import ATTEMPTS_WINDOW_MIN, SIGN_IN_WITHIN_MIN, SignIn
from kenpin.storage.vocabulary import Language, Role, SessionEnd

log = logging.getLogger(__name__)

BACK = "/sign-in/back"
MOST_ATTEMPTS = 20  # from one address in ATTEMPTS_WINDOW_MIN minutes, counting both ways; chosen: an office behind one address gets in
LONGEST_CODE = 2000  # letters; Slack's are below 200


def sign_in(request: Request) -> Response:
    """The page with the button."""
    wanted = page.own_path(request.query_params.get("to"))
    response = show(request, "sign_in.html", to=wanted, over=request.query_params.get("over") == "1")
    if request.query_params.get("language") in list(Language):
        page.change_language(request, Language(request.query_params["language"]), response)
    return response


def leave(request: Request) -> Response:
    """Off to Slack."""
    if refused := _too_often(request):
        return refused
    identity = desk(request).identity
    if identity is None:
        return problem(request, 503, "console_sign_in.not_set_up")
    with writing(desk(request).engine) as conn:
        begun = sessions.begin(conn, page.own_path(request.query_params.get("to")))
    response = RedirectResponse(identity.address(begun.state, begun.nonce), status_code=303)
    _set_cookie(request, response, _browser_cookie(request), begun.browser, max_age_s=SIGN_IN_WITHIN_MIN * 60)
    return response


def back(request: Request) -> Response:
    """Back from Slack."""
    if refused := _too_often(request):
        return refused
    identity, asked = desk(request).identity, request.query_params
    if identity is None:
        return problem(request, 503, "console_sign_in.not_set_up")
    with writing(desk(request).engine) as conn:
        begun = sessions.finish(conn, asked.get("state", ""), request.cookies.get(_browser_cookie(request), ""))
    if begun.problem:
        return _refuse(request, begun.problem)
    if asked.get("error") or not 0 < len(asked.get("code", "")) <= LONGEST_CODE:
        return _refuse(request, "denied")
    try:
        who = identity.of(asked["code"], begun.nonce_sha256)
        role = _role(request, who)
    except IdentityRefusedError as error:
        log.warning("a sign-in is refused: %s", error)
        return _refuse(request, error.reason)
    except (IdentityUnavailableError, GroupUnknownError) as error:
        log.warning("nobody can sign in: %s", error)
        return problem(request, 503, "console_sign_in.slack_away")
    if role is None:
        return _refuse(request, "no_role", who.person_id)
    return _let_in(request, who, role, begun)


def sign_out(request: Request) -> Response:
    here = page.visitor(request)
    with writing(desk(request).engine) as conn:
        if sessions.end(conn, here.session.token_sha256, SessionEnd.SIGNED_OUT):
            audit.append(conn, AuditKind.SIGNED_OUT, {"why": SessionEnd.SIGNED_OUT.value}, person_id=here.person_id)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(page.session_cookie(desk(request).secure), secure=desk(request).secure, httponly=True, samesite="lax")
    return response


def _role(request: Request, who: Identity) -> Role | None:
    with writing(desk(request).engine) as conn:
        people.remember(conn, who.person_id, who.name, who.email, who.locale)
    return desk(request).roles.of(who.person_id, who.email)


def _let_in(request: Request, who: Identity, role: Role, begun: SignIn) -> Response:
    """A new secret for a new session; one that this browser brought along ends."""
    settings, cookie = desk(request).settings, page.session_cookie(desk(request).secure)
    with writing(desk(request).engine) as conn:
        sessions.end(conn, sessions.digest(request.cookies.get(cookie, "")), SessionEnd.RENEWED)
        token = sessions.start(conn, who.person_id, role, hours=settings.console_hours)
        audit.append(conn, AuditKind.SIGNED_IN, {"role": role.value, "address": _address(request)}, person_id=who.person_id)
    response = RedirectResponse(begun.back_to, status_code=303)
    _set_cookie(request, response, cookie, token, max_age_s=int(settings.console_hours * 3600))
    response.delete_cookie(_browser_cookie(request), secure=desk(request).secure, httponly=True, samesite="lax")
    return response


def _too_often(request: Request) -> Response | None:
    """A page that says to wait, when this address has tried too often. The log has the first time; an attacker cannot flood it."""
    address, engine = _address(request), desk(request).engine
    with writing(engine) as conn:
        sessions.attempt(conn, address)
    with reading(engine) as conn:  # counted once the attempt is committed: of two processes at the same moment, both see both
        tried = sessions.attempts(conn, address)
    if tried <= MOST_ATTEMPTS:
        return None
    if tried == MOST_ATTEMPTS + 1:
        with writing(engine) as conn:
            audit.append(conn, AuditKind.SIGN_IN_REFUSED, {"why": "too_often", "address": address})
    response = problem(request, 429, "console_sign_in.too_often", minutes=ATTEMPTS_WINDOW_MIN)
    response.headers["Retry-After"] = str(ATTEMPTS_WINDOW_MIN * 60)
    return response


def _refuse(request: Request, why: str, person_id: str | None = None) -> Response:
    """why: "forged", "replayed", "late", "denied", "code", "token", "nonce", "team" or "no_role"."""
    with writing(desk(request).engine) as conn:
        audit.append(conn, AuditKind.SIGN_IN_REFUSED, {"why": why, "address": _address(request)}, person_id=person_id)
    entry = {"no_role": "no_role", "late": "late", "replayed": "late", "denied": "denied", "team": "other_team"}.get(why, "not_proven")
    return problem(request, 403, f"console_sign_in.{entry}")


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _browser_cookie(request: Request) -> str:
    return "__Host-kenpin_sign_in" if desk(request).secure else "kenpin_sign_in"


def _set_cookie(request: Request, response: Response, name: str, value: str, *, max_age_s: int) -> None:
    response.set_cookie(name, value, max_age=max_age_s, path="/", httponly=True, samesite="lax", secure=desk(request).secure)


ROUTES = [
    Route("/sign-in", sign_in),
    Route("/sign-in/leave", leave),
    Route(BACK, back),
    page.guarded(Route("/sign-out", sign_out, methods=["POST"])),
]
