"""The list of inspections at /inspections: filters, search, saved views, and page after page as one scrolls.

The address holds everything that was chosen, so that a list can be sent to somebody, saved, and gone back to. What was typed and cannot
be used is answered with a sentence beside its field, and nothing typed is lost. An inspection that the visitor has yet to look at again
without knowing its answer is left out: finding it by a verdict would tell the verdict.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot.console.page import Nav, desk, form, problem, see_other, show, visitor
from kenpin.bot.console.photos import Size, address
from kenpin.storage import erasures, parts, search, second_looks, sessions, views
from kenpin.storage.database import reading, writing
from kenpin.storage.erasures import ErasedKind
from kenpin.storage.errors import SearchError
from kenpin.storage.search import Filters, Found, Order, Place
from kenpin.storage.vocabulary import Disposition, ProposalState, Role, Verdict

ON_A_PAGE = 50
SUGGESTED = 100  # values of a field that are offered while one types
FIELDS = (
    "words", "from", "to", "part", "lot", "channel", "asked_by", "verdict", "confidence_from", "confidence_to", "disposition", "state",
    "decided_by", "model", *search.MARKS, "order",
)  # fmt: skip
LONGEST_VALUE = 200


@dataclass(kw_only=True)
class Asked:
    """What the address asks for."""

    typed: dict[str, str]  # every field that holds something, as it was typed
    filters: Filters = field(default_factory=Filters)
    order: Order = Order.NEWEST
    wrong: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)  # field -> the entry that says why, and its holes

    @property
    def query(self) -> str:
        """The address's query, without where a page begins."""
        return urlencode({name: self.typed[name] for name in FIELDS if self.typed.get(name)})

    @property
    def has_filters(self) -> bool:
        """Beside the words and the order, which always stand in sight."""
        return bool(self.typed.keys() - {"words", "order"} or self.wrong.keys() - {"words", "order"})


def inspections(request: Request) -> Response:
    here, at = visitor(request), desk(request)
    with reading(at.engine) as conn:
        asked = _asked(conn, request.query_params)
        after = _place(request.query_params.get("after"), asked.order)
        hidden = second_looks.open_for(conn, here.person_id)
        page = search.Page(found=(), more=None)
        counted: int | None = None  # None: not to the end
        if not asked.wrong:
            page = search.page(conn, asked.filters, asked.order, after=after, limit=ON_A_PAGE, without=hidden)
        erased = erasures.of(conn, ErasedKind.QUESTION, [one.id for one in page.found if not one.question])
        is_part = bool(request.headers.get("hx-request")) and after is not None
        whole: dict[str, Any] = {}
        if not is_part:
            is_full = len(page.found) == ON_A_PAGE
            if not asked.wrong and (is_full or not page.more):
                counted = search.count(conn, asked.filters, without=hidden) if page.more else len(page.found)
            whole = {
                "suggested": {name: search.choices(conn, name, SUGGESTED) for name in ("part", "channel", "model")},
                "people": [*search.people_among(conn, "asked_by", SUGGESTED), *search.people_among(conn, "decided_by", SUGGESTED)],
                "views": views.seen_by(conn, here.person_id),
            }
    _keep_views(request, page.found)
    context: dict[str, Any] = {
        "asked": asked,
        "rows": page.found,
        "erased": erased,
        "looks_on": page.more if len(page.found) < ON_A_PAGE else None,
        "ends": is_part and page.more is None,
        "more": f"/inspections?{_joined(asked.query, 'after=' + _written(page.more))}" if page.more else None,
        "small": lambda one: address(one.photo_sha256, Size.THUMB),
        "map": lambda one: address(one.photo_sha256, Size.MAP_THUMB, one.id),
    }
    if is_part:
        return show(request, "inspections_rows.html", **context)
    return show(
        request,
        "inspections.html",
        status=400 if asked.wrong else 200,
        **context,
        **whole,
        counted=counted,
        counted_to=search.COUNTED_TO,
        hidden=len(hidden),
        goes_on=after is not None,
        verdicts=list(Verdict),
        dispositions=list(Disposition),
        states=list(ProposalState),
        orders=list(Order),
        marks=search.MARKS,
        name_characters=views.NAME_CHARACTERS,
    )


def save_view(request: Request) -> Response:
    """Under a name of the visitor's; one of that name is replaced."""
    given = form(request)
    typed = {name: value for name, value in parse_qsl(given.get("query", "")) if name in FIELDS}
    with reading(desk(request).engine) as conn:
        asked = _asked(conn, typed)
    if asked.wrong:
        return problem(request, 400, "console_inspections.view_wrong")
    try:
        with writing(desk(request).engine) as conn:
            views.save_view(conn, visitor(request).person_id, given.get("name", ""), asked.query, shared="shared" in given)
    except ValueError:
        return problem(request, 400, "console_inspections.bad_view_name", most=views.NAME_CHARACTERS)
    return see_other(f"/inspections?{asked.query}")


def drop_view(request: Request) -> Response:
    with writing(desk(request).engine) as conn:
        dropped = views.drop_view(conn, request.path_params["id"], visitor(request).person_id)
    if not dropped:
        return problem(request, 404, "console_inspections.no_such_view")
    return see_other("/inspections")


