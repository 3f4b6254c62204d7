"""The audit log: an append-only chain of entries, each holding the hash of the one before it.

An entry's payload (what happened, in JSON) lies in a table of its own and can be erased, as privacy may demand; the chain holds
sha256(salt + payload) only, so that erasing one breaks nothing and nobody can guess an erased payload from its digest. What the
chain cannot show is that somebody with full power over the database rewrote all of it: `anchors` keeps the head somewhere else from time
to time, and `verify` holds the chain against it. `audit_export` writes the log to files.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import canonical, clock
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.tables import GENESIS, audit_entries, audit_head, audit_payloads


class AuditKind(StrEnum):
    """What an entry is about; `meaning` is the sentence a supervisor reads."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> AuditKind:  # called with the value alone, it looks the member up
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    QUESTION_RECEIVED = "question_received", "A question was stored and queued."
    PHOTO_REFUSED = "photo_refused", "A file could not be inspected, and the person was told why."
    ANSWER_SAVED = "answer_saved", "The chain answered; the answer is on record."
    ANSWER_POSTED = "answer_posted", "The answer stands in the thread."
    PROPOSAL_MADE = "proposal_made", "A proposal is on record and waits for an approver."
    DECISION_APPROVED = "decision_approved", "An approver approved the proposal."
    DECISION_REJECTED = "decision_rejected", "An approver rejected the proposal."
    DECISION_CORRECTED = "decision_corrected", "An approver corrected the answer and what it proposed."
    PROPOSAL_ENDORSED = "proposal_endorsed", "The first of two people approved the proposal; the second is awaited."
    PROPOSAL_EXPIRED = "proposal_expired", "Nobody decided on the proposal before its deadline."
    DECISION_REFUSED = "decision_refused", "Somebody tried to decide and was refused; nothing was recorded."
    ACTION_RECORDED = "action_recorded", "The approved action, or the corrected one, is on record."
    SECOND_LOOK_DRAWN = "second_look_drawn", "The answer was drawn for a second look by somebody who does not know it."
    SECOND_LOOK_TAKEN = "second_look_taken", "Somebody looked at the photo again without knowing the answer, and said what it is."
    REFERENCES_ADDED = "references_added", "Photos were added to a part's references."
    REFERENCE_TAKEN_OUT = "reference_taken_out", "A photo is no longer one of a part's references; answers before rest on it all the same."
    PART_ADDED = "part_added", "A part number was added."
    TARGETS_SET = "targets_set", "What a part may let through and turn down was changed."
    RULES_CHANGED = "rules_changed", "A file of the site's rules was changed, added or taken away."
    FAILURE_MODES_IMPORTED = "failure_modes_imported", "A part's rows of the FMEA table were replaced or added to."
    APPROVER_GRANTED = "approver_granted", "Somebody may decide on a part, or on every part, from now on."
    APPROVER_REVOKED = "approver_revoked", "Somebody may no longer decide."
    INSPECTION_FAILED = "inspection_failed", "An inspection was given up after every retry, and the person was told."
    SIGNED_IN = "signed_in", "Somebody signed in to the console."
    SIGNED_OUT = "signed_out", "A session in the console was ended before its time."
    SIGN_IN_REFUSED = "sign_in_refused", "A sign-in to the console was refused."
    ROLE_CHANGED = "role_changed", "Somebody's role in the console is another one than when they signed in."
    PAGE_REFUSED = "page_refused", "Somebody asked the console for what their role does not allow, and was refused."
    FORM_REFUSED = "form_refused", "A form came to the console without its session's secret, or from another site, and was refused."
    ANSWER_KEPT = "answer_kept", "The answer is kept and not posted: its part is in shadow."
    MODE_STARTED = "mode_started", "A part got its first mode."
    MODE_PROMOTED = "mode_promoted", "A supervisor signed the evidence by which a part goes one mode up."
    MODE_DEMOTED = "mode_demoted", "A supervisor took a part to a lower mode."
    MODE_FELL_BACK = "mode_fell_back", "A part fell back one mode by itself: too many escapes, or drift."
    MODE_REFUSED = "mode_refused", "Somebody asked for another mode of a part and was refused; the mode stayed."
    GROUP_POSTED = "group_posted", "Clear accepts of one part stand in one message and wait for one approval."
    GROUP_APPROVED = "group_approved", "An approver approved a group of accepts; each has its own decision and action beside this."
    GROUP_REFUSED = "group_refused", "Somebody tried to approve a group of accepts and was refused; nothing was recorded."
    TAKEN_OUT_OF_GROUP = "taken_out_of_group", "An accept was taken out of its group, to be decided by itself."
    ANCHOR_POSTED = "anchor_posted", "The head of this log was noted outside the database, in Slack or in a file."
    LOG_EXPORTED = "log_exported", "Entries of this log were written to files, with a signed manifest."
    PERSON_EXPORTED = "person_exported", "Everything on record about one person was written to a file."
    RETENTION_SET = "retention_set", "How long photos and questions about a part are kept was changed."
    ERASED = "erased", "Questions, photos or what is known of a person were erased; the entry says which, by whom and why."
    INSPECTION_REPLAYED = "inspection_replayed", "An inspection was made again, to see whether the same comes out; only this was recorded."
    PAYLOAD_ERASED = "payload_erased", "What an earlier entry said was erased; the entry itself stays."


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One link of the chain, with its payload as long as that is not erased."""

    seq: int  # from 1, without gaps
    at: str
    kind: AuditKind
    inspection_id: str | None
    person_id: str | None
    payload: dict[str, Any] | None  # None once erased
    salt: str | None  # with the payload, what payload_sha256 is taken of
    payload_sha256: str
    prev_hash: str
    hash: str
    erased_in: int | None  # the entry that says who erased the payload and why


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What walking the whole chain found."""

    entries: int  # entries found whole, up to the first broken one
    erased: int  # of them, those whose payload was erased
    broken_at: int | None  # the sequence number where the chain breaks; None when it is whole
    why: str | None
    head: str  # hash of the last whole entry; keep it with `entries` outside the database
    held: tuple[int, str] | None = None  # number and moment of the newest entry that an anchor given to `verify` vouches for

    @property
    def whole(self) -> bool:
        return self.broken_at is None


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry, and what is wrong with it as a link of the chain."""

    entry: AuditEntry
    fault: str | None  # None: it follows the entry before it, and its payload fits its hash


def append(
    conn: Connection, kind: AuditKind, payload: dict[str, Any], inspection_id: str | None = None, person_id: str | None = None
) -> AuditEntry:
    """Add one entry. Call it last in the transaction: it locks the head, and every other writer waits until the commit."""
    for id in (inspection_id, person_id):
        if id is not None and "\n" in id:
            raise ValueError(f"The id {id!r} has a line break, which the chain's hashes cannot hold.")
    tail = conn.execute(sa.select(audit_head.c.seq, audit_head.c.hash).with_for_update()).one()
    written, salt = canonical.dumps(payload), secrets.token_hex(16)
    seq, at, payload_sha256 = tail.seq + 1, clock.now(), canonical.sha256(salt + written)
    hash = _hash(tail.hash, seq, at, kind.value, inspection_id, person_id, payload_sha256)
    conn.execute(
        audit_entries.insert().values(
            seq=seq,
            at=at,
            kind=kind.value,
            inspection_id=inspection_id,
            person_id=person_id,
            payload_sha256=payload_sha256,
            prev_hash=tail.hash,
            hash=hash,
        )
    )
    conn.execute(audit_payloads.insert().values(seq=seq, salt=salt, payload=written))
    return AuditEntry(
        seq=seq,
        at=at,
        kind=kind,
        inspection_id=inspection_id,
        person_id=person_id,
        payload=json.loads(written),
        salt=salt,
        payload_sha256=payload_sha256,
        prev_hash=tail.hash,
        hash=hash,
        erased_in=None,
    )


def entries(
    conn: Connection,
    *,
    after: int = 0,
    kind: AuditKind | None = None,
    inspection_id: str | None = None,
    person_id: str | None = None,
    before: int | None = None,
    newest_first: bool = False,
    limit: int | None = None,
) -> Iterator[AuditEntry]:
    """Entries numbered above `after` and below `before`, read as they are consumed, so that a long log needs little memory."""
    query = _WITH_PAYLOAD.where(audit_entries.c.seq > after)
    if before is not None:
        query = query.where(audit_entries.c.seq < before)
    if kind is not None:
        query = query.where(audit_entries.c.kind == kind.value)
    if inspection_id is not None:
        query = query.where(audit_entries.c.inspection_id == inspection_id)
    if person_id is not None:
        query = query.where(audit_entries.c.person_id == person_id)
    query = query.order_by(audit_entries.c.seq.desc() if newest_first else audit_entries.c.seq).limit(limit)
    yield from (_entry(KeptEntry._make(row)) for row in conn.execute(query, execution_options={"yield_per": 1000}))


def show(conn: Connection, reference: str) -> tuple[AuditEntry, ...]:
    """The entry with this sequence number, or every entry of the inspection with this id. Raises UnknownRowError for neither."""
    if reference.isascii() and reference.isdigit():
        found = tuple(_entry(KeptEntry._make(row)) for row in conn.execute(_WITH_PAYLOAD.where(audit_entries.c.seq == int(reference))))
    else:
        found = tuple(entries(conn, inspection_id=reference))
    if not found:
        raise UnknownRowError(f"The audit log has no entry {reference} and none about an inspection {reference}. See `kenpin audit list`.")
    return found


def first_since(conn: Connection, moment: clock.Moment) -> int:
    """The number of the first entry that was written at this moment or later; one above the head's when there is none.

    Entries are written in the order of time, but for the clocks of several machines, which differ a little: it is found by halving.
    """
    sought, low, high = clock.text(moment), 1, head(conn)[0] + 1
    while low < high:
        middle = (low + high) // 2
        if conn.execute(sa.select(audit_entries.c.at).where(audit_entries.c.seq == middle)).scalar_one() < sought:
            low = middle + 1
        else:
            high = middle
    return low


def head(conn: Connection) -> tuple[int, str]:
    """The number and the hash of the newest entry; (0, GENESIS) in an empty log."""
    row = conn.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).one()
    return row.seq, row.hash


def links(conn: Connection, inspection_id: str) -> tuple[Link, ...]:
    """Every entry about an inspection, oldest first, each checked by itself; `verify` alone walks the whole chain."""
    query = _WITH_PAYLOAD.where(audit_entries.c.inspection_id == inspection_id).order_by(audit_entries.c.seq)
    rows = [KeptEntry._make(row) for row in conn.execute(query)]
    preceding = sa.select(audit_entries.c.seq, audit_entries.c.hash).where(audit_entries.c.seq.in_([row.seq - 1 for row in rows]))
    hashes = {0: GENESIS} | {row.seq: row.hash for row in conn.execute(preceding)}
    return tuple(Link(entry=_entry(row), fault=_fault(row, row.seq, hashes.get(row.seq - 1, ""))) for row in rows)


def erase(conn: Connection, seq: int, *, person_id: str, why: str) -> AuditEntry:
    """Erase what an entry said, for good, and append an entry that says who did so and why.

    Raises UnknownRowError when there is nothing to erase, or the entry is itself about an erasure.
    """
    if not _erasable(conn, (seq,)):
        raise UnknownRowError(f"The audit log has no entry {seq} with a payload to erase. See `kenpin audit show {seq}`.")
    entry = append(conn, AuditKind.PAYLOAD_ERASED, {"seq": seq, "why": why}, person_id=person_id)
    conn.execute(audit_payloads.update().where(audit_payloads.c.seq == seq).values(salt=None, payload=None, erased_in=entry.seq))
    return entry


def erase_all(conn: Connection, seqs: Collection[int], *, person_id: str | None, why: str) -> AuditEntry | None:
    """Erase what several entries said, in one entry that names them all. Those with nothing to erase are passed over; None when all are.

    seqs: at most 1,000 of them, as both databases bound how many values a statement may have.
    """
    erasable = _erasable(conn, seqs)
    if not erasable:
        return None
    entry = append(conn, AuditKind.PAYLOAD_ERASED, {"seqs": erasable, "why": why}, person_id=person_id)
    gone = audit_payloads.update().where(audit_payloads.c.seq.in_(erasable)).values(salt=None, payload=None, erased_in=entry.seq)
    conn.execute(gone)
    return entry


def verify(conn: Connection, progress: Callable[[int, int], None] | None = None, anchors: Collection[tuple[int, str]] = ()) -> Verification:
    """Walk the chain from its start and check every hash, every payload, and that it ends at the head.

    Call it inside `reading`, whose one moment makes head and entries fit while others append.

    progress: called now and then with how many entries are done and how many there are. anchors: the number of entries and the head's
    hash as they were at some moments, kept outside the database; the chain must still hold them all.
    """
    ends = conn.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).first()
    total = ends.seq if ends else 0
    seq, hash = 0, GENESIS
    held: tuple[int, str] | None = None
    vouched: dict[int, set[str]] = {}
    for number, anchored in anchors:
        vouched.setdefault(number, set()).add(anchored)
    untold: dict[int, set[int]] = {}  # the entry that is said to tell of erasures -> the entries erased, until it was seen to do so
    erased = 0

    def broken(at: int, why: str) -> Verification:
        return Verification(entries=seq, erased=erased, broken_at=at, why=why, head=hash, held=held)

    for found in conn.execute(_WITH_PAYLOAD.order_by(audit_entries.c.seq), execution_options={"yield_per": _AT_ONCE}):
        row = KeptEntry._make(found)
        why = _fault(row, seq + 1, hash)
        if why is not None:
            return broken(seq + 1, why)
        seq, hash = row.seq, row.hash
        if row.erased_in is not None:
            erased += 1
            untold.setdefault(row.erased_in, set()).add(seq)
        elif seq in untold:
            untold[seq] -= _erases(row)
            if not untold[seq]:
                del untold[seq]
        if seq in vouched:
            if vouched[seq] != {hash}:
                return broken(seq, f"entry {seq} is not the one that was anchored outside: the chain was rewritten")
            held = seq, row.at
        if progress is not None and seq % 1000 == 0:
            progress(seq, max(total, seq))
    if ends is None:
        return broken(seq + 1, "the head is missing")
    if (ends.seq, ends.hash) != (seq, hash):
        return broken(seq + 1, f"the chain ends at entry {seq}, but its head says {ends.seq}: entries are missing, or the head was altered")
    if untold:
        first = min(min(gone) for gone in untold.values())
        return broken(first, f"the payload of entry {first} is gone, and no entry says that it was erased")
    beyond = min((number for number in vouched if number > seq), default=None)
    if beyond is not None:
        return broken(seq + 1, f"the chain ends at entry {seq}, but one of {beyond} was anchored outside: entries are missing")
    stray = conn.execute(sa.select(audit_payloads.c.seq).where(audit_payloads.c.seq > seq).limit(1)).scalar_one_or_none()
    if stray is not None:
        return broken(seq + 1, f"there is a payload of entry {stray}, which does not exist")
    if progress is not None:
        progress(seq, seq)
    return Verification(entries=seq, erased=erased, broken_at=None, why=None, head=hash, held=held)


def kept(conn: Connection, first: int, last: int) -> Iterator[KeptEntry]:
    """The entries from number `first` to `last` as they lie in the tables, oldest first, in batches: a long log needs little memory."""
    query = _WITH_PAYLOAD.where(audit_entries.c.seq.between(first, last)).order_by(audit_entries.c.seq)
    yield from map(KeptEntry._make, conn.execute(query, execution_options={"yield_per": _AT_ONCE}))


_AT_ONCE = 5000  # rows read in one go where the whole log is read


class KeptEntry(NamedTuple):
    """What `_WITH_PAYLOAD` selects, in its order; its attributes are read several times faster than those of SQLAlchemy's rows."""

    seq: int
    at: str
    kind: str
    inspection_id: str | None
    person_id: str | None
    payload_sha256: str
    prev_hash: str
    hash: str
    payload_seq: int | None
    salt: str | None
    payload: str | None
    erased_in: int | None


