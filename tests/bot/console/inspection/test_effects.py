"""What a change of the rules or of the FMEA table would have done to the latest answers: told before it is kept, and nothing written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inspected import DrawingEye, Floor
from signed_in import IDS, Running, words
from workbench import plate

from kenpin.bot.effects import of_failure_modes, of_rules, without_reference
from kenpin.bot.rules_files import RulesFileError
from kenpin.storage import failure_modes, parts, second_looks
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import FailureMode, Language, Verdict
from kenpin.tools.context import Site

SCRAP = "rules:\n  - name: bad ones go\n    part: SC-200\n    when: {verdict: not_ok}\n    then: {propose: scrap}\n"
NOTHING = SCRAP.replace("SC-200", "SC-999")
CRACK = FailureMode(
    part="SC-200", row=1, defect_class="*", failure_mode="Crack", effect="Breaks", cause="Dropped", severity=10, occurrence=5, detection=5,
    recommended_action="Change the pads",
)  # fmt: skip


def silent(done: int, of: int) -> None:
    """Nobody looks how far it is."""


def finished(console: Running, who: str, page: str, language: Language = Language.EN) -> str:
    """What a trial's part of the page says in the end."""
    browser = console.browser(who, language)
    address = page.split('id="work-')[1].split('"')[0]
    for _ in range(200):
        shown = browser.get(f"/effects/{address}")
        if "hx-trigger" not in shown.text:
            return words(shown)
        time.sleep(0.05)
    raise AssertionError("the trial never ended")


def test_a_rule_is_tried_on_the_latest_answers_and_only_its_own_doing_is_told(floor: Floor) -> None:
    before = floor.rows()
    told: list[tuple[int, int]] = []
    found = of_rules(floor.site, "site.yaml", SCRAP, lambda done, of: told.append((done, of)))
    assert (found.tried, found.left_out) == (2, 0)
    (one,) = found.different
    assert one.inspection_id == "K-MARK" and one.proposes_otherwise
    assert one.now.proposed and one.then.proposed
    assert (one.now.proposed.disposition, one.then.proposed.disposition) == ("hold", "scrap")
    assert any("bad ones go" in line for line in one.lines[1])
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert floor.rows() == before
    assert of_rules(floor.site, "site.yaml", NOTHING, silent).different == ()


def test_taking_a_rule_away_is_tried_as_well(floor: Floor, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "site.yaml").write_text(SCRAP)
    (one,) = of_rules(replace(floor.site, rules_folder=folder), "site.yaml", "", silent).different
    assert one.now.proposed and one.then.proposed
    assert (one.now.proposed.disposition, one.then.proposed.disposition) == ("scrap", "hold")
    assert (folder / "site.yaml").read_text() == SCRAP


def test_grave_failure_modes_ask_for_two_people(floor: Floor) -> None:
    (one,) = of_failure_modes(floor.site, (CRACK,), silent, add=False).different
    assert one.inspection_id == "K-MARK"
    assert one.now.proposed and one.then.proposed
    assert (one.now.proposed.approvals_needed, one.then.proposed.approvals_needed) == (1, 2)
    with reading(floor.engine) as conn:
        assert failure_modes.all_rows(conn) == (), "nothing is taken over"
    with writing(floor.engine) as conn:
        failure_modes.replace_rows(conn, [CRACK], "Aiko")
    assert of_failure_modes(floor.site, (CRACK,), silent, add=True).different == (), "they stand there already"


def test_answers_without_their_photos_and_those_to_be_looked_at_unknowing_are_left_out(floor: Floor) -> None:
    floor.bench.store.erase(floor.photo("K-GOOD").shown_sha256)
    found = of_rules(floor.site, "site.yaml", SCRAP, silent)
    assert (found.tried, found.left_out, len(found.different)) == (1, 1, 1)
    found = of_rules(floor.site, "site.yaml", SCRAP, silent, without=["K-MARK"])
    assert (found.tried, found.left_out, found.different) == (0, 1, ())


def test_an_admin_tries_rules_in_the_console_and_nothing_typed_is_lost(console: Running, floor: Floor) -> None:
    ada = console.browser("Ada")
    page = ada.submit("/rules/try", {"name": "site.yaml", "text": SCRAP, "shown": ""})
    assert page.status_code == 200 and "propose: scrap" in page.text
    told = finished(console, "Ada", page.text)
    assert "Answers that would have been different: 1 of the latest 2." in told
    assert "scrap is proposed instead of hold" in told
    assert list(console.desk.settings.rules.glob("*")) == [], "nothing is kept"
    assert ada.submit("/rules/change", {"name": "site.yaml", "text": SCRAP, "shown": ""}).status_code == 303
    again = finished(console, "Ada", ada.submit("/rules/try", {"name": "site.yaml", "text": SCRAP, "shown": ""}).text, Language.JA)
    assert "直近 2 件の回答は、どれも変わりません" in again


def test_a_supervisor_tries_an_fmea_table(console: Running, floor: Floor) -> None:
    table = "part,defect class,failure mode,effect,cause,severity,occurrence,detection,action\nSC-200,*,Crack,Breaks,Dropped,10,5,5,Pads\n"
    sent = {"file": ("fmea.csv", table.encode(), "text/csv")}
    page = console.browser("Sumi").submit("/fmea/bring", {"do": "try"}, files=sent)
    told = finished(console, "Sumi", page.text)
    assert "Answers that would have been different: 1 of the latest 2." in told and "two people" in told
    with reading(floor.engine) as conn:
        assert failure_modes.all_rows(conn) == ()


