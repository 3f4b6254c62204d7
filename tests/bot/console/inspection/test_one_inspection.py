"""The page of one inspection: what it tells, to whom, and what can be decided there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NoReturn

import httpx
import pytest
import sqlalchemy as sa
from inspected import MARKED, WHERE, Floor, plate
from signed_in import IDS, Browser, Running, words

from kenpin.bot import inspection, notices, settings
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen
from kenpin.bot.messenger import Outcome
from kenpin.bot.workspace.people import QUALITY_LEADS
from kenpin.bot.workspace.server import Workspace
from kenpin.storage import actions, decisions, endorsements, inspections, people, proposals, second_looks
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.decisions import Decision
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, Language, SecondLook, Verdict

SUMI = IDS["Sumi"]


def opened(browser: Browser, id: str = "K-MARK") -> httpx.Response:
    response = browser.get(f"/inspections/{id}")
    assert response.status_code == 200, words(response)
    return response


def hidden_fields(response: httpx.Response) -> dict[str, str]:
    """What the page's forms send along."""
    return {name: found[1] for name in ("form_id", "digest") if (found := re.search(rf'name="{name}" value="([^"]+)"', response.text))}


def decided(browser: Browser, decision: str, page: httpx.Response, id: str = "K-MARK", **more: str) -> httpx.Response:
    return browser.submit(f"/inspections/{id}/decide", {**hidden_fields(page), "decision": decision, **more})


def on_record(floor: Floor, id: str = "K-MARK") -> Decision | None:
    with reading(floor.engine) as conn:
        return decisions.of_inspection(conn, id)


# --- what it tells -------------------------------------------------------------------------------------------------------------------


def test_the_page_tells_the_whole_story(console: Running, floor: Floor) -> None:
    floor.inspect("K-AGAIN", MARKED, question="and this one? SC-200", received_at="2026-11-23T06:00:00.000Z")
    floor.inspect("K-TWICE", MARKED, question="SC-200 ok?", received_at="2026-11-23T07:00:00.000Z")
    told = words(opened(console.browser(), "K-AGAIN"))
    for part in (
        "Why did it say that? and this one? SC-200 Not OK: something unusual at the lower left.",
        "The photo's anomaly score is 3.06. SC-200 is rejected above 1.40, so the answer was not OK.",
        "One region, at the lower left, about 2 % of the part, marked on the photo.",
        "Proposed Hold Something unusual was found",
        "90 % sure",
        "2026-11-23 06:00 Ben asked.",
        "The answer was posted to the thread.",
        "K-TWICE 2026-11-23 07:00 Ben not OK",  # the same photo elsewhere
        "Compare compare The photo against the part's good references: score, limits, map. Model: mark-eye",
        '"anomaly_score": 3.0625',
        "Every link fits",
    ):
        assert part in told, part
    with reading(floor.engine) as conn:
        proposal = proposals.of_inspection(conn, "K-AGAIN")
    assert proposal is not None and proposal.digest in told


def test_markup_in_a_question_stays_words(console: Running) -> None:
    page = opened(console.browser())
    assert "<script>alert" not in page.text and "<b>where</b>" not in page.text
    assert '<script>alert("x")</script> is SC-200 *OK*, and <b>where</b> is the defect?' in words(page)


def test_the_page_speaks_japanese_around_an_english_answer(console: Running) -> None:
    page = opened(console.browser("Sumi", Language.JA))
    assert "なぜこの回答になったのか" in page.text and "写真の異常スコアは" in page.text
    assert '<p class="headline" lang="en">Not OK: something unusual at the lower left.</p>' in page.text


def test_an_unknown_inspection_is_said_to_be_unknown(console: Running) -> None:
    response = console.browser().get("/inspections/K-NEVER")
    assert response.status_code == 404
    assert "There is no inspection K-NEVER" in words(response)
    for id in ("%00", "K-MARK%00", "%ff", "..%2fK-MARK", "' OR '1'='1"):
        assert console.browser().get(f"/inspections/{id}").status_code == 404, id


def test_a_question_without_an_answer_yet_has_a_page(console: Running, floor: Floor) -> None:
    floor.ask("K-NEW", plate(seed=5), question="is SC-200 OK?")
    told = words(opened(console.browser(), "K-NEW"))
    assert "It has no answer yet" in told and "It has not said anything yet." in told


