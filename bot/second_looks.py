"""The random audit: a share of the judgements goes to a person who does not know the answer, and the thread shows whether both agree.

    draw    with the posting of the answer, in its transaction: is it drawn, and who looks?
    ask     the photo and the question, without the answer, to that person alone
    keep    what they said, once
    tell    the thread, and the person who looked

Whom and what it hits follows from the inspection's reference, so that nobody can choose. ask, keep and tell are durable steps.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine

from kenpin.bot.jobs import Jobs
from kenpin.bot.messenger import Messenger
from kenpin.storage import audit, inspections, people, second_looks
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.inspections import Inspection
from kenpin.storage.vocabulary import Answer, Photo, SecondLook, Verdict
from kenpin.tools.context import Site

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SecondLookReply:
    """A button pressed under a second look. Who pressed it is Slack's word, never the button's."""

    inspection_id: str
    person: str
    said: SecondLook
    channel: str  # where the question for a second look stands; "" for one answered in the console
    message_ts: str
    source_event: str


def draw(conn: Connection, jobs: Jobs, inspection: Inspection, answer: Answer, share: float) -> None:
    """Have this answer looked at again when it is one of the share and somebody else than who asked can do it."""
    if answer.verdict not in (Verdict.OK, Verdict.NOT_OK) or answer.part is None or not second_looks.is_drawn(inspection.id, share):
        return
    others = {person.id for person in people.approvers_of(conn, answer.part)} - {inspection.asked_by}
    person = second_looks.person_for(inspection.id, others)
    if person is not None and second_looks.draw(conn, inspection.id, person):
        jobs.second_look(conn, inspection.id)
        audit.append(conn, AuditKind.SECOND_LOOK_DRAWN, {"person": person, "of": len(others)}, inspection.id, person)


def ask(site: Site, messenger: Messenger, inspection_id: str) -> None:
    with reading(site.engine) as conn:
        found, person = inspections.get(conn, inspection_id), second_looks.asked(conn, inspection_id)
        photos = [photo for photo in inspections.photos_of(conn, inspection_id) if isinstance(photo, Photo)]
    assert found is not None and person is not None, "the draw is stored in the transaction that queued it"
    messenger.ask_second_look(found, person, photos)


def keep(engine: Engine, reply: SecondLookReply, jobs: Jobs | None = None) -> bool:
    """Put the reply on record; the first one stands. False for somebody who was not asked. jobs: who is to be told is told from there."""
    with writing(engine) as conn:
        if second_looks.reply_of(conn, reply.inspection_id) is not None:
            return True
        try:
            kept = second_looks.reply(conn, reply.inspection_id, reply.person, reply.said, reply.source_event)
        except UnknownRowError as error:
            log.warning("%s", error)
            return False
        if jobs is not None:
            jobs.second_look_reply(conn, asdict(reply))
        audit.append(conn, AuditKind.SECOND_LOOK_TAKEN, {"said": kept.said}, reply.inspection_id, reply.person)
    return True


def tell(site: Site, messenger: Messenger, reply: SecondLookReply) -> None:
    with reading(site.engine) as conn:
        found, answer = inspections.get(conn, reply.inspection_id), inspections.answer_of(conn, reply.inspection_id)
        kept = second_looks.reply_of(conn, reply.inspection_id)
    assert found is not None and answer is not None and kept is not None, "a reply is kept before it is told of"
    messenger.post_second_look(found, answer, kept)
    if reply.channel:  # else the question in Slack keeps its buttons; a press there finds this reply standing, and closes it
        messenger.close_second_look(found, answer, kept, reply.channel, reply.message_ts)
