"""The site's rules and its FMEA table in the console: changed by those who may, checked before they count, each change on the log."""

from __future__ import annotations

import hashlib

from signed_in import Running, words

from kenpin.storage import audit, failure_modes
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Language

GOOD = "rules:\n  - name: cracks go\n    part: SC-200\n    when: {severity: {at_least: 8}}\n    then: {propose: scrap}\n"
TABLE = (
    "part,defect class,failure mode,effect,cause,severity,occurrence,detection,action\n"
    "SC-200,crack,cracked cell,breaks,worn gripper,7,4,5,change pads\n"
)


def told_of(console: Running, kind: AuditKind) -> list[dict[str, object]]:
    with reading(console.engine) as conn:
        return [entry.payload or {} for entry in audit.entries(conn, kind=kind)]


def test_an_admin_adds_edits_and_takes_away_a_file_of_rules_and_each_change_says_from_what_to_what(console: Running) -> None:
    ada, folder = console.browser("Ada"), console.desk.settings.rules
    assert ada.submit("/rules/change", {"name": "site.yaml", "text": GOOD, "shown": ""}).status_code == 303
    assert (folder / "site.yaml").read_text() == GOOD
    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    assert digest in ada.get("/rules").text
    changed = GOOD.replace("scrap", "hold")
    assert ada.submit("/rules/change", {"name": "site.yaml", "text": changed.replace("\n", "\r\n"), "shown": digest}).status_code == 303
    assert (folder / "site.yaml").read_text() == changed
    second = hashlib.sha256(changed.encode()).hexdigest()
    assert ada.submit("/rules/change", {"name": "site.yaml", "text": " ", "shown": second}).status_code == 303
    assert not (folder / "site.yaml").exists()
    log = told_of(console, AuditKind.RULES_CHANGED)
    assert [(one["from"], one["to"]) for one in log] == [(None, GOOD), (GOOD, changed), (changed, None)]
    assert "Ada" in words(ada.get("/rules"))


def test_a_mistake_is_named_what_was_typed_stays_and_nothing_is_kept(console: Running) -> None:
    ada = console.browser("Ada")
    refused = ada.submit("/rules/change", {"name": "site.yaml", "text": GOOD.replace("scrap", "melt </textarea>"), "shown": ""})
    assert refused.status_code == 400
    assert "site.yaml was not kept" in words(refused) and "melt &lt;/textarea&gt;" in refused.text
    assert list(console.desk.settings.rules.glob("*")) == []
    assert told_of(console, AuditKind.RULES_CHANGED) == []


def test_a_file_that_changed_meanwhile_is_not_overwritten(console: Running) -> None:
    ada, folder = console.browser("Ada"), console.desk.settings.rules
    ada.submit("/rules/change", {"name": "site.yaml", "text": GOOD, "shown": ""})
    late = ada.submit("/rules/change", {"name": "site.yaml", "text": GOOD.replace("scrap", "hold"), "shown": ""})
    assert late.status_code == 409 and "propose: hold" in words(late)
    assert (folder / "site.yaml").read_text() == GOOD


def test_no_name_leads_out_of_the_folder(console: Running) -> None:
    ada = console.browser("Ada")
    for name in ("../evil.yaml", "/tmp/evil.yaml", "a/b.yaml", "evil.py", ".yaml", "x" * 80 + ".yaml", "site.yaml\n"):
        assert ada.submit(
            "/rules/change", {"name": name.strip() if name.endswith("\n") else name, "text": GOOD, "shown": "x"}
        ).status_code in (400, 409)
    assert not (console.desk.settings.home.parent / "evil.yaml").exists()
    assert told_of(console, AuditKind.RULES_CHANGED) == []


def test_nobody_below_an_admin_changes_rules(console: Running) -> None:
    for name in ("Vera", "Sumi"):
        assert console.browser(name).submit("/rules/change", {"name": "site.yaml", "text": GOOD, "shown": ""}).status_code == 403
    assert list(console.desk.settings.rules.glob("*")) == []


def bring(console: Running, who: str, text: str, do: str, language: Language = Language.EN, name: str = "table.csv") -> str:
    sent = console.browser(who, language).submit("/fmea/bring", {"do": do}, files={"file": (name, text.encode(), "text/csv")})
    return f"{sent.status_code} {words(sent)}"


def test_a_table_is_looked_at_taken_over_and_taken_out_again(console: Running) -> None:
    looked = bring(console, "Sumi", TABLE, "look")
    assert looked.startswith("200") and "Lines that are fine: 1" in looked and "Nothing has been taken over" in looked
    with reading(console.engine) as conn:
        assert failure_modes.all_rows(conn) == ()
    assert bring(console, "Sumi", TABLE, "take", name="../../<b>.csv").startswith("303")
    page = words(console.browser("Vera").get("/fmea"))
    assert "cracked cell" in page and "140" in page and "Sumi" in page
    file = console.browser("Vera").get("/fmea/file")
    assert file.headers["content-type"].startswith("text/csv") and "cracked cell" in file.text


def test_a_wrong_line_is_named_and_nothing_is_taken(console: Running) -> None:
    wrong = bring(console, "Sumi", TABLE.replace(",7,4,5,", ",11,4,5,"), "take")
    assert wrong.startswith("200") and "Line 2" in wrong
    assert bring(console, "Sumi", "hello", "take", Language.JA).startswith("400 ")
    with reading(console.engine) as conn:
        assert failure_modes.all_rows(conn) == ()


def test_a_viewer_brings_no_table(console: Running) -> None:
    assert bring(console, "Vera", TABLE, "take").startswith("403")
    with reading(console.engine) as conn:
        assert failure_modes.all_rows(conn) == ()
