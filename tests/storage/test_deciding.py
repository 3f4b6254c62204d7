"""Who may decide, and that the first decision stands: by Kenpin's own functions, alone, in any order and at once."""

from __future__ import annotations

import itertools
import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from kenpin.storage import actions, decisions, parts, people, proposals
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import AlreadyDecidedError, NotAnApproverError, NotApprovedError, ProposalAlteredError, UnknownRowError
from kenpin.storage.vocabulary import DecisionVerdict, Disposition, ProposalKind

APPROVED, REJECTED = DecisionVerdict.APPROVED, DecisionVerdict.REJECTED

# Proposals


def test_a_proposal_comes_back_as_it_was_made(database: Engine, floor: ShopFloor) -> None:
    with reading(database) as conn:
        kept = proposals.get(conn, "P-SCRAP")
        assert kept == floor.scrap == proposals.of_inspection(conn, "K-SCRAP")
        assert proposals.get(conn, "P-NONE") is None
    assert kept is not None
    assert kept.proposed == suggestion()
    assert (kept.part, kept.kind) == ("SC-200", ProposalKind.DISPOSITION)


def test_the_first_proposal_of_an_inspection_stands(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert proposals.propose(conn, "K-SCRAP", suggestion(disposition=Disposition.ACCEPT)) == floor.scrap


def test_proposals_that_differ_in_anything_have_other_digests(floor: ShopFloor) -> None:
    assert len({floor.scrap.digest, floor.rework.digest, floor.other.digest}) == 3
    assert proposals.content_of("K-1", suggestion()) != proposals.content_of("K-2", suggestion())


def test_nothing_can_be_decided_on_a_proposal_that_was_altered(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("DROP TRIGGER proposals_no_update")
        else:
            conn.exec_driver_sql("ALTER TABLE proposals DISABLE TRIGGER ALL")
        conn.exec_driver_sql("UPDATE proposals SET content = replace(content, 'scrap', 'accept') WHERE id = 'P-SCRAP'")
    with reading(database) as conn, pytest.raises(ProposalAlteredError, match="P-SCRAP no longer has the content"):
        proposals.get(conn, "P-SCRAP")


# Deciding


@pytest.mark.parametrize(("approver", "scope"), [("Aiko", "SC-200"), ("Chika", "*"), ("Emi", "SC-200")])
def test_an_approvers_decision_becomes_an_action(database: Engine, floor: ShopFloor, approver: str, scope: str) -> None:
    with writing(database) as conn:
        assert people.scope_of(conn, approver, "SC-200") == scope
        decision = decisions.record(conn, floor.scrap, APPROVED, approver, "reaction", "Ev-1", at="2026-11-23T15:00:00+09:00")
        action = actions.record(conn, decision)
    with reading(database) as conn:
        assert decisions.of_proposal(conn, "P-SCRAP") == decisions.of_inspection(conn, "K-SCRAP") == decision
        assert actions.of_proposal(conn, "P-SCRAP") == actions.of_inspection(conn, "K-SCRAP") == action
    assert (decision.decided_by, decision.scope, decision.digest) == (approver, scope, floor.scrap.digest)
    assert decision.at == "2026-11-23T06:00:00.000Z"
    assert action.proposed == floor.scrap.proposed


@pytest.mark.parametrize("person", ["Ben", "Dai", "nobody we know"])
def test_everybody_else_is_told_who_may_decide(database: Engine, floor: ShopFloor, person: str) -> None:
    words = rf"{person} is not an approver of SC-200 \(approvers: Aiko, Chika, Emi\)\. Nothing was recorded\."
    with writing(database) as conn, pytest.raises(NotAnApproverError, match=words):
        decisions.record(conn, floor.scrap, APPROVED, person, "reaction")
    with reading(database) as conn:
        assert decisions.of_proposal(conn, "P-SCRAP") is None


def test_an_approver_of_one_part_cannot_decide_on_another(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn, pytest.raises(NotAnApproverError, match=r"not an approver of SC-300 \(approvers: Chika\)"):
        decisions.record(conn, floor.other, APPROVED, "Aiko", "button")


def test_a_second_thumbs_up_is_told_whose_came_first(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        first = decisions.record(conn, floor.scrap, REJECTED, "Aiko", "reaction", "Ev-1")
    for person in ("Chika", "Aiko", "Ben"):
        with (
            writing(database) as conn,
            pytest.raises(AlreadyDecidedError, match=r"rejected by Aiko at .* the first decision stands") as refusal,
        ):
            decisions.record(conn, floor.scrap, APPROVED, person, "reaction", "Ev-2")
        assert (refusal.value.decided_by, refusal.value.at, refusal.value.source_event) == ("Aiko", first.at, "Ev-1")


def test_a_rejected_proposal_becomes_no_action(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn, pytest.raises(NotApprovedError, match="P-SCRAP was rejected; only an approved one"):
        actions.record(conn, decisions.record(conn, floor.scrap, REJECTED, "Aiko", "button"))


def test_a_refusal_leaves_the_transaction_usable(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        with pytest.raises(NotAnApproverError):
            decisions.record(conn, floor.scrap, APPROVED, "Ben", "reaction")
        decisions.record(conn, floor.scrap, APPROVED, "Aiko", "reaction")
    with reading(database) as conn:
        assert decisions.of_proposal(conn, "P-SCRAP") is not None


def test_of_many_approvers_at_once_exactly_one_decides(database: Engine, floor: ShopFloor) -> None:
    crowd = ("Aiko", "Chika", "Emi", "Aiko", "Chika", "Emi")
    meeting = threading.Barrier(len(crowd))
    outcomes: list[str] = []

    def press(person: str) -> None:
        meeting.wait()
        try:
            with writing(database) as conn:
                actions.record(conn, decisions.record(conn, floor.scrap, APPROVED, person, "reaction"))
            outcomes.append("recorded")
        except AlreadyDecidedError:
            outcomes.append("already decided")

    threads = [threading.Thread(target=press, args=(person,)) for person in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already decided"] * 5 + ["recorded"]


def test_a_decision_during_a_revocation_waits_for_it_and_is_refused(database: Engine, floor: ShopFloor) -> None:
    outcomes: list[str] = []

    def press() -> None:
        try:
            with writing(database) as conn:
                decisions.record(conn, floor.scrap, APPROVED, "Aiko", "reaction")
            outcomes.append("recorded")
        except NotAnApproverError:
            outcomes.append("refused")

    presser = threading.Thread(target=press)
    with writing(database) as conn:
        people.revoke(conn, "Aiko", "SC-200", revoked_by="Chika")
        presser.start()
        presser.join(timeout=0.3)
        assert presser.is_alive()
    presser.join()
    assert outcomes == ["refused"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.sampled_from(["Aiko", "Ben", "Chika", "Dai"]), st.sampled_from([APPROVED, REJECTED])),
        st.tuples(st.just("grant"), st.sampled_from(["Aiko", "Ben"]), st.sampled_from(["SC-200", "SC-300", "*"])),
        st.tuples(st.just("revoke"), st.sampled_from(["Aiko", "Ben"]), st.sampled_from(["SC-200", "SC-300", "*"])),
        st.tuples(st.just("act"), st.just("nobody"), st.just("past the decision")),
    ),
    max_size=12,
)
numbers = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_in_any_order_the_first_living_approver_decides_and_nobody_else(
    database: Engine, floor: ShopFloor, steps: list[tuple[str, str, str]]
) -> None:
    id = f"K-{next(numbers)}"
    decided: tuple[str, str] | None = None
    acted = False
    with writing(database) as conn:
        ask(conn, id)
        proposal = proposals.propose(conn, id, suggestion())
        may = {person for person in ("Aiko", "Ben", "Chika", "Dai") if people.scope_of(conn, person, "SC-200")}
        assert "Chika" in may
        held = {(grant.person_id, grant.scope) for grant in people.grants(conn)}
        for step, person, detail in steps:
            if step == "grant":
                assert people.approve(conn, person, detail, granted_by="Chika") == ((person, detail) not in held)
                held.add((person, detail))
            elif step == "revoke":
                assert people.revoke(conn, person, detail, revoked_by="Chika") == ((person, detail) in held)
                held.discard((person, detail))
            elif step == "decide":
                entitled = bool({(person, "SC-200"), (person, "*")} & held)
                try:
                    decisions.record(conn, proposal, DecisionVerdict(detail), person, "reaction")
                    assert decided is None and entitled
                    decided = (person, detail)
                except AlreadyDecidedError as refusal:
                    assert decided == (refusal.decided_by, refusal.verdict)
                except NotAnApproverError:
                    assert decided is None and not entitled
            else:
                try:
                    with conn.begin_nested():
                        conn.execute(
                            sa.text("INSERT INTO actions (proposal_id, digest, verdict, at) VALUES (:id, :digest, 'approved', 'now')"),
                            {"id": proposal.id, "digest": proposal.digest},
                        )
                    assert decided is not None and decided[1] == APPROVED and not acted
                    acted = True
                except IntegrityError:
                    assert decided is None or decided[1] == REJECTED or acted
        on_record = decisions.of_proposal(conn, proposal.id)
        assert (on_record and (on_record.decided_by, on_record.verdict)) == decided
        assert (actions.of_proposal(conn, proposal.id) is not None) == acted


# People


def test_people_are_remembered_and_found_by_their_address_however_it_is_written(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        people.remember(conn, "Ben", None, None, "ja-JP")
        ben = people.find(conn, "Ben")
        assert ben is not None and (ben.name, ben.email, ben.locale) == ("Ben", "ben@example.com", "ja-JP")
        assert people.find_by_email(conn, " BEN@Example.com ") == ben
        assert people.find_by_email(conn, "nobody@example.com") is None


def test_a_person_never_seen_can_be_approved(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert people.approve(conn, "U0NEW", "*", granted_by="the settings")
        assert people.scope_of(conn, "U0NEW", "SC-300") == "*"


def test_granting_twice_and_revoking_twice_change_nothing(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert not people.approve(conn, "Aiko", "sc 200", granted_by="Chika")
        assert people.revoke(conn, "Aiko", "ＳＣ２００", revoked_by="Chika")
        assert not people.revoke(conn, "Aiko", "SC-200", revoked_by="Chika")
        assert people.scope_of(conn, "Aiko", "SC-200") is None
        assert people.approve(conn, "Aiko", "SC-200", granted_by="Chika")
        assert [grant.revoked_by for grant in people.grants(conn, revoked=True) if grant.person_id == "Aiko"] == ["Chika", None]


def test_nobody_is_approved_for_a_part_that_does_not_exist(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn, pytest.raises(UnknownRowError, match="no part 'SC-999' to approve somebody for"):
        people.approve(conn, "Aiko", "SC-999", granted_by="Chika")


def test_a_groups_grants_follow_its_members(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-400", None, "Chika")
        people.approve_group(conn, "S-QUALITY", "SC-400", granted_by="Chika")
        people.approve_group(conn, "S-LEADS", "*", granted_by="Chika")
        assert people.groups(conn, "SC-400") == ("S-LEADS", "S-QUALITY")
        assert people.groups(conn, "SC-300") == ("S-LEADS",)
        assert people.groups(conn) == ("S-LEADS", "S-QUALITY")
        assert people.set_group_members(conn, "S-QUALITY", ["Emi", "Ben"]) == (("Ben", "Emi"), ())
        assert people.scope_of(conn, "Emi", "SC-400") == "SC-400"
        assert people.set_group_members(conn, "S-QUALITY", ["Ben", "Aiko"]) == (("Aiko",), ("Emi",))
        assert people.scope_of(conn, "Emi", "SC-200") is None
        assert [person.id for person in people.approvers_of(conn, "SC-400")] == ["Aiko", "Ben", "Chika"]
        assert people.revoke_group(conn, "S-QUALITY", "SC-400", revoked_by="Chika")
        assert [person.id for person in people.approvers_of(conn, "SC-400")] == ["Chika"]
        assert people.scope_of(conn, "Aiko", "SC-200") == "SC-200"  # by a grant of her own, and still by the group's
