"""What the database itself refuses where two people must approve, after a deadline, for a correction and for a second look: each beside
the case it allows, by raw SQL, on SQLite and PostgreSQL, as Kenpin connects and with the rules switched off. Why: docs/decisions/0006.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import shop_floor
from shop_floor import Prompt
from sqlalchemy.exc import DBAPIError, IntegrityError

from kenpin.storage import canonical, clock, corrections, people, proposals
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import Correction, Disposition, ProposalKind, Proposed, Verdict

NOW = clock.now()
REFUSED = r"refused|constraint"
CORRECTION = Correction(really=Verdict.OK, defect_class=None, disposition=Disposition.ACCEPT, note="a hair, not a scratch")


def insert(prompt: Prompt, table: str, values: dict[str, Any]) -> None:
    prompt.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})", **values)


def by(prompt: Prompt, person: str) -> dict[str, Any]:
    """The grant that somebody decides under."""
    return {"grant_id": prompt.floor.grants[person], "scope": "*" if person == "Chika" else "SC-200"}


def endorse(prompt: Prompt, proposal: Proposal, person: str, **lies: Any) -> None:
    values = {
        "proposal_id": proposal.id,
        "part": proposal.part,
        "digest": proposal.digest,
        "approvals_needed": 2,
        "endorsed_by": person,
        **by(prompt, person),
        "via": "reaction",
        "at": NOW,
    }
    insert(prompt, "endorsements", values | lies)


def decide(prompt: Prompt, proposal: Proposal, person: str, **lies: Any) -> None:
    values = {
        "proposal_id": proposal.id,
        "part": proposal.part,
        "digest": proposal.digest,
        "approvals_needed": proposal.proposed.approvals_needed,
        "verdict": "approved",
        "decided_by": person,
        **by(prompt, person),
        "via": "reaction",
        "at": NOW,
    }
    insert(prompt, "decisions", values | lies)


@pytest.fixture
def critical(prompt: Prompt) -> Proposal:
    """A proposal that needs two people."""
    shop_floor.ask(prompt.conn, "K-CRITICAL")
    return proposals.propose(prompt.conn, "K-CRITICAL", shop_floor.suggestion(approvals_needed=2))


@pytest.fixture
def dated(prompt: Prompt) -> Proposal:
    """A proposal that waits for a day."""
    shop_floor.ask(prompt.conn, "K-DATED")
    return proposals.propose(prompt.conn, "K-DATED", shop_floor.suggestion(), days=1)


# Two people


def test_two_approvers_can_approve_together(prompt: Prompt, critical: Proposal) -> None:
    endorse(prompt, critical, "Aiko")
    decide(prompt, critical, "Chika", endorsed_by="Aiko")
    insert(prompt, "actions", {"proposal_id": critical.id, "digest": critical.digest, "verdict": "approved", "at": NOW})
    assert prompt.rows("SELECT decided_by, endorsed_by FROM decisions") == [("Chika", "Aiko")]


def test_one_rejection_is_enough(prompt: Prompt, critical: Proposal) -> None:
    decide(prompt, critical, "Chika", verdict="rejected")
    assert prompt.count("decisions") == 1


ALONE: dict[str, dict[str, Any]] = {
    "nobody else": {},
    "herself": {"endorsed_by": "Aiko"},
    "somebody who endorsed nothing": {"endorsed_by": "Emi"},
    "nobody, as if one were enough": {"approvals_needed": 1},
    "nobody, as if half were enough": {"approvals_needed": 0},
}


@pytest.mark.parametrize("whom", ALONE)
def test_an_approval_of_a_critical_proposal_beside_nobody_else_is_refused(prompt: Prompt, critical: Proposal, whom: str) -> None:
    endorse(prompt, critical, "Aiko")
    with pytest.raises(IntegrityError, match=REFUSED):
        decide(prompt, critical, "Aiko", **ALONE[whom])
    assert prompt.count("decisions") == 0


def test_an_endorsement_of_another_proposal_does_not_count(prompt: Prompt, critical: Proposal) -> None:
    shop_floor.ask(prompt.conn, "K-OTHER-CRITICAL")
    other = proposals.propose(prompt.conn, "K-OTHER-CRITICAL", shop_floor.suggestion(approvals_needed=2))
    endorse(prompt, other, "Aiko")
    with pytest.raises(IntegrityError, match=REFUSED):
        decide(prompt, critical, "Chika", endorsed_by="Aiko")
    assert prompt.count("decisions") == 0


def test_an_approval_that_one_person_may_give_names_no_other(prompt: Prompt) -> None:
    with pytest.raises(IntegrityError, match=REFUSED):
        decide(prompt, prompt.floor.scrap, "Chika", endorsed_by="Aiko")
    decide(prompt, prompt.floor.scrap, "Chika")
    assert prompt.count("decisions") == 1


ENDORSEMENT_LIES: dict[str, dict[str, Any]] = {
    "a stranger, by an approver's grant": {"endorsed_by": "Ben"},
    "an approver whose grant was revoked": {"endorsed_by": "Dai", "grant_id": "Dai's"},
    "an approver, claiming a scope the grant does not have": {"scope": "*"},
    "another content than the proposal's": {"digest": "0" * 64},
    "another part than the proposal's": {"part": "SC-300"},
    "a proposal that does not exist": {"proposal_id": "P-NONE"},
    "a proposal that needs one person only": {"proposal_id": "P-SCRAP", "digest": "that of P-SCRAP"},
    "a proposal that needs one person, as such": {"proposal_id": "P-SCRAP", "digest": "that of P-SCRAP", "approvals_needed": 1},
}


@pytest.mark.parametrize("lie", ENDORSEMENT_LIES)
def test_an_endorsement_is_refused(prompt: Prompt, critical: Proposal, lie: str) -> None:
    known = {"Dai's": prompt.floor.grants["Dai"], "that of P-SCRAP": prompt.floor.scrap.digest}
    with pytest.raises(IntegrityError, match=REFUSED):
        endorse(prompt, critical, "Aiko", **{name: known.get(value, value) for name, value in ENDORSEMENT_LIES[lie].items()})
    assert prompt.count("endorsements") == 0


def test_a_second_endorsement_and_one_after_the_decision_are_refused(prompt: Prompt, critical: Proposal) -> None:
    endorse(prompt, critical, "Aiko")
    with pytest.raises(DBAPIError, match=r"one already|duplicate key|UNIQUE"):
        endorse(prompt, critical, "Chika")
    shop_floor.ask(prompt.conn, "K-REJECTED")
    rejected = proposals.propose(prompt.conn, "K-REJECTED", shop_floor.suggestion(approvals_needed=2))
    decide(prompt, rejected, "Chika", verdict="rejected")
    with pytest.raises(IntegrityError, match="decided"):
        endorse(prompt, rejected, "Aiko")
    assert prompt.count("endorsements") == 1


@pytest.mark.parametrize("needed", [0, 3])
def test_a_proposal_for_other_than_one_or_two_people_is_refused(prompt: Prompt, needed: int) -> None:
    shop_floor.ask(prompt.conn, "K-NEW")
    with pytest.raises(IntegrityError, match=REFUSED):
        proposals.propose(prompt.conn, "K-NEW", shop_floor.suggestion(approvals_needed=needed))


def test_a_proposal_whose_column_asks_for_fewer_people_than_its_content_is_refused(prompt: Prompt, critical: Proposal) -> None:
    shop_floor.ask(prompt.conn, "K-NEW")
    content = proposals.content_of("K-NEW", critical.proposed)
    values = {"id": "P-NEW", "inspection_id": "K-NEW", "kind": "disposition", "part": "SC-200", "disposition": "scrap"}
    values |= {"content": content, "digest": canonical.sha256(content), "created_at": NOW}
    with pytest.raises(IntegrityError, match="do not say what its content says"):
        insert(prompt, "proposals", values)
    insert(prompt, "proposals", values | {"approvals_needed": 2})


# Deadlines


def test_a_proposal_can_be_decided_until_its_deadline_and_not_from_then_on(prompt: Prompt, dated: Proposal) -> None:
    assert dated.expires_at is not None
    with pytest.raises(IntegrityError, match="has expired"):
        decide(prompt, dated, "Aiko", at=dated.expires_at)
    decide(prompt, dated, "Aiko", at=_before(dated.expires_at))
    assert prompt.count("decisions") == 1


def test_a_proposal_expires_at_its_deadline_and_not_before(prompt: Prompt, dated: Proposal) -> None:
    assert dated.expires_at is not None
    expired = {"proposal_id": dated.id, "expires_at": dated.expires_at, "at": dated.expires_at}
    for lie in ({"at": _before(dated.expires_at)}, {"expires_at": NOW}, {"proposal_id": "P-SCRAP"}, {"proposal_id": "P-NONE"}):
        with pytest.raises(IntegrityError, match=REFUSED):
            insert(prompt, "expirations", expired | lie)
    insert(prompt, "expirations", expired)
    with pytest.raises(IntegrityError, match="has expired"):
        decide(prompt, dated, "Aiko", at=_before(dated.expires_at))
    with pytest.raises(DBAPIError, match=r"already|duplicate key|UNIQUE"):
        insert(prompt, "expirations", expired)
    assert (prompt.count("expirations"), prompt.count("decisions")) == (1, 0)


def test_a_decided_proposal_does_not_expire(prompt: Prompt, dated: Proposal) -> None:
    assert dated.expires_at is not None
    decide(prompt, dated, "Aiko", verdict="rejected", at=_before(dated.expires_at))
    with pytest.raises(IntegrityError, match="is decided"):
        insert(prompt, "expirations", {"proposal_id": dated.id, "expires_at": dated.expires_at, "at": dated.expires_at})
    assert prompt.count("expirations") == 0


def _before(moment: str) -> str:
    return clock.text(clock.parsed(moment) - timedelta(milliseconds=1))


# Corrections


def test_an_approver_can_correct_and_what_they_wrote_is_done(prompt: Prompt) -> None:
    scrap = prompt.floor.scrap
    corrected = corrections.record(prompt.conn, scrap, CORRECTION, "Aiko")
    decide(prompt, scrap, "Aiko", verdict="corrected", corrected_digest=corrected.digest)
    act(prompt, scrap, "corrected", corrected.digest)
    assert prompt.count("actions") == 1


def act(prompt: Prompt, proposal: Proposal, verdict: str, corrected_digest: str | None) -> None:
    values = {"proposal_id": proposal.id, "digest": proposal.digest, "verdict": verdict, "at": NOW, "corrected_digest": corrected_digest}
    insert(prompt, "actions", values)


@pytest.mark.parametrize("signed", ["nothing", "what somebody else wrote", "what nobody wrote", "a correction of another proposal"])
def test_a_correcting_decision_is_about_what_the_same_person_wrote(prompt: Prompt, signed: str) -> None:
    scrap = prompt.floor.scrap
    digests = {
        "nothing": None,
        "what somebody else wrote": corrections.record(prompt.conn, scrap, CORRECTION, "Chika").digest,
        "what nobody wrote": "0" * 64,
        "a correction of another proposal": corrections.record(prompt.conn, prompt.floor.rework, CORRECTION, "Aiko").digest,
    }
    with pytest.raises(IntegrityError, match=REFUSED):
        decide(prompt, scrap, "Aiko", verdict="corrected", corrected_digest=digests[signed])
    with pytest.raises(IntegrityError, match=REFUSED):
        decide(prompt, scrap, "Aiko", verdict="approved", corrected_digest=digests["what somebody else wrote"])
    assert prompt.count("decisions") == 0


@pytest.mark.parametrize("done", ["as proposed", "as proposed, called corrected", "another correction", "called approved"])
def test_an_action_other_than_what_was_corrected_to_is_refused(prompt: Prompt, done: str) -> None:
    scrap = prompt.floor.scrap
    mine = corrections.record(prompt.conn, scrap, CORRECTION, "Aiko")
    other = corrections.record(prompt.conn, scrap, CORRECTION, "Chika")
    decide(prompt, scrap, "Aiko", verdict="corrected", corrected_digest=mine.digest)
    verdict, digest = {
        "as proposed": ("approved", None),
        "as proposed, called corrected": ("corrected", None),
        "another correction": ("corrected", other.digest),
        "called approved": ("approved", mine.digest),
    }[done]
    with pytest.raises(IntegrityError, match=REFUSED):
        act(prompt, scrap, verdict, digest)
    assert prompt.count("actions") == 0


def test_an_action_after_an_approval_is_as_proposed(prompt: Prompt) -> None:
    scrap = prompt.floor.scrap
    mine = corrections.record(prompt.conn, scrap, CORRECTION, "Aiko")
    decide(prompt, scrap, "Aiko")
    with pytest.raises(IntegrityError, match=REFUSED):
        act(prompt, scrap, "corrected", mine.digest)
    act(prompt, scrap, "approved", None)


def test_one_person_cannot_correct_what_needs_two(prompt: Prompt, critical: Proposal) -> None:
    values = corrected_row(critical, "Aiko")
    insert(prompt, "corrections", values)
    for needed in (1, 2):
        with pytest.raises(IntegrityError, match=REFUSED):
            decide(prompt, critical, "Aiko", verdict="corrected", corrected_digest=values["digest"], approvals_needed=needed)
    assert prompt.count("decisions") == 0


def corrected_row(proposal: Proposal, person: str) -> dict[str, Any]:
    said = {"really": "ok", "defect_class": None, "disposition": "accept", "note": ""}
    content = canonical.dumps({**said, "corrects": proposal.digest, "part": proposal.part, "corrected_by": person})
    kept = {name: said[name] for name in ("really", "defect_class", "disposition")}
    return {
        **kept,
        "proposal_id": proposal.id,
        "digest": canonical.sha256(content),
        "part": proposal.part,
        "proposal_digest": proposal.digest,
        "content": content,
        "corrected_by": person,
        "at": NOW,
    }


@pytest.mark.parametrize("column", ["really", "defect_class", "disposition", "corrected_by", "part", "proposal_digest"])
def test_a_correction_whose_columns_say_other_than_its_content_is_refused(prompt: Prompt, column: str) -> None:
    values = corrected_row(prompt.floor.scrap, "Aiko")
    other = {"really": "not_ok", "defect_class": "scratch", "disposition": "scrap", "corrected_by": "Ben", "part": "SC-300"}
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "corrections", values | {column: other.get(column, "0" * 64)})
    insert(prompt, "corrections", values)


def test_a_proposal_of_references_is_not_corrected(prompt: Prompt) -> None:
    shop_floor.ask(prompt.conn, "K-TAUGHT")
    taught = Proposed(kind=ProposalKind.REFERENCE, part="SC-200", disposition=None, reference_state="good", photos=(), reason="")
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "corrections", corrected_row(proposals.propose(prompt.conn, "K-TAUGHT", taught), "Aiko"))


# Second looks


@pytest.fixture
def judged(prompt: Prompt) -> str:
    """An inspection that Ben asked for and whose answer judges."""
    shop_floor.ask(prompt.conn, "K-JUDGED")
    prompt.run(
        "UPDATE inspections SET state = 'answered', verdict = 'ok', answer = '{}', answered_at = :at WHERE id = 'K-JUDGED'",
        at=NOW,
    )
    return "K-JUDGED"


def test_somebody_else_than_who_asked_looks_again_and_replies_once(prompt: Prompt, judged: str) -> None:
    drawn = {"inspection_id": judged, "person_id": "Aiko", "at": NOW}
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "second_looks", drawn | {"person_id": "Ben"})
    insert(prompt, "second_looks", drawn)
    with pytest.raises(DBAPIError, match=r"one already|duplicate key|UNIQUE"):
        insert(prompt, "second_looks", drawn | {"person_id": "Chika"})
    for lie in ({"person_id": "Chika", "said": "ok"}, {"said": "perhaps"}):
        with pytest.raises(IntegrityError, match=REFUSED):
            insert(prompt, "second_look_replies", drawn | lie)
    insert(prompt, "second_look_replies", drawn | {"said": "not_ok"})
    with pytest.raises(DBAPIError, match=r"one already|duplicate key|UNIQUE"):
        insert(prompt, "second_look_replies", drawn | {"said": "ok"})
    assert prompt.rows("SELECT person_id, said FROM second_look_replies") == [("Aiko", "not_ok")]


def test_an_answer_without_a_judgement_is_not_looked_at_again(prompt: Prompt) -> None:
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "second_looks", {"inspection_id": "K-SCRAP", "person_id": "Aiko", "at": NOW})


# What is recorded stays as it was


@pytest.mark.parametrize("table", ["endorsements", "corrections", "expirations", "second_looks", "second_look_replies"])
@pytest.mark.parametrize("change", ["UPDATE", "UPDATE OR REPLACE", "DELETE", "TRUNCATE"])
def test_what_is_recorded_is_neither_changed_nor_deleted(
    prompt: Prompt, critical: Proposal, dated: Proposal, judged: str, table: str, change: str
) -> None:
    if change == ("TRUNCATE" if prompt.is_sqlite else "UPDATE OR REPLACE"):
        pytest.skip(f"{change} is not in this database's SQL")
    endorse(prompt, critical, "Aiko")
    corrections.record(prompt.conn, prompt.floor.scrap, CORRECTION, "Aiko")
    insert(prompt, "expirations", {"proposal_id": dated.id, "expires_at": dated.expires_at, "at": dated.expires_at})
    insert(prompt, "second_looks", {"inspection_id": judged, "person_id": "Aiko", "at": NOW})
    insert(prompt, "second_look_replies", {"inspection_id": judged, "person_id": "Aiko", "said": "ok", "at": NOW})
    before = prompt.rows(f"SELECT * FROM {table}")
    statement = f"{change} {table} CASCADE" if change == "TRUNCATE" else f"DELETE FROM {table}"
    if change.startswith("UPDATE"):
        statement = f"{change} {table} SET at = '2099-01-01T00:00:00.000Z'"
    with pytest.raises(IntegrityError, match="append-only"):
        prompt.run(statement)
    assert prompt.rows(f"SELECT * FROM {table}") == before


def test_a_revoked_approver_no_longer_endorses(prompt: Prompt, critical: Proposal) -> None:
    people.revoke(prompt.conn, "Aiko", "SC-200", revoked_by="Chika")
    with pytest.raises(IntegrityError, match="no live grant"):
        endorse(prompt, critical, "Aiko")
