"""The audit log in the browser: its entries, whether it is whole, its anchors, exports, and how long what is kept.

Reading is for everybody who is signed in; verifying, anchoring and exporting for supervisors; keeping and erasing for admins, who type
again what they mean. Long work runs beside the pages (`works`).
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from kenpin.bot import anchoring, erasing, log_export, person_file, telling_anchors
from kenpin.bot.console.page import desk, form, needs, problem, see_other, show, visitor
from kenpin.bot.console.works import Progress, Work, works
from kenpin.bot.erasing import Archive
from kenpin.bot.log_export import Wanted
from kenpin.bot.slack.anchor_channel import open_anchoring
from kenpin.storage import anchors, audit, erasures, parts, people, retention, second_looks
from kenpin.storage.audit import AuditEntry, AuditKind
from kenpin.storage.audit_export import Format, Written
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import ExportError, StorageError
from kenpin.storage.retention import Kept
from kenpin.storage.vocabulary import ANY_PART, Role

AT_ONCE = 50  # entries on a page
ANCHORS_SHOWN = 60  # two months of daily ones
ERASURES_SHOWN = 50
_ENTRIES_IN = re.compile(r"-entries-(\d+)-(\d+)\.zip$")
KEPT_FOR_S = 24 * 3600  # of a finished export that waits for its download: it may hold what is erased meanwhile


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An entry as the page has it."""

    entry: AuditEntry
    said: str | None  # its payload, to be read by people; None: it may tell the answer that this visitor is to look without
    person: str | None  # their name, or their id where there is none
    erased: AuditEntry | None  # the entry that tells of its payload's erasure
    eraser: str | None


def entries(request: Request) -> Response:
    asked = {name: value.strip() for name, value in request.query_params.items()}
    kind = next((kind for kind in AuditKind if kind.value == asked.get("kind")), None)
    try:
        since, until = (date.fromisoformat(asked[name]) if asked.get(name) else None for name in ("since", "until"))
        before = int(asked["before"]) if asked.get("before") else None
    except ValueError:
        return problem(request, 400, "console.not_understood")
    with reading(desk(request).engine) as conn:
        newest = audit.head(conn)[0]
        after = audit.first_since(conn, f"{since}T00:00:00Z") - 1 if since else 0
        end = audit.first_since(conn, f"{until + timedelta(days=1)}T00:00:00Z") if until else newest + 1
        found = list(
            audit.entries(
                conn,
                after=after,
                before=min(end, before) if before else end,
                kind=kind,
                inspection_id=asked.get("inspection", "").upper() or None,
                person_id=asked.get("person") or None,
                newest_first=True,
                limit=AT_ONCE + 1,
            )
        )
        blind_to = second_looks.open_for(conn, visitor(request).person_id)
        shown = [_shown(conn, entry, blind_to) for entry in found[:AT_ONCE]]
    kept = {name: asked[name] for name in ("kind", "person", "inspection", "since", "until") if asked.get(name)}
    older = f"/audit?{urlencode({**kept, 'before': found[AT_ONCE - 1].seq})}" if len(found) > AT_ONCE else None
    first_page = f"/audit?{urlencode(kept)}" if before else None
    return show(
        request, "audit_entries.html", shown=shown, newest=newest, asked=asked, kinds=list(AuditKind), older=older, first_page=first_page
    )


def one_entry(request: Request) -> Response:
    seq = request.path_params["seq"]
    with reading(desk(request).engine) as conn:
        found = next(iter(audit.entries(conn, after=seq - 1, before=seq + 1)), None)
        if found is None:
            return problem(request, 404, "console_audit.no_entry", number=f"{seq:,}")
        shown = _shown(conn, found, second_looks.open_for(conn, visitor(request).person_id))
        newest = audit.head(conn)[0]
    return show(request, "audit_entry.html", one=shown, newest=newest)


def wholeness(request: Request) -> Response:
    with reading(desk(request).engine) as conn:
        kept = anchors.listing(conn, ANCHORS_SHOWN)
    settings = desk(request).settings
    return show(
        request,
        "audit_anchors.html",
        anchors=kept,
        work=(work := works(request).latest("verify")),
        told=_told(request, work),
        is_set=bool(settings.anchor_channel or settings.anchor_file),
        standing=_standing(request),
    )


@needs(Role.SUPERVISOR)
def verify(request: Request) -> Response:
    here = desk(request)

    def walk(progress: Progress) -> anchoring.Verified:
        return anchoring.verify(here.engine, open_anchoring(here.settings) or None, progress=progress)

    works(request).start("verify", visitor(request).person_id, walk)
    return see_other("/audit/anchors")


@needs(Role.SUPERVISOR)
def anchor_now(request: Request) -> Response:
    places = open_anchoring(desk(request).settings)
    if not places:
        return problem(request, 409, "console_audit.no_place")
    try:
        anchoring.make_now(desk(request).engine, places)
    except (anchoring.NoAnchorPlaceError, anchoring.AnchorFileError) as error:
        return problem(request, 409, "console_audit.not_done", why=str(error))
    return see_other("/audit/anchors")


