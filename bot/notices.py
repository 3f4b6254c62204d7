"""What people are told afterwards: what came of a decision or of none, or that a question could not be finished yet."""

from __future__ import annotations

from kenpin.bot import inspection
from kenpin.bot.jobs import Jobs
from kenpin.bot.messenger import Messenger, Outcome
from kenpin.storage import actions, audit, inspections
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.tools.context import Site

DECIDING = ("recorded", "corrected", "rejected")  # after which a part's mode is looked at again
FOR_EVERYBODY = ("recorded", "corrected", "rejected", "endorsed", "expired")  # what the thread is told; the rest is one person's
RETRY_AFTER_MIN = (1, 10, 60)  # after the first, second and third failed attempt; chosen: a restart, a coffee, a server swap


def announce(site: Site, messenger: Messenger, outcome: Outcome) -> None:
    """Tell the thread what became of a proposal; tell a person whose thumb changed nothing so in private."""
    found = inspection.known(site.engine, outcome.inspection_id)
    if found.posted_ts is None:
        return  # decided in the console; nobody in Slack has seen the answer
    with reading(site.engine) as conn:
        answer = inspections.answer_of(conn, outcome.inspection_id)
        done = actions.of_inspection(conn, outcome.inspection_id)
    assert answer is not None, "only a posted answer can be decided"
    if outcome.kind in FOR_EVERYBODY:
        messenger.post_outcome(found, answer, outcome, done)
    else:
        messenger.whisper_outcome(found, answer, outcome, inspection.approvers(site.engine, answer))


def give_up(site: Site, jobs: Jobs, messenger: Messenger, inspection_id: str, *, attempt: int, why: str) -> None:
    """Nothing helped this time: queue the question again for later, or, after the last time, keep it as failed. The person is told."""
    found = inspection.known(site.engine, inspection_id)
    later_min = RETRY_AFTER_MIN[attempt - 1] if attempt <= len(RETRY_AFTER_MIN) else None
    with writing(site.engine) as conn:
        if later_min is not None:
            jobs.inspect(conn, inspection_id, attempt=attempt + 1, delay_s=later_min * 60)
        else:
            inspections.mark_failed(conn, inspection_id, why)
        audit.append(conn, AuditKind.INSPECTION_FAILED, {"why": why, "attempt": attempt, "again_in_min": later_min}, inspection_id)
    messenger.working(found, False)
    messenger.apologise(found, minutes=later_min)
