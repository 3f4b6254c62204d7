"""Part numbers, their references, and finding a part number in what somebody typed.

People write one number many ways: SC-200, sc200, ＳＣ－２００, "SC 200". `folded` makes them one. The number as first added is the
one that every record holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import audit, clock
from kenpin.storage.audit import AuditKind
from kenpin.storage.canonical import storable
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.tables import part_references, parts
from kenpin.storage.vocabulary import Part, Reference

_DASHES = r"\-" + "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # hyphens, dashes and the minus sign
_GAP = rf"[\s{_DASHES}]"
# A letter or digit that would make the number a part of a longer word. Japanese runs on without blanks, so it does not count.
_JOINS = r"[^\W\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]"


def folded(number: str) -> str:
    """The number with width, case, dashes and blanks folded away."""
    return re.sub(_GAP, "", _plain(number))


def add(conn: Connection, number: str, name: str | None, by: str) -> bool:
    """Remember a part number. False when it is known already, however it was written; a name given now is then taken over.

    Raises ValueError when it holds no letter and no digit; "*", which stands for every part, is such a one.
    """
    number = " ".join(unicodedata.normalize("NFKC", storable(number)).split())
    if not any(letter.isalnum() for letter in folded(number)):
        raise ValueError(f"{number!r} cannot be a part number; it needs at least one letter or digit.")
    if insert_if_absent(conn, parts, number=number, folded=folded(number), name=name, added_by=by, added_at=clock.now()):
        return True
    if name is not None:
        conn.execute(parts.update().where(parts.c.folded == folded(number)).values(name=name))
    return False


def number_of(conn: Connection, written: str) -> str | None:
    """The number as the records hold it, for a number as somebody typed it."""
    return conn.execute(sa.select(parts.c.number).where(parts.c.folded == folded(written))).scalar_one_or_none()


def find(conn: Connection, number: str) -> Part | None:
    rows = conn.execute(sa.select(parts.c.number, parts.c.name).where(parts.c.folded == folded(number))).all()
    return _with_references(conn, rows[0].number, rows[0].name) if rows else None


def all_parts(conn: Connection) -> tuple[Part, ...]:
    """Every part with its references, by number."""
    held: dict[str, list[Reference]] = {}
    for row in conn.execute(sa.select(part_references).order_by(part_references.c.part, part_references.c.position)):
        held.setdefault(row.part, []).append(Reference(photo_sha256=row.photo_sha256, shown_sha256=row.shown_sha256, state=row.state))
    rows = conn.execute(sa.select(parts.c.number, parts.c.name).order_by(parts.c.number))
    return tuple(Part(number=row.number, name=row.name, references=tuple(held.get(row.number, ()))) for row in rows)


def add_references(conn: Connection, part: str, references: Sequence[Reference], by: str, proposal_id: str | None = None) -> int:
    """Add photos to the part's references, after those it has; a photo it has already changes nothing. Returns how many are new.

    proposal_id: the proposal whose recorded action adds them; None when an approver adds them directly. Raises UnknownRowError when
    there is no such part.
    """
    number = number_of(conn, part)
    if number is None:
        raise UnknownRowError(f"There is no part {part!r}. Add it with `kenpin parts add {part}`.")
    at = clock.now()
    last = sa.select(sa.func.coalesce(sa.func.max(part_references.c.position), -1)).where(part_references.c.part == number)
    held = conn.execute(last).scalar_one() + 1
    new = 0
    for reference in references:
        new += insert_if_absent(
            conn,
            part_references,
            part=number,
            photo_sha256=reference.photo_sha256,
            shown_sha256=reference.shown_sha256,
            state=reference.state,
            added_by=by,
            added_at=at,
            position=held + new,
            proposal_id=proposal_id,
        )
    return new


def take_out_reference(conn: Connection, part: str, photo_sha256: str, by: str) -> Reference | None:
    """The photo is no longer one of the part's references; with an audit entry, so call it last in the transaction.

    None, and nothing written, when it is none. Raises UnknownRowError when there is no such part.
    """
    number = number_of(conn, part)
    if number is None:
        raise UnknownRowError(f"There is no part {part!r}; see `kenpin parts list`.")
    held = sa.and_(part_references.c.part == number, part_references.c.photo_sha256 == photo_sha256)
    row = conn.execute(sa.select(part_references).where(held)).first()
    if row is None:
        return None
    conn.execute(part_references.delete().where(held))
    told = {"part": number, "photo_sha256": photo_sha256, "state": row.state, "added_by": row.added_by, "added_at": row.added_at, "by": by}
    audit.append(conn, AuditKind.REFERENCE_TAKEN_OUT, told, person_id=by)
    return Reference(photo_sha256=row.photo_sha256, shown_sha256=row.shown_sha256, state=row.state)


def numbers(conn: Connection) -> tuple[str, ...]:
    """Every part number, sorted."""
    return tuple(conn.scalars(sa.select(parts.c.number).order_by(parts.c.number)))


def numbers_in(conn: Connection, text: str) -> tuple[str, ...]:
    """The known part numbers that a free text names, longest first, English or Japanese around them.

    A number inside a longer one is not named by it: neither "SC-2001" nor "SC-200-B" names SC-200.
    """
    rest = _plain(text)
    named = []
    for number in sorted(conn.scalars(sa.select(parts.c.number)), key=lambda known: (-len(folded(known)), known)):
        rest, times = _pattern(number).subn("\n", rest)  # taken out, so that no shorter number is found within
        if times:
            named.append(number)
    return tuple(named)


def _plain(text: str) -> str:
    """One width and one case. Folding the case can undo the width's folding, so that comes last again."""
    written = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(text)).casefold())
    return re.sub("(?<=[0-9a-z])\u30fc", "-", written)  # the long-vowel mark, which a Japanese keyboard gives for a dash


def _pattern(number: str) -> re.Pattern[str]:
    """Blanks and dashes may come and go where the number has them, and between its letters and its digits.

    The latter not in the shortest numbers: "a 1 mm scratch" does not name A1.
    """
    written = _plain(number)
    loose = len(folded(number)) >= 4
    body = ""
    for gap, piece in re.findall(rf"({_GAP}*)(\d+|[^\d\s{_DASHES}]+)", written):
        body += (f"{_GAP}?" if body and (gap or loose) else "") + re.escape(piece)
    before = rf"(?<!{_JOINS})(?<!{_JOINS}[{_DASHES}])" if re.match(_JOINS, written) else ""
    after = rf"(?!{_JOINS})(?![{_DASHES}]{_JOINS})" if re.search(rf"{_JOINS}\Z", written) else ""
    return re.compile(before + body + after)


def _with_references(conn: Connection, number: str, name: str | None) -> Part:
    rows = conn.execute(sa.select(part_references).where(part_references.c.part == number).order_by(part_references.c.position))
    references = tuple(Reference(photo_sha256=row.photo_sha256, shown_sha256=row.shown_sha256, state=row.state) for row in rows)
    return Part(number=number, name=name, references=references)
