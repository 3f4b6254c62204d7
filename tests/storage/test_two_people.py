"""Two people, deadlines and corrections by Kenpin's own functions; test_the_database_refuses_more.py goes around them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from postgres_server import copied_database
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import actions, canonical, clock, corrections, decisions, endorsements, expirations, proposals
from kenpin.storage.database import migrate, migration_config, open_database, reading, writing
from kenpin.storage.errors import (
    AlreadyDecidedError,
    CannotBeCorrectedError,
    EndorsedMeanwhileError,
    ExpiredError,
    NotAnApproverError,
    SecondPersonNeededError,
)
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, ProposalKind, ProposalState, Proposed, Verdict

APPROVED, REJECTED, CORRECTED = DecisionVerdict.APPROVED, DecisionVerdict.REJECTED, DecisionVerdict.CORRECTED
OK_AFTER_ALL = Correction(really=Verdict.OK, defect_class=None, disposition=Disposition.ACCEPT, note="a hair, 毛")


def critical(conn: Connection, id: str = "K-CRITICAL") -> Proposal:
    """A proposal that needs two people."""
    ask(conn, id)
    return proposals.propose(conn, id, suggestion(approvals_needed=2))


def dated(conn: Connection, id: str = "K-DATED", days: float = 7) -> Proposal:
    ask(conn, id)
    conn.execute(sa.text("UPDATE inspections SET state = 'failed' WHERE id = :id"), {"id": id})  # nothing is on its way any more
    return proposals.propose(conn, id, suggestion(), days=days)


def expired(conn: Connection, proposal: Proposal) -> bool:
    assert proposal.expires_at is not None
    return expirations.record(conn, proposal.id, proposal.expires_at)


# Two people


def test_the_second_persons_approval_decides_and_names_the_first(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        proposal = critical(conn)
        with pytest.raises(SecondPersonNeededError, match="needs two people: nobody has approved it yet"):
            decisions.record(conn, proposal, APPROVED, "Aiko", "reaction", "Ev-1")
        first = decisions.endorse(conn, proposal, "Aiko", "reaction", "Ev-1")
        assert endorsements.of_proposal(conn, proposal.id) == first
        with pytest.raises(SecondPersonNeededError, match="Aiko has approved it; another person must"):
            decisions.record(conn, proposal, APPROVED, "Aiko", "button", "Ev-2")
        with pytest.raises(NotAnApproverError):
            decisions.record(conn, proposal, APPROVED, "Ben", "button", "Ev-3")
        assert proposals.states(conn, ["K-CRITICAL"]) == {"K-CRITICAL": ProposalState.PENDING}
        decision = decisions.record(conn, proposal, APPROVED, "Chika", "button", "Ev-4")
        assert (decision.decided_by, decision.endorsed_by) == ("Chika", "Aiko")
        assert actions.record(conn, decision).proposed == proposal.proposed
        assert proposals.states(conn, ["K-CRITICAL"]) == {"K-CRITICAL": ProposalState.APPROVED}


def test_one_rejection_rejects_what_one_has_approved(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        proposal = critical(conn)
        decisions.endorse(conn, proposal, "Aiko", "reaction")
        assert decisions.record(conn, proposal, REJECTED, "Aiko", "reaction").endorsed_by is None
        with pytest.raises(AlreadyDecidedError):
            decisions.endorse(conn, proposal, "Chika", "reaction")
        assert proposals.states(conn, ["K-CRITICAL"]) == {"K-CRITICAL": ProposalState.REJECTED}


def test_nobody_without_a_grant_is_the_first_of_two(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        proposal = critical(conn)
        for person in ("Ben", "Dai", "nobody we know"):
            with pytest.raises(NotAnApproverError, match=r"approvers: Aiko, Chika, Emi"):
                decisions.endorse(conn, proposal, person, "reaction")
        assert endorsements.of_proposal(conn, proposal.id) is None


def test_of_many_approvers_at_once_one_is_the_first_and_another_decides(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        proposal = critical(conn)
    crowd = ("Aiko", "Chika", "Emi", "Aiko", "Chika", "Emi")
    meeting = threading.Barrier(len(crowd))
    outcomes: list[str] = []

    def press(person: str) -> None:
        meeting.wait()
        while True:
            try:
                with writing(database) as conn:
                    try:
                        actions.record(conn, decisions.record(conn, proposal, APPROVED, person, "reaction"))
                        outcomes.append("recorded")
                    except SecondPersonNeededError as first:
                        if first.endorsed_by is None:
                            decisions.endorse(conn, proposal, person, "reaction")
                        outcomes.append("endorsed" if first.endorsed_by is None else "again")
                return
            except EndorsedMeanwhileError as error:
                assert error.retryable
            except AlreadyDecidedError:
                outcomes.append("already decided")
                return

    threads = [threading.Thread(target=press, args=(person,)) for person in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(crowd)
    assert (outcomes.count("endorsed"), outcomes.count("recorded")) == (1, 1)
    with reading(database) as conn:
        decision = decisions.of_proposal(conn, proposal.id)
    assert decision is not None and decision.endorsed_by not in (None, decision.decided_by)


# Deadlines


def test_pending_rejected_and_expired_are_three_different_things(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        waits, late, turned_down = dated(conn, "K-WAITS"), dated(conn, "K-LATE", days=1e-9), dated(conn, "K-DOWN")
        decisions.record(conn, turned_down, REJECTED, "Aiko", "button")
        assert waits.expires_at is not None
        in_days = clock.parsed(waits.expires_at) - clock.parsed(waits.created_at)
        assert in_days == timedelta(days=7)
        assert [one.proposal_id for one in expirations.overdue(conn)] == [late.id]
        assert late.expires_at is not None
        assert expirations.overdue(conn, clock.parsed(late.expires_at) + timedelta(milliseconds=1)) == ()
        assert expired(conn, late)
        assert not expired(conn, late), "once"
        assert not expired(conn, waits), "before its deadline"
        assert expirations.overdue(conn) == ()
        assert proposals.states(conn, ["K-WAITS", "K-LATE", "K-DOWN", "K-NONE"]) == {
            "K-WAITS": ProposalState.PENDING,
            "K-LATE": ProposalState.EXPIRED,
            "K-DOWN": ProposalState.REJECTED,
        }
        for verdict in (APPROVED, REJECTED):
            with pytest.raises(ExpiredError, match=r"P-LATE expired at .* ask again"):
                decisions.record(conn, late, verdict, "Aiko", "reaction")
        assert decisions.of_proposal(conn, late.id) is None


def test_a_thumb_after_the_deadline_is_late_though_nobody_has_noted_it_yet(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        proposal = dated(conn)
        assert proposal.expires_at is not None
        with pytest.raises(ExpiredError):
            decisions.record(conn, proposal, APPROVED, "Aiko", "reaction", at=proposal.expires_at)
        just_before = clock.parsed(proposal.expires_at) - timedelta(milliseconds=1)
        decisions.record(conn, proposal, APPROVED, "Aiko", "reaction", at=just_before)
        assert not expired(conn, proposal)


def test_a_proposal_without_a_deadline_waits_for_ever(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert dated(conn, days=0).expires_at is None
        decisions.record(conn, floor.scrap, APPROVED, "Aiko", "reaction", at=datetime(2099, 1, 1, tzinfo=UTC))


def test_a_decision_and_an_expiration_at_once_leave_one_of_them(database: Engine, floor: ShopFloor) -> None:
    for turn in range(4):
        with writing(database) as conn:
            proposal = dated(conn, f"K-RACE-{turn}", days=1e-9)
        in_time = clock.parsed(proposal.created_at) - timedelta(milliseconds=1)
        meeting = threading.Barrier(2)

        def decide(proposal: Proposal = proposal, in_time: datetime = in_time, meeting: threading.Barrier = meeting) -> None:
            meeting.wait()
            with writing(database) as conn:
                try:
                    decisions.record(conn, proposal, REJECTED, "Aiko", "reaction", at=in_time)
                except ExpiredError:
                    return

        def expire(proposal: Proposal = proposal, meeting: threading.Barrier = meeting) -> None:
            meeting.wait()
            with writing(database) as conn:
                expired(conn, proposal)

        threads = [threading.Thread(target=decide), threading.Thread(target=expire)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading(database) as conn:
            ends = (decisions.of_proposal(conn, proposal.id) is not None, expirations.at(conn, proposal.id) is not None)
        assert ends in ((True, False), (False, True))


# Corrections


def test_a_correction_is_what_is_done(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        decision = decisions.record(conn, floor.scrap, CORRECTED, "Aiko", "button", correction=OK_AFTER_ALL)
        action = actions.record(conn, decision)
        kept = corrections.of_proposal(conn, floor.scrap.id)
        assert kept is not None and (kept.correction, kept.corrected_by, kept.digest) == (OK_AFTER_ALL, "Aiko", decision.corrected_digest)
        assert proposals.states(conn, ["K-SCRAP"]) == {"K-SCRAP": ProposalState.CORRECTED}
        assert proposals.get(conn, floor.scrap.id) == floor.scrap, "what was proposed stays as it was"
    assert (action.proposed.disposition, action.correction) == (Disposition.ACCEPT, OK_AFTER_ALL)


def test_a_correction_by_somebody_else_is_refused_and_leaves_nothing(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn, pytest.raises(NotAnApproverError):
        decisions.record(conn, floor.scrap, CORRECTED, "Ben", "button", correction=OK_AFTER_ALL)
    with reading(database) as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM corrections")).scalar_one() == 0


def test_what_needs_two_people_or_is_about_references_or_says_nothing_is_not_corrected(database: Engine, floor: ShopFloor) -> None:
    taught = Proposed(kind=ProposalKind.REFERENCE, part="SC-200", disposition=None, reference_state="good", photos=(), reason="asked to")
    unsure = Correction(really=Verdict.UNSURE, defect_class=None, disposition=Disposition.HOLD, note="")
    with writing(database) as conn:
        ask(conn, "K-TAUGHT")
        for proposal, correction, words in (
            (critical(conn), OK_AFTER_ALL, "needs two people"),
            (proposals.propose(conn, "K-TAUGHT", taught), OK_AFTER_ALL, "about references"),
            (floor.scrap, unsure, "says OK or not OK, not unsure"),
        ):
            with pytest.raises(CannotBeCorrectedError, match=words):
                decisions.record(conn, proposal, CORRECTED, "Aiko", "button", correction=correction)
            assert decisions.of_proposal(conn, proposal.id) is None


# The migration


def old_records(engine: Engine) -> None:
    """An approved and carried out reference, and a rejection, as a Kenpin before migration 0004 wrote them."""
    content = (
        '{"disposition":null,"inspection_id":"K-OLD","kind":"reference","part":"SC-200","photos":[],"reason":"","reference_state":"good"}'
    )
    digest = canonical.sha256(content)
    with writing(engine) as conn:
        config = migration_config()
        config.attributes["connection"] = conn
        command.upgrade(config, "0003")
    at = "2026-11-01T06:00:00.000Z"
    with writing(engine) as conn:
        for statement in (
            f"INSERT INTO people (id, seen_at) VALUES ('Aiko', '{at}')",
            "INSERT INTO inspections (id, source, asked_by, question, language, received_at, files, file_count, payload, state) "
            f"VALUES ('K-OLD', 'slack', 'Ben', 'OK?', 'en', '{at}', '[]', 0, '{{}}', 'received')",
            f"INSERT INTO parts (number, folded, added_by, added_at) VALUES ('SC-200', 'sc200', 'Aiko', '{at}')",
            "INSERT INTO approvers (id, person_id, scope, via, granted_by, granted_at) "
            f"VALUES ('grant', 'Aiko', '*', 'direct', 'settings', '{at}')",
            "INSERT INTO proposals (id, inspection_id, kind, part, reference_state, content, digest, created_at) "
            f"VALUES ('P-OLD', 'K-OLD', 'reference', 'SC-200', 'good', '{content}', '{digest}', '{at}')",
            "INSERT INTO decisions (proposal_id, part, digest, verdict, decided_by, grant_id, scope, via, at) "
            f"VALUES ('P-OLD', 'SC-200', '{digest}', 'approved', 'Aiko', 'grant', '*', 'reaction', '{at}')",
            f"INSERT INTO actions (proposal_id, digest, verdict, at) VALUES ('P-OLD', '{digest}', 'approved', '{at}')",
            "INSERT INTO part_references (part, photo_sha256, shown_sha256, state, added_by, added_at, position, proposal_id) "
            f"VALUES ('SC-200', '{'1' * 64}', '{'2' * 64}', 'good', 'Aiko', '{at}', 0, 'P-OLD')",
        ):
            conn.exec_driver_sql(statement)


def test_the_migration_keeps_every_decision_and_action(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/old.sqlite", check_schema=False)
    old_records(engine)
    expect_migrated(engine)


@pytest.mark.postgres
def test_the_migration_keeps_every_decision_and_action_on_postgresql(postgres_server_url: str) -> None:
    with copied_database(postgres_server_url) as url:
        engine = open_database(url, check_schema=False)
        with engine.begin() as conn:
            conn.exec_driver_sql("DROP SCHEMA public CASCADE")
            conn.exec_driver_sql("CREATE SCHEMA public")
        old_records(engine)
        expect_migrated(engine)


def expect_migrated(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as conn:
        proposal = proposals.get(conn, "P-OLD")
        decision, action = decisions.of_proposal(conn, "P-OLD"), actions.of_proposal(conn, "P-OLD")
        assert proposal is not None and decision is not None and action is not None
        assert (proposal.proposed.approvals_needed, proposal.expires_at) == (1, None)
        assert (decision.verdict, decision.decided_by, decision.endorsed_by) == (APPROVED, "Aiko", None)
        assert action.proposed == proposal.proposed
        if engine.dialect.name == "sqlite":
            assert conn.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        for table in ("decisions", "actions"):
            with pytest.raises(sa.exc.IntegrityError, match="append-only"), conn.begin_nested():
                conn.exec_driver_sql(f"DELETE FROM {table}")
    engine.dispose()
