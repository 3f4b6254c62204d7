"""Second looks: a share of the judgements is looked at again by a person who does not know the answer, and how well both agree.

Which inspections are drawn follows from their references alone, which nobody chooses. A draw and its reply are rows of their own; neither
is ever changed.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import audit, clock, parts
from kenpin.storage.audit import AuditEntry
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.tables import people, register, second_look_replies, second_looks
from kenpin.storage.vocabulary import SecondLook, Verdict

_Said = tuple[str, str | None]  # the answer's verdict, and what the person said; None: nothing yet


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the person who was drawn said."""

    inspection_id: str
    person_id: str
    said: SecondLook
    source_event: str | None
    at: str


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How answers and second looks compare."""

    drawn: int
    replied: int
    cannot_tell: int  # of the replies
    ok_both: int
    not_ok_both: int
    answer_ok_only: int  # the answer said OK and the person not OK: escapes, if the person is right
    person_ok_only: int  # the answer said not OK and the person OK: overkill, if the person is right

    @property
    def n(self) -> int:
        """Replies that judge."""
        return self.ok_both + self.not_ok_both + self.answer_ok_only + self.person_ok_only

    @property
    def agreement(self) -> float | None:
        """Share of the judgements that are the same, 0 to 1; None without any."""
        return (self.ok_both + self.not_ok_both) / self.n if self.n else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: 1 is full agreement, 0 what chance alone would give; None where chance alone would give all of it.

        Source: J. Cohen, A coefficient of agreement for nominal scales, 1960.
        """
        if self.agreement is None:
            return None
        answers_ok, people_ok = self.ok_both + self.answer_ok_only, self.ok_both + self.person_ok_only
        by_chance = (answers_ok * people_ok + (self.n - answers_ok) * (self.n - people_ok)) / self.n**2
        return (self.agreement - by_chance) / (1 - by_chance) if by_chance < 1 else None


