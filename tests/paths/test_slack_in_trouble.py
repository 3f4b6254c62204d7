"""Slack repeats itself, limits us, breaks off and goes away; and our database is busy. Nothing is lost and nothing comes twice."""

from __future__ import annotations

import sqlite3
import time

import httpx
from drawn_parts import PART, mat
from running_kenpin import Factory

QUESTION = f"is this {PART} OK?"


def test_an_event_that_slack_sends_four_times_is_answered_once(shop: Factory) -> None:
    shop.faults(resend_events=3)
    question = shop.olga.ask(QUESTION, mat(500))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.inspections_of(question)) == 1
    assert len(shop.olga.answers(question)) == 1


def test_an_acknowledgement_that_gets_lost_makes_no_second_answer(shop: Factory) -> None:
    shop.faults(drop_acks=2)
    question = shop.olga.ask(QUESTION, mat(501))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.inspections_of(question)) == 1
    assert len(shop.olga.answers(question)) == 1


def test_a_thumb_that_slack_sends_again_is_one_decision_and_one_word_about_it(shop: Factory) -> None:
    answer = shop.olga.answer(shop.olga.ask(QUESTION, mat(502)))
    shop.come_to_rest()
    shop.faults(resend_events=2)
    shop.akira.react(answer, "+1")
    shop.olga.told(answer, "✅")
    shop.come_to_rest()
    assert shop.recorded(answer) == (1, 1)
    assert sum(m["text"].startswith("✅") for m in shop.olga.thread(answer)) == 1
    assert shop.akira.whispers(after=answer) == []


def test_an_event_is_not_acknowledged_before_it_is_stored(shop: Factory) -> None:
    """With the database locked, Slack gets no acknowledgement, sends again, and is answered once the lock is gone."""
    lock = sqlite3.connect(shop.home / "kenpin.sqlite", isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    try:
        question = shop.olga.ask(QUESTION, mat(503))
        time.sleep(5)
        assert shop.on_its_way() > 0, "acknowledged, and not stored"
        assert shop.inspections_of(question) == []
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.inspections_of(question)) == 1
    assert len(shop.olga.answers(question)) == 1


def test_a_rate_limit_delays_the_answer_and_does_not_double_it(shop: Factory) -> None:
    shop.workspace.calls.clear()
    shop.faults(rate_limit={"method": "chat.postMessage", "calls": 2, "retry_after_s": 1})
    # The question comes as an upload, so that no person's own chat.postMessage uses up the limit.
    question = shop.olga.ask(QUESTION, mat(504))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert [c["answer"] for c in shop.workspace.calls.latest("chat.postMessage")] == ["ratelimited", "ratelimited", "ok"]
    assert len(shop.olga.answers(question)) == 1


def test_an_error_inside_slack_passes(shop: Factory) -> None:
    shop.faults(error={"method": "chat.postMessage", "calls": 1, "error": "internal_error"})
    question = shop.olga.ask(QUESTION, mat(505))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.olga.answers(question)) == 1


def test_a_download_that_breaks_off_is_made_again(shop: Factory) -> None:
    shop.faults(drop_downloads=1)
    answer = shop.olga.answer(shop.olga.ask(QUESTION, mat(506)))
    assert answer["text"].startswith("OK: "), answer["text"]


def test_a_question_asked_while_the_connection_is_cut_is_answered_when_it_is_back(shop: Factory) -> None:
    httpx.post(f"{shop.workspace.url}/local/connections", json={"do": "cut"}, timeout=30).raise_for_status()
    question = shop.olga.ask(QUESTION, mat(507))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.olga.answers(question)) == 1


def test_a_missing_scope_is_named_instead_of_the_photo_being_blamed(shop: Factory) -> None:
    """Without files:read Slack gives a login page and status 200 instead of the photo."""
    shop.faults(revoked_scopes=["files:read"])
    answer = shop.olga.answer(shop.olga.ask(QUESTION, mat(508)))
    assert "files:read" in answer["text"] and "token" in answer["text"]
    assert "your photo itself may be fine" in answer["text"]
