"""The pages /parts and /parts/part: what is known of each part, its references and targets, and who changed them.

A supervisor names parts, sets targets and takes references out; which answers that would have changed is shown before. References come by
decisions only, so they are added in Slack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import effects as effects_of
from kenpin.bot.console import changes, effects
from kenpin.bot.console.page import Nav, desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.console.works import Progress, Work
from kenpin.storage import audit, inspections, parts, targets
from kenpin.storage.audit import AuditEntry, AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import TargetError
from kenpin.storage.inspections import Judged
from kenpin.storage.vocabulary import Part, Reference, Role, Targets, Verdict
from kenpin.tools import bands
from kenpin.tools.context import Site
from kenpin.tools.track_record import TrackRecords

KINDS = (
    AuditKind.PART_ADDED,
    AuditKind.TARGETS_SET,
    AuditKind.REFERENCES_ADDED,
    AuditKind.REFERENCE_TAKEN_OUT,
    AuditKind.FAILURE_MODES_IMPORTED,
)
SHOWN_REFERENCES = 200
JUDGED = 1000  # of the part's newest answers, among which changed verdicts are counted
EXAMPLES = 20
EYES_OWN = (1.0, 1.0)  # the limits where nothing is aimed at: the threshold, as `kenpin parts show` has it


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What other targets would have made of answers that were given."""

    wanted: Targets
    limits: tuple[float, float]
    looked_at: int
    different: tuple[tuple[Judged, Verdict], ...]  # newest first, with the verdict it would have been


def overview(request: Request) -> Response:
    with reading(desk(request).engine) as conn:
        known = parts.all_parts(conn)
        rows = [(part, Counter(r.state for r in part.references), targets.of(conn, part.number)) for part in known]
    return show(request, "parts.html", rows=rows, link=_link)


def one_part(request: Request, effect: Effect | None = None) -> Response:
    written = request.query_params.get("part", "")
    with reading(desk(request).engine) as conn:
        part = parts.find(conn, written)
        if part is None:
            return _unknown(request, written)
        return _shown(request, conn, part, effect)


def _shown(
    request: Request, conn: Connection, part: Part, effect: Effect | None, work: Work | None = None, tried: Reference | None = None
) -> Response:
    return show(
        request,
        "part.html",
        part=part,
        references=part.references[-SHOWN_REFERENCES:],
        counts=Counter(r.state for r in part.references),
        aims=targets.of(conn, part.number),
        limits=targets.BELOW,
        changed=changes.newest(conn, KINDS, lambda entry: _is_about(entry, part.number)),
        effect=effect,
        work=work,
        tried=tried,
        examples=EXAMPLES,
        can_try=desk(request).open_site is not None,
    )


@needs(Role.SUPERVISOR)
def add(request: Request) -> Response:
    typed = form(request)
    by, number, name = visitor(request).person_id, typed.get("number", "").strip(), typed.get("name", "").strip() or None
    try:
        with writing(desk(request).engine) as conn:
            if parts.add(conn, number, name, by):
                audit.append(conn, AuditKind.PART_ADDED, {"part": parts.number_of(conn, number), "name": name, "by": by}, person_id=by)
    except ValueError:
        return problem(request, 400, "console_parts.no_number", part=number or "–")
    return see_other(_link(number))


@needs(Role.SUPERVISOR)
def aim(request: Request) -> Response:
    """Set the targets; without "take_out", only show which answers they would have changed."""
    typed = form(request)
    here = desk(request)
    with reading(here.engine) as conn:
        part = parts.find(conn, typed.get("part", ""))
    if part is None:
        return _unknown(request, typed.get("part", ""))
    try:
        wanted = Targets(**{name: float(typed[name].replace(",", ".")) if typed.get(name, "").strip() else None for name in targets.BELOW})
        if "try" in typed:
            return _tried(request, part, wanted)
        with writing(here.engine) as conn:
            targets.set(conn, part.number, wanted, visitor(request).person_id)
    except (TargetError, ValueError):
        return problem(request, 400, "console_parts.no_target")
    return see_other(_link(part.number))


@needs(Role.SUPERVISOR)
def reference(request: Request) -> Response:
    """Take a reference out; with "try", only show which of the part's answers would have been different without it."""
    typed, here = form(request), desk(request)
    with reading(here.engine) as conn:
        part = parts.find(conn, typed.get("part", ""))
    if part is None:
        return _unknown(request, typed.get("part", ""))
    number = part.number
    photo = next((one for one in part.references if one.photo_sha256 == typed.get("photo")), None)
    if photo is None:
        return problem(request, 404, "console_parts.no_reference", part=number)
    if typed.get("do") == "take_out":
        with writing(here.engine) as conn:
            parts.take_out_reference(conn, number, photo.photo_sha256, visitor(request).person_id)
        return see_other(_link(number))

    def effect(site: Site, progress: Progress, without: Collection[str]) -> effects_of.Effect:
        return effects_of.without_reference(site, number, photo, progress, without=without)

    work = effects.start(request, f"{number}\n{photo.photo_sha256}".encode(), effect)
    if work is None:
        return effects.no_eye(request)
    with reading(here.engine) as conn:
        return _shown(request, conn, part, None, work, photo)


def _tried(request: Request, part: Part, wanted: Targets) -> Response:
    site = desk(request).site()
    if site is None:
        return problem(request, 409, "console_parts.no_eye")
    for name, below in targets.BELOW.items():
        value = getattr(wanted, name)
        if value is not None and not 0 < value < below:
            raise TargetError(f"{name} of {value:g} in 100 cannot be aimed at.")
    effect = _effect(site, part, wanted)
    with reading(desk(request).engine) as conn:
        return _shown(request, conn, part, effect)


def _effect(site: Site, part: Part, wanted: Targets) -> Effect:
    known, _ = TrackRecords().known(site, part)
    with reading(site.engine) as conn:
        judged = inspections.judged(conn, part.number, JUDGED)
    lower, upper = bands.limits(known, wanted, EYES_OWN)
    different = []
    for one in judged:
        verdict = Verdict.OK if one.anomaly_score < lower else Verdict.NOT_OK if one.anomaly_score > upper else Verdict.UNSURE
        if verdict is not one.verdict:
            different.append((one, verdict))
    return Effect(wanted=wanted, limits=(lower, upper), looked_at=len(judged), different=tuple(different))


def _is_about(entry: AuditEntry, number: str) -> bool:
    said = entry.payload or {}
    return said.get("part") == number


def _link(part: str) -> str:
    return f"/parts/part?{urlencode({'part': part})}"


def _unknown(request: Request, written: str) -> Response:
    return problem(request, 404, "console_parts.unknown", part=written or "–")


ROUTES = [
    Route("/parts", overview),
    Route("/parts/part", one_part),
    Route("/parts/add", add, methods=["POST"]),
    Route("/parts/targets", aim, methods=["POST"]),
    Route("/parts/reference", reference, methods=["POST"]),
]
NAV: Nav = ("/parts", "console_parts.nav", Role.VIEWER)
