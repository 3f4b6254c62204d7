"""What a page's view may ask for: the desk, who is looking, what they typed; and the two things it answers with, a page or a problem.

A view is a plain function of a request. Every one of them runs inside `guarded`: nobody gets to it without a session, and no form without
that session's secret. `needs` asks for more than a viewer. A view reads and writes in transactions of its own.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import anyio.from_thread
import jinja2
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from kenpin import prompts
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.guard import read_form
from kenpin.bot.console.roles import GroupUnknownError
from kenpin.storage import audit, people, sessions
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.sessions import Session
from kenpin.storage.vocabulary import Language, Role, SessionEnd

log = logging.getLogger(__name__)

View = Callable[[Request], Response]
Nav = tuple[str, str, Role]  # path, the entry of its name, the least role that sees it

CSRF = "csrf"  # the field of a form, and in a header "X-CSRF-Token"
LANGUAGE_COOKIE = "kenpin_language"
LANGUAGE_FOR_S = 365 * 24 * 3600
_SAFE = ("GET", "HEAD")
_MAY_HELP_TO_TRY_AGAIN = (409, 429, 500, 503)
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who is looking at a page."""

    person_id: str
    name: str
    role: Role
    language: Language
    csrf: str  # the secret that every form must bring
    session: Session

    def may(self, least: Role) -> bool:
        return self.role.includes(least)


class ProblemError(Exception):
    """Ends a view with a problem's page; for where returning `problem(...)` is not possible."""

    def __init__(self, status: int, entry: str, **holes: object) -> None:
        self.status, self.entry, self.holes = status, entry, holes
        super().__init__(entry)


def desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


def visitor(request: Request) -> Visitor:
    found: Visitor = request.state.visitor
    return found


def language_of(request: Request) -> Language:
    """Of the visitor; before they are known, of their browser."""
    known = getattr(request.state, "visitor", None)
    if known is not None:
        return Language(known.language)
    asked = request.query_params.get("language") or request.cookies.get(LANGUAGE_COOKIE) or ""
    if asked in list(Language):
        return Language(asked)
    return Language.JA if request.headers.get("accept-language", "").lower().startswith("ja") else Language.EN