def _asked(conn: Connection, given: Mapping[str, str]) -> Asked:
    asked = Asked(typed={name: given[name].strip() for name in FIELDS if given.get(name, "").strip()})
    values: dict[str, Any] = {}

    def take(name: str, to: str, read: Callable[[str], Any]) -> None:
        written = asked.typed.get(name)
        if written is None:
            return
        try:
            if len(written) > LONGEST_VALUE or "\x00" in written:
                raise _Wrong("too_long", most=str(LONGEST_VALUE))
            values[to] = read(written)
        except _Wrong as wrong:
            asked.wrong[name] = (f"console_inspections.wrong_{wrong.entry}", wrong.holes)

    take("words", "words", _searchable)
    take("from", "since", _day)
    take("to", "until", lambda written: _day(written) + timedelta(days=1))
    take("part", "part", lambda written: _known_part(conn, written))
    take("lot", "lot", str)
    take("channel", "channel", lambda written: written.lstrip("#"))
    take("asked_by", "asked_by", lambda written: _person(conn, written))
    take("decided_by", "decided_by", lambda written: _person(conn, written))
    take("model", "model", str)
    take("verdict", "verdict", lambda written: _one_of(Verdict, written))
    take("disposition", "disposition", lambda written: _one_of(Disposition, written))
    take("state", "state", lambda written: _one_of(ProposalState, written))
    take("confidence_from", "confidence_from", _per_cent)
    take("confidence_to", "confidence_to", _per_cent)
    take("order", "order", lambda written: _one_of(Order, written))
    if "since" in values and "until" in values and values["since"] >= values["until"]:
        asked.wrong["to"] = ("console_inspections.wrong_days", {"first": asked.typed["from"], "last": asked.typed["to"]})
    if values.get("confidence_from", 0) > values.get("confidence_to", 1):
        holes = {"low": asked.typed["confidence_from"], "high": asked.typed["confidence_to"]}
        asked.wrong["confidence_to"] = ("console_inspections.wrong_range", holes)
    asked.order = values.pop("order", Order.NEWEST)
    marked = frozenset(name for name in search.MARKS if asked.typed.get(name))
    if not asked.wrong:
        asked.filters = dataclasses.replace(Filters(**values), marked=marked)
    return asked


class _Wrong(Exception):
    """What was typed into a field cannot be used."""

    def __init__(self, entry: str, **holes: str) -> None:
        self.entry, self.holes = entry, holes
        super().__init__(entry)


def _searchable(written: str) -> str:
    try:
        search.terms(written)
    except SearchError as error:
        raise _Wrong(error.why, term=error.term) from error
    return written


def _day(written: str) -> datetime:
    """Its beginning, in UTC, as the list's times are."""
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise _Wrong("day", written=written) from error
    if not 1971 <= day.year <= 2999:
        raise _Wrong("day", written=written)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _known_part(conn: Connection, written: str) -> str:
    number = parts.number_of(conn, written)
    if number is None:
        raise _Wrong("part", written=written)
    return number


def _person(conn: Connection, written: str) -> str:
    person = search.person_called(conn, written.lstrip("@"))
    if person is None:
        raise _Wrong("person", written=written)
    return person


def _one_of(words: Any, written: str) -> Any:
    if written not in list(words):
        raise _Wrong("choice", written=written)
    return words(written)


def _per_cent(written: str) -> float:
    try:
        number = float(written.rstrip("%％ ").replace(",", "."))
    except ValueError as error:
        raise _Wrong("confidence", written=written) from error
    if not 0 <= number <= 100:
        raise _Wrong("confidence", written=written)
    return number / 100


def _place(written: str | None, order: Order) -> Place | None:
    """Where a page begins, from its address; for one that is nonsense, the list begins anew."""
    if not written:
        return None
    confidence, _, number = written.rpartition("_")
    try:
        place = Place(number=int(number), confidence=float(confidence) if confidence else None)
    except ValueError:
        return None
    by_confidence = order in (Order.LEAST_SURE, Order.MOST_SURE)
    return place if by_confidence == (place.confidence is not None) and abs(place.number) < 1 << 62 else None


def _written(place: Place) -> str:
    return str(place.number) if place.confidence is None else f"{place.confidence!r}_{place.number}"


def _joined(*queries: str) -> str:
    return "&".join(query for query in queries if query)


def _keep_views(request: Request, rows: tuple[Found, ...]) -> None:
    """The list keeps, once for the page, whose small pictures were looked at."""
    shown = sorted({one.shown_sha256 for one in rows if one.shown_sha256})
    if shown:
        with writing(desk(request).engine) as conn:
            sessions.log_views(conn, visitor(request).person_id, shown)


ROUTES = [
    Route("/inspections", inspections),
    Route("/inspections/views", save_view, methods=["POST"]),
    Route("/inspections/views/{id:str}/drop", drop_view, methods=["POST"]),
]
NAV: Nav = ("/inspections", "console_inspections.nav", Role.VIEWER)
