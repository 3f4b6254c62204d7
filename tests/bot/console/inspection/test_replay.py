"""An inspection made again: as it was then, without a trace but the log's, and what differs said field by field."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import chat_server
import pytest
from inspected import MARKED, DrawingEye, Floor, plate
from signed_in import IDS, Running, words
from typer.testing import CliRunner

from kenpin.bot import cli, inspection, service
from kenpin.bot.replay import CannotReplayError, Replay, replay
from kenpin.storage import failure_modes, targets
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import writing
from kenpin.storage.vocabulary import DecisionVerdict, Disposition, FailureMode, Language, Targets, Verdict
from kenpin.tools.agent import chat_model
from kenpin.tools.larger_model import Larger, Price
from kenpin.tools.vision.errors import VisionError
from kenpin.tools.vision.sight import Said

UNSURE = plate(seed=8, marks={"centre": 8})  # a score between the limits


def again(floor: Floor, id: str = "K-MARK", **other: Any) -> Replay:
    return replay(replace(floor.site, **other), id, by="this test", person=IDS["Sumi"])


def fields(came: Replay) -> set[str]:
    return {one.field for one in came.differences}


def remarks(came: Replay) -> set[str]:
    return {remark.name for remark in came.remarks}


def test_it_comes_out_the_same_and_the_log_says_that_it_was_done(floor: Floor) -> None:
    before, files = floor.rows(), sorted(path.name for path in floor.bench.store.root.rglob("*") if path.is_file())
    came = again(floor)
    assert came.is_same and not came.remarks, came.differences
    assert (came.then.verdict, came.now.verdict) == (Verdict.NOT_OK, Verdict.NOT_OK)
    (entry,) = floor.log(AuditKind.INSPECTION_REPLAYED)
    assert (entry.inspection_id, entry.person_id) == ("K-MARK", IDS["Sumi"])
    assert entry.payload == {"by": "this test", "same": True, "differ": [], "model": "mark-eye"}
    changed = {name for name, count in floor.rows().items() if count != before[name]}
    assert changed == {"audit_entries", "audit_payloads"}, "no other record"
    assert files == sorted(path.name for path in floor.bench.store.root.rglob("*") if path.is_file()), "no picture left behind"


def test_what_came_later_is_left_out(floor: Floor) -> None:
    floor.inspect("K-NOTE", plate(seed=9, marks={"top": 12}), question="is SC-200 OK, and have we seen this before?")
    floor.bench.teach("SC-200", "good", plate(seed=200), plate(seed=201))
    floor.bench.teach("SC-200", "scratch", plate(seed=202, marks={"top": 12}))
    floor.bench.past("K-PAST", plate(seed=10, marks={"top": 12}), disposition=Disposition.SCRAP, days_ago=-1)
    for number in range(9):
        floor.bench.past(f"K-P{number}", plate(seed=20 + number, marks={"top": 12}), decision=DecisionVerdict.REJECTED, days_ago=-1)
    assert inspection.look(floor.site, "K-NOTE").comparisons[0].references == 7, "asked today, it would be compared with all"
    came = again(floor, "K-NOTE")
    assert came.is_same and not came.remarks, came.differences
    assert came.now.comparisons[0].references == 5, "as many good photos as there were"


def test_a_thread_is_read_as_it_was(floor: Floor) -> None:
    floor.inspect("K-FIRST", MARKED, question="is SC-200 OK?")
    floor.inspect(
        "K-THEN", plate(seed=12), question="and this one?", thread_ts="1700000000.K-FIRST", received_at="2026-11-23T05:01:00.000Z"
    )
    came = again(floor, "K-THEN")
    assert came.now.part == "SC-200" and came.is_same, came.differences


def test_an_eye_that_sees_otherwise_is_named_field_by_field(floor: Floor) -> None:
    class Blinder(DrawingEye):
        def compare(self, path: Path, good: object) -> Any:
            seen: Any = super().compare(path, good)
            return replace(seen, anomaly_score=0.3, verdict=Verdict.OK, regions=())

    came = again(floor, eye=Blinder(model="blinder-eye"))
    assert {"verdict", "anomaly_score", "headline", "proposed.disposition", "findings.0"} <= fields(came)
    verdict = next(one for one in came.differences if one.field == "verdict")
    assert (verdict.then, verdict.now) == ("not_ok", "ok")
    assert remarks(came) == {"model_changed"}
    (entry,) = floor.log(AuditKind.INSPECTION_REPLAYED)
    assert entry.payload is not None and entry.payload["same"] is False and "verdict" in entry.payload["differ"]


def test_what_cannot_be_known_as_it_was_is_said(floor: Floor, tmp_path: Path) -> None:
    with writing(floor.engine) as conn:
        targets.set(conn, "SC-200", Targets(escapes=5.0), "Aiko")
        row = FailureMode(
            part="SC-200", row=1, defect_class="*", failure_mode="Crack", effect="", cause="Dropped", severity=5, occurrence=5, detection=5,
            recommended_action="",
        )  # fmt: skip
        failure_modes.replace_rows(conn, [row], "Aiko")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "site.yaml").write_text("rules: []\n")
    first = next(entry for entry in again(floor).then.trail if entry.tool == "compare").outputs["references"][0]
    floor.bench.store.erase(first)
    came = again(floor, rules_folder=tmp_path / "rules")
    assert remarks(came) == {"targets_changed", "failure_modes_changed", "rules_changed", "references_gone"}
    assert all(remark.words(language) for remark in came.remarks for language in Language)
    assert came.now.failure_modes == (), "the table was imported later"


def test_a_larger_models_words_are_taken_from_the_trail(floor: Floor) -> None:
    class Once:
        name, asked = "a-larger-model", 0

        def say(self, instructions: str, question: str, photos: Sequence[bytes]) -> Said:
            self.asked += 1
            return Said(text='{"verdict": "not ok", "where": ["centre"]}', tokens_in=100, tokens_out=10)

    model = Once()
    site = replace(floor.site, larger=Larger(model=model, price=Price(tokens_in=5.0, tokens_out=5.0)))
    then = floor.inspect("K-UNSURE", UNSURE, site=site)
    assert then.opinions and model.asked == 1
    came = replay(site, "K-UNSURE", by="this test")
    assert came.is_same, came.differences
    assert model.asked == 1, "nobody pays twice"
    assert remarks(came) == {"from_the_trail"}


def test_a_chat_models_choice_is_taken_from_the_trail(floor: Floor) -> None:
    with chat_server.running() as server:
        server.script += [chat_server.calls(("compare", {"photo": 1})), chat_server.replies(verdict="not_ok", anomaly_score=3.06)]
        site = replace(floor.site, chat_model=chat_model(server.address))
        then = floor.inspect("K-CHAT", MARKED, question="SC-200, hm?", site=site)
        assert "tiny-chat" in then.model
        asked = len(server.received)
        came = replay(site, "K-CHAT", by="this test")
        assert len(server.received) == asked, "not asked again"
    assert came.is_same, came.differences
    assert remarks(came) == {"from_the_trail"}


def test_why_it_cannot_be_made_again_is_said_in_both_languages(floor: Floor) -> None:
    floor.ask("K-NEW", MARKED, question="is SC-200 OK?")
    floor.inspect("K-TAKE", plate(seed=6), question="reference SC-200 good")
    floor.bench.store.erase(floor.photo("K-GOOD").shown_sha256)
    cases = {"K-NEVER": "There is no inspection", "K-NEW": "no answer yet", "K-TAKE": "took in reference photos", "K-GOOD": "Photo 1 of 1"}
    for id, why in cases.items():
        with pytest.raises(CannotReplayError, match=why) as refused:
            replay(floor.site, id, by="this test")
        assert refused.value.words(Language.JA) != str(refused.value)
    with pytest.raises(CannotReplayError, match="No eye runs here"):
        replay(None, "K-MARK", by="this test")
    assert not floor.log(AuditKind.INSPECTION_REPLAYED)


# --- the command ---------------------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_outcome_and_its_status_tells_it(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real eye takes seconds to load and was not the one that looked here.
    monkeypatch.setattr(service, "open_site", lambda settings, own_process: floor.site)
    run = CliRunner().invoke
    same = run(cli.app, ["replay", "K-MARK"])
    assert (same.exit_code, "The same: nothing came out differently." in same.output) == (0, True)
    floor.bench.eye.model = "another-eye"
    told = run(cli.app, ["replay", "K-MARK", "--json"])
    assert told.exit_code == 1
    came = json.loads(told.output.splitlines()[-1])
    assert (came["inspection"], came["same"]) == ("K-MARK", False)
    assert came["differences"] == [{"field": "model", "then": "mark-eye", "now": "another-eye"}]


# --- in the console ------------------------------------------------------------------------------------------------------------------


def finished(console: Running, id: str, language: Language = Language.EN) -> str:
    """What the page says once it is over."""
    browser = console.browser("Sumi", language)
    for _ in range(200):
        response = browser.get(f"/inspections/{id}/replay", headers={"HX-Request": "true"})
        if "hx-trigger" not in response.text:
            return words(response)
        time.sleep(0.05)
    raise AssertionError(f"{id} was never made again")


def test_a_supervisor_has_it_made_again_in_the_background(console: Running, floor: Floor) -> None:
    browser = console.browser()
    assert browser.get("/inspections/K-MARK/replay").status_code == 404, "nothing was started"
    started = browser.submit("/inspections/K-MARK/replay", {}, headers={"HX-Request": "true"})
    assert (started.status_code == 200 and "<progress" in started.text) or "The same" in started.text
    assert "The same: nothing came out differently." in finished(console, "K-MARK")
    assert "The same: nothing came out differently." in words(browser.get("/inspections/K-MARK"))
    assert [entry.person_id for entry in floor.log(AuditKind.INSPECTION_REPLAYED)] == [IDS["Sumi"]]


def test_without_a_script_a_page_waits_for_it(console: Running, floor: Floor) -> None:
    browser = console.browser()
    started = browser.submit("/inspections/K-GOOD/replay")
    assert (started.status_code, started.headers["location"]) == (303, "/inspections/K-GOOD/replay")
    finished(console, "K-GOOD")
    page = browser.get("/inspections/K-GOOD/replay")
    assert "The same: nothing came out differently." in words(page) and "refresh" not in page.headers


def test_differences_are_shown_beside_each_other(console: Running, floor: Floor) -> None:
    floor.bench.eye.model = "another-eye"
    console.browser().submit("/inspections/K-MARK/replay")
    told = finished(console, "K-MARK")
    assert "One field came out differently." in told and "model mark-eye another-eye" in told
    assert "Another network or version looked: then mark-eye, now another-eye." in told


def test_what_cannot_be_made_again_and_an_eye_that_fails_are_said_plainly(console: Running, floor: Floor) -> None:
    class Broken(DrawingEye):
        def compare(self, path: Path, good: object) -> Any:
            raise VisionError("the network is not here")

    floor.bench.store.erase(floor.photo("K-GOOD").shown_sha256)
    console.browser().submit("/inspections/K-GOOD/replay")
    told = finished(console, "K-GOOD", Language.JA)
    assert "やり直せません" in told and "1 枚中 1 枚目の写真がもう保存されていません" in told
    floor.bench.eye.__class__ = Broken
    console.browser().submit("/inspections/K-MARK/replay")
    assert "The eye or the records gave up." in finished(console, "K-MARK")