def test_the_answers_own_words_explain_what_was_not_judged(console: Running, floor: Floor) -> None:
    floor.inspect("K-NONE", plate(seed=5), question="is SC-400 OK?")
    floor.inspect("K-TAKE", plate(seed=6), question="reference SC-200 good")
    browser = console.browser()
    assert "There was no good photo of SC-400 to compare with." in words(opened(browser, "K-NONE"))
    taken = words(opened(browser, "K-TAKE"))
    assert "Ben asked for 1 photo(s) to become references of SC-200 (good)" in taken
    assert "Make it again" not in taken


def test_a_link_of_the_chain_that_was_tampered_with_is_shown_as_broken(console: Running, floor: Floor) -> None:
    seq = floor.log(AuditKind.ANSWER_SAVED)[-1].seq
    tampered = sa.text("UPDATE audit_payloads SET payload = :payload WHERE seq = :seq")
    with floor.engine.begin() as conn:  # somebody with full power over the database
        if conn.dialect.name == "sqlite":
            for (name,) in conn.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_payloads'")):
                conn.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            conn.execute(sa.text("ALTER TABLE audit_payloads DISABLE TRIGGER ALL"))
        conn.execute(tampered, {"payload": '{"verdict":"ok"}', "seq": seq})
    told = words(opened(console.browser()))
    assert f"✗ the payload of entry {seq} was altered" in told
    assert "A link does not fit. Run `kenpin audit verify`" in told


def test_the_answer_can_be_opened_in_slack_where_slack_has_it(console: Running) -> None:
    browser = console.browser()
    there = browser.get("/inspections/K-MARK/slack")
    assert (there.status_code, there.headers["location"]) == (302, f"https://factory.slack.example/archives/{WHERE}/p1700000009.K-MARK")
    gone = browser.get("/inspections/K-GOOD/slack")
    assert gone.status_code == 404 and "cannot be opened in Slack" in words(gone)


# --- deciding ------------------------------------------------------------------------------------------------------------------------


