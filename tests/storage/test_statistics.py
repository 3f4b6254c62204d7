"""What came of the answers, counted: against small cases made by hand, and against every row of a drawn plant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from plant import LAST, Plant, built
from shop_floor import ask, suggestion
from shop_floor import built as floor_built
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import actions, audit, chance, decisions, inspections, proposals, second_looks, statistics
from kenpin.storage import statistics_by_day as by_day
from kenpin.storage import statistics_of_subgroups as subgroups
from kenpin.storage import statistics_reliability as reliability
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.statistics_by_day import Calendar, Counts, Reliability
from kenpin.storage.vocabulary import ANY_PART, Correction, DecisionVerdict, Disposition, Photo, SecondLook, Verdict

JAPAN = Calendar(zone="Asia/Tokyo", shifts=("06:00", "14:00", "22:00"))
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FIRST, LAST_DAY = date(2026, 10, 1), date(2026, 11, 24)


def answered(conn: Connection, id: str, verdict: Verdict, confidence: float | None = 0.9, at: str = "2026-11-23T05:00:00Z") -> None:
    from dataclasses import replace

    from plant import ANSWER

    ask(conn, id, received_at=at)
    light = Photo(sha256=f"{sum(id.encode()):064x}", shown_sha256="2" * 64, height_px=3, width_px=4, camera="Maker One", brightness=100.0)
    inspections.save_photos(conn, id, [light])
    inspections.save_answer(conn, id, replace(ANSWER, verdict=verdict, confidence=confidence))
    proposals.propose(conn, id, suggestion(disposition=Disposition.ACCEPT if verdict is Verdict.OK else Disposition.REWORK))
    audit.append(conn, AuditKind.ANSWER_SAVED, {}, id)


def decide(conn: Connection, id: str, verdict: DecisionVerdict, really: Verdict | None = None) -> None:
    proposal = proposals.of_inspection(conn, id)
    assert proposal is not None
    correction = Correction(really=really, defect_class=None, disposition=Disposition.HOLD, note="") if really else None
    decision = decisions.record(conn, proposal, verdict, "Aiko", "button", correction=correction)
    if verdict is not DecisionVerdict.REJECTED:
        actions.record(conn, decision)
    audit.append(conn, AuditKind.DECISION_APPROVED, {}, id)


def look_again(conn: Connection, id: str, said: SecondLook) -> None:
    second_looks.draw(conn, id, "Chika")
    second_looks.reply(conn, id, "Chika", said)
    audit.append(conn, AuditKind.SECOND_LOOK_TAKEN, {}, id)


def counted(engine: Engine, calendar: Calendar = JAPAN) -> None:
    while True:
        with writing(engine) as conn:
            if by_day.refresh(conn, calendar, NOW, 5).whole:
                return


def in_all(engine: Engine, part: str = ANY_PART) -> Counts:
    with reading(engine) as conn:
        return by_day.added(by_day.by_day(conn, part, FIRST, LAST_DAY).values())


def test_escapes_are_bounded_by_what_is_known_of_each_answer(database: Engine) -> None:
    """Two escapes, one by a correction and one by a second look; two bad parts caught; three good ones."""
    floor_built(database)
    ok, not_ok = Verdict.OK, Verdict.NOT_OK
    with writing(database) as conn:
        for number, verdict in enumerate((ok, ok, ok, ok, ok, not_ok, not_ok, not_ok, Verdict.UNSURE)):
            answered(conn, f"K-{number}", verdict, None if verdict is Verdict.UNSURE else 0.9)
        decide(conn, "K-0", DecisionVerdict.CORRECTED, not_ok)  # an escape
        decide(conn, "K-1", DecisionVerdict.APPROVED)
        look_again(conn, "K-1", SecondLook.NOT_OK)  # an escape: whoever did not know the answer saw it
        decide(conn, "K-2", DecisionVerdict.APPROVED)  # good
        decide(conn, "K-3", DecisionVerdict.CORRECTED, ok)
        look_again(conn, "K-3", SecondLook.NOT_OK)  # good: a correction is stronger
        decide(conn, "K-4", DecisionVerdict.REJECTED)  # says nothing
        decide(conn, "K-5", DecisionVerdict.APPROVED)  # caught
        look_again(conn, "K-6", SecondLook.NOT_OK)  # caught, though nobody has decided
        decide(conn, "K-7", DecisionVerdict.CORRECTED, ok)  # overkill
        decide(conn, "K-8", DecisionVerdict.APPROVED)  # no judgement: neither
    with reading(database) as conn:
        found = statistics.escape_bound(conn, "SC-200")
        none_yet = statistics.escape_bound(conn, "SC-200", since="2026-12-01T00:00:00Z")
        before = statistics.escape_bound(conn, "SC-200", until="2026-11-01T00:00:00Z")
    assert (found.n, found.escapes, found.decided, found.accepted) == (4, 2, 7, 4)
    assert found.upper == pytest.approx(chance.upper_bound(2, 4))
    assert found.accepted_upper == pytest.approx(chance.upper_bound(2, 4))
    assert (none_yet.n, none_yet.upper) == (0, 1.0)
    assert before.decided == 0
    counted(database)
    counts = in_all(database, "SC-200")
    assert (counts.known_bad, counts.escapes, counts.known_good, counts.overkill) == (4, 2, 3, 1)
    assert (counts.approved, counts.corrected, counts.rejected, counts.pending) == (4, 3, 1, 1)
    assert (counts.ok, counts.not_ok, counts.abstained, counts.inspections) == (5, 3, 0, 9)


def test_what_is_decided_later_changes_the_day_the_question_came(database: Engine) -> None:
    floor_built(database)
    with writing(database) as conn:
        answered(conn, "K-1", Verdict.OK, at="2026-11-10T05:00:00Z")
    counted(database)
    assert in_all(database, "SC-200").decided == 0
    with writing(database) as conn:
        decide(conn, "K-1", DecisionVerdict.CORRECTED, Verdict.NOT_OK)
    with reading(database) as conn:
        assert not by_day.is_fresh(conn, JAPAN)
    counted(database)
    with reading(database) as conn:
        assert by_day.is_fresh(conn, JAPAN)
        days = by_day.by_day(conn, "SC-200", FIRST, LAST_DAY)
    assert [(day.isoformat(), one.escapes) for day, one in days.items()] == [("2026-11-10", 1)]


def test_a_day_begins_at_the_sites_own_midnight(database: Engine) -> None:
    floor_built(database)
    with writing(database) as conn:
        answered(conn, "K-1", Verdict.OK, at="2026-11-10T14:59:59.999Z")
        answered(conn, "K-2", Verdict.OK, at="2026-11-10T15:00:00Z")
    for calendar, days in ((JAPAN, ["2026-11-10", "2026-11-11"]), (Calendar(zone="UTC", shifts=("00:00",)), ["2026-11-10"])):
        counted(database, calendar)  # another zone: everything is counted anew
        with reading(database) as conn:
            assert [day.isoformat() for day in by_day.by_day(conn, "SC-200", FIRST, LAST_DAY)] == days


def test_a_shift_runs_over_midnight_and_follows_summer_time() -> None:
    def at(moment: str, calendar: Calendar) -> str:
        return calendar.shift_of(round(datetime.fromisoformat(moment).timestamp() * 1000) << 20)

    assert [at(f"2026-11-10T{hour:02d}:00Z", JAPAN) for hour in (12, 13, 20, 21, 4, 5)] == [
        "14:00",
        "22:00",
        "22:00",
        "06:00",
        "06:00",
        "14:00",
    ]
    berlin = Calendar(zone="Europe/Berlin", shifts=("06:00", "14:00", "22:00"))
    assert (at("2026-07-01T04:00Z", berlin), at("2026-12-01T04:00Z", berlin)) == ("06:00", "22:00")


def test_the_counts_of_a_plant_are_those_of_its_rows(database: Engine) -> None:
    size = built(database, Plant(days=14, a_day=24))
    counted(database)
    whole = in_all(database)
    assert whole.inspections == size
    one_by_one = {
        "ok": "SELECT count(*) FROM inspections WHERE verdict = 'ok'",
        "approved": "SELECT count(*) FROM decisions WHERE verdict = 'approved'",
        "overrides": "SELECT count(*) FROM decisions WHERE verdict <> 'approved'",
        "expired": "SELECT count(*) FROM expirations",
        "escalated": "SELECT count(*) FROM register WHERE escalated = 1",
        "abstained": "SELECT count(*) FROM register WHERE abstained = 1",
    }
    with reading(database) as conn:
        for name, query in one_by_one.items():
            assert getattr(whole, name) == conn.execute(sa.text(query)).scalar_one(), name
        assert whole.cost == pytest.approx(conn.execute(sa.text("SELECT sum(cost) FROM inspections")).scalar_one())
        parts = by_day.by_part(conn, FIRST, LAST_DAY, 10)
        assert by_day.added(parts.values()).inspections == size
        assert next(iter(parts)) == "SC-200", "most first"
        groups = by_day.subgroups(conn, JAPAN, ANY_PART, FIRST, LAST_DAY)
        for dimension, values in groups.counts.items():
            assert by_day.added(values.values()) == pytest.approx(whole) or by_day.added(values.values()).inspections == size, dimension
        live = by_day.subgroups(conn, JAPAN, "SC-200", FIRST, LAST_DAY)
        for values in live.counts.values():
            assert by_day.added(values.values()).overrides == parts["SC-200"].overrides
        listed, more = by_day.listed(conn, JAPAN, ANY_PART, FIRST, LAST_DAY, "escapes", group=None, most=500)
        assert (len(listed), more) == (whole.escapes, False)
        assert all(one.verdict == "ok" and one.was_really_bad for one in listed)
        waits = by_day.waits_by_day(conn, ANY_PART, FIRST, LAST_DAY)
        assert sum(sum(bins.values()) for bins in waits.values()) == whole.decided
        seconds = sorted(second for second in groups.waits["language"]["en"] + groups.waits["language"]["ja"])
    together: dict[int, int] = {}
    for bins in waits.values():
        for bin, n in bins.items():
            together[bin] = together.get(bin, 0) + n
    assert by_day.wait_quantile(together, 0.5) == pytest.approx(seconds[len(seconds) // 2], rel=0.06)
    assert by_day.wait_quantile({}, 0.5) is None


def test_the_line_that_differs_is_flagged_and_no_other(database: Engine) -> None:
    built(database, Plant(days=42, a_day=30, last=LAST))
    counted(database)
    with reading(database) as conn:
        found = subgroups.gaps(by_day.subgroups(conn, JAPAN, "SC-200", FIRST, LAST_DAY).counts)
    flagged = {key[:2] for key, gap in found.items() if gap.is_beyond_chance and gap.is_more and key[2] == "overrides"}
    assert {("line", "C-LINE3"), ("shift", "22:00")} <= flagged
    assert not flagged & {("line", "C-LINE1"), ("line", "C-LINE2"), ("language", "en"), ("language", "ja")}
    few = found["lighting", "4", "escapes"] if ("lighting", "4", "escapes") in found else found["line", "C-LINE1", "escapes"]
    assert few.needed is not None and few.needed > few.share.n


def test_chance_alone_flags_hardly_any_subgroup() -> None:
    import random

    draw = random.Random(5)
    looks = 0
    for _ in range(60):
        values = {
            name: Counts(inspections=80, approved=80 - k, rejected=k)
            for name, k in ((str(i), sum(draw.random() < 0.1 for _ in range(80))) for i in range(6))
        }
        looks += any(gap.is_beyond_chance for gap in subgroups.gaps({"line": values}).values())
    assert looks <= 8, "three are expected of sixty looks; nine would be one chance in 200"


def test_calibration_error_is_the_distance_from_what_was_stated() -> None:
    """Twenty stated at 0.9, of which 15 were right; sixty at 0.6, of which 36 were: 20/80 of 0.15."""
    found = reliability.diagram(
        {90: Reliability(judged=20, right=15, confidence=18.0), 60: Reliability(judged=60, right=36, confidence=36.0)}
    )
    assert found.judged == 80
    assert found.error == pytest.approx(0.0375)
    assert [round(one.stated, 2) for one in found.bins] == [0.6, 0.9]
    assert found.error_low < found.error < found.error_high
    assert 0.02 < found.by_chance < 0.08
    assert reliability.diagram({}).error is None
