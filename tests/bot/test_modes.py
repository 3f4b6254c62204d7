"""What modes mean for answers, how a part falls back, and how a group's approval decides on each of its members; on both databases.

Everything is real but Slack, which tests/paths/test_modes_in_slack.py has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from kenpin.bot import groups, inspection, jobs, modes
from kenpin.bot.groups import TakeOut
from kenpin.bot.inspection import DecisionRequest
from kenpin.bot.jobs import Jobs
from kenpin.bot.modes import ModeTerms
from kenpin.storage import accept_groups, audit, canonical, clock, decisions, inspections, parts, people, proposals
from kenpin.storage import modes as on_record
from kenpin.storage.accept_groups import Group
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import ProposalAlteredError
from kenpin.storage.modes import Counts, Evidence, Needed
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Answer,
    Comparison,
    Correction,
    DecisionVerdict,
    Delivery,
    Disposition,
    FailureMode,
    Language,
    Mode,
    ModeStep,
    ProposalKind,
    Proposed,
    QualityProblem,
    RuleFired,
    Source,
    Verdict,
)

PART, CHANNEL = "SC-200", "C-QUALITY"
TERMS = ModeTerms()
PHOTO = "a" * 64
BAD = Correction(really=Verdict.NOT_OK, defect_class="crack", disposition=Disposition.SCRAP, note="")
numbers = count(1)


@pytest.fixture
def queue(database: Engine, database_url: str) -> Iterator[Jobs]:
    """Aiko may approve SC-200, Ben nothing."""
    jobs.migrate(database_url)
    opened = Jobs(database_url)
    with writing(database) as conn:
        for person in ("Aiko", "Ben"):
            people.remember(conn, person, person, None)
        parts.add(conn, PART, None, "Aiko")
        people.approve(conn, "Aiko", PART, granted_by="the test")
    yield opened
    opened.close()


def compared(score: float = 0.5) -> Comparison:
    return Comparison(
        photo=0, part=PART, references=16, anomaly_score=score, threshold=1.0, limits=(0.9, 1.1), false_alarm_rate=0.05,
        too_few_references=False, confidence=0.95, verdict=Verdict.OK, map_sha256=None, regions=(), ms=1.0,
    )  # fmt: skip


def answer(score: float = 0.5, part: str | None = PART, kind: ProposalKind = ProposalKind.DISPOSITION) -> Answer:
    """OK, with nothing against it."""
    is_reference = kind is ProposalKind.REFERENCE
    proposed = Proposed(
        kind=kind, part=part or "", disposition=None if is_reference else Disposition.ACCEPT,
        reference_state="good" if is_reference else None, photos=(PHOTO,), reason="nothing unusual",
    )  # fmt: skip
    return Answer(
        language=Language.EN, headline="OK", lines=(), verdict=Verdict.OK, abstention=None, part=part, anomaly_score=score, threshold=1.0,
        confidence=0.95, comparisons=(compared(score),), findings=(), similar=(), pictures=(), proposed=proposed if part else None,
        trail=(), model="eye",
    )  # fmt: skip


def asked(conn: Connection, said: Answer, *, minute: int | None = None) -> inspections.Inspection:
    """A question that was answered and posted."""
    number = next(numbers)
    id = f"K-{number}"
    inspections.receive(
        conn, id=id, source=Source.SLACK, event_id=f"Ev-{id}", channel=CHANNEL, message_ts=f"{number}.0", thread_ts=None, asked_by="Olga",
        question="OK?", language=Language.EN, received_at=f"2026-11-{1 + (minute or 0) // 1440:02}T{(minute or 0) // 60 % 24:02}:"
        f"{(minute or 0) % 60:02}:00Z", files=[], payload={},
    )  # fmt: skip
    inspections.save_answer(conn, id, said)
    if said.proposed:
        proposals.propose(conn, id, said.proposed)
    inspections.mark_posted(conn, id, CHANNEL, f"{number}.5")
    found = inspections.get(conn, id)
    assert found is not None
    return found


def in_scale(engine: Engine) -> None:
    with writing(engine) as conn:
        enough = Evidence(
            part=PART, mode=Mode.SCALE, since=None, at=clock.now(), drift=None, drift_since=None, needed=TERMS.to_scale,
            counts=Counts(decided=300, called_ok=300, escapes=0, good=300, overkill=0), escapes_bound=0.99, overkill_bound=0.99,
        )  # fmt: skip
        on_record.promote(conn, enough, "Aiko")


def group_of(engine: Engine, queue: Jobs, size: int) -> tuple[Group, list[str]]:
    """Posted, and the inspections in it."""
    with writing(engine) as conn:
        made = [asked(conn, answer()) for _ in range(size)]
        for one in made:
            modes.join_group(conn, queue, TERMS, one, Language.EN)
        (group,) = accept_groups.unapproved(conn, PART)
        accept_groups.close(conn, group.id, "full")
        accept_groups.mark_posted(conn, group.id, f"{next(numbers)}.9")
        posted = accept_groups.get(conn, group.id)
        assert posted is not None
    return posted, [one.id for one in made]


def press(group: Group, person: str, event: str, verdict: DecisionVerdict = DecisionVerdict.APPROVED) -> DecisionRequest:
    return DecisionRequest(
        channel=CHANNEL, message_ts=group.posted_ts or "", verdict=verdict, person=person, via="button", source_event=event
    )


def on_the_log(engine: Engine, kind: AuditKind) -> list[audit.AuditEntry]:
    with reading(engine) as conn:
        return list(audit.entries(conn, kind=kind))


def decided_and_done(engine: Engine) -> tuple[int, int]:
    with reading(engine) as conn:
        return tuple(conn.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("decisions", "actions"))  # type: ignore[return-value]


# What becomes of an answer


def test_an_answer_is_kept_posted_or_grouped_as_its_parts_mode_says(database: Engine, queue: Jobs) -> None:
    def delivered(said: Answer, terms: ModeTerms = TERMS) -> Delivery:
        with writing(database) as conn:
            return modes.delivered(conn, terms, asked(conn, said), said)

    shadow_first = replace(TERMS, new_parts=Mode.SHADOW)
    assert delivered(answer(part=None), shadow_first) is Delivery.POSTED, "of no part that is known"
    assert delivered(answer(part="XX-1"), shadow_first) is Delivery.POSTED
    assert delivered(answer(), shadow_first) is Delivery.KEPT
    assert delivered(answer(kind=ProposalKind.REFERENCE), shadow_first) is Delivery.POSTED, "shadow is for teaching, too"
    assert delivered(answer()) is Delivery.KEPT, "the setting is for new parts"
    with writing(database) as conn:
        evidence = modes.evidence(conn, TERMS, PART, Mode.ASSIST)
        met = replace(
            evidence, counts=Counts(decided=30, called_ok=30, escapes=0, good=30, overkill=0), escapes_bound=9.5, overkill_bound=9.5
        )
        on_record.promote(conn, met, "Aiko")
    assert delivered(answer()) is Delivery.POSTED
    in_scale(database)
    assert delivered(answer()) is Delivery.GROUPED
    assert delivered(replace(answer(), verdict=Verdict.UNSURE)) is Delivery.POSTED
    with writing(database) as conn:
        with_a_bad_file = asked(conn, answer())
        inspections.save_photos(conn, with_a_bad_file.id, ["This file is no photo."])
        assert modes.delivered(conn, TERMS, with_a_bad_file, answer()) is Delivery.POSTED
    assert [entry.payload for entry in on_the_log(database, AuditKind.MODE_STARTED)] == [{"part": PART, "mode": "shadow"}]


CRITICAL = FailureMode(
    part=PART, row=1, defect_class="*", failure_mode="crack", effect="fire", cause="drop", severity=9, occurrence=1, detection=1,
    recommended_action="",
)  # fmt: skip
UNCLEAR = {
    "not OK": {"verdict": Verdict.NOT_OK},
    "between the limits": {"verdict": Verdict.UNSURE},
    "an abstention": {"abstention": Abstention(reason=AbstentionReason.BETWEEN_LIMITS, words="a person must look")},
    "not sure enough": {"confidence": 0.74},
    "no confidence": {"confidence": None},
    "nothing proposed": {"proposed": None},
    "something critical": {"failure_modes": (CRITICAL,)},
    "a rule of the site": {"rules": (RuleFired(name="odd lots", words="hold"),)},
    "a poor photo": {"quality": (QualityProblem(photo=0, kind="dark", measured=1.0, limit=2.0),)},
    "one of two photos not compared": {"comparisons": ()},
    "too few references": {"comparisons": (replace(compared(), too_few_references=True),)},
    "one photo not OK": {"comparisons": (replace(compared(), verdict=Verdict.NOT_OK),)},
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_only_an_accept_with_nothing_against_it_may_wait_with_others(what: str) -> None:
    assert modes.is_clear(answer(), 0.95)
    assert not modes.is_clear(replace(answer(), **UNCLEAR[what]), 0.75)  # type: ignore[arg-type]


@pytest.mark.parametrize("disposition,people_needed", [(Disposition.HOLD, 1), (Disposition.USE_AS_IS, 1), (Disposition.ACCEPT, 2)])
def test_nothing_but_an_accept_by_one_person_is_clear(disposition: Disposition, people_needed: int) -> None:
    said = answer()
    assert said.proposed is not None
    assert not modes.is_clear(replace(said, proposed=replace(said.proposed, disposition=disposition, approvals_needed=people_needed)), 0.75)


# Falling back


def test_escapes_past_their_limit_take_a_part_out_of_scale_and_dissolve_its_groups(database: Engine, queue: Jobs) -> None:
    in_scale(database)
    terms = replace(TERMS, to_scale=Needed(decided=3, escapes=40.0, overkill=40.0), scale_limit=45.0)
    group, waiting = group_of(database, queue, 2)

    def decide(verdict: DecisionVerdict, correction: Correction | None = None) -> None:
        with writing(database) as conn:
            one = asked(conn, answer()).id
        request = DecisionRequest(
            inspection_id=one, verdict=verdict, person="Aiko", via="console", source_event=f"page:{one}", correction=correction
        )
        assert inspection.decide(database, queue, request) is not None

    for _ in range(6):
        decide(DecisionVerdict.APPROVED)
    assert modes.check(database, queue, terms, PART) is None, "39.3 in 100 at most"
    decide(DecisionVerdict.CORRECTED, BAD)
    change = modes.check(database, queue, terms, PART)
    assert change is not None and (change.step, change.mode, change.why) == (ModeStep.FALL_BACK, Mode.ASSIST, "escapes")
    assert change.evidence is not None and (change.evidence["escapes"], change.evidence["called_ok"]) == (1, 7)
    assert modes.check(database, queue, terms, PART) is None, "counted anew from there"
    (entry,) = on_the_log(database, AuditKind.MODE_FELL_BACK)
    assert entry.payload is not None and entry.payload["why"] == "escapes" and entry.person_id is None
    with reading(database) as conn:
        assert {m.removed for m in accept_groups.members(conn, group.id)} == {"mode"}
    before = decided_and_done(database)
    groups.decide(database, queue, group, press(group, "Aiko", "Ev-late"))
    assert decided_and_done(database) == before
    (refused,) = on_the_log(database, AuditKind.GROUP_REFUSED)
    assert refused.payload is not None and refused.payload["why"] == "not_in_scale"
    assert len(on_the_log(database, AuditKind.TAKEN_OUT_OF_GROUP)) == len(waiting)


def test_a_bad_week_is_not_hidden_by_a_long_clean_record(database: Engine, queue: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    in_scale(database)
    record = {1000: Counts(decided=1000, called_ok=1000, escapes=7, good=993, overkill=0)}
    lately = Counts(decided=300, called_ok=300, escapes=7, good=293, overkill=0)
    # A thousand decisions are many rows; counting them is tested in tests/storage/test_modes.py.
    monkeypatch.setattr(on_record, "counts", lambda conn, part, since=None, newest=1000: record.get(newest, lately))
    change = modes.check(database, queue, TERMS, PART)
    assert change is not None and change.why == "escapes"


def test_photos_that_drift_take_a_part_out_of_scale_and_not_out_of_assist(database: Engine, queue: Jobs) -> None:
    chance = np.random.default_rng(7)
    with writing(database) as conn:
        for minute in range(90):
            said = answer(float(np.exp(chance.normal(-0.7 if minute < 50 else -0.2, 0.08))))
            asked(conn, said, minute=minute)
    assert modes.check(database, queue, TERMS, PART) is None, "in assist a person decides each one"
    in_scale(database)
    modes.watch(database, queue, TERMS)
    with reading(database) as conn:
        change = on_record.latest(conn, PART)
    assert change is not None and (change.step, change.why) == (ModeStep.FALL_BACK, "drift")
    assert (
        change.evidence is not None and change.evidence["drift"] == "score" and change.evidence["drift_since"].startswith("2026-11-01T00:")
    )


# Groups


def test_one_approval_decides_on_each_by_the_one_door_and_a_repeat_changes_nothing(database: Engine, queue: Jobs) -> None:
    in_scale(database)
    group, ids = group_of(database, queue, 3)
    groups.decide(database, queue, group, press(group, "Ben", "Ev-0"))
    assert decided_and_done(database) == (0, 0)
    (refused,) = on_the_log(database, AuditKind.GROUP_REFUSED)
    assert refused.person_id == "Ben" and refused.payload is not None and refused.payload["why"] == "not_an_approver"

    groups.take_out(
        database, queue, TakeOut(inspection_id=ids[1], person="Ben", channel=CHANNEL, message_ts=group.posted_ts or "", source_event="Ev-1")
    )
    for _ in range(2):  # the second time as after a crash
        groups.decide(database, queue, group, press(group, "Aiko", "Ev-2"))
    assert decided_and_done(database) == (2, 2)
    (approved,) = on_the_log(database, AuditKind.GROUP_APPROVED)
    assert approved.person_id == "Aiko" and approved.payload is not None
    assert approved.payload["proposals"] == [f"P-{ids[0].removeprefix('K-')}", f"P-{ids[2].removeprefix('K-')}"]
    with reading(database) as conn:
        decision = decisions.of_inspection(conn, ids[0])
        assert decision is not None and (decision.decided_by, decision.source_event) == ("Aiko", f"group:{group.id}:{ids[0]}")
        assert decisions.of_inspection(conn, ids[1]) is None
    for id in (ids[0], ids[2]):
        with reading(database) as conn:
            kinds = [entry.kind for entry in audit.entries(conn, inspection_id=id)]
        assert kinds == [AuditKind.DECISION_APPROVED, AuditKind.ACTION_RECORDED]
    groups.decide(database, queue, group, press(group, "Aiko", "Ev-3"))
    assert on_the_log(database, AuditKind.GROUP_REFUSED)[-1].payload is not None
    assert decided_and_done(database) == (2, 2)


def test_a_worker_killed_half_way_through_a_group_is_finished_by_the_next(database: Engine, queue: Jobs) -> None:
    in_scale(database)
    group, ids = group_of(database, queue, 2)
    with writing(database) as conn:
        accept_groups.approve(conn, group, "Aiko", "button", "Ev-1")
    first = DecisionRequest(
        inspection_id=ids[0], verdict=DecisionVerdict.APPROVED, person="Aiko", via="button", source_event=f"group:{group.id}:{ids[0]}"
    )
    inspection.decide(database, queue, first)
    groups.decide(database, queue, group, press(group, "Aiko", "Ev-1"))
    assert decided_and_done(database) == (2, 2)
    assert on_the_log(database, AuditKind.DECISION_REFUSED) == []


def test_a_thumb_down_has_each_decided_by_itself(database: Engine, queue: Jobs) -> None:
    in_scale(database)
    group, ids = group_of(database, queue, 2)
    groups.decide(database, queue, group, press(group, "Ben", "Ev-1", DecisionVerdict.REJECTED))
    assert decided_and_done(database) == (0, 0)
    with reading(database) as conn:
        assert {(m.removed, m.removed_by) for m in accept_groups.members(conn, group.id)} == {("person", "Ben")}
    assert [entry.inspection_id for entry in on_the_log(database, AuditKind.TAKEN_OUT_OF_GROUP)] == ids


def test_a_decision_about_something_else_than_was_shown_is_refused(database: Engine, queue: Jobs) -> None:
    with writing(database) as conn:
        one = asked(conn, answer()).id
    request = DecisionRequest(inspection_id=one, verdict=DecisionVerdict.APPROVED, person="Aiko", via="button", source_event="Ev-1")
    with pytest.raises(ProposalAlteredError, match="is not what Aiko was shown"):
        inspection.decide(database, queue, replace(request, digest=canonical.sha256("something else")))
    assert decided_and_done(database) == (0, 0)
    with reading(database) as conn:
        proposal = proposals.of_inspection(conn, one)
    assert proposal is not None
    assert inspection.decide(database, queue, replace(request, digest=proposal.digest)) is not None
    assert decided_and_done(database) == (1, 1)