_WITH_PAYLOAD = sa.select(
    audit_entries, audit_payloads.c.seq.label("payload_seq"), audit_payloads.c.salt, audit_payloads.c.payload, audit_payloads.c.erased_in
).select_from(audit_entries.outerjoin(audit_payloads, audit_payloads.c.seq == audit_entries.c.seq))


def _hash(prev_hash: str, seq: int, at: str, kind: str, inspection_id: str | None, person_id: str | None, payload_sha256: str) -> str:
    """The link: what the PostgreSQL trigger of migration 0002 computes as well. "=" tells an empty id from none."""
    ids = tuple("" if id is None else f"={id}" for id in (inspection_id, person_id))
    return canonical.sha256("\n".join((prev_hash, str(seq), at, kind, *ids, payload_sha256)))


def _fault(row: KeptEntry, seq: int, prev_hash: str) -> str | None:
    """Why this row cannot be entry `seq` after `prev_hash`; None when it can."""
    if row.seq != seq:
        return f"entry {seq} is missing"
    if row.prev_hash != prev_hash:
        return f"entry {seq} does not follow entry {seq - 1}"
    if row.hash != _hash(row.prev_hash, row.seq, row.at, row.kind, row.inspection_id, row.person_id, row.payload_sha256):
        return f"entry {seq} was altered"
    if row.payload_seq is None:
        return f"the payload of entry {seq} is missing, and it was not erased"
    if row.erased_in is not None:
        return None if row.payload is None and row.salt is None else f"the payload of entry {seq} is marked as erased and still there"
    if row.payload is None or row.salt is None or canonical.sha256(row.salt + row.payload) != row.payload_sha256:
        return f"the payload of entry {seq} was altered"
    return None


