"""An inspection on record, from the question to the posted answer: each step may run twice and changes nothing the second time."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import actions, decisions, inspections, proposals, workers
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.vocabulary import (
    Answer,
    DecisionVerdict,
    Disposition,
    Finding,
    InspectionState,
    Language,
    Photo,
    Region,
    Source,
    TrailEntry,
    Verdict,
    from_json,
    to_json,
)

PHOTO = Photo(sha256="1" * 64, shown_sha256="2" * 64, height_px=300, width_px=400)
SECOND_PHOTO = Photo(sha256="3" * 64, shown_sha256="4" * 64, height_px=600, width_px=800)


def answer(headline: str = "Not OK: a defect, lower left.", part: str = "SC-200") -> Answer:
    return Answer(
        language=Language.EN,
        headline=headline,
        lines=("One region, lower left edge.",),
        verdict=Verdict.NOT_OK,
        abstention=None,
        part=part,
        anomaly_score=1.4,
        threshold=1.0,
        confidence=0.94,
        comparisons=(),
        findings=(
            Finding(
                photo=0,
                tool="locate",
                kind="anomaly",
                score=1.4,
                region=Region(box_xyxy=(0.1, 0.7, 0.2, 0.9), area_of_part=0.03, score=1.4, where="bottom left"),
            ),
            Finding(photo=0, tool="compare", kind="anomaly", score=1.4, region=None),
        ),
        similar=(),
        pictures=(),
        proposed=suggestion(part),
        trail=(TrailEntry(tool="compare", inputs={"photo": 0, "部品": part}, outputs={"score": 1.4}, model="dinov2-small", ms=177.0),),
        model="dinov2-small",
    )


def question(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": inspections.new_id(),
        "source": Source.SLACK,
        "event_id": "Ev-1",
        "channel": "C-QUALITY",
        "message_ts": "1700000000.000100",
        "thread_ts": None,
        "asked_by": "Ben",
        "question": "この部品は良品ですか？",
        "language": Language.JA,
        "received_at": "2026-11-23T14:00:00.5+09:00",
        "files": [{"id": "F1", "name": "写真.jpg"}],
        "payload": {"event": {"text": "この部品は良品ですか？"}},
    }
    return values | changes


# Receiving


def test_a_question_comes_back_as_it_was_asked(database: Engine) -> None:
    asked = question()
    with writing(database) as conn:
        assert inspections.receive(conn, **asked)
    with reading(database) as conn:
        kept = inspections.get(conn, asked["id"])
        assert inspections.get(conn, "K-NONE") is None
    assert kept is not None
    assert kept.received_at == "2026-11-23T05:00:00.500Z"
    assert kept.state is InspectionState.RECEIVED
    assert kept.files == ({"id": "F1", "name": "写真.jpg"},)
    for name in ("event_id", "question", "language", "source", "asked_by", "payload", "channel", "message_ts", "thread_ts"):
        assert getattr(kept, name) == asked[name]


@pytest.mark.parametrize(
    "again",
    [
        {},  # Slack resends the event
        {"event_id": "Ev-2"},  # `message` and `app_mention` both arrive for one message
        {"channel": "C-OTHER"},
    ],
)
def test_one_question_is_one_inspection_however_often_it_comes(database: Engine, again: dict[str, Any]) -> None:
    with writing(database) as conn:
        assert inspections.receive(conn, **question())
    with writing(database) as conn:
        assert not inspections.receive(conn, **question(**again))
    with reading(database) as conn:
        assert len(inspections.listing(conn, 10)) == 1


def test_two_deliveries_at_once_make_one_inspection(database: Engine) -> None:
    meeting = threading.Barrier(4)
    stored: list[bool] = []

    def deliver(event_id: str) -> None:
        meeting.wait()
        with writing(database) as conn:
            stored.append(inspections.receive(conn, **question(event_id=event_id)))

    threads = [threading.Thread(target=deliver, args=(f"Ev-{n % 2}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored) == [False, False, False, True]


def test_questions_from_the_command_line_are_never_the_same(database: Engine) -> None:
    with writing(database) as conn:
        for _ in range(2):
            asked = question(source=Source.COMMAND_LINE, event_id=None, channel=None, message_ts=None, files=[], payload={})
            assert inspections.receive(conn, **asked)


def test_a_reference_that_is_taken_is_never_mistaken_for_a_second_delivery(database: Engine) -> None:
    """Slack gets no acknowledgement then, sends the event again, and another reference is drawn."""
    first = question()
    with writing(database) as conn:
        inspections.receive(conn, **first)
    for other in (
        {"event_id": "Ev-2", "message_ts": "1700000000.000200"},
        {"source": Source.COMMAND_LINE, "event_id": None, "channel": None, "message_ts": None},
    ):
        with writing(database) as conn, pytest.raises(ValueError, match=f"The reference {first['id']} is taken"):
            inspections.receive(conn, **question(id=first["id"], **other))


def test_text_that_a_database_cannot_hold_does_not_lose_the_question(database: Engine) -> None:
    asked = question(question="ok\x00? \ud83d", payload={"text": "ok\x00? \ud83d"})
    with writing(database) as conn:
        assert inspections.receive(conn, **asked)
    with reading(database) as conn:
        kept = inspections.get(conn, asked["id"])
    assert kept is not None
    assert kept.question == "ok\N{REPLACEMENT CHARACTER}? ?"


def test_a_time_without_a_timezone_is_refused(database: Engine) -> None:
    with writing(database) as conn, pytest.raises(ValueError, match="has no timezone"):
        inspections.receive(conn, **question(received_at="2026-11-23T14:00:00"))


# Photos


def test_photos_and_refused_files_keep_their_order(database: Engine) -> None:
    kept: list[Photo | str] = [PHOTO, "That file is not a photo; send a JPEG.", SECOND_PHOTO]
    with writing(database) as conn:
        ask(conn, "K-1")
        assert inspections.photos_of(conn, "K-1") == ()
        for _ in range(2):
            inspections.save_photos(conn, "K-1", kept)
        assert inspections.photos_of(conn, "K-1") == tuple(kept)


def test_one_photo_can_belong_to_two_inspections(database: Engine) -> None:
    with writing(database) as conn:
        for id in ("K-1", "K-2"):
            ask(conn, id)
            inspections.save_photos(conn, id, [PHOTO])
            assert inspections.photos_of(conn, id) == (PHOTO,)


def in_thread(conn: Connection, id: str, message_ts: str, minute: int, *, files: int = 1) -> None:
    inspections.receive(
        conn,
        **question(
            id=id,
            event_id=id,
            message_ts=message_ts,
            thread_ts=None if message_ts == "100.1" else "100.1",
            received_at=f"2026-11-23T05:{minute:02d}:00Z",
            files=[{"id": f"F{n}"} for n in range(files)],
        ),
    )


def test_a_question_in_a_thread_is_about_the_newest_photos_there(database: Engine) -> None:
    with writing(database) as conn:
        in_thread(conn, "K-ROOT", "100.1", 1)
        inspections.save_photos(conn, "K-ROOT", [PHOTO])
        in_thread(conn, "K-TEXT", "100.2", 2, files=0)
        assert newest(conn) == "K-ROOT"
        in_thread(conn, "K-REFUSED", "100.3", 3)
        inspections.save_photos(conn, "K-REFUSED", ["That file is empty."])
        assert newest(conn) == "K-ROOT"
        in_thread(conn, "K-NOT-FETCHED", "100.4", 4)
        assert newest(conn) == "K-NOT-FETCHED"
        assert inspections.latest_with_photos_in_thread(conn, "C-QUALITY", "999.9") is None
        assert inspections.latest_with_photos_in_thread(conn, "C-OTHER", "100.1") is None


def newest(conn: Connection) -> str | None:
    found = inspections.latest_with_photos_in_thread(conn, "C-QUALITY", "100.1")
    return found.id if found else None


# Answering


def test_a_thread_tells_what_was_asked_before_in_it_newest_first(database: Engine) -> None:
    with writing(database) as conn:
        in_thread(conn, "K-ROOT", "100.1", 1)
        in_thread(conn, "K-SECOND", "100.2", 2, files=0)
        in_thread(conn, "K-NOW", "100.3", 3)
        in_thread(conn, "K-LATER", "100.4", 4)
    with reading(database) as conn:
        now = inspections.get(conn, "K-NOW")
        assert now is not None
        earlier = inspections.earlier_in_thread(conn, "C-QUALITY", "100.1", now.received_at, 10)
        assert [one.id for one in earlier] == ["K-SECOND", "K-ROOT"]
        assert [one.id for one in inspections.earlier_in_thread(conn, "C-QUALITY", "100.1", now.received_at, 1)] == ["K-SECOND"]
        assert inspections.earlier_in_thread(conn, "C-QUALITY", "999.9", now.received_at, 10) == ()


def test_an_answer_is_kept_whole_and_in_columns(database: Engine) -> None:
    with writing(database) as conn:
        ask(conn, "K-1")
        assert inspections.answer_of(conn, "K-1") is None
        assert inspections.save_answer(conn, "K-1", answer())
    with reading(database) as conn:
        assert inspections.answer_of(conn, "K-1") == answer()
        kept = inspections.get(conn, "K-1")
        regions = conn.execute(sa.text("SELECT kind, box_left, box_bottom, place FROM findings ORDER BY position")).all()
        calls = conn.execute(sa.text("SELECT tool, model, ms FROM trail_entries")).all()
    assert kept is not None
    assert (kept.state, kept.verdict, kept.part, kept.confidence) == (InspectionState.ANSWERED, Verdict.NOT_OK, "SC-200", 0.94)
    assert kept.words == "Not OK: a defect, lower left.\nOne region, lower left edge."
    assert regions == [("anomaly", 0.1, 0.9, "bottom left"), ("anomaly", None, None, None)]
    assert calls == [("compare", "dinov2-small", 177.0)]


def test_an_answer_survives_the_queues_json() -> None:
    assert from_json(Answer, json.loads(json.dumps(to_json(answer())))) == answer()


def test_the_first_answer_stands(database: Engine) -> None:
    with writing(database) as conn:
        ask(conn, "K-1")
        assert inspections.save_answer(conn, "K-1", answer())
        assert not inspections.save_answer(conn, "K-1", answer("Another one."))
        assert inspections.answer_of(conn, "K-1") == answer()
        with pytest.raises(UnknownRowError, match="no inspection K-NONE"):
            inspections.save_answer(conn, "K-NONE", answer())


# Posting


def test_only_one_living_worker_posts_an_answer(database: Engine) -> None:
    with writing(database) as conn:
        ask(conn, "K-1")
        for worker in ("W0", "W1"):
            workers.beat(conn, worker, "host", 1)
        assert not inspections.claim_posting(conn, "K-1", "W0"), "there is no answer yet"
        inspections.save_answer(conn, "K-1", answer())
        assert inspections.claim_posting(conn, "K-1", "W0")
        assert not inspections.claim_posting(conn, "K-1", "W1")
        assert inspections.claim_posting(conn, "K-1", "W0"), "its own step, run again"


def test_a_dead_workers_claim_passes_on_and_can_be_seen(database: Engine) -> None:
    with writing(database) as conn:
        ask(conn, "K-1")
        inspections.save_answer(conn, "K-1", answer())
        workers.beat(conn, "W0", "host", 1)
        inspections.claim_posting(conn, "K-1", "W0")
        workers.forget(conn, "W0")
        before = inspections.get(conn, "K-1")
        assert before is not None and before.posting_by == "W0"
        assert inspections.claim_posting(conn, "K-1", "W1")


def test_a_posted_answer_leads_to_its_proposal(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        assert not inspections.mark_posted(conn, "K-SCRAP", "C-QUALITY", "1700000001.000100"), "there is no answer yet"
        inspections.save_answer(conn, "K-SCRAP", answer())
        assert inspections.mark_posted(conn, "K-SCRAP", "C-QUALITY", "1700000001.000100")
        assert not inspections.mark_posted(conn, "K-SCRAP", "C-QUALITY", "1700000001.000200")
        assert not inspections.claim_posting(conn, "K-SCRAP", "W0")
        assert proposals.for_message(conn, "C-QUALITY", "1700000001.000100") == floor.scrap
        assert proposals.for_message(conn, "C-QUALITY", "1700000001.000200") is None


def test_what_is_posted_can_no_longer_fail(database: Engine) -> None:
    with writing(database) as conn:
        for id in ("K-1", "K-2"):
            ask(conn, id)
            inspections.save_answer(conn, id, answer())
        inspections.mark_posted(conn, "K-1", "C-QUALITY", "1.1")
        assert not inspections.mark_failed(conn, "K-1", "Slack did not answer")
        assert inspections.mark_failed(conn, "K-2", "Slack did not answer")
        assert not inspections.mark_failed(conn, "K-2", "again")
        failed = inspections.get(conn, "K-2")
        assert failed is not None and (failed.state, failed.failure) == (InspectionState.FAILED, "Slack did not answer")
        assert not inspections.mark_posted(conn, "K-2", "C-QUALITY", "1.2")


# Looking back


def test_past_photos_tell_what_came_of_them(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        for id, part in (("K-SCRAP", "SC-200"), ("K-REWORK", "SC-200"), ("K-OTHER", "SC-300")):
            inspections.save_photos(conn, id, [PHOTO if id == "K-SCRAP" else SECOND_PHOTO])
            inspections.save_answer(conn, id, answer(part=part))
        actions.record(conn, decisions.record(conn, floor.scrap, DecisionVerdict.APPROVED, "Aiko", "reaction"))
        decisions.record(conn, floor.rework, DecisionVerdict.REJECTED, "Aiko", "reaction")
        ask(conn, "K-NOW", received_at="2026-11-24T05:00:00Z")
        inspections.save_photos(conn, "K-NOW", [PHOTO])
    with reading(database) as conn:
        past = {photo.inspection_id: photo for photo in inspections.past_photos(conn, None, "2026-11-24T05:00:00Z", 10)}
        of_part = inspections.past_photos(conn, "SC-200", "2026-11-24T05:00:00Z", 10)
        assert inspections.past_photos(conn, None, "2026-11-23T05:00:00Z", 10) == ()
        assert len(inspections.past_photos(conn, None, "2026-11-24T05:00:00Z", 2)) == 2
    came = {id: (photo.decision, photo.disposition) for id, photo in past.items()}
    assert came == {
        "K-SCRAP": (DecisionVerdict.APPROVED, Disposition.SCRAP),
        "K-REWORK": (DecisionVerdict.REJECTED, None),
        "K-OTHER": (None, None),
    }
    assert past["K-SCRAP"].shown_sha256 == PHOTO.shown_sha256
    assert (past["K-SCRAP"].channel, past["K-SCRAP"].message_ts) == ("C-QUALITY", "1700000000.K-SCRAP")
    assert {photo.inspection_id for photo in of_part} == {"K-SCRAP", "K-REWORK"}


def test_the_listing_is_newest_first_and_goes_on_where_the_page_ended(database: Engine) -> None:
    with writing(database) as conn:
        for hour in range(4):
            ask(conn, f"K-{hour}", received_at=f"2026-11-23T0{hour}:00:00Z")
        inspections.save_answer(conn, "K-2", answer())
        page = inspections.listing(conn, 2)
        assert [inspection.id for inspection in page] == ["K-3", "K-2"]
        assert [inspection.id for inspection in inspections.listing(conn, 2, before=page[-1].received_at)] == ["K-1", "K-0"]
        assert [inspection.id for inspection in inspections.listing(conn, 9, part="SC-200")] == ["K-2"]
        assert [inspection.id for inspection in inspections.listing(conn, 9, state=InspectionState.RECEIVED)] == ["K-3", "K-1", "K-0"]


# Workers


def test_a_worker_without_a_heartbeat_is_dead_until_forgotten(database: Engine) -> None:
    with writing(database) as conn:
        for worker in ("W0", "W1"):
            workers.beat(conn, worker, "host", 1)
        conn.execute(sa.text("UPDATE workers SET heartbeat_at = '2026-11-23T05:00:00.000Z', started_at = heartbeat_at WHERE id = 'W0'"))
        assert [worker.id for worker in workers.dead(conn, older_than_s=10)] == ["W0"]
        assert {worker.id for worker in workers.living(conn)} == {"W0", "W1"}
        assert workers.forget(conn, "W0")
        assert not workers.forget(conn, "W0")
        assert workers.dead(conn, older_than_s=10) == ()
        before = workers.living(conn)
        workers.beat(conn, "W1", "host", 2)
        assert [worker.started_at for worker in workers.living(conn)] == [before[0].started_at]