def test_whoever_is_to_look_without_knowing_is_told_nothing(console: Running, floor: Floor) -> None:
    ada = console.browser("Ada")
    with writing(floor.engine) as conn:
        second_looks.draw(conn, "K-MARK", IDS["Ada"])
    told = finished(console, "Ada", ada.submit("/rules/try", {"name": "site.yaml", "text": SCRAP, "shown": ""}).text)
    assert "tried on the latest 1." in told and "K-MARK" not in told


def test_what_leans_on_one_reference_is_named(floor: Floor) -> None:
    class Leaning(DrawingEye):
        def compare(self, path: Path, good: Any) -> Any:
            seen: Any = super().compare(path, good)
            return seen if len(good) == 5 else replace(seen, anomaly_score=0.3, verdict=Verdict.OK, regions=())

    with reading(floor.engine) as conn:
        part = parts.find(conn, "SC-200")
    assert part is not None
    site = replace(floor.site, eye=Leaning())
    found = without_reference(site, "SC-200", part.references[2], silent)
    (one,) = found.different
    assert (one.inspection_id, one.now.verdict, one.then.verdict) == ("K-MARK", Verdict.NOT_OK, Verdict.OK)
    assert without_reference(site, "SC-300", part.references[2], silent).tried == 0


def test_a_reference_is_tried_without_and_taken_out_and_the_log_says_so(console: Running, floor: Floor) -> None:
    with reading(floor.engine) as conn:
        part = parts.find(conn, "SC-200")
    assert part is not None
    gone, sumi = part.references[0], console.browser("Sumi")
    asked = {"part": "SC-200", "photo": gone.photo_sha256}
    tried = sumi.submit("/parts/reference", {**asked, "do": "try"})
    told = finished(console, "Sumi", tried.text)
    assert "No answer would have been different; tried on the latest 2." in told
    assert floor.log(AuditKind.REFERENCE_TAKEN_OUT) == []
    assert sumi.submit("/parts/reference", {**asked, "do": "take_out"}).status_code == 303
    with reading(floor.engine) as conn:
        now = parts.find(conn, "SC-200")
    assert now is not None and now.references == part.references[1:]
    (entry,) = floor.log(AuditKind.REFERENCE_TAKEN_OUT)
    assert entry.person_id == IDS["Sumi"] and entry.payload is not None
    assert (entry.payload["photo_sha256"], entry.payload["state"]) == (gone.photo_sha256, "good")
    page = sumi.get("/parts/part?part=SC-200")
    assert "Reference taken out" in words(page) and f"/photos/{gone.photo_sha256}" not in page.text
    assert sumi.submit("/parts/reference", asked).status_code == 404
    assert console.browser("Vera").submit("/parts/reference", asked).status_code == 403
    floor.bench.teach("SC-200", "good", plate(seed=77))
    with reading(floor.engine) as conn:
        more = parts.find(conn, "SC-200")
    assert more is not None and len(more.references) == len(part.references) and more.references[:-1] == now.references


def refused_mistake(console: Running) -> tuple[int, str]:
    page = console.browser("Ada").submit("/rules/try", {"name": "site.yaml", "text": SCRAP.replace("scrap", "melt"), "shown": ""})
    return page.status_code, words(page)


def refused_name(console: Running) -> tuple[int, str]:
    page = console.browser("Ada").submit("/rules/try", {"name": "../site.yaml", "text": SCRAP, "shown": ""})
    return page.status_code, words(page)


def refused_name_of_what_is_taken_away(console: Running) -> tuple[int, str]:
    victim = console.desk.settings.rules / "kept.yaml"
    victim.parent.mkdir(parents=True, exist_ok=True)
    victim.write_text(SCRAP)
    page = console.browser("Ada").submit("/rules/try", {"name": str(victim), "text": "", "shown": ""})
    with pytest.raises(RulesFileError):
        of_rules(Site(engine=console.desk.engine, photo_store=console.desk.photos, eye=DrawingEye()), str(victim), "", silent)
    assert victim.read_text() == SCRAP, "an absolute name deletes nothing"
    return page.status_code, words(page)


def refused_role(console: Running) -> tuple[int, str]:
    page = console.browser("Sumi").submit("/rules/try", {"name": "site.yaml", "text": SCRAP, "shown": ""})
    return page.status_code, words(page)


def refused_trial(console: Running) -> tuple[int, str]:
    begun = console.browser("Ada").submit("/rules/try", {"name": "site.yaml", "text": SCRAP, "shown": ""})
    page = console.browser("Sumi").get(f"/effects/{begun.text.split('work-')[1].split(chr(34))[0]}")
    return page.status_code, words(page)


@pytest.mark.parametrize(
    ("attempt", "status", "says"),
    [
        (refused_mistake, 400, "was not kept"),
        (refused_name, 400, "cannot be a file of rules"),
        (refused_name_of_what_is_taken_away, 400, "cannot be a file of rules"),
        (refused_role, 403, ""),
        (refused_trial, 404, "This trial is no longer here"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    console: Running, floor: Floor, attempt: Callable[[Running], tuple[int, str]], status: int, says: str
) -> None:
    found, said = attempt(console)
    assert found == status and says in said
