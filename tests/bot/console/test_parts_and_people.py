"""Parts and people in the console: seen by everybody, changed by those who may, and every change on the page afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from signed_in import IDS, Running, words
from sqlalchemy.engine import Engine

from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen
from kenpin.storage import audit, clock, inspections, parts, people, targets
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Answer, Language, Reference, Source, Targets, Verdict
from kenpin.tools.context import Eye, Site
from kenpin.tools.vision.sight import LabelledScores


def kinds(console: Running) -> list[AuditKind]:
    with reading(console.engine) as conn:
        return [entry.kind for entry in audit.entries(conn)]


def a_part(console: Running) -> None:
    with writing(console.engine) as conn:
        parts.add(conn, "SC-200", "Solar cell", "Aiko")


def test_a_supervisor_adds_a_part_and_sets_its_targets_and_both_changes_are_told(console: Running) -> None:
    sumi = console.browser("Sumi")
    assert sumi.submit("/parts/add", {"number": "SC-300", "name": "Bracket"}).status_code == 303
    typed = {"part": "SC-300", "escapes": "1.5", "overkill": "4", "expected_bad": ""}
    assert sumi.submit("/parts/targets", typed).status_code == 303
    with reading(console.engine) as conn:
        assert targets.of(conn, "SC-300") == Targets(escapes=1.5, overkill=4.0)
    told = words(sumi.get("/parts/part?part=sc300"))
    assert "SC-300" in told and "Bracket" in told
    assert "Targets set" in told and "escapes: 1.5" in told and "Sumi" in told
    assert "SC-300" in words(sumi.get("/parts"))


def test_a_viewer_sees_parts_and_changes_none(console: Running) -> None:
    a_part(console)
    vera = console.browser("Vera")
    page = vera.get("/parts/part?part=SC-200")
    assert page.status_code == 200 and '<form method="post" action="/parts/targets"' not in page.text
    assert vera.submit("/parts/targets", {"part": "SC-200", "escapes": "1"}).status_code == 403
    assert vera.submit("/parts/add", {"number": "SC-999"}).status_code == 403
    with reading(console.engine) as conn:
        assert targets.of(conn, "SC-200") == Targets()
        assert parts.numbers(conn) == ("SC-200",)
    assert kinds(console).count(AuditKind.PAGE_REFUSED) == 2


def test_what_cannot_be_is_said_and_what_was_typed_is_kept(console: Running) -> None:
    a_part(console)
    sumi = console.browser("Sumi")
    for wrong in ({"escapes": "60"}, {"overkill": "-1"}, {"escapes": "few"}, {"expected_bad": "nan"}):
        refused = sumi.submit("/parts/targets", {"part": "SC-200", **wrong})
        assert refused.status_code == 400 and next(iter(wrong.values())) in words(refused)
    assert sumi.submit("/parts/add", {"number": "*"}).status_code == 400
    assert sumi.get("/parts/part?part=NOPE-1").status_code == 404
    with reading(console.engine) as conn:
        assert targets.of(conn, "SC-200") == Targets()


def test_without_the_models_what_would_change_cannot_be_tried_and_the_page_says_so(console: Running) -> None:
    a_part(console)
    sumi = console.browser("Sumi")
    assert 'name="try"' not in sumi.get("/parts/part?part=SC-200").text
    assert sumi.submit("/parts/targets", {"part": "SC-200", "escapes": "1", "try": "yes"}).status_code == 409


def test_an_admin_gives_and_takes_back_a_permission_and_the_page_tells_who(console: Running) -> None:
    a_part(console)
    ada = console.browser("Ada")
    assert ada.submit("/people/grant", {"who": "U0AIKO0001", "part": "SC-200"}).status_code == 303
    with reading(console.engine) as conn:
        assert people.scope_of(conn, "U0AIKO0001", "SC-200") == "SC-200"
    assert "U0AIKO0001" in words(ada.get("/people"))
    assert ada.submit("/people/revoke", {"who": "U0AIKO0001", "scope": "SC-200"}).status_code == 303
    with reading(console.engine) as conn:
        assert people.scope_of(conn, "U0AIKO0001", "SC-200") is None
    told = words(ada.get("/people"))
    assert "Approver revoked" in told and "Approver named" in told and "Ada" in told
    assert ada.submit("/people/revoke", {"who": "U0AIKO0001", "scope": "SC-200"}).status_code == 409


def test_nobody_below_an_admin_gives_a_permission_not_even_to_themselves(console: Running) -> None:
    a_part(console)
    for name in ("Vera", "Sumi"):
        browser = console.browser(name)
        assert "/people/grant" not in browser.get("/people").text
        assert browser.submit("/people/grant", {"who": IDS[name], "part": ""}).status_code == 403
        with reading(console.engine) as conn:
            assert people.scope_of(conn, IDS[name], "SC-200") is None
    assert kinds(console).count(AuditKind.PAGE_REFUSED) == 2


def test_nobody_and_no_part_are_named_in_the_refusal(console: Running) -> None:
    ada = console.browser("Ada", Language.JA)
    refused = ada.submit("/people/grant", {"who": "<b>Bob</b>", "part": ""})
    assert refused.status_code == 400 and "<b>Bob" not in refused.text and "見つかりません" in words(refused)
    assert ada.submit("/people/grant", {"who": "U0AIKO0001", "part": "NOPE-1"}).status_code == 404


class KnownScores:
    """An eye that has these scores for any references."""

    model = "known"

    def labelled_scores(self, good: object, bad: object) -> LabelledScores:
        return LabelledScores(good=tuple(0.3 + 0.4 * i / 30 for i in range(30)), bad=tuple(0.9 + i / 30 for i in range(30)))


def test_other_targets_show_which_answers_they_would_have_changed_and_set_nothing(desk: Desk) -> None:
    listener = listen(0)
    site = Site(engine=desk.engine, photo_store=desk.photos, eye=cast("Eye", KnownScores()))
    here = replace(desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}", open_site=lambda: site)
    with writing(desk.engine) as conn:
        parts.add(conn, "SC-200", None, "Aiko")
        several = [Reference(photo_sha256=f"{i:064x}", shown_sha256=f"{i:064x}", state="good") for i in range(30)]
        parts.add_references(conn, "SC-200", several, "Aiko")
    for i, (score, verdict) in enumerate(((0.2, Verdict.OK), (0.98, Verdict.OK), (3.0, Verdict.NOT_OK))):
        answered(desk.engine, f"K-{i}", "SC-200", score, verdict)
    with Console(here, listener):
        sumi = Running(here).browser("Sumi")
        told = words(sumi.submit("/parts/targets", {"part": "SC-200", "escapes": "4", "try": "yes"}))
        sumi.close()
    assert "1 of the last 3 verdicts would have been different" in told
    assert "K-1 : OK → unsure" in told or "K-1 : OK → not OK" in told
    with reading(desk.engine) as conn:
        assert targets.of(conn, "SC-200") == Targets()


def answered(engine: Engine, id: str, part: str, score: float, verdict: Verdict) -> None:
    answer = Answer(
        language=Language.EN, headline="so", lines=(), verdict=verdict, abstention=None, part=part, anomaly_score=score, threshold=1.0,
        confidence=0.9, comparisons=(), findings=(), similar=(), pictures=(), proposed=None, trail=(), model="known",
    )  # fmt: skip
    with writing(engine) as conn:
        people.remember(conn, "Ben", "Ben", None)
        inspections.receive(
            conn, id=id, source=Source.COMMAND_LINE, event_id=None, channel=None, message_ts=None, thread_ts=None, asked_by="Ben",
            question="ok?", language=Language.EN, received_at=clock.now(), files=[], payload={},
        )  # fmt: skip
        inspections.save_photos(conn, id, [])
        assert inspections.save_answer(conn, id, answer)
