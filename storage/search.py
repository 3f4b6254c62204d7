"""Finding inspections: by what was asked, answered and decided, and by words in questions and answers; a page at a time, of any number.

Reads the register and its text, which the database keeps in step with the records (migration 0007). Every inspection has a `number`, its
place in the list, so that a page begins where the one before ended and the day is a range of numbers.

PostgreSQL knows how common each value is, but not what goes together; it is told what to gather before it sorts. SQLite knows nothing, so
the narrowest of the filters is found first, by counting each no further than a bound in its own index, and the rest is looked at along it.
Where several are wide and may hardly meet, a page looks through so many inspections and no more, and says where the next one goes on.
docs/decisions/0011-the-register.md tells why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.engine import Connection

from kenpin.storage import clock
from kenpin.storage.errors import SearchError
from kenpin.storage.tables import inspection_photos, inspections, people, photos, register, register_lots
from kenpin.storage.vocabulary import Disposition, InspectionState, Language, ProposalState, Verdict

IN_A_MILLISECOND = 1 << 20  # places in the list for the inspections of one millisecond, as in migration 0007
COUNTED_TO = 1000
MOST_TERMS = 10  # in one search
MOST_RUNS = 1500  # runs of three characters that one short term may stand for

_NARROW = 20_000  # rows that SQLite may look at one by one, and sort, for one page: about 60 ms
_NARROW_ON_POSTGRESQL = 60_000  # rows that PostgreSQL gathers and sorts for one page, in about as long
_READ_AHEAD = 3_000  # whose words PostgreSQL reads before it looks into the index: 10 ms, and a common word needs no more
_NARROW_READING = 6_000  # found by their words on PostgreSQL; of more, the first 50 in the list's order are sooner read
_NARROW_TEXT = 2_000  # found by their words and then looked up
_READ_THROUGH = 5_000  # whose words are read instead of searched for
_LOOKED_AT = 15_000  # along one of several wide filters, for one page: about 60 ms on PostgreSQL, 40 on SQLite
_WORDS_LOOKED_AT = 6_000  # the same where their words are read as well
_SCATTERED = 4  # times as long takes a row in the order by confidence, since those next to each other lie far apart
_RUN = 3  # characters, of the runs that the words are found by

Marked = Literal["disagreed", "abstained", "escalated", "refused"]
Column = Literal["part", "channel", "asked_by", "decided_by", "model"]


class Order(StrEnum):
    """Which inspections come first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LEAST_SURE = "least_sure"  # by confidence; answers without one are left out
    MOST_SURE = "most_sure"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is looked for; None: anything will do."""

    words: str | None = None  # terms that the id, question or answer all hold, in any case; one with blanks stands in quotes
    since: clock.Moment | None = None
    until: clock.Moment | None = None  # up to, not with it
    part: str | None = None  # as the records have it, like all that follow
    lot: str | None = None  # in any case
    channel: str | None = None
    asked_by: str | None = None
    verdict: Verdict | None = None
    confidence_from: float | None = None  # 0.5 to 1
    confidence_to: float | None = None
    disposition: Disposition | None = None
    state: ProposalState | None = None
    decided_by: str | None = None
    model: str | None = None
    marked: frozenset[Marked] = frozenset()  # all of them


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended, or how far it looked."""

    number: int
    confidence: float | None = None  # for the orders by it

    @property
    def moment(self) -> datetime:
        """When the inspection that has this place was asked for."""
        return datetime.fromtimestamp((self.number // IN_A_MILLISECOND) / 1000, UTC)


@dataclass(frozen=True, kw_only=True)
class Found:
    """One inspection as the list shows it."""

    number: int
    id: str
    question: str
    language: Language
    headline: str | None  # None while it is not answered
    inspection_state: InspectionState
    received_at: str
    asked_by: str
    asked_by_name: str | None
    channel: str | None
    message_ts: str | None
    part: str | None
    lots: tuple[str, ...]
    verdict: Verdict | None
    confidence: float | None
    anomaly_score: float | None
    disposition: Disposition | None  # on record, or as proposed
    state: ProposalState | None  # None: nothing was proposed
    decided_by: str | None
    decided_by_name: str | None
    marks: frozenset[Marked]
    model: str | None
    photo_sha256: str | None  # the first usable photo, as uploaded
    shown_sha256: str | None  # its copy
    photo_count: int
    has_map: bool


@dataclass(frozen=True, kw_only=True)
class Page:
    found: tuple[Found, ...]  # fewer than were asked for, even none, on a page that ends where it had looked long enough
    more: Place | None  # where the next page begins; None on the last one


_TEXT = sa.table("register_text", sa.column("number"), sa.column("rowid"), sa.column("words"), sa.column("register_text"))
_TERMS = sa.table("register_terms", sa.column("term"))
_WORDS = sa.table("register_words", sa.column("number"), sa.column("words"))
MARKS: tuple[Marked, ...] = ("disagreed", "abstained", "escalated", "refused")
Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class _Look:
    """What finds the numbers and confidences in their order, right for as many as were asked for, and how far it looks."""

    query: sa.Select[tuple[int, float | None]]
    reach: Place | None = None  # None: to the end


def page(
    conn: Connection,
    filters: Filters,
    order: Order = Order.NEWEST,
    *,
    after: Place | None = None,
    limit: int = 50,
    without: Collection[str] = (),
) -> Page:
    """without: ids that are not to be found. Raises SearchError for words that cannot be searched for."""
    look = _look(conn, filters, order, after, limit + 1, without)
    if look is None:
        return Page(found=(), more=None)
    rows = conn.execute(look.query.limit(limit + 1)).all()
    more = _place(rows[limit - 1], order) if len(rows) > limit else look.reach
    return Page(found=_found(conn, [row.number for row in rows[:limit]]), more=more)


def count(conn: Connection, filters: Filters, *, without: Collection[str] = ()) -> int | None:
    """How many there are, COUNTED_TO + 1 for more than that; None where counting them would take long. Raises SearchError."""
    if conn.dialect.name == "sqlite" and not _is_quickly_counted(conn, filters):
        return None
    if conn.dialect.name == "postgresql" and (filters.words or _wide(filters) > 1):
        return None
    look = _look(conn, filters, Order.NEWEST, None, COUNTED_TO + 1, without)
    return _counted(conn, look.query.order_by(None), COUNTED_TO + 1) if look is not None else 0


def latest_proposing(conn: Connection, limit: int, *, part: str | None = None, without: Collection[str] = ()) -> tuple[str, ...]:
    """The ids of the newest inspections whose answers propose a disposition, of one part or of all; newest first, but for `without`."""
    query = sa.select(register.c.inspection_id).where(register.c.disposition.is_not(None), register.c.inspection_id.not_in(sorted(without)))
    if part is not None:
        query = query.where(register.c.part == part)
    return tuple(conn.execute(query.order_by(register.c.number.desc()).limit(limit)).scalars())


def waiting(conn: Connection) -> dict[str, int]:
    """How many proposals of each part wait for a decision; of those with any."""
    is_pending = register.c.proposal_state == ProposalState.PENDING.value
    query = sa.select(register.c.part, sa.func.count().label("waiting")).where(is_pending, register.c.part.is_not(None))
    return {row.part: row.waiting for row in conn.execute(query.group_by(register.c.part).order_by(register.c.part))}


def choices(conn: Connection, column: Column, limit: int = 200) -> tuple[str, ...]:
    """The values there are, sorted: each is one step in an index, however many rows have it."""
    steps = (
        f"WITH RECURSIVE step (value) AS (SELECT min({column}) FROM register UNION ALL "
        f"SELECT (SELECT min({column}) FROM register WHERE {column} > step.value) FROM step WHERE step.value IS NOT NULL) "
        "SELECT value FROM step WHERE value IS NOT NULL LIMIT :limit"
    )
    return tuple(conn.execute(sa.text(steps), {"limit": limit}).scalars())


def people_among(conn: Connection, column: Literal["asked_by", "decided_by"], limit: int = 200) -> tuple[tuple[str, str], ...]:
    """(id, name) of the people of a column, as `choices` finds them."""
    known = choices(conn, column, limit)
    named = {row.id: row.name for row in conn.execute(sa.select(people.c.id, people.c.name).where(people.c.id.in_(known)))}
    return tuple((id, named.get(id) or id) for id in known)


def person_called(conn: Connection, written: str) -> str | None:
    """The id of the person with this id, name or e-mail address; None for nobody, or several."""
    exactly: str | None = conn.execute(sa.select(people.c.id).where(people.c.id == written)).scalar_one_or_none()
    if exactly is not None:
        return exactly
    named = sa.or_(sa.func.lower(people.c.name) == sa.func.lower(written), people.c.email == written.lower())
    found = conn.execute(sa.select(people.c.id).where(named).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


def terms(words: str) -> tuple[str, ...]:
    """What is searched for: each word, and what stands in quotes as one. Raises SearchError for what would find nearly everything."""
    found = tuple(dict.fromkeys(quoted or plain for quoted, plain in re.findall(r'["“”「]([^"“”「」]+)["“”」]|([^\s"“”]+)', words)))
    if len(found) > MOST_TERMS:
        raise SearchError("too_many", str(len(found)))
    for term in found:
        if len(term.strip()) < 2 and not _is_ideograph(term.strip()):
            raise SearchError("too_short", term)
    return tuple(term.strip() for term in found)


def _place(row: sa.Row[Any], order: Order) -> Place:
    return Place(number=row.number, confidence=row.confidence if _is_by_confidence(order) else None)


def _look(conn: Connection, filters: Filters, order: Order, after: Place | None, limit: int, without: Collection[str]) -> _Look | None:
    """For the first `limit`; None when nothing can be found."""
    wanted = terms(filters.words or "")
    conditions = _conditions(filters) | _passed(order, after)
    if ("confidence" in conditions or _is_by_confidence(order)) and _makes_no_judgement(filters):
        return None  # what has no confidence has none of that size, and is not sorted by it
    if without:
        conditions["without"] = register.c.inspection_id.not_in(sorted(without))
    if _is_by_confidence(order) and not {"confidence", "after"} & conditions.keys():
        conditions["confidence"] = register.c.confidence.is_not(None)
    if conn.dialect.name == "postgresql":
        return _on_postgresql(conn, conditions, wanted, order, limit)
    return _on_sqlite(conn, conditions, wanted, order)


def _conditions(filters: Filters) -> dict[str, Condition]:
    """By name; the names of those with an index of their own are the index's."""
    found: dict[str, Condition] = {}
    for name, value in (
        ("part", filters.part),
        ("channel", filters.channel),
        ("asked_by", filters.asked_by),
        ("verdict", filters.verdict and filters.verdict.value),
        ("disposition", filters.disposition and filters.disposition.value),
        ("proposal_state", filters.state and filters.state.value),
        ("decided_by", filters.decided_by),
        ("model", filters.model),
    ):
        if value is not None:
            found[name] = register.c[name] == value
    for name in sorted(filters.marked):
        found[name] = register.c[name] == sa.literal_column("1")  # as the index says it
    if filters.lot is not None:
        lots = sa.select(register_lots.c.number).where(register_lots.c.lot == sa.func.upper(filters.lot))
        found["lot"] = register.c.number.in_(lots)
    low, high = filters.confidence_from, filters.confidence_to
    if low is not None or high is not None:
        found["confidence"] = register.c.confidence.between(low if low is not None else 0.0, high if high is not None else 1.0)
    if filters.since is not None:
        found["since"] = register.c.number >= _first_number(filters.since)
    if filters.until is not None:
        found["until"] = register.c.number < _first_number(filters.until)
    return found


def _makes_no_judgement(filters: Filters) -> bool:
    return "abstained" in filters.marked or filters.verdict in (Verdict.UNSURE, Verdict.NOT_JUDGED)


def _passed(order: Order, after: Place | None) -> dict[str, Condition]:
    if after is None:
        return {}
    if order is Order.NEWEST:
        return {"after": register.c.number < after.number}
    if order is Order.OLDEST:
        return {"after": register.c.number > after.number}
    here, there = sa.tuple_(register.c.confidence, register.c.number), sa.tuple_(sa.literal(after.confidence), sa.literal(after.number))
    return {"after": here > there if order is Order.LEAST_SURE else here < there}


def _is_by_confidence(order: Order) -> bool:
    return order in (Order.LEAST_SURE, Order.MOST_SURE)


def _first_number(moment: clock.Moment) -> int:
    milliseconds = clock.parsed(clock.text(moment)).timestamp() * 1000
    return round(milliseconds) * IN_A_MILLISECOND


def _sorted(
    query: sa.Select[Any], order: Order, number: Any = register.c.number, confidence: Any = register.c.confidence
) -> sa.Select[Any]:
    return query.order_by(
        *{
            Order.NEWEST: (number.desc(),),
            Order.OLDEST: (number,),
            Order.LEAST_SURE: (confidence, number),
            Order.MOST_SURE: (confidence.desc(), number.desc()),
        }[order]
    )


# --- PostgreSQL ----------------------------------------------------------------------------------------------------------------------


def _on_postgresql(conn: Connection, conditions: dict[str, Condition], wanted: Sequence[str], order: Order, limit: int) -> _Look:
    query = sa.select(register.c.number, register.c.confidence).where(*conditions.values())
    by_confidence, gathered = _is_by_confidence(order), False
    narrow = _NARROW_ON_POSTGRESQL if by_confidence else _NARROW
    is_narrow = min(_widths(conn, conditions, narrow).values(), default=narrow) < narrow
    reach = None
    if not is_narrow:
        _, reach = _farthest(conn, conditions, order, _WORDS_LOOKED_AT if wanted else _LOOKED_AT, has_words=bool(wanted))
    near = query.where(_within(reach, order))
    if wanted:
        folded = [[_folded_on_postgresql(conn, variant) for variant in _variants(term)] for term in wanted]
        held = [sa.or_(*(sa.func.strpos(_TEXT.c.words, variant) > 0 for variant in variants)) for variants in folded]
        if not by_confidence:
            first = _sorted(near, order).limit(_READ_AHEAD).subquery()
            ahead = sa.select(first).join(_TEXT, _TEXT.c.number == first.c.number).where(*held)
            is_common = _counted(conn, ahead, limit) == limit  # so these are the first of them
            if is_common or (reach and _counted(conn, sa.select(first), _READ_AHEAD) < _READ_AHEAD):  # or all there are so far back
                return _Look(_sorted(ahead, order, first.c.number, first.c.confidence), reach)
        # A bitmap that does not fit would have the runs made again of every row it can no longer tell apart.
        conn.execute(sa.text("SET LOCAL work_mem = '64MB'"))
        runs = sa.func.kenpin_grams(_TEXT.c.words).op("@@")(sa.cast(_tsquery(folded), TSQUERY))
        matching = sa.select(_TEXT.c.number).where(runs, *held)
        few = conn.execute(matching.limit(_NARROW_READING)).scalars().all()
        gathered = len(few) < _NARROW_READING
        if gathered:  # searched for once: the rows are looked up by what was found
            query = query.where(register.c.number == sa.any_(sa.literal(few, ARRAY(sa.BigInteger))))
        else:  # so many that the first ones in the list's order are soon found by reading
            near = near.join(_TEXT, _TEXT.c.number == register.c.number).where(*held)
    if not gathered and by_confidence:
        gathered = is_narrow
    if not gathered:
        return _Look(_sorted(near, order), reach)
    rows = _fenced(query)
    return _Look(_sorted(sa.select(rows.c.number, rows.c.confidence), order, rows.c.number, rows.c.confidence))


def _fenced(query: sa.Select[Any]) -> sa.Subquery:
    """To be found whole before it is sorted: the planner would rather walk along the order, and may have to walk all of it."""
    return query.offset(0).subquery()


def _folded_on_postgresql(conn: Connection, term: str) -> str:
    """In small letters as this server's locale makes them: the words were folded by it."""
    return str(conn.execute(sa.select(sa.func.lower(term))).scalar_one())


def _tsquery(folded: Iterable[Iterable[str]]) -> str:
    """All terms, each in any of its variants, each by all of its runs; one that is shorter by the runs that begin with it."""

    def quoted(run: str) -> str:
        return "'" + run.replace("\\", "\\\\").replace("'", "''") + "'"

    def by_runs(term: str) -> str:
        if len(term) < _RUN:
            return quoted(term) + ":*"
        return " & ".join(quoted(term[i : i + _RUN]) for i in range(len(term) - _RUN + 1))

    return " & ".join("(" + " | ".join(f"({by_runs(variant)})" for variant in variants) + ")" for variants in folded)


# --- SQLite --------------------------------------------------------------------------------------------------------------------------


def _on_sqlite(conn: Connection, conditions: dict[str, Condition], wanted: Sequence[str], order: Order) -> _Look | None:
    """None when nothing can be found."""
    by_confidence = _is_by_confidence(order)
    widths = _widths(conn, conditions, _NARROW)
    narrowest = min(widths, key=lambda name: widths[name], default=None)
    narrow = widths[narrowest] if narrowest is not None else _NARROW
    select = sa.select(register.c.number, register.c.confidence).where(*conditions.values())

    def along(index: str | None) -> sa.Select[Any]:
        return _sorted(select.with_hint(register, _indexed_by(index), "sqlite"), order)

    if wanted:
        expressions = [_matching(conn, term) for term in wanted]
        if None in expressions:
            return None
        matches = sa.text("register_text MATCH :expression").bindparams(expression=" AND ".join(f"({e})" for e in expressions))
        matching = sa.select(_TEXT.c.rowid).select_from(_TEXT).where(matches)
        bound = _NARROW if by_confidence else _NARROW_TEXT
        if _counted(conn, matching, bound) < bound:
            return _Look(along(None).where(register.c.number.in_(matching)))
        far, reach = _farthest(conn, conditions, order, _WORDS_LOOKED_AT, has_words=bool(widths))
        if narrow < _READ_THROUGH or by_confidence:
            if narrow < _NARROW:
                far, reach = narrowest, None
            read = sa.select(_WORDS.c.words).where(_WORDS.c.number == register.c.number).scalar_subquery()
            holds = (sa.or_(*(read.icontains(variant, autoescape=True) for variant in _variants(term))) for term in wanted)
            return _Look(along(far).where(*holds, _within(reach, order)), reach)
        joined = select.select_from(_TEXT.join(register, register.c.number == _TEXT.c.rowid)).with_hint(register, "NOT INDEXED", "sqlite")
        return _Look(_sorted(joined.where(matches, _within(reach, order, _TEXT.c.rowid)), order, _TEXT.c.rowid), reach)
    if narrow < _NARROW:
        return _Look(along(narrowest))
    far, reach = _farthest(conn, conditions, order, _LOOKED_AT)
    return _Look(along(far).where(_within(reach, order)), reach)


def _indexed_by(index: str | None) -> str:
    return f"INDEXED BY ix_register_{index}" if index is not None and index != "lot" else "NOT INDEXED"


def _widths(conn: Connection, conditions: dict[str, Condition], most: int) -> dict[str, int]:
    """How many rows each condition with an index of its own finds within the days, counted no further than `most`."""
    days = [conditions[name] for name in ("since", "until") if name in conditions]
    found = {}
    for name, condition in conditions.items():
        if name in ("since", "until", "after", "without"):
            continue
        rows = sa.select(register.c.number).where(condition, *days).with_hint(register, _indexed_by(name), "sqlite")
        found[name] = _counted(conn, rows, most)
    return found


def _counted(conn: Connection, rows: sa.Select[Any], most: int) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(rows.limit(most).subquery())).scalar_one())


def _matching(conn: Connection, term: str) -> str | None:
    """What FTS5 is asked for: the term as it stands, or any of the runs that begin with it. None when nothing can match."""
    asked: list[str] = []
    for variant in _variants(term):
        if len(variant) >= _RUN:
            asked.append(variant)
            continue
        first = variant.casefold()
        query = sa.select(_TERMS.c.term).where(_TERMS.c.term >= first, _TERMS.c.term < first + "\U0010ffff").limit(MOST_RUNS + 1)
        runs = conn.execute(query).scalars().all()
        if len(runs) > MOST_RUNS:
            raise SearchError("too_short", term)
        asked += runs
    return " OR ".join('"' + run.replace('"', '""') + '"' for run in asked) if asked else None


# --- both ----------------------------------------------------------------------------------------------------------------------------


def _variants(term: str) -> tuple[str, ...]:
    """The term as typed, and with its width folded: nobody sees whether a question was typed in full-width letters."""
    plain = unicodedata.normalize("NFKC", term)
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in plain)
    return tuple(dict.fromkeys((term, plain, wide)))


