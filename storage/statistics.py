"""What came of the answers, as far as it is known: escapes with a bound, and how often each thing happened.

The truth of a judged photo, strongest first:

    a correction        an approver said what the part really is
    a second look       somebody who did not know the answer said it (cannot tell says nothing)
    the recorded action what an approved disposition says of the part: `decisions.was_really_bad`

It is known of some inspections only, and not of a random share: people decide on what is proposed, and correct what they notice. The
shares here are of the inspections whose truth is known. Second looks are drawn at random; they alone are fair to what nobody noticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import chance, clock, decisions
from kenpin.storage.tables import actions, corrections, inspections, proposals, register, second_look_replies
from kenpin.storage.tables import decisions as decided
from kenpin.storage.vocabulary import Disposition, ProposalKind, SecondLook, Verdict

JUDGEMENTS = (Verdict.OK.value, Verdict.NOT_OK.value)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How many escapes there were, and how many there may be."""

    n: int  # judged inspections known to be really bad
    escapes: int  # of them, those that were called OK
    upper: float  # 0 to 1: with 95 in 100 certainty no larger share escapes; 1 where nothing is known
    decided: int  # judged inspections whose truth is known at all
    accepted: int  # of them, those that were called OK
    accepted_upper: float  # 0 to 1: the same bound for the share of bad ones among those called OK


def escape_bound(conn: Connection, part: str, since: clock.Moment | None = None, until: clock.Moment | None = None) -> Bound:
    """Of a part's inspections received since (and before `until`): of 100 bad ones, how many does it call OK at most?

    Exact one-sided Clopper-Pearson bounds at 95 in 100. Fourteen bad parts without an escape bound it by 20 in 100, 59 by 5, 299 by 1.
    """
    counted = {(bad, verdict): n for bad, verdict, n in _known(conn, part, since, until)}

    def n(bad: bool, verdict: Verdict) -> int:
        return counted.get((bad, verdict), 0)

    escapes, caught, passed = n(True, Verdict.OK), n(True, Verdict.NOT_OK), n(False, Verdict.OK)
    return Bound(
        n=escapes + caught,
        escapes=escapes,
        upper=chance.upper_bound(escapes, escapes + caught),
        decided=sum(counted.values()),
        accepted=escapes + passed,
        accepted_upper=chance.upper_bound(escapes, escapes + passed),
    )


def was_really_bad(verdict: Verdict, really: str | None, said: str | None, done: str | None) -> bool | None:
    """The truth of one judged inspection; None where nothing says it.

    really: an approver's correction. said: a second look. done: the disposition of the recorded action, as proposed.
    """
    if really is None and said in JUDGEMENTS:
        return said == SecondLook.NOT_OK.value
    return decisions.was_really_bad(verdict, Disposition(done), really) if done is not None else None


def _known(conn: Connection, part: str, since: clock.Moment | None, until: clock.Moment | None) -> list[tuple[bool, Verdict, int]]:
    columns = truth_columns()
    query = (
        sa.select(register.c.verdict, *columns, sa.func.count().label("n"))
        .select_from(with_truth(register.join(inspections, inspections.c.id == register.c.inspection_id)))
        .where(register.c.part == part, register.c.verdict.in_(JUDGEMENTS))
        .group_by(register.c.verdict, *columns)
    )
    if since is not None:
        query = query.where(inspections.c.received_at >= clock.text(since))
    if until is not None:
        query = query.where(inspections.c.received_at < clock.text(until))
    found: dict[tuple[bool, Verdict], int] = {}
    for row in conn.execute(query):
        verdict = Verdict(row.verdict)
        bad = was_really_bad(verdict, row.really, row.said, row.done)
        if bad is not None:
            found[bad, verdict] = found.get((bad, verdict), 0) + row.n
    return [(bad, verdict, n) for (bad, verdict), n in found.items()]


def truth_columns() -> tuple[sa.ColumnElement[Any], ...]:
    """What `was_really_bad` needs, from `with_truth`."""
    acted = sa.and_(actions.c.proposal_id.is_not(None), proposals.c.kind == ProposalKind.DISPOSITION.value)
    return (
        corrections.c.really.label("really"),
        second_look_replies.c.said.label("said"),
        sa.case((acted, proposals.c.disposition)).label("done"),
    )


def with_truth(source: sa.FromClause) -> sa.Join:
    """source: a join with `inspections` in it."""
    corrected = sa.and_(corrections.c.proposal_id == decided.c.proposal_id, corrections.c.digest == decided.c.corrected_digest)
    return (
        source.outerjoin(proposals, proposals.c.inspection_id == inspections.c.id)
        .outerjoin(decided, decided.c.proposal_id == proposals.c.id)
        .outerjoin(actions, actions.c.proposal_id == proposals.c.id)
        .outerjoin(corrections, corrected)
        .outerjoin(second_look_replies, second_look_replies.c.inspection_id == inspections.c.id)
    )