def test_an_approver_approves_once_however_often_the_form_is_sent(console: Running, floor: Floor) -> None:
    browser = console.browser()
    page = opened(browser)
    before = console.desk.jobs.waiting()
    first, second = (decided(browser, "approve", page) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    decision = on_record(floor)
    assert decision is not None
    assert (decision.verdict, decision.decided_by, decision.via) == (DecisionVerdict.APPROVED, SUMI, "console")
    assert len(floor.log(AuditKind.DECISION_APPROVED)) == len(floor.log(AuditKind.ACTION_RECORDED)) == 1
    assert not floor.log(AuditKind.DECISION_REFUSED), "the same form again is no second decision"
    assert console.desk.jobs.waiting() == before + 1, "the thread is told by the queue, once"
    told = words(opened(browser))
    assert "Sumi approved (in the console)." in told and "On record: Hold." in told
    assert 'value="approve"' not in opened(browser).text


def test_a_second_page_open_beside_changes_nothing_after_the_first(console: Running, floor: Floor) -> None:
    browser = console.browser()
    one, other = opened(browser), opened(browser)
    assert decided(browser, "reject", one).status_code == 303
    late = decided(browser, "approve", other)
    assert late.status_code == 409
    assert "Nothing changed: Sumi rejected this at" in words(late)
    decision = on_record(floor)
    assert decision is not None and decision.verdict is DecisionVerdict.REJECTED
    assert len(floor.log(AuditKind.DECISION_REFUSED)) == 1


def test_a_correction_takes_what_the_dialog_in_slack_takes(console: Running, floor: Floor) -> None:
    browser = console.browser()
    page = opened(browser)
    fields = {"other_class": " hair  crack ", "disposition": "scrap", "note": "seen under the lamp <b>"}
    unsaid = decided(browser, "correct", page, **fields)
    assert unsaid.status_code == 422 and "Say what the part really is" in words(unsaid)
    assert "seen under the lamp &lt;b&gt;" in unsaid.text and 'value="scrap" selected' in unsaid.text, "nothing typed is lost"
    assert on_record(floor) is None
    assert decided(browser, "correct", page, really="not_ok", **fields).status_code == 303
    with reading(floor.engine) as conn:
        action = actions.of_inspection(conn, "K-MARK")
    assert action is not None
    assert action.correction == Correction(
        really=Verdict.NOT_OK, defect_class="hair crack", disposition=Disposition.SCRAP, note="seen under the lamp <b>"
    )
    assert "it is not OK. Kind of defect: hair crack. “seen under the lamp <b>”" in words(opened(browser))


def test_a_correction_that_says_nothing_usable_is_not_taken(console: Running, floor: Floor) -> None:
    browser = console.browser()
    page = opened(browser)
    for fields in (
        {"really": "unsure", "disposition": "scrap"},
        {"really": "ok", "disposition": "sell"},
        {"really": "ok", "disposition": "accept", "note": "a" * 1001},
        {"really": "ok", "disposition": "accept", "other_class": "a" * 61},
        {"really": "ok", "disposition": "accept", "defect_class": "a" * 61},
    ):
        assert decided(browser, "correct", page, **fields).status_code == 422, fields
    assert on_record(floor) is None


def test_who_is_no_approver_is_told_who_is_and_the_attempt_is_on_the_log(console: Running, floor: Floor) -> None:
    browser = console.browser("Ada")
    page = opened(browser)
    assert 'value="approve"' not in page.text
    assert "You are not an approver of SC-200, so you cannot decide this. Approvers: Aiko Mori, Sumi, Vera." in words(page)
    with reading(floor.engine) as conn:
        proposal = proposals.of_inspection(conn, "K-MARK")
    assert proposal is not None
    refused = browser.submit("/inspections/K-MARK/decide", {"decision": "approve", "form_id": "a" * 24, "digest": proposal.digest})
    assert refused.status_code == 403
    assert "Nothing was recorded as done: you are not an approver of SC-200 (approvers: Aiko Mori, Sumi, Vera)" in words(refused)
    assert on_record(floor) is None
    (entry,) = floor.log(AuditKind.DECISION_REFUSED)
    assert (entry.person_id, entry.inspection_id) == (IDS["Ada"], "K-MARK")


def test_a_viewer_sees_no_buttons_and_their_post_is_refused_and_logged(console: Running, floor: Floor) -> None:
    page = opened(console.browser())
    viewer = console.browser("Vera")
    seen = opened(viewer).text
    assert 'name="decision"' not in seen and "/replay" not in seen
    for path in ("/inspections/K-MARK/decide", "/inspections/K-MARK/replay"):
        assert viewer.submit(path, {**hidden_fields(page), "decision": "approve"}).status_code == 403
    assert on_record(floor) is None
    assert [entry.person_id for entry in floor.log(AuditKind.PAGE_REFUSED)] == [IDS["Vera"], IDS["Vera"]]


def test_a_form_about_another_proposal_or_without_its_own_id_is_not_taken(console: Running, floor: Floor) -> None:
    browser = console.browser()
    page = opened(browser)
    other = opened(browser, "K-GOOD")
    assert decided(browser, "approve", other).status_code == 409, "K-GOOD's form sent to K-MARK"
    assert decided(browser, "approve", page, form_id="../x").status_code == 400
    assert decided(browser, "destroy", page).status_code == 400
    assert on_record(floor) is None


@pytest.mark.parametrize("is_away", [False, True])
def test_a_user_groups_members_are_asked_of_slack_before_each_decision(desk: Desk, floor: Floor, is_away: bool) -> None:
    with Workspace() as workspace:
        api_url = "http://127.0.0.1:9/api/" if is_away else workspace.api_url
        env = {"KENPIN_HOME": str(desk.settings.home), "SLACK_API_URL": api_url, "SLACK_BOT_TOKEN": workspace.bot_token}
        with writing(floor.engine) as conn:  # Ada was one of them when somebody last looked
            people.approve_group(conn, QUALITY_LEADS.id, "SC-200", granted_by="Aiko")
            people.set_group_members(conn, QUALITY_LEADS.id, [IDS["Ada"]])
        listener = listen(0)
        here = replace(desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}", settings=settings.read(env))
        running = Running(here)
        with Console(here, listener), running.browser("Ada") as browser:
            answer = decided(browser, "approve", opened(browser))
    assert answer.status_code == (503 if is_away else 403)
    assert ("Slack does not say who may decide" if is_away else "you are not an approver of SC-200") in words(answer)
    assert on_record(floor) is None
    with reading(floor.engine) as conn:
        assert (people.live_grant(conn, IDS["Ada"], "SC-200") is None) is not is_away


def test_two_people_approve_one_after_the_other(console: Running, floor: Floor) -> None:
    floor.inspect("K-TWO", plate(seed=3, marks={"top": 14}), two_people=True)
    with writing(floor.engine) as conn:
        people.approve(conn, IDS["Ada"], "SC-200", granted_by="Aiko")
    first, second = console.browser("Sumi"), console.browser("Ada")
    assert "Two different people must approve this." in words(opened(first, "K-TWO"))
    assert decided(first, "approve", opened(first, "K-TWO"), "K-TWO").status_code == 303
    again = opened(first, "K-TWO")
    assert 'value="approve"' not in again.text and "You were the first of two" in words(again)
    with reading(floor.engine) as conn:
        proposal = proposals.of_inspection(conn, "K-TWO")
        assert proposal is not None
        endorsement = endorsements.of_proposal(conn, proposal.id)
    assert endorsement is not None and (endorsement.endorsed_by, endorsement.via) == (SUMI, "console")
    assert decided(second, "approve", opened(second, "K-TWO"), "K-TWO").status_code == 303
    assert "Sumi approved as the first of two (in the console)." in words(opened(first, "K-TWO"))
    decision = on_record(floor, "K-TWO")
    assert decision is not None and (decision.decided_by, decision.endorsed_by) == (IDS["Ada"], SUMI)


def test_an_answer_on_its_way_to_slack_waits_and_one_that_is_kept_can_be_decided(console: Running, floor: Floor) -> None:
    floor.inspect("K-KEPT", plate(seed=4), is_posted=False)
    floor.inspect("K-WAY", plate(seed=4), is_posted=False)
    browser = console.browser()
    page = opened(browser, "K-WAY")
    with writing(floor.engine) as conn:
        assert inspections.claim_posting(conn, "K-WAY", "a worker")
    assert decided(browser, "approve", page, "K-WAY").status_code == 409
    assert 'value="approve"' not in opened(browser, "K-WAY").text and on_record(floor, "K-WAY") is None
    assert "This answer was kept and not posted." in words(opened(browser, "K-KEPT"))
    assert decided(browser, "approve", opened(browser, "K-KEPT"), "K-KEPT").status_code == 303
    assert on_record(floor, "K-KEPT") is not None


def test_what_nobody_saw_in_slack_is_not_followed_up_there(floor: Floor) -> None:
    class NobodyListens:
        def __getattr__(self, name: str) -> NoReturn:
            raise AssertionError(f"Slack was asked to {name}")

    floor.inspect("K-KEPT", plate(seed=4), is_posted=False)
    outcome = Outcome(kind="rejected", inspection_id="K-KEPT", person=SUMI, verdict=DecisionVerdict.REJECTED, decided_by=SUMI)
    notices.announce(floor.site, NobodyListens(), outcome)  # type: ignore[arg-type]


# --- a second look -------------------------------------------------------------------------------------------------------------------


def test_who_is_asked_for_a_second_look_sees_the_answer_only_afterwards(console: Running, floor: Floor) -> None:
    page = opened(console.browser())
    with writing(floor.engine) as conn:
        assert second_looks.draw(conn, "K-MARK", SUMI)
    browser, other = console.browser(), console.browser("Ada")
    blind = browser.get("/inspections/K-MARK")
    for telltale in ("Not OK", "lower left", "anomaly", "Hold", "size=map", "2.89"):
        assert telltale not in blind.text, telltale
    assert "You have been asked for a second look at this photo." in words(blind)
    assert f"/photos/{floor.photo('K-MARK').sha256}?size=shown" in blind.text
    assert decided(browser, "approve", page).status_code == 403 and on_record(floor) is None
    shown = opened(other)
    assert "Not OK: something unusual" in words(shown), "hidden from who looks, from nobody else"
    with writing(floor.engine) as conn:
        second_looks.reply(conn, "K-MARK", SUMI, SecondLook.OK)
    assert "Second look by Sumi, who had not been shown the answer: OK." in words(opened(browser))


def test_the_main_path_finds_a_proposal_by_its_inspection(floor: Floor) -> None:
    request = inspection.DecisionRequest(
        inspection_id="K-GOOD", verdict=DecisionVerdict.APPROVED, person=SUMI, via="console", source_event="console:test"
    )
    assert inspection.part_to_decide(floor.engine, request) == "SC-200"
    nobody = inspection.DecisionRequest(
        inspection_id="K-NEVER", verdict=DecisionVerdict.APPROVED, person=SUMI, via="console", source_event="console:test"
    )
    assert inspection.part_to_decide(floor.engine, nobody) is None