@needs(Role.SUPERVISOR)
def exports(request: Request) -> Response:
    folder = _waiting_room(request)
    ready = sorted((file for file in folder.glob("*.zip")), key=lambda file: -file.stat().st_mtime) if folder.is_dir() else []
    work = works(request).latest("export")
    return show(
        request,
        "audit_export.html",
        formats=list(Format),
        work=work,
        ready=[(file.name, file.stat().st_size) for file in ready],
        asked={"format": "csv", "since": "", "until": "", "photos": ""},
        wrong=None,
    )


@needs(Role.SUPERVISOR)
def export(request: Request) -> Response:
    asked, here, who = form(request), desk(request), visitor(request).person_id
    wanted = Wanted(
        format=asked.get("format", ""),
        since=asked.get("since", "").strip() or None,
        until=asked.get("until", "").strip() or None,
        photos="photos" in asked,
    )
    try:
        with reading(here.engine) as conn:
            refused = _not_yet(request, conn, *log_export.span(conn, wanted))
    except ExportError as error:
        return problem(request, 400, "console_audit.not_done", why=str(error))
    if refused:
        return refused
    room = _waiting_room(request)

    def write(progress: Progress) -> tuple[str, Written]:
        room.mkdir(mode=0o700, exist_ok=True)
        made = f"kenpin-audit-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        folder = room / made
        try:
            written = log_export.write(here.engine, here.settings, folder, wanted, by=who, person_id=who, progress=progress)
            name = f"{made}-entries-{written.first_seq}-{written.last_seq}"
            folder = folder.rename(room / name)
            shutil.make_archive(str(room / f".{name}"), "zip", room, name)
            (room / f".{name}.zip").replace(room / f"{name}.zip")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return f"{name}.zip", written

    works(request).start("export", who, write)
    return see_other("/audit/export")


@needs(Role.SUPERVISOR)
def download(request: Request) -> Response:
    name = request.path_params["name"]
    file = _waiting_room(request) / name
    if not name.startswith("kenpin-") or "/" in name or not file.is_file():
        return problem(request, 404, "console_audit.no_download")
    if name.startswith("kenpin-person-") and not visitor(request).may(Role.ADMIN):
        return problem(request, 404, "console_audit.no_download")
    if entries_in := _ENTRIES_IN.search(name):
        with reading(desk(request).engine) as conn:
            if refused := _not_yet(request, conn, *map(int, entries_in.groups())):
                return refused
    return FileResponse(file, media_type="application/zip", filename=name)


def look_in(request: Request) -> Response:
    """How far a work has come: the part of a page that asks again until it is over."""
    work = works(request).find(request.path_params["id"])
    if work is None:
        return problem(request, 404, "console_audit.no_work")
    return show(request, "audit_work.html", work=work, told=_told(request, work))


@needs(Role.ADMIN)
def keeping(request: Request) -> Response:
    return _keeping(request)


@needs(Role.ADMIN)
def keep(request: Request) -> Response:
    """Set, or take back, how long a part's photos and questions are kept."""
    asked = form(request)
    part, again = asked.get("part", "").strip(), asked.get("again", "").strip()
    days = {name: asked.get(name, "").strip() for name in ("photo_days", "question_days")}
    if part != again or not part:
        return _keeping(request, asked, "part", "console_audit.type_again")
    if any(text and not (text.isascii() and text.isdecimal() and len(text) < 7) for text in days.values()):
        return _keeping(request, asked, "part", "console_audit.not_days")
    new = None if "clear" in asked else Kept(**{name: int(text) if text else None for name, text in days.items()})
    try:
        with writing(desk(request).engine) as conn:
            retention.set(conn, part, new, visitor(request).person_id)
    except StorageError as error:
        return _keeping(request, asked, "part", "console_audit.not_done", why=str(error))
    return see_other("/audit/keeping")


@needs(Role.ADMIN)
def erase(request: Request) -> Response:
    """Erase a question, a photo or a person, as their id was typed twice."""
    asked, here = form(request), desk(request)
    subject, again, why = (asked.get(name, "").strip() for name in ("subject", "again", "why"))
    if not subject or subject != again:
        return _keeping(request, asked, "subject", "console_audit.type_again")
    if not why:
        return _keeping(request, asked, "subject", "console_audit.say_why")
    archive = Archive(engine=here.engine, photos=here.photos, cache=here.settings.cache, jobs=here.jobs)
    who = visitor(request).person_id
    wish = erasing.Request(by=who, why=why, person_id=who)
    references = "references" in asked
    try:
        match asked.get("kind"):
            case "question":
                erasing.question(archive, subject.upper(), wish)
            case "photo":
                erasing.photo(archive, subject.lower(), wish, also_references=references)
            case "person":
                erasing.person(archive, subject, wish, photos_too="photos" in asked, also_references=references)
            case _:
                return problem(request, 400, "console.not_understood")
    except StorageError as error:
        return _keeping(request, asked, "subject", "console_audit.not_done", why=str(error))
    return see_other("/audit/keeping#erasures")