def _is_ideograph(term: str) -> bool:
    return len(term) == 1 and unicodedata.name(term, "").startswith("CJK UNIFIED IDEOGRAPH")


def _wide(filters: Filters) -> int:
    """How many conditions there are beside the days."""
    return len(_conditions(filters).keys() - {"since", "until"}) + len(terms(filters.words or ""))


def _farthest(
    conn: Connection, conditions: dict[str, Condition], order: Order, most: int, *, has_words: bool = False
) -> tuple[str | None, Place | None]:
    """The index that leads farthest through the list in `most` steps, and to where.

    The index is None where the list itself is followed. The place is None where an index ends before it, or holds nothing but what fits.
    """
    within = {name: conditions[name] for name in ("since", "until", "after") if name in conditions}
    filters = {name: condition for name, condition in conditions.items() if name not in (*within, "without")}
    ways: dict[str | None, Condition]
    if _is_by_confidence(order):
        ways, most = {"confidence": filters.pop("confidence", register.c.confidence.is_not(None))}, max(most // _SCATTERED, 1)
        fits = not filters and not within.keys() & {"since", "until"}
    else:
        ways = {name: condition for name, condition in filters.items() if name not in ("confidence", "lot")} or {None: sa.true()}
        fits = len(filters) == 0 or (len(filters) == 1 and filters.keys() == ways.keys())
    if fits and not has_words:
        return next(iter(ways)), None
    reached: list[tuple[Place, str | None]] = []
    for name, condition in ways.items():
        steps = sa.select(register.c.number, *([register.c.confidence] if name == "confidence" else []))
        steps = steps.where(condition, *within.values()).with_hint(register, _indexed_by(name), "sqlite")
        last = conn.execute(_sorted(steps, order).offset(most - 1).limit(1)).first()
        if last is None:
            return name, None
        reached.append((_place(last, order), name))
    place, farthest = (max if order is Order.OLDEST else min)(reached, key=lambda one: one[0].number)
    return farthest, place


def _within(reach: Place | None, order: Order, number: Any = register.c.number) -> Condition:
    """Not beyond this place in the list."""
    if reach is None:
        return sa.true()
    if order is Order.NEWEST:
        return number >= reach.number  # type: ignore[no-any-return]
    if order is Order.OLDEST:
        return number <= reach.number  # type: ignore[no-any-return]
    here, there = sa.tuple_(register.c.confidence, register.c.number), sa.tuple_(sa.literal(reach.confidence), sa.literal(reach.number))
    return here <= there if order is Order.LEAST_SURE else here >= there


def _is_quickly_counted(conn: Connection, filters: Filters) -> bool:
    """On SQLite: one condition is counted along its index, several along a narrow one."""
    if _wide(filters) <= 1:
        return True
    widths = _widths(conn, _conditions(filters), _NARROW)
    return min(widths.values(), default=_NARROW) < (_READ_THROUGH if filters.words else _NARROW)


def _found(conn: Connection, numbers: Sequence[int]) -> tuple[Found, ...]:
    decider = people.alias("decider")
    usable = inspection_photos.alias("usable")
    of_it = sa.and_(usable.c.inspection_id == inspections.c.id, usable.c.photo_sha256.is_not(None))
    first_photo = sa.select(sa.func.min(usable.c.position)).where(of_it).correlate(inspections).scalar_subquery()
    photo_count = sa.select(sa.func.count(usable.c.position)).where(of_it).correlate(inspections).scalar_subquery()
    query = (
        sa.select(
            register,
            inspections.c.id,
            inspections.c.question,
            inspections.c.language,
            inspections.c.words,
            inspections.c.state,
            inspections.c.received_at,
            inspections.c.message_ts,
            inspections.c.anomaly_score,
            people.c.name.label("asked_by_name"),
            decider.c.name.label("decided_by_name"),
            photos.c.sha256,
            photos.c.shown_sha256,
            photo_count.label("photo_count"),
            inspections.c.answer["comparisons"][0]["map_sha256"].as_string().label("map_sha256"),
        )
        .select_from(
            register.join(inspections, inspections.c.id == register.c.inspection_id)
            .outerjoin(people, people.c.id == register.c.asked_by)
            .outerjoin(decider, decider.c.id == register.c.decided_by)
            .outerjoin(
                inspection_photos,
                sa.and_(inspection_photos.c.inspection_id == inspections.c.id, inspection_photos.c.position == first_photo),
            )
            .outerjoin(photos, photos.c.sha256 == inspection_photos.c.photo_sha256)
        )
        .where(register.c.number.in_(numbers))
    )
    lots: dict[int, list[str]] = {}
    of_lots = (
        sa.select(register_lots.c.number, register_lots.c.lot).where(register_lots.c.number.in_(numbers)).order_by(register_lots.c.lot)
    )
    for number, lot in conn.execute(of_lots):
        lots.setdefault(number, []).append(lot)
    rows = {row.number: row for row in conn.execute(query)}
    return tuple(_one(rows[number], lots.get(number, ())) for number in numbers)


def _one(row: sa.Row[Any], lots: Iterable[str]) -> Found:
    return Found(
        number=row.number,
        id=row.id,
        question=row.question,
        language=Language(row.language),
        headline=row.words.partition("\n")[0] if row.words is not None else None,
        inspection_state=InspectionState(row.state),
        received_at=row.received_at,
        asked_by=row.asked_by,
        asked_by_name=row.asked_by_name,
        channel=row.channel,
        message_ts=row.message_ts,
        part=row.part,
        lots=tuple(lots),
        verdict=Verdict(row.verdict) if row.verdict else None,
        confidence=row.confidence,
        anomaly_score=row.anomaly_score,
        disposition=Disposition(row.disposition) if row.disposition else None,
        state=ProposalState(row.proposal_state) if row.proposal_state else None,
        decided_by=row.decided_by,
        decided_by_name=row.decided_by_name,
        marks=frozenset(name for name in MARKS if row._mapping[name]),
        model=row.model,
        photo_sha256=row.sha256,
        shown_sha256=row.shown_sha256,
        photo_count=row.photo_count,
        has_map=row.map_sha256 is not None,
    )
