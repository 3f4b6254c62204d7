"""Signing in to the console: what was begun, who is in, how often somebody tried, and which photos they were shown.

Secrets never lie here, only their sha256: whoever reads the database cannot sign in with what it holds. A session's secret is made at
sign-in and nowhere else, so none can be planted in a browser beforehand.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import canonical, clock
from kenpin.storage.database import insert_if_absent, upsert
from kenpin.storage.tables import people, photo_views, sessions, sign_in_attempts, sign_ins
from kenpin.storage.vocabulary import Language, Role, SessionEnd

SIGN_IN_WITHIN_MIN = 10  # between the button and the way back; chosen: time for a password and a second factor
ATTEMPTS_WINDOW_MIN = 5
ATTEMPTS_KEPT_DAYS = 1
SEEN_EVERY_S = 60  # a session is marked as seen at most so often: reading pages should not write


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The secrets of a sign-in that was begun; they are in the browser and at Slack, not here."""

    state: str
    nonce: str
    browser: str


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A sign-in that comes back."""

    nonce_sha256: str
    back_to: str
    problem: str | None  # "forged", "replayed" or "late"; None when it may go on


@dataclass(frozen=True, kw_only=True)
class Session:
    token_sha256: str
    person_id: str
    name: str | None
    email: str | None
    language: Language | None  # that they chose
    role: Role  # when it was last looked at
    started_at: str
    seen_at: str
    expires_at: str


def digest(secret: str) -> str:
    return canonical.sha256(secret)


def attempt(conn: Connection, address: str) -> None:
    """Count one more try to sign in from this network address; what is older than a day is forgotten."""
    conn.execute(sign_in_attempts.insert().values(id=secrets.token_hex(16), address=address, at=clock.now()))
    conn.execute(sign_in_attempts.delete().where(sign_in_attempts.c.at < _ago(timedelta(days=ATTEMPTS_KEPT_DAYS))))


def attempts(conn: Connection, address: str) -> int:
    """How many tries there were from this address in the last minutes."""
    recent = sa.and_(sign_in_attempts.c.address == address, sign_in_attempts.c.at >= _ago(timedelta(minutes=ATTEMPTS_WINDOW_MIN)))
    return conn.execute(sa.select(sa.func.count()).select_from(sign_in_attempts).where(recent)).scalar_one()


def begin(conn: Connection, back_to: str) -> Begun:
    """Somebody goes off to Slack to sign in. back_to: the console's own path they wanted."""
    begun = Begun(state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), browser=secrets.token_urlsafe(32))
    conn.execute(sign_ins.delete().where(sign_ins.c.started_at < _ago(timedelta(days=ATTEMPTS_KEPT_DAYS))))
    conn.execute(
        sign_ins.insert().values(
            state_sha256=digest(begun.state),
            nonce_sha256=digest(begun.nonce),
            browser_sha256=digest(begun.browser),
            back_to=back_to,
            started_at=clock.now(),
        )
    )
    return begun


def finish(conn: Connection, state: str, browser: str) -> SignIn:
    """Somebody comes back from Slack. A sign-in is used up by the first who brings its state, whether or not they get in."""
    row = conn.execute(sa.select(sign_ins).where(sign_ins.c.state_sha256 == digest(state))).first()
    if row is None:
        return SignIn(nonce_sha256="", back_to="/", problem="forged")
    first = sign_ins.update().where(sign_ins.c.state_sha256 == row.state_sha256, sign_ins.c.used_at.is_(None)).values(used_at=clock.now())
    problem = None
    if conn.execute(first).rowcount != 1:
        problem = "replayed"
    elif not secrets.compare_digest(row.browser_sha256, digest(browser)):
        problem = "forged"  # begun in another browser: somebody wants this one to be signed in as themselves
    elif row.started_at < _ago(timedelta(minutes=SIGN_IN_WITHIN_MIN)):
        problem = "late"
    return SignIn(nonce_sha256=row.nonce_sha256, back_to=row.back_to, problem=problem)


