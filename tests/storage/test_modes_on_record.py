"""Modes and groups of accepts by Kenpin's own functions; test_the_database_refuses_modes.py goes around them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import accept_groups, actions, clock, decisions, inspections, modes, proposals, second_looks
from kenpin.storage.accept_groups import Group
from kenpin.storage.database import migrate, migration_config, open_database, reading, writing
from kenpin.storage.errors import AlreadyDecidedError, GroupError, ModeError, NotAnApproverError
from kenpin.storage.modes import Counts, Evidence, Needed
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import (
    Correction,
    DecisionVerdict,
    Delivery,
    Disposition,
    Language,
    Mode,
    ModeStep,
    SecondLook,
    Verdict,
)

APPROVED, REJECTED, CORRECTED = DecisionVerdict.APPROVED, DecisionVerdict.REJECTED, DecisionVerdict.CORRECTED
PART = "SC-200"


def evidence(mode: Mode = Mode.SCALE, **changed: object) -> Evidence:
    """Just enough."""
    enough = Evidence(
        part=PART,
        mode=mode,
        since=None,
        at=clock.now(),
        counts=Counts(decided=300, called_ok=300, escapes=0, good=300, overkill=0),
        escapes_bound=0.99,
        overkill_bound=0.99,
        drift=None,
        drift_since=None,
        needed=Needed(decided=300, escapes=1.0, overkill=5.0),
    )
    return replace(enough, **changed)  # type: ignore[arg-type]


def accept(conn: Connection, id: str, verdict: Verdict = Verdict.OK) -> Proposal:
    """An answered and posted question whose answer proposes to accept."""
    ask(conn, id)
    conn.execute(
        sa.text(
            "UPDATE inspections SET state = 'posted', verdict = :v, answer = '{}', answered_at = :n, part = 'SC-200', posted_at = :n, "
            "posted_channel = 'C-QUALITY', posted_ts = :i WHERE id = :i"
        ),
        {"v": verdict.value, "n": clock.now(), "i": id},
    )
    return proposals.propose(conn, id, suggestion(disposition=Disposition.ACCEPT))


def in_scale(conn: Connection) -> None:
    modes.promote(conn, evidence(), "Aiko")


def group_of(conn: Connection, *ids: str) -> Group:
    """Posted, with these accepts in it."""
    for id in ids:
        group, _ = accept_groups.join(conn, "C-QUALITY", accept(conn, id), Language.EN)
    closed = accept_groups.close(conn, group.id, "full")
    assert closed is not None and accept_groups.mark_posted(conn, group.id, "9.9")
    posted = accept_groups.get(conn, group.id)
    assert posted is not None
    return posted


# Modes


def test_a_part_goes_up_one_mode_at_a_time_on_signed_evidence(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert modes.of(conn, PART) is Mode.ASSIST
        assert modes.of(conn, PART, Mode.SHADOW) is Mode.SHADOW, "by setting"
        assert modes.start(conn, PART, Mode.SHADOW)
        assert not modes.start(conn, PART, Mode.ASSIST), "once"
        with pytest.raises(ModeError, match="cannot be promoted to scale"):
            modes.promote(conn, evidence(), "Aiko")
        change = modes.promote(conn, evidence(Mode.ASSIST), "Aiko")
        assert (change.step, change.from_mode, change.mode, change.signed_by) == (ModeStep.PROMOTION, Mode.SHADOW, Mode.ASSIST, "Aiko")
        assert change.evidence is not None and change.evidence["decided"] == 300 and change.evidence["decided_needed"] == 300
        modes.promote(conn, evidence(), "Chika")
        assert modes.of(conn, PART) is Mode.SCALE
        assert [one.position for one in modes.history(conn, PART)] == [3, 2, 1]
        assert modes.all_latest(conn)[PART].mode is Mode.SCALE


SHORT: dict[str, dict[str, object]] = {
    "too few decisions": {"counts": Counts(decided=299, called_ok=299, escapes=0, good=299, overkill=0)},
    "escapes": {"escapes_bound": 1.01},
    "overkill": {"overkill_bound": 5.01},
    "drift": {"drift": "score", "drift_since": "2026-11-01T00:00:00.000Z"},
}


@pytest.mark.parametrize("what", SHORT)
def test_evidence_that_falls_short_promotes_nothing(database: Engine, floor: ShopFloor, what: str) -> None:
    with writing(database) as conn:
        with pytest.raises(ModeError, match="does not meet what scale needs"):
            modes.promote(conn, evidence(**SHORT[what]), "Aiko")
        assert modes.of(conn, PART) is Mode.ASSIST


def test_a_part_goes_down_at_any_time_with_a_reason_and_back_by_itself_by_one(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        with pytest.raises(ModeError, match="Say why"):
            modes.demote(conn, PART, Mode.SHADOW, "Aiko", "  ")
        with pytest.raises(ModeError, match="not below"):
            modes.demote(conn, PART, Mode.SCALE, "Aiko", "no")
        with pytest.raises(ModeError, match="not one mode down"):
            modes.fall_back(conn, evidence(Mode.SHADOW), "drift")
        fell = modes.fall_back(conn, evidence(Mode.ASSIST, drift="score"), "drift")
        assert (fell.signed_by, fell.why, fell.mode) == (None, "drift", Mode.ASSIST)
        assert fell.evidence is not None and fell.evidence["drift"] == "score"
        down = modes.demote(conn, PART, Mode.SHADOW, "Aiko", "a new\nlamp")
        assert (down.why, down.signed_by) == ("a new lamp", "Aiko")
        assert modes.counted_since(conn, PART) == down.at


def test_what_is_known_of_a_part_is_counted_from_decisions_and_second_looks(database: Engine, floor: ShopFloor) -> None:
    bad = Correction(really=Verdict.NOT_OK, defect_class="crack", disposition=Disposition.SCRAP, note="")
    good = Correction(really=Verdict.OK, defect_class=None, disposition=Disposition.ACCEPT, note="")
    with writing(database) as conn:
        for id in ("K-1", "K-2", "K-3"):
            actions.record(conn, decisions.record(conn, accept(conn, id), APPROVED, "Aiko", "button"))
        decisions.record(conn, accept(conn, "K-4"), REJECTED, "Aiko", "button")  # tells nothing
        actions.record(conn, decisions.record(conn, accept(conn, "K-5"), CORRECTED, "Aiko", "button", correction=bad))
        not_ok = accept(conn, "K-6", Verdict.NOT_OK)
        actions.record(conn, decisions.record(conn, not_ok, CORRECTED, "Aiko", "button", correction=good))
        actions.record(conn, decisions.record(conn, accept(conn, "K-7", Verdict.UNSURE), APPROVED, "Aiko", "button"))  # no judgement
        assert modes.counts(conn, PART) == Counts(decided=5, called_ok=4, escapes=1, good=4, overkill=1)
        second_looks.draw(conn, "K-1", "Aiko")
        second_looks.reply(conn, "K-1", "Aiko", SecondLook.NOT_OK)
        assert modes.counts(conn, PART) == Counts(decided=5, called_ok=4, escapes=2, good=3, overkill=1)
        assert modes.counts(conn, PART, since=clock.now()).decided == 0
        assert modes.counts(conn, PART, newest=1).decided <= 1
        assert modes.counts(conn, "SC-300").decided == 0


def test_what_became_of_an_answer_stays_as_it_was(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert modes.delivery_of(conn, "K-SCRAP") is Delivery.POSTED, "as every answer from before"
        assert modes.deliver(conn, "K-SCRAP", Mode.SHADOW, Delivery.KEPT)
        assert not modes.deliver(conn, "K-SCRAP", Mode.ASSIST, Delivery.POSTED)
        assert modes.delivery_of(conn, "K-SCRAP") is Delivery.KEPT


def test_an_answer_being_posted_is_known_by_its_channel(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        accept(conn, "K-1")
        assert not inspections.is_being_posted(conn, "C-QUALITY")
        conn.execute(sa.text("UPDATE inspections SET state = 'answered', posted_at = NULL, posting_by = 'W0' WHERE id = 'K-1'"))
        assert inspections.is_being_posted(conn, "C-QUALITY")
        assert not inspections.is_being_posted(conn, "C-OTHER")


# Groups


def test_one_approval_of_a_group_records_no_action_by_itself(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        group = group_of(conn, "K-1", "K-2")
        approval = accept_groups.approve(conn, group, "Aiko", "button", "Ev-1")
        assert (approval.approved_by, approval.digest) == ("Aiko", group.digest)
        assert conn.execute(sa.text("SELECT count(*) FROM decisions")).scalar_one() == 0
        assert conn.execute(sa.text("SELECT count(*) FROM actions")).scalar_one() == 0
        assert accept_groups.approve(conn, group, "Aiko", "button", "Ev-1") == approval, "the same press, again"
        with pytest.raises(GroupError, match="approved by Aiko"):
            accept_groups.approve(conn, group, "Chika", "button", "Ev-2")


def test_nobody_without_a_grant_approves_a_group(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        group = group_of(conn, "K-1")
        for person in ("Ben", "Dai", "nobody we know"):
            with pytest.raises(NotAnApproverError, match="approvers: Aiko, Chika, Emi"):
                accept_groups.approve(conn, group, person, "button", "Ev-1")
        assert accept_groups.approval_of(conn, group.id) is None


def test_all_but_one_are_approved_when_one_was_taken_out(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        group = group_of(conn, "K-1", "K-2", "K-3")
        assert accept_groups.take_out(conn, "P-2", "person", "Ben", "Ev-0")
        assert not accept_groups.take_out(conn, "P-2", "person", "Ben", "Ev-9")
        accept_groups.approve(conn, group, "Aiko", "button", "Ev-1")
        waiting = [member.inspection_id for member in accept_groups.members(conn, group.id) if accept_groups.is_waiting(member)]
        assert waiting == ["K-1", "K-3"]
        with pytest.raises(GroupError, match="approved by Aiko"):
            accept_groups.take_out(conn, "P-1", "person", "Ben", "Ev-2")


def test_an_emptied_group_and_one_of_a_part_that_left_scale_cannot_be_approved(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        group = group_of(conn, "K-1")
        modes.demote(conn, PART, Mode.ASSIST, "Aiko", "to be careful")
        with pytest.raises(GroupError, match="no longer in scale"):
            accept_groups.approve(conn, group, "Aiko", "button", "Ev-1")
        modes.promote(conn, evidence(), "Aiko")
        accept_groups.take_out(conn, "P-1", "mode")
        with pytest.raises(GroupError, match="Nothing in G-"):
            accept_groups.approve(conn, group, "Aiko", "button", "Ev-2")


def test_a_proposal_that_changed_after_the_group_was_posted_is_refused(database: Engine, floor: ShopFloor) -> None:
    """Only somebody who owns the database can do it: the rules have to be taken away first."""
    with writing(database) as conn:
        in_scale(conn)
        group = group_of(conn, "K-1", "K-2")
    drop = "DROP TRIGGER proposals_no_update" if database.dialect.name == "sqlite" else "DROP TRIGGER proposals_append_only ON proposals"
    with writing(database) as conn:
        conn.execute(sa.text(drop))
        conn.execute(sa.text("UPDATE proposals SET content = replace(content, 'accept', 'repair') WHERE id = 'P-1'"))
    with writing(database) as conn, pytest.raises(GroupError, match="no longer what it was when it was posted"):
        accept_groups.approve(conn, group, "Aiko", "button", "Ev-1")
    with reading(database) as conn:
        assert accept_groups.approval_of(conn, group.id) is None


def test_a_group_is_closed_once_and_what_is_decided_singly_stays_out(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        in_scale(conn)
        first, is_new = accept_groups.join(conn, "C-QUALITY", accept(conn, "K-1"), Language.JA)
        second, is_new_again = accept_groups.join(conn, "C-QUALITY", accept(conn, "K-2"), Language.EN)
        other, _ = accept_groups.join(conn, "C-OTHER", accept(conn, "K-3"), Language.EN)
        assert (first.id, is_new, is_new_again, first.language) == (second.id, True, False, Language.JA) and other.id != first.id
        assert accept_groups.photos_in(conn, first.id) == 2
        decided = proposals.get(conn, "P-1")
        assert decided is not None
        decisions.record(conn, decided, REJECTED, "Aiko", "reaction")
        closed = accept_groups.close(conn, first.id, "full")
        assert closed is not None and accept_groups.listed(closed) == ("P-2",)
        assert accept_groups.close(conn, first.id, "full") == closed, "the same job, again"
        assert accept_groups.close(conn, first.id, "due") is None, "that one need not post it"
        assert accept_groups.is_being_posted(conn, "C-QUALITY") and not accept_groups.is_being_posted(conn, "C-OTHER")
        assert accept_groups.mark_posted(conn, first.id, "1.1") and not accept_groups.mark_posted(conn, first.id, "2.2")
        assert [group.id for group in accept_groups.unapproved(conn, PART)] == [first.id, other.id]
        with pytest.raises(AlreadyDecidedError):
            decisions.record(conn, decided, APPROVED, "Aiko", "button")


# The migration


def test_parts_from_before_are_in_assist(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'old.sqlite'}", check_schema=False)
    config = migration_config()
    with writing(engine) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0005")
        conn.execute(
            sa.text("INSERT INTO parts (number, folded, added_by, added_at) VALUES ('SC-200', 'sc200', 'Aiko', :n)"), {"n": clock.now()}
        )
    migrate(engine)
    with reading(engine) as conn:
        assert modes.of(conn, PART, new_parts=Mode.SHADOW) is Mode.ASSIST
        assert [one.step for one in modes.history(conn, PART)] == [ModeStep.START]
    engine.dispose()
