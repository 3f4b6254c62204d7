"""A group of accepts in the console: what is shown, one approval for all of it, taking one out; each refusal beside what is allowed."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count

import sqlalchemy as sa
from signed_in import IDS, Running, words
from test_modes_page import PART, answer, in_shadow

from kenpin.bot import modes as mode_rules
from kenpin.storage import accept_groups, audit, decisions, inspections, modes, people, proposals, second_looks, tables
from kenpin.storage.accept_groups import Group
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.modes import Counts, Evidence
from kenpin.storage.vocabulary import Disposition, Language, Mode, Photo, ProposalKind, Proposed, Source

numbers = count(500)
FORM = "f" * 24


def group_of(console: Running, size: int, *, posted: bool = True) -> tuple[Group, list[str]]:
    """A group of the part, and the inspections in it. Sumi is an approver."""
    in_shadow(console)
    enough = Counts(decided=300, called_ok=300, escapes=0, good=300, overkill=0)
    terms = mode_rules.terms_of(console.desk.settings)
    ids = []
    with writing(console.engine) as conn:
        evidence = Evidence(
            part=PART,
            mode=Mode.SCALE,
            since=None,
            at="2026-11-23T05:00:00Z",
            drift=None,
            drift_since=None,
            needed=terms.to_scale,
            counts=enough,
            escapes_bound=0.99,
            overkill_bound=0.99,
        )
        modes.promote(conn, replace(evidence, mode=Mode.ASSIST), IDS["Sumi"])
        modes.promote(conn, evidence, IDS["Sumi"])
        for _ in range(size):
            number = next(numbers)
            ids.append(f"K-{number}")
            inspections.receive(
                conn,
                id=ids[-1],
                source=Source.SLACK,
                event_id=f"Ev-{number}",
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
            sha = f"{number:064d}"
            inspections.save_photos(conn, ids[-1], [Photo(sha256=sha, shown_sha256=sha, height_px=300, width_px=400)])
            accept = Proposed(
                kind=ProposalKind.DISPOSITION,
                part=PART,
                disposition=Disposition.ACCEPT,
                reference_state=None,
                photos=(sha,),
                reason="OK",
            )
            inspections.save_answer(conn, ids[-1], replace(answer(), proposed=accept))
            inspections.mark_posted(conn, ids[-1], "C-QUALITY", f"{number}.5")
            accept_groups.join(conn, "C-QUALITY", proposals.propose(conn, ids[-1], accept), Language.EN)
        (group,) = accept_groups.unapproved(conn, PART)
        if posted:
            accept_groups.close(conn, group.id, "full")
            accept_groups.mark_posted(conn, group.id, f"{next(numbers)}.9")
        found = accept_groups.get(conn, group.id)
        assert found is not None
    return found, ids


def approval(group: Group, **fields: str) -> dict[str, str]:
    return {"form_id": FORM, "digest": group.digest or "", "decision": "approve"} | fields


def decided_ids(console: Running) -> list[str]:
    with reading(console.engine) as conn:
        rows = conn.execute(
            sa.select(tables.proposals.c.inspection_id).join(tables.actions, tables.actions.c.proposal_id == tables.proposals.c.id)
        )
        return sorted(rows.scalars())


def test_an_approver_sees_each_photo_takes_one_out_and_approves_the_rest_at_once(console: Running) -> None:
    group, ids = group_of(console, 3)
    sumi = console.browser("Sumi")
    overview = sumi.get("/modes/part", params={"part": PART})
    assert f'href="/groups/{group.id}"' in overview.text
    assert f'href="/groups/{group.id}"' in sumi.get(f"/inspections/{ids[0]}").text
    page = sumi.get(f"/groups/{group.id}")
    assert re.findall(r"<strong>(K-[^<]+)</strong>", page.text) == ids
    assert "Approve all 3" in words(page)
    assert all(f"/photos/{int(id[2:]):064d}" in page.text for id in ids)
    with reading(console.engine) as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(tables.photo_views)).scalar_one() == 3, "who looked is kept"

    fields = approval(group, take_out=ids[1])
    fields.pop("decision")
    assert sumi.submit(f"/groups/{group.id}/decide", fields).status_code == 303
    assert "Approve all 2" in words(sumi.get(f"/groups/{group.id}"))
    for _ in range(2):  # the second time as when a form is sent twice
        assert sumi.submit(f"/groups/{group.id}/decide", approval(group)).status_code == 303
    assert decided_ids(console) == [ids[0], ids[2]]
    told = words(sumi.get(f"/groups/{group.id}"))
    assert "Approved by Sumi at" in told and "Taken out" in told and "Approve all" not in told
    with reading(console.engine) as conn:
        decision = decisions.of_inspection(conn, ids[0])
        (entry,) = [one for one in audit.entries(conn) if one.kind is AuditKind.GROUP_APPROVED]
    assert decision is not None and (decision.decided_by, decision.via) == (IDS["Sumi"], "console")
    assert entry.person_id == IDS["Sumi"]
    again = sumi.submit(f"/groups/{group.id}/decide", approval(group, form_id="g" * 24))
    assert again.status_code == 409 and "already approved by Sumi" in words(again)


def test_each_is_decided_by_itself_when_an_approver_would_rather(console: Running) -> None:
    group, _ = group_of(console, 2)
    sumi = console.browser("Sumi")
    assert sumi.submit(f"/groups/{group.id}/decide", approval(group, decision="one_by_one")).status_code == 303
    assert "Nothing in this group waits" in words(sumi.get(f"/groups/{group.id}"))
    assert decided_ids(console) == []


def test_who_may_not_approve_is_told_who_may_and_nothing_is_recorded(console: Running) -> None:
    group, _ = group_of(console, 2)
    vera, ada = console.browser("Vera"), console.browser("Ada")
    assert vera.submit(f"/groups/{group.id}/decide", approval(group)).status_code == 403
    assert "/decide" not in vera.get(f"/groups/{group.id}").text
    page = ada.get(f"/groups/{group.id}")
    assert "Take out" in words(page)
    assert "Who may approve it: Sumi" in words(page) and "Approve all" not in words(page)
    refused = ada.submit(f"/groups/{group.id}/decide", approval(group))
    assert refused.status_code == 403 and f"You are not an approver of {PART} (approvers: Sumi)" in words(refused)
    assert decided_ids(console) == []
    with reading(console.engine) as conn:
        (entry,) = [one for one in audit.entries(conn) if one.kind is AuditKind.GROUP_REFUSED]
    assert entry.person_id == IDS["Ada"]
    assert entry.payload is not None and entry.payload["why"] == "not_an_approver"


def test_what_the_page_did_not_show_is_not_approved(console: Running) -> None:
    group, _ = group_of(console, 2, posted=False)
    sumi = console.browser("Sumi")
    assert "still collects" in words(sumi.get(f"/groups/{group.id}"))
    assert sumi.submit(f"/groups/{group.id}/decide", approval(group)).status_code == 409
    with writing(console.engine) as conn:
        accept_groups.close(conn, group.id, "due")
        accept_groups.mark_posted(conn, group.id, "9.9")
        closed = accept_groups.get(conn, group.id)
    assert closed is not None
    assert sumi.submit(f"/groups/{group.id}/decide", approval(group)).status_code == 409, "the digest of what is in it now is another"
    for wrong in ({"decision": "all"}, {"form_id": "x"}, {"take_out": "K-1"}):
        assert sumi.submit(f"/groups/{group.id}/decide", approval(closed, **wrong)).status_code == 400, wrong
    assert sumi.get("/groups/G-NONE").status_code == sumi.submit("/groups/G-NONE/decide", approval(closed)).status_code == 404
    assert decided_ids(console) == []
    assert sumi.submit(f"/groups/{group.id}/decide", approval(closed)).status_code == 303
    assert len(decided_ids(console)) == 2


def test_a_part_that_left_scale_is_decided_one_by_one(console: Running) -> None:
    group, _ = group_of(console, 2)
    sumi = console.browser("Sumi")
    with writing(console.engine) as conn:
        modes.demote(conn, PART, Mode.ASSIST, IDS["Sumi"], "a new supplier")
    refused = sumi.submit(f"/groups/{group.id}/decide", approval(group))
    assert refused.status_code == 409 and "no longer in supervised scale" in words(refused)
    assert decided_ids(console) == []


def test_whoever_has_yet_to_look_again_does_not_see_the_group(console: Running) -> None:
    group, ids = group_of(console, 2)
    sumi = console.browser("Sumi")
    with writing(console.engine) as conn:
        people.remember(conn, IDS["Sumi"], "Sumi", None)
        second_looks.draw(conn, ids[0], IDS["Sumi"])
    for reply in (sumi.get(f"/groups/{group.id}"), sumi.submit(f"/groups/{group.id}/decide", approval(group))):
        assert reply.status_code == 403 and "Say first what you see" in words(reply)
    assert decided_ids(console) == []
    assert console.browser("Ada").get(f"/groups/{group.id}").status_code == 200


def test_the_page_of_people_says_what_waits_under_each_permission_and_where_nobody_else_could_decide(console: Running) -> None:
    group_of(console, 2)
    ada = console.browser("Ada")
    assert f"nobody else may decide on {PART}" in words(ada.get("/people"))
    ada.submit("/people/grant", {"who": "U0AIKO0001", "part": ""})
    shown = ada.get("/people")
    assert "nobody else" not in words(shown)
    rows = re.findall(r"<tr><th scope=\"row\">(.+?)</th><td>.+?</td><td>(\d+)", shown.text, re.DOTALL)
    assert rows == [("Sumi", "2"), ("U0AIKO0001", "2")]