def start(conn: Connection, person_id: str, role: Role, *, hours: float) -> str:
    """Let a person in. Returns the session's secret, for the browser's cookie."""
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)
    conn.execute(
        sessions.insert().values(
            token_sha256=digest(token),
            person_id=person_id,
            role=role.value,
            started_at=clock.text(now),
            seen_at=clock.text(now),
            expires_at=clock.text(now + timedelta(hours=hours)),
        )
    )
    return token


def find(conn: Connection, token: str, *, idle_min: float) -> Session | None:
    """The session with this secret; None when there is none, or when it has ended, expired, or lain idle for too long."""
    row = conn.execute(_WITH_PERSON.where(sessions.c.token_sha256 == digest(token), _live(idle_min))).first()
    return _session(row) if row else None


def live(conn: Connection, *, idle_min: float, person_id: str | None = None) -> tuple[Session, ...]:
    """Everybody who is in, or one person's sessions; newest first."""
    query = _WITH_PERSON.where(_live(idle_min)).order_by(sessions.c.started_at.desc(), sessions.c.token_sha256)
    if person_id is not None:
        query = query.where(sessions.c.person_id == person_id)
    return tuple(_session(row) for row in conn.execute(query))


def due(session: Session) -> bool:
    """Whether it is time to mark the session as seen."""
    return session.seen_at < _ago(timedelta(seconds=SEEN_EVERY_S))


def seen(conn: Connection, session: Session) -> None:
    """Its person is still at it. Nothing when it has ended meanwhile."""
    conn.execute(sessions.update().where(_open(session.token_sha256)).values(seen_at=clock.now()))


def change_role(conn: Connection, session: Session, role: Role) -> bool:
    """False when it is so already, or the session has ended meanwhile."""
    other = sessions.update().where(_open(session.token_sha256), sessions.c.role != role.value).values(role=role.value)
    return conn.execute(other).rowcount == 1


def end(conn: Connection, token_sha256: str, why: SessionEnd) -> bool:
    """False when it had ended already, or never was."""
    return conn.execute(sessions.update().where(_open(token_sha256)).values(ended_at=clock.now(), ended_why=why.value)).rowcount == 1


def end_all(conn: Connection, person_id: str, why: SessionEnd, *, but: str | None = None) -> int:
    """End every session of a person; but: the token_sha256 of one to be left. Returns how many."""
    theirs = sa.and_(sessions.c.person_id == person_id, sessions.c.ended_at.is_(None))
    if but is not None:
        theirs = sa.and_(theirs, sessions.c.token_sha256 != but)
    return conn.execute(sessions.update().where(theirs).values(ended_at=clock.now(), ended_why=why.value)).rowcount


def log_view(conn: Connection, person_id: str, photo_sha256: str) -> None:
    """This person is shown this picture now."""
    insert_if_absent(conn, photo_views, person_id=person_id, at=clock.now(), photo_sha256=photo_sha256)


def log_views(conn: Connection, person_id: str, photos_sha256: Sequence[str]) -> None:
    """This person is shown these pictures now, on one page."""
    at = clock.now()
    rows = [{"person_id": person_id, "at": at, "photo_sha256": sha256} for sha256 in photos_sha256]
    conn.execute(upsert(conn, photo_views).on_conflict_do_nothing(), rows)


_WITH_PERSON = sa.select(
    sessions.c.token_sha256,
    sessions.c.person_id,
    people.c.name,
    people.c.email,
    people.c.language,
    sessions.c.role,
    sessions.c.started_at,
    sessions.c.seen_at,
    sessions.c.expires_at,
).join(people, people.c.id == sessions.c.person_id)


def _session(row: sa.Row[*tuple[object, ...]]) -> Session:
    values = dict(row._mapping)
    return Session(**{**values, "role": Role(values["role"]), "language": Language(values["language"]) if values["language"] else None})


def _live(idle_min: float) -> sa.ColumnElement[bool]:
    idle_since = _ago(timedelta(minutes=idle_min))
    return sa.and_(sessions.c.ended_at.is_(None), sessions.c.expires_at > clock.now(), sessions.c.seen_at > idle_since)


def _open(token_sha256: str) -> sa.ColumnElement[bool]:
    return sa.and_(sessions.c.token_sha256 == token_sha256, sessions.c.ended_at.is_(None))


def _ago(time: timedelta) -> str:
    return clock.text(datetime.now(UTC) - time)
