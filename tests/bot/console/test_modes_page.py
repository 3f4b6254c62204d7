"""The page /modes over HTTP: what it shows, who may sign, and what is refused; each refused case beside the allowed one."""

from __future__ import annotations

from signed_in import IDS, Running, words

from kenpin.storage import actions, audit, canonical, decisions, inspections, modes, parts, people, proposals
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import (
    Answer,
    DecisionVerdict,
    Disposition,
    Language,
    Mode,
    ModeStep,
    ProposalKind,
    Proposed,
    Source,
    Verdict,
)

PART = "SC-200"


def decided(console: Running, count: int, *, first: int = 0) -> None:
    """So many accepts of OK answers, each approved by Sumi."""
    with writing(console.engine) as conn:
        people.remember(conn, IDS["Sumi"], "Sumi", None)
        if parts.add(conn, PART, None, "Sumi"):
            people.approve(conn, IDS["Sumi"], PART, granted_by="the test")
        for number in range(first, first + count):
            id = f"K-{number}"
            inspections.receive(
                conn,
                id=id,
                source=Source.SLACK,
                event_id=f"Ev-{id}",
                channel="C-QUALITY",
                message_ts=f"{number}.0",
                thread_ts=None,
                asked_by="Olga",
                question="OK?",
                language=Language.EN,
                received_at="2026-11-23T05:00:00Z",
                files=[],
                payload={},
            )
            inspections.save_answer(conn, id, answer())
            proposed = Proposed(
                kind=ProposalKind.DISPOSITION,
                part=PART,
                disposition=Disposition.ACCEPT,
                reference_state=None,
                photos=(canonical.sha256(id),),
                reason="OK",
            )
            proposal = proposals.propose(conn, id, proposed)
            actions.record(conn, decisions.record(conn, proposal, DecisionVerdict.APPROVED, IDS["Sumi"], "button"))


def answer() -> Answer:
    return Answer(
        language=Language.EN,
        headline="OK",
        lines=(),
        verdict=Verdict.OK,
        abstention=None,
        part=PART,
        anomaly_score=0.5,
        threshold=1.0,
        confidence=0.9,
        comparisons=(),
        findings=(),
        similar=(),
        pictures=(),
        proposed=None,
        trail=(),
        model="none",
    )


def shown(console: Running) -> str:
    """What the form on the part's page carries: the evidence that is on it."""
    page = console.browser("Sumi").get("/modes/part", params={"part": PART}).text
    return page.split('name="shown" value="')[1].split('"')[0]


def in_shadow(console: Running) -> None:
    with writing(console.engine) as conn:
        parts.add(conn, PART, None, "Sumi")
        people.remember(conn, IDS["Sumi"], "Sumi", None)
        people.approve(conn, IDS["Sumi"], PART, granted_by="the test")
        modes.start(conn, PART, Mode.SHADOW)


def test_the_page_says_how_far_a_part_is_and_offers_nothing_before_it_is_enough(console: Running) -> None:
    assert "There are no parts yet" in words(console.browser("Vera").get("/modes"))
    decided(console, 13)
    told = words(console.browser("Vera").get("/modes"))
    assert f"{PART} assist" in told and "13 of 300 decisions" in told
    assert "Escapes at most 20.6 in 100, needs 1.0 (0 among 13 called OK)" in told
    page = console.browser("Sumi").get("/modes/part", params={"part": "sc200"})
    assert "The evidence is not enough yet" in words(page) and "/modes/sign" not in page.text
    forced = console.browser("Sumi").submit("/modes/sign", {"part": PART, "confirmed": "yes", "shown": ""})
    assert forced.status_code == 409 and "has changed" in words(forced)


def test_a_supervisor_signs_exactly_what_the_page_shows_and_a_viewer_nothing(console: Running) -> None:
    in_shadow(console)
    decided(console, 30)
    evidence = shown(console)
    fields = {"part": PART, "confirmed": "yes", "shown": evidence}

    page = console.browser("Vera").get("/modes/part", params={"part": PART})
    assert "A supervisor can sign it" in words(page) and "/modes/sign" not in page.text
    assert console.browser("Vera").submit("/modes/sign", fields).status_code == 403
    assert console.browser("Vera").submit("/modes/lower", {"part": PART, "to": "shadow", "why": "no"}).status_code == 403
    assert console.browser("Sumi").submit("/modes/sign", fields | {"confirmed": ""}).status_code == 400
    decided(console, 1, first=30)
    stale = console.browser("Sumi").submit("/modes/sign", fields)
    assert stale.status_code == 409 and "Somebody decided meanwhile" in words(stale)
    with reading(console.engine) as conn:
        assert modes.of(conn, PART) is Mode.SHADOW
        refused = [entry.kind for entry in audit.entries(conn, person_id=IDS["Vera"])]
        assert refused == [AuditKind.PAGE_REFUSED] * 2
        (refusal,) = audit.entries(conn, kind=AuditKind.MODE_REFUSED)
        assert refusal.person_id == IDS["Sumi"]

    signed = console.browser("Sumi").submit("/modes/sign", fields | {"shown": shown(console)})
    assert signed.status_code == 303
    with reading(console.engine) as conn:
        change = modes.latest(conn, PART)
        (entry,) = audit.entries(conn, kind=AuditKind.MODE_PROMOTED)
    assert change is not None and (change.step, change.mode, change.signed_by) == (ModeStep.PROMOTION, Mode.ASSIST, IDS["Sumi"])
    assert change.evidence is not None and change.evidence["decided"] == 31
    assert entry.payload is not None and entry.payload["digest"] == change.evidence_digest and entry.person_id == IDS["Sumi"]
    told = words(console.browser("Vera").get("/modes/part", params={"part": PART}))
    assert "promoted shadow → assist Sumi" in told and "31 decisions; escapes at most 9.2 in 100" in told
    assert console.desk.jobs.waiting() == 1, "its channels will be told"


def test_a_part_goes_down_with_a_reason_and_not_without(console: Running) -> None:
    decided(console, 1)
    lower = {"part": PART, "to": "shadow", "why": "a new <script>lamp</script>"}
    wordless = console.browser("Sumi").submit("/modes/lower", lower | {"why": " "})
    assert wordless.status_code == 409 and "Why should SC-200 go down?" in words(wordless)
    assert console.browser("Sumi").submit("/modes/lower", lower | {"to": "nowhere"}).status_code == 400
    assert console.browser("Sumi").submit("/modes/lower", lower | {"to": "scale"}).status_code == 409
    assert console.browser("Sumi").submit("/modes/lower", lower | {"part": "XX-1"}).status_code == 404
    assert console.browser("Sumi").submit("/modes/lower", lower).status_code == 303
    page = console.browser("Sumi", Language.JA).get("/modes/part", params={"part": PART})
    assert "a new &lt;script&gt;lamp" in page.text and "<script>lamp" not in page.text
    assert "並行試行" in page.text and "下げた" in page.text


def test_the_list_goes_on_after_twenty_parts(console: Running) -> None:
    with writing(console.engine) as conn:
        for number in range(21):
            parts.add(conn, f"P-{number:02}", None, "Sumi")
    browser = console.browser("Vera")
    first = browser.get("/modes")
    assert "P-19" in first.text and "P-20" not in first.text
    assert "P-20" in browser.get("/modes", params={"after": "P-19"}).text
    assert browser.get("/modes", params={"after": "' OR 1=1 --"}).status_code == 200
    assert browser.get("/modes/part", params={"part": "' OR 1=1 --"}).status_code == 404