@dataclass(frozen=True, kw_only=True)
class Agreements:
    """How answers and second looks compare, for each part and for each person."""

    by_part: dict[str, Agreement]  # "": of no known part
    by_person: dict[str, Agreement]  # by id


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A look that somebody was asked for and has not taken."""

    inspection_id: str
    person_id: str
    person: str  # their name, or id
    part: str | None
    since: str


def is_drawn(inspection_id: str, share: float) -> bool:
    """Whether this inspection is one of the share (0 to 1) that is looked at again. The same whenever it is asked."""
    return _drawn_number(f"second look:{inspection_id}") < share


def person_for(inspection_id: str, candidates: Collection[str]) -> str | None:
    """Who of these people looks: drawn by the reference as well. None when there is nobody."""
    return min(candidates, key=lambda person: (_drawn_number(f"{inspection_id}:{person}"), person), default=None)


def draw(conn: Connection, inspection_id: str, person_id: str) -> bool:
    """Put on record that this person is asked. False when somebody is already.

    The database refuses somebody who asked the question, and an answer without a judgement (sqlalchemy.exc.IntegrityError).
    """
    if asked(conn, inspection_id) is not None:
        return False
    return insert_if_absent(conn, second_looks, inspection_id=inspection_id, person_id=person_id, at=clock.now())


def asked(conn: Connection, inspection_id: str) -> str | None:
    """Who is asked for a second look; None when nobody is."""
    query = sa.select(second_looks.c.person_id).where(second_looks.c.inspection_id == inspection_id)
    return conn.execute(query).scalar_one_or_none()


def open_for(conn: Connection, person_id: str) -> tuple[str, ...]:
    """The inspections that this person was asked to look at again and has not replied to, longest waiting first."""
    query = (
        sa.select(second_looks.c.inspection_id)
        .outerjoin(second_look_replies, second_look_replies.c.inspection_id == second_looks.c.inspection_id)
        .where(second_looks.c.person_id == person_id, second_look_replies.c.inspection_id.is_(None))
        .order_by(second_looks.c.at, second_looks.c.inspection_id)
    )
    return tuple(conn.execute(query).scalars())


def first_told(conn: Connection, person_id: str, first: int = 1, last: int | None = None) -> AuditEntry | None:
    """The first audit entry from number `first` to `last` about an inspection that this person has yet to look at."""
    end = None if last is None else last + 1
    each = (next(audit.entries(conn, after=first - 1, before=end, inspection_id=id, limit=1), None) for id in open_for(conn, person_id))
    return min((entry for entry in each if entry), key=lambda entry: entry.seq, default=None)


def reply(conn: Connection, inspection_id: str, person_id: str, said: SecondLook, source_event: str | None = None) -> Reply:
    """Put a reply on record; the first one stands and is returned. Raises UnknownRowError for somebody who was not asked."""
    if asked(conn, inspection_id) != person_id:
        raise UnknownRowError(f"{person_id} was not asked for a second look at {inspection_id}. Nothing was recorded.")
    if (first := reply_of(conn, inspection_id)) is not None:
        return first
    insert_if_absent(
        conn,
        second_look_replies,
        inspection_id=inspection_id,
        person_id=person_id,
        said=said.value,
        source_event=source_event,
        at=clock.now(),
    )
    stands = reply_of(conn, inspection_id)
    assert stands is not None
    return stands


def reply_of(conn: Connection, inspection_id: str) -> Reply | None:
    return _reply(conn.execute(sa.select(second_look_replies).where(second_look_replies.c.inspection_id == inspection_id)).first())


def agreement(conn: Connection, part: str | None = None) -> Agreement:
    """Of one part, however it is written, or of all when it is None. Raises UnknownRowError when there is no such part."""
    number = parts.number_of(conn, part) if part is not None else None
    if part is not None and number is None:
        raise UnknownRowError(f"There is no part {part!r}; see `kenpin parts list`.")
    by_part = agreements(conn).by_part
    return by_part.get(number, _NONE) if number is not None else _summed(by_part.values())


def agreements(conn: Connection, since: clock.Moment | None = None) -> Agreements:
    """For each part, and for each person who was asked to look; of the looks asked for since then, or of all."""
    query = (
        sa.select(second_looks.c.person_id, register.c.part, register.c.verdict, second_look_replies.c.said, sa.func.count())
        .select_from(
            second_looks.join(register, register.c.inspection_id == second_looks.c.inspection_id).outerjoin(
                second_look_replies, second_look_replies.c.inspection_id == second_looks.c.inspection_id
            )
        )
        # By person first: grouped by part first, SQLite walks all of the register instead of the looks.
        .group_by(second_looks.c.person_id, register.c.part, register.c.verdict, second_look_replies.c.said)
    )
    if since is not None:
        query = query.where(second_looks.c.at >= clock.text(since))
    of_parts: dict[str, Counter[_Said]] = defaultdict(Counter)
    of_people: dict[str, Counter[_Said]] = defaultdict(Counter)
    for person_id, part, verdict, said, count in conn.execute(query):
        of_parts[part or ""][verdict, said] += count
        of_people[person_id][verdict, said] += count
    return Agreements(
        by_part={part: _agreement(counts) for part, counts in of_parts.items()},
        by_person={person_id: _agreement(counts) for person_id, counts in of_people.items()},
    )


def waiting(conn: Connection, limit: int) -> tuple[Waiting, ...]:
    """Looks that were asked for and have no reply, longest waiting first."""
    query = (
        sa.select(second_looks.c.inspection_id, second_looks.c.person_id, people.c.name, register.c.part, second_looks.c.at)
        .select_from(
            second_looks.join(register, register.c.inspection_id == second_looks.c.inspection_id)
            .join(people, people.c.id == second_looks.c.person_id)
            .outerjoin(second_look_replies, second_look_replies.c.inspection_id == second_looks.c.inspection_id)
        )
        .where(second_look_replies.c.inspection_id.is_(None))
        .order_by(second_looks.c.at, second_looks.c.inspection_id)
        .limit(limit)
    )
    return tuple(
        Waiting(inspection_id=row.inspection_id, person_id=row.person_id, person=row.name or row.person_id, part=row.part, since=row.at)
        for row in conn.execute(query)
    )


def _agreement(counted: Mapping[_Said, int]) -> Agreement:
    def both(answer: Verdict, person: SecondLook) -> int:
        return counted.get((answer.value, person.value), 0)

    return Agreement(
        drawn=sum(counted.values()),
        replied=sum(count for (_, said), count in counted.items() if said is not None),
        cannot_tell=both(Verdict.OK, SecondLook.CANNOT_TELL) + both(Verdict.NOT_OK, SecondLook.CANNOT_TELL),
        ok_both=both(Verdict.OK, SecondLook.OK),
        not_ok_both=both(Verdict.NOT_OK, SecondLook.NOT_OK),
        answer_ok_only=both(Verdict.OK, SecondLook.NOT_OK),
        person_ok_only=both(Verdict.NOT_OK, SecondLook.OK),
    )


_NONE = _agreement({})


def _summed(each: Iterable[Agreement]) -> Agreement:
    fields = [asdict(one) for one in (*each, _NONE)]
    return Agreement(**{name: sum(one[name] for one in fields) for name in fields[0]})


def _drawn_number(text: str) -> float:
    """A number from 0 to just below 1 that only the text decides."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:7]) / 2**56


def _reply(row: Row[Any] | None) -> Reply | None:
    return Reply(**{**row._mapping, "said": SecondLook(row.said)}) if row else None