def show(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """The page from a file in templates/. It can `say("console_page.entry", hole=...)`, and knows visitor, csrf_field, nav and path."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    language = language_of(request)

    def say(entry: str, /, **holes: object) -> str:  # a hole may be called "entry"
        return prompts.render(entry, language, **holes)

    given = {
        "say": say,
        "language": language.value,
        "visitor": known,
        "csrf": known.csrf if known else "",
        "csrf_field": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, known.csrf) if known else "",
        "nav": [(path, say(entry)) for path, entry, least in request.app.state.nav if known and known.may(least)],
        "path": request.url.path,
        "here": _address(request) if request.method in _SAFE else "/",
        "Role": Role,
    }
    return HTMLResponse(_pages.get_template(template).render(given | context), status_code=status)


def form(request: Request) -> Mapping[str, str]:
    """The fields of a form, whose secret has been checked; of a field that comes twice, the last."""
    return {name: value for name, value in _form(request).multi_items() if isinstance(value, str) and name != CSRF}


def choices(request: Request, field: str) -> tuple[str, ...]:
    """Every value of a field that comes several times: boxes that were ticked."""
    return tuple(value for value in _form(request).getlist(field) if isinstance(value, str))


def upload(request: Request, field: str) -> tuple[str, bytes] | None:
    """The name, as the browser gave it, and the bytes of a file sent along; None when there is none."""
    file = _form(request).get(field)
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    return file.filename, anyio.from_thread.run(file.read)


def needs(least: Role) -> Callable[[View], View]:
    """On a view: whoever has less is refused, and the log has it."""

    def around(view: View) -> View:
        @wraps(view)
        def checked(request: Request) -> Response:
            here = visitor(request)
            if here.may(least):
                return view(request)
            told = {"path": request.url.path, "method": request.method, "role": here.role.value, "needs": least.value}
            with writing(desk(request).engine) as conn:
                audit.append(conn, AuditKind.PAGE_REFUSED, told, person_id=here.person_id)
            say = prompts.render
            return problem(
                request,
                403,
                "console.wrong_role",
                role=say(f"console.role_{here.role}", here.language),
                needed=say(f"console.role_{least}", here.language),
            )

        return checked

    return around


def problem(request: Request, status: int, entry: str, **holes: object) -> Response:
    """A page that says what happened (the wording's first line), what to do (the rest), and a number that the log has too.

    What was typed into a form is on the page, to be sent again or copied.
    """
    reference = "E-" + secrets.token_hex(4).upper()
    log.warning("%s: %s %s, status %d, %s", reference, request.method, quote(request.url.path), status, entry)
    happened, _, to_do = prompts.render(entry, language_of(request), **holes).partition("\n")
    typed: list[tuple[str, str]] = []
    if request.method not in _SAFE:
        typed = [(name, value) for name, value in _form(request).multi_items() if isinstance(value, str) and name != CSRF and value]
    return show(
        request,
        "problem.html",
        status=status,
        happened=happened,
        to_do=to_do.strip(),
        reference=reference,
        typed=typed,
        send_again=_address(request) if typed and status in _MAY_HELP_TO_TRY_AGAIN else None,
        kept_csrf=request_csrf(request),
    )


def own_path(to: str | None) -> str:
    """A path of the console, with its query; "/" for anything that leads elsewhere."""
    if not to or not to.startswith("/") or to.startswith(("//", "/\\")) or any(ord(c) < 33 or c in '\\<>"' for c in to):
        return "/"
    parts = urlsplit(to)
    return "/" if parts.scheme or parts.netloc else to


def see_other(to: str) -> Response:
    """After a form: go and look at this path."""
    return RedirectResponse(own_path(to), status_code=303)


def guarded(route: Route) -> Route:
    """The same route, behind the session and the forms' secret."""
    view: View = route.endpoint

    @wraps(view)
    def behind(request: Request) -> Response:
        session, token = _session(request)
        if session is None:
            return _sign_in_first(request)
        request.state.visitor = _visitor(request, session, token)
        if request.method not in _SAFE and (why := _forged(request)):
            here = visitor(request)
            with writing(desk(request).engine) as conn:
                audit.append(
                    conn, AuditKind.FORM_REFUSED, {"path": request.url.path, "method": request.method, "why": why}, person_id=here.person_id
                )
            return problem(request, 403, "console.forged")
        return view(request)

    methods = sorted(method for method in route.methods or () if method != "HEAD")
    return Route(route.path, behind, methods=methods, name=route.name)


def recognise(request: Request) -> None:
    """For an answer outside of every view, such as that there is no such page: who is asking, where that is known."""
    session, token = _session(request)
    if session is not None:
        request.state.visitor = _visitor(request, session, token)


def session_cookie(secure: bool) -> str:
    """Its name. With the prefix a browser takes it over https only, for exactly this host."""
    return "__Host-kenpin_session" if secure else "kenpin_session"


def csrf_of(token: str) -> str:
    """The secret of a session's forms: made from the session's own, which no page holds, so that neither lies in the database."""
    return sessions.digest(f"forms of {token}")


def request_csrf(request: Request) -> str:
    """What came in place of the forms' secret."""
    given = request.headers.get("x-csrf-token")
    if given is None and request.method not in _SAFE:
        field = _form(request).get(CSRF)
        given = field if isinstance(field, str) else ""
    return given or ""


def from_elsewhere(request: Request) -> bool:
    """Whether another site made the browser send this."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        return True
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _session(request: Request) -> tuple[Session | None, str]:
    token = request.cookies.get(session_cookie(desk(request).secure), "")
    if not token:
        return None, ""
    with reading(desk(request).engine) as conn:
        return sessions.find(conn, token, idle_min=desk(request).settings.console_idle_min), token


def _visitor(request: Request, session: Session, token: str) -> Visitor:
    """Raises ProblemError when the person has no role any more, or Slack does not tell."""
    engine = desk(request).engine
    try:
        role = desk(request).roles.of(session.person_id, session.email)
    except GroupUnknownError as error:
        log.warning("%s", error)
        raise ProblemError(503, "console.roles_unknown") from error
    if role is None:
        with writing(engine) as conn:
            if sessions.end_all(conn, session.person_id, SessionEnd.ROLE_LOST):
                audit.append(conn, AuditKind.SIGNED_OUT, {"why": SessionEnd.ROLE_LOST.value}, person_id=session.person_id)
        raise ProblemError(403, "console.role_lost")
    if role is not session.role:
        with writing(engine) as conn:
            if sessions.change_role(conn, session, role):
                told = {"from": session.role.value, "to": role.value}
                audit.append(conn, AuditKind.ROLE_CHANGED, told, person_id=session.person_id)
    if sessions.due(session):
        with writing(engine) as conn:
            sessions.seen(conn, session)
    return Visitor(
        person_id=session.person_id,
        name=session.name or session.person_id,
        role=role,
        language=session.language or language_of(request),
        csrf=csrf_of(token),
        session=session,
    )


def _forged(request: Request) -> str | None:
    if from_elsewhere(request):
        return "another site"
    given = request_csrf(request).encode("utf-8", "replace")
    return None if secrets.compare_digest(given, visitor(request).csrf.encode()) else "no secret"


def _sign_in_first(request: Request) -> Response:
    if request.method not in _SAFE:
        return problem(request, 401, "console.session_over")
    if request.headers.get("hx-request"):  # a part of a page cannot show the way in; the whole page is loaded anew
        return Response(status_code=401, headers={"HX-Refresh": "true"})
    wanted = own_path(_address(request))
    return RedirectResponse("/sign-in" + (f"?to={quote(wanted, safe='/')}" if wanted != "/" else ""), status_code=303)


def _address(request: Request) -> str:
    """The path and query that were asked for, written so that they can stand in an address."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")


def _form(request: Request) -> FormData:
    """Read once, in the server's own loop; starlette keeps it with the request."""
    kept = getattr(request.state, "form", None)
    if kept is None:
        try:
            kept = anyio.from_thread.run(read_form, request)
        except HTTPException:  # a body that is no form
            kept = FormData()
        request.state.form = kept
    return kept


def change_language(request: Request, language: Language, response: Response) -> None:
    """From now on, for this person wherever they sign in and for this browser before they do."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None:
        with writing(desk(request).engine) as conn:
            people.speak(conn, known.person_id, language)
    response.set_cookie(LANGUAGE_COOKIE, language.value, max_age=LANGUAGE_FOR_S, httponly=True, samesite="lax", secure=desk(request).secure)


def _minute(moment: str) -> Markup:
    """2026-11-23T14:20:34.123Z -> the same as a person reads it, in UTC."""
    return Markup('<time datetime="{}">{}</time>').format(moment, moment[:16].replace("T", " "))


def _per_cent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


_pages = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_pages.filters |= {"minute": _minute, "per_cent": _per_cent}
