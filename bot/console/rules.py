"""The page /rules: the site's rules in their files, edited by an admin, checked before they are kept, and who changed them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import rules_files
from kenpin.bot.console import changes, effects
from kenpin.bot.console.page import Nav, desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.console.works import Progress, Work
from kenpin.bot.effects import Effect, of_rules
from kenpin.bot.rules_files import RulesFileError
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Role
from kenpin.tools.context import Site


def overview(request: Request) -> Response:
    return _shown(request)


@needs(Role.ADMIN)
def change(request: Request) -> Response:
    """Keep what was typed; when it cannot be kept, the page again with what is wrong and everything that was typed."""
    typed, here = form(request), desk(request)
    name = typed.get("name", "").strip()
    try:
        rules_files.change(
            here.engine, here.settings.rules, name, typed.get("text", ""), typed.get("shown", rules_files.NEW), visitor(request).person_id
        )
    except RulesFileError as error:
        if error.kind == "wrong":
            return _shown(request, status=400, tried=typed, wrong=error.problems)
        return problem(request, 409 if error.kind == "changed" else 400, f"console_rules.{error.kind}", file=name or "–")
    return see_other("/rules")


@needs(Role.ADMIN)
def try_out(request: Request) -> Response:
    """What was typed, not kept but tried on the latest answers; when it is wrong, what is wrong with it."""
    typed, here = form(request), desk(request)
    name, text = typed.get("name", "").strip(), typed.get("text", "")
    try:
        rules_files.check_name(name)
        wrong = rules_files.checked(name, text) if text.strip() else ()
    except RulesFileError as error:
        return problem(request, 400, f"console_rules.{error.kind}", file=name or "–")
    if wrong:
        return _shown(request, status=400, tried=typed, wrong=wrong)

    def effect(site: Site, progress: Progress, without: Collection[str]) -> Effect:
        return of_rules(replace(site, rules_folder=here.settings.rules), name, text, progress, without=without)

    work = effects.start(request, f"{name}\n{text}".encode(), effect)
    return _shown(request, tried=typed, work=work) if work else effects.no_eye(request)


def _shown(request: Request, status: int = 200, tried: object = None, wrong: tuple[str, ...] = (), work: Work | None = None) -> Response:
    here = desk(request)
    with reading(here.engine) as conn:
        changed = changes.newest(conn, (AuditKind.RULES_CHANGED,))
    files = rules_files.files(here.settings.rules)
    return show(
        request, "rules.html", status=status, files=files, changed=changed, tried=tried, wrong=wrong, work=work, new=rules_files.NEW
    )


ROUTES = [
    Route("/rules", overview),
    Route("/rules/change", change, methods=["POST"]),
    Route("/rules/try", try_out, methods=["POST"]),
]
NAV: Nav = ("/rules", "console_rules.nav", Role.VIEWER)
