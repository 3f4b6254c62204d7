"""Second looks in the console: the photo and the question again, without the answer, until one has said what one sees.

The random audit draws who looks (`kenpin.bot.second_looks`) and asks them in Slack; here the same question can be answered, one after the
other. Nothing of the answer is on the page before, and the list and the inspection's page keep it back from that person too. Below stands,
for supervisors, how well answers and second looks agree, by part and by person, lately or ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import second_looks as looking
from kenpin.bot.console.page import Nav, desk, form, problem, see_other, show, visitor
from kenpin.bot.console.photos import Size, address
from kenpin.bot.second_looks import SecondLookReply
from kenpin.storage import inspections, people, second_looks
from kenpin.storage.database import reading
from kenpin.storage.second_looks import Agreement, Waiting
from kenpin.storage.vocabulary import Photo, Role, SecondLook
from kenpin.tools import kappa

MOST_ROWS = 50  # of each table
PERIODS = {"90": 90, "365": 365, "all": None}  # days of which agreement is told; None: since the first
USUAL = "90"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A line of a table: how a part's, or a person's, second looks agree with the answers."""

    name: str
    found: Agreement
    interval: tuple[float, float] | None  # of kappa, 95 %


def reviews(request: Request) -> Response:
    here, period = visitor(request), request.query_params.get("period", USUAL)
    if period not in PERIODS:
        return problem(request, 400, "console_reviews.no_such_period")
    days = PERIODS[period]
    with reading(desk(request).engine) as conn:
        own = second_looks.open_for(conn, here.person_id)
        first = inspections.get(conn, own[0]) if own else None
        photos = [photo for photo in inspections.photos_of(conn, own[0]) if isinstance(photo, Photo)] if own else []
        waiting: tuple[Waiting, ...] = ()
        by_part: dict[str, Agreement] = {}
        by_person: dict[str, Agreement] = {}
        if here.may(Role.SUPERVISOR):
            waiting = second_looks.waiting(conn, MOST_ROWS)
            agreed = second_looks.agreements(conn, datetime.now(UTC) - timedelta(days=days) if days else None)
            named = people.names(conn, agreed.by_person)
            by_part = agreed.by_part
            by_person = {f"{named[id]} ({id})" if id in named else id: found for id, found in agreed.by_person.items()}
    return show(
        request,
        "reviews.html",
        asked=first,
        pictures=[address(photo.sha256, Size.SHOWN) for photo in photos],
        left=len(own),
        waiting=[one for one in waiting if one.person_id != here.person_id],
        tables=[("part", _compared(by_part)), ("person", _compared(by_person))],
        answers=list(SecondLook),
        periods=list(PERIODS),
        period=period,
    )


def take(request: Request) -> Response:
    """What the visitor says of one photo; the first reply stands."""
    here, id, said = visitor(request), request.path_params["id"], form(request).get("said", "")
    if said not in list(SecondLook):
        return problem(request, 400, "console_reviews.no_such_reply")
    reply = SecondLookReply(
        inspection_id=id,
        person=here.person_id,
        said=SecondLook(said),
        channel="",
        message_ts="",
        source_event=f"console:{id}:{here.person_id}",
    )
    with reading(desk(request).engine) as conn:
        if second_looks.asked(conn, id) != here.person_id:
            return problem(request, 403, "console_reviews.not_asked")
        before = second_looks.reply_of(conn, id)
    if before is None:
        looking.keep(desk(request).engine, reply, desk(request).jobs)
    with reading(desk(request).engine) as conn:
        stands = second_looks.reply_of(conn, id)
    assert stands is not None, "keep puts a reply on record, or finds one"
    differs = stands.said is not reply.said
    return see_other(f"/reviews/{id}{'?stands=1' if differs else ''}")


def told(request: Request) -> Response:
    """What was said and what the answer had said; for whoever looked, and only once they have."""
    here, id = visitor(request), request.path_params["id"]
    with reading(desk(request).engine) as conn:
        reply = second_looks.reply_of(conn, id)
        if reply is None or reply.person_id != here.person_id:
            return problem(request, 404, "console_reviews.nothing_to_tell")
        inspection, answer = inspections.get(conn, id), inspections.answer_of(conn, id)
        photos = [photo for photo in inspections.photos_of(conn, id) if isinstance(photo, Photo)]
        left = len(second_looks.open_for(conn, here.person_id))
    assert inspection is not None and answer is not None, "only an answer is looked at again"
    outcome = "cannot_tell" if reply.said is SecondLook.CANNOT_TELL else "agrees" if reply.said == answer.verdict.value else "differs"
    has_map = bool(answer.comparisons and answer.comparisons[0].map_sha256 and photos)
    return show(
        request,
        "review_told.html",
        reply=reply,
        asked=inspection,
        answer=answer,
        outcome=outcome,
        stands="stands" in request.query_params,
        map=address(photos[0].sha256, Size.MAP, id) if has_map else None,
        left=left,
    )


def _compared(found: dict[str, Agreement]) -> list[Compared]:
    """Those with the most judgements; the interval of each."""
    most = sorted(found.items(), key=lambda item: (-item[1].n, item[0]))[:MOST_ROWS]
    return [Compared(name=name, found=one, interval=kappa.interval(one)) for name, one in most]


ROUTES = [
    Route("/reviews", reviews),
    Route("/reviews/{id:str}", told),
    Route("/reviews/{id:str}", take, methods=["POST"]),
]
NAV: Nav = ("/reviews", "console_reviews.nav", Role.VIEWER)