def _erases(row: KeptEntry) -> frozenset[int]:
    """The entries whose payloads this one says were erased; none when it is about something else."""
    if row.kind != AuditKind.PAYLOAD_ERASED or row.payload is None:
        return frozenset()
    try:
        told = json.loads(row.payload)
    except ValueError:  # an entry written past `append`, whole as a link and not JSON
        return frozenset()
    several = told.get("seqs", [told.get("seq")]) if isinstance(told, dict) else None
    return frozenset(seq for seq in several if isinstance(seq, int)) if isinstance(several, list) else frozenset()


def _erasable(conn: Connection, seqs: Collection[int]) -> list[int]:
    """Those of these entries that have a payload still and do not themselves tell of an erasure, in order."""
    query = (
        sa.select(audit_payloads.c.seq)
        .join(audit_entries, audit_entries.c.seq == audit_payloads.c.seq)
        .where(audit_payloads.c.seq.in_(seqs), audit_payloads.c.payload.is_not(None), audit_entries.c.kind.not_in(_TELLS_OF_ERASURE))
        .order_by(audit_payloads.c.seq)
    )
    return list(conn.scalars(query))


_TELLS_OF_ERASURE = (AuditKind.PAYLOAD_ERASED.value, AuditKind.ERASED.value)


def _entry(row: KeptEntry) -> AuditEntry:
    return AuditEntry(
        seq=row.seq,
        at=row.at,
        kind=AuditKind(row.kind),
        inspection_id=row.inspection_id,
        person_id=row.person_id,
        payload=None if row.payload is None else json.loads(row.payload),
        salt=row.salt,
        payload_sha256=row.payload_sha256,
        prev_hash=row.prev_hash,
        hash=row.hash,
        erased_in=row.erased_in,
    )