@needs(Role.ADMIN)
def export_person(request: Request) -> Response:
    asked, here, who = form(request), desk(request), visitor(request).person_id
    person, room = asked.get("person", "").strip(), _waiting_room(request)
    with reading(here.engine) as conn:
        if people.find(conn, person) is None:
            return _keeping(request, asked, "person", "console_audit.nobody", person=person or "–")

    def write(progress: Progress) -> tuple[str, person_file.PersonFile]:
        room.mkdir(mode=0o700, exist_ok=True)
        file = room / f"kenpin-person-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.zip"
        return file.name, person_file.write(here.engine, here.photos, person, file, by=who)

    works(request).start("person", who, write)
    return see_other("/audit/keeping#person")


def _keeping(request: Request, typed: Mapping[str, str] | None = None, at: str = "", wrong: str = "", **holes: object) -> Response:
    """The page of keeping and erasing; with what was typed and what is wrong with it."""
    with reading(desk(request).engine) as conn:
        rules, known = retention.rules(conn), parts.numbers(conn)
        gone = [(one, _name(conn, one.erased_by)) for one in erasures.listing(conn, ERASURES_SHOWN)]
    _throw_away_old(_waiting_room(request))
    return show(
        request,
        "audit_keeping.html",
        status=422 if wrong else 200,
        rules=rules,
        parts=(ANY_PART, *known),
        erasures=gone,
        retention_by=erasures.RETENTION,
        typed=typed or {},
        at=at,
        wrong=wrong,
        holes=holes,
        work=works(request).latest("person"),
    )


def _shown(conn: Connection, entry: AuditEntry, blind_to: Collection[str]) -> Shown:
    """blind_to: the inspections whose answers the visitor is to know nothing of."""
    erased = audit.show(conn, str(entry.erased_in))[0] if entry.erased_in else None
    return Shown(
        entry=entry,
        said=None if entry.inspection_id in blind_to else json.dumps(entry.payload, indent=2, ensure_ascii=False),
        person=_name(conn, entry.person_id) if entry.person_id else None,
        erased=erased,
        eraser=_name(conn, erased.person_id) if erased and erased.person_id else None,
    )


def _name(conn: Connection, person_id: str) -> str:
    found = people.find(conn, person_id)
    return (found and found.name) or person_id


def _told(request: Request, work: Work | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a verification found, in the language of who looks."""
    if work is None or not isinstance(work.result, anchoring.Verified):
        return (), ()
    return telling_anchors.told(work.result, visitor(request).language)


def _standing(request: Request) -> dict[tuple[str, str], str]:
    """(anchor, place) -> how the chain stood to it when it was last verified."""
    work = works(request).latest("verify")
    if work is None or work.result is None:
        return {}
    verified: anchoring.Verified = work.result
    return {(one.id, one.place.value): one.standing.value for one in verified.anchors or ()}


def _not_yet(request: Request, conn: Connection, first: int, last: int | None) -> Response | None:
    """Says that these entries tell answers which the visitor is to look without; None when they tell none."""
    told = second_looks.first_told(conn, visitor(request).person_id, first, last)
    if told is None:
        return None
    return problem(request, 409, "console_audit.looks_wait", number=f"{told.seq:,}", day=told.at[:10])


def _waiting_room(request: Request) -> Path:
    """Where finished exports wait for their download; what has waited for a day is thrown away whenever somebody looks."""
    room = desk(request).settings.home / "exports"
    _throw_away_old(room)
    return room


def _throw_away_old(room: Path) -> None:
    for file in room.glob("*") if room.is_dir() else ():
        if file.stat().st_mtime < time.time() - KEPT_FOR_S:
            shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)


ROUTES: list[Route] = [
    Route("/audit", entries),
    Route("/audit/entries/{seq:int}", one_entry),
    Route("/audit/anchors", wholeness),
    Route("/audit/anchors/now", anchor_now, methods=["POST"]),
    Route("/audit/verify", verify, methods=["POST"]),
    Route("/audit/work/{id}", look_in),
    Route("/audit/export", exports),
    Route("/audit/export/new", export, methods=["POST"]),
    Route("/audit/export/{name}", download),
    Route("/audit/keeping", keeping),
    Route("/audit/keeping/days", keep, methods=["POST"]),
    Route("/audit/keeping/erase", erase, methods=["POST"]),
    Route("/audit/keeping/person", export_person, methods=["POST"]),
]
NAV = ("/audit", "console_audit.nav", Role.VIEWER)
