"""What the database itself refuses of modes and groups: each beside the case it allows, by raw SQL, on SQLite and PostgreSQL, as Kenpin
connects and with the rules switched off. Above all: in no mode is there an action without an approver's decision.
"""

from __future__ import annotations

from typing import Any

import pytest
import shop_floor
from shop_floor import Prompt
from sqlalchemy.exc import IntegrityError

from kenpin.storage import canonical, clock, proposals
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import Disposition

NOW = clock.now()
REFUSED = r"refused|constraint"
PART = "SC-200"
NUMBERS: dict[str, Any] = {
    "decided": 300,
    "decided_needed": 300,
    "escapes_bound": 0.99,
    "escapes_limit": 1.0,
    "overkill_bound": 2.5,
    "overkill_limit": 5.0,
    "drifted": False,
}


def insert(prompt: Prompt, table: str, values: dict[str, Any]) -> None:
    prompt.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})", **values)


def change(prompt: Prompt, position: int, step: str, from_mode: str | None, mode: str, **more: Any) -> None:
    values = {"part": PART, "position": position, "step": step, "from_mode": from_mode, "mode": mode, "at": NOW}
    insert(prompt, "mode_changes", values | more)


def promotion(prompt: Prompt, position: int, from_mode: str, mode: str, **lies: Any) -> None:
    """lies: what the columns say; the evidence says it too."""
    numbers = NUMBERS | {name: value for name, value in lies.items() if name in NUMBERS}
    evidence = canonical.dumps(numbers)
    values = {"signed_by": "Chika", **numbers, "evidence": evidence, "evidence_digest": canonical.sha256(evidence)}
    change(prompt, position, "promotion", from_mode, mode, **(values | lies))


def to(prompt: Prompt, mode: str) -> None:
    """Bring the part into a mode."""
    change(prompt, 1, "start", None, "shadow" if mode == "shadow" else "assist")
    if mode == "scale":
        promotion(prompt, 2, "assist", "scale")


def accept(prompt: Prompt, id: str = "K-ACCEPT", **more: Any) -> Proposal:
    shop_floor.ask(prompt.conn, id)
    return proposals.propose(prompt.conn, id, shop_floor.suggestion(disposition=Disposition.ACCEPT, **more))


def open_group(prompt: Prompt, **lies: Any) -> None:
    values = {"id": "G-1", "channel": "C-QUALITY", "part": PART, "language": "en", "opened_at": NOW}
    insert(prompt, "accept_groups", values | lies)


def join(prompt: Prompt, proposal: Proposal, **lies: Any) -> None:
    values = {"proposal_id": proposal.id, "group_id": "G-1", "part": proposal.part, "digest": proposal.digest, "joined_at": NOW}
    insert(prompt, "accept_group_members", values | lies)


def post(prompt: Prompt) -> str:
    """The group's digest."""
    content = canonical.dumps({"members": []})
    digest = canonical.sha256(content)
    closed = "UPDATE accept_groups SET closed_at = :n, closed_by = 'full', content = :c, digest = :d WHERE id = 'G-1'"
    prompt.run(closed, n=NOW, c=content, d=digest)
    prompt.run("UPDATE accept_groups SET posted_at = :n, posted_ts = '9.9' WHERE id = 'G-1'", n=NOW)
    return digest


def approve(prompt: Prompt, digest: str, person: str = "Aiko", **lies: Any) -> None:
    scope = "*" if person == "Chika" else PART
    values = {
        "group_id": "G-1",
        "part": PART,
        "digest": digest,
        "approved_by": person,
        "grant_id": prompt.floor.grants.get(person, "none"),
        "scope": scope,
        "via": "button",
        "at": NOW,
    }
    insert(prompt, "accept_group_approvals", values | lies)


# No action without an approver's decision


@pytest.mark.parametrize("mode", ["shadow", "assist", "scale"])
def test_in_no_mode_is_there_an_action_without_an_approvers_decision(prompt: Prompt, mode: str) -> None:
    to(prompt, mode)
    proposal = accept(prompt)
    done = {"proposal_id": proposal.id, "digest": proposal.digest, "verdict": "approved", "at": NOW}
    if mode == "scale":  # not even after an approver approved it in a group
        open_group(prompt)
        join(prompt, proposal)
        approve(prompt, post(prompt))
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "actions", done)
    decision = {
        "proposal_id": proposal.id,
        "part": PART,
        "digest": proposal.digest,
        "approvals_needed": 1,
        "verdict": "approved",
        "scope": PART,
        "via": "button",
        "at": NOW,
    }
    for nobody in (
        {"decided_by": "Ben", "grant_id": prompt.floor.grants["Aiko"]},
        {"decided_by": "Dai", "grant_id": prompt.floor.grants["Dai"]},
    ):
        with pytest.raises(IntegrityError, match=REFUSED):
            insert(prompt, "decisions", decision | nobody)
    assert prompt.count("actions") == 0
    insert(prompt, "decisions", decision | {"decided_by": "Aiko", "grant_id": prompt.floor.grants["Aiko"]})
    insert(prompt, "actions", done)
    assert prompt.count("actions") == 1


# Modes


def test_evidence_that_meets_its_limits_and_is_signed_promotes(prompt: Prompt) -> None:
    change(prompt, 1, "start", None, "shadow")
    promotion(prompt, 2, "shadow", "assist")
    promotion(prompt, 3, "assist", "scale")
    assert prompt.rows("SELECT mode FROM mode_changes WHERE position = 3") == [("scale",)]


SHORT: dict[str, dict[str, Any]] = {
    "too few decisions": {"decided": 299},
    "escapes above their limit": {"escapes_bound": 1.01},
    "overkill above its limit": {"overkill_bound": 5.01},
    "drift": {"drifted": True},
    "limits that limit nothing": {"escapes_limit": 100.0, "escapes_bound": 100.0},
    "no decisions needed": {"decided": 0, "decided_needed": 0},
    "no number of decisions": {"decided": None},
    "no bound": {"escapes_bound": None},
    "no evidence": {"evidence": None, "evidence_digest": None},
    "no digest": {"evidence_digest": None},
    "evidence that says otherwise": {"evidence": "{}", "evidence_digest": canonical.sha256("{}")},
    "no signer": {"signed_by": None},
    "a signer nobody knows": {"signed_by": "Nobody"},
}


@pytest.mark.parametrize("what", SHORT)
def test_a_promotion_to_scale_that_falls_short_is_refused(prompt: Prompt, what: str) -> None:
    change(prompt, 1, "start", None, "assist")
    with pytest.raises(IntegrityError, match=REFUSED):
        promotion(prompt, 2, "assist", "scale", **SHORT[what])
    assert prompt.count("mode_changes") == 1


def test_no_part_begins_in_scale_and_none_leaps_into_it(prompt: Prompt) -> None:
    with pytest.raises(IntegrityError, match=REFUSED):
        change(prompt, 1, "start", None, "scale")
    change(prompt, 1, "start", None, "shadow")
    for step, from_mode in (("promotion", "shadow"), ("promotion", "assist"), ("demotion", "shadow"), ("start", None)):
        with pytest.raises(IntegrityError, match=REFUSED):
            if step == "promotion":
                promotion(prompt, 2, from_mode or "", "scale")
            else:
                change(prompt, 2, step, from_mode, "scale", signed_by="Chika" if step == "demotion" else None, why="because")
    assert prompt.count("mode_changes") == 1


def test_a_part_goes_down_by_somebodys_word_with_a_reason_or_back_by_itself(prompt: Prompt) -> None:
    to(prompt, "scale")
    with pytest.raises(IntegrityError, match=REFUSED):
        change(prompt, 3, "demotion", "scale", "assist", signed_by="Chika", why="")
    with pytest.raises(IntegrityError, match=REFUSED):
        change(prompt, 3, "demotion", "scale", "assist", signed_by=None, why="because")
    with pytest.raises(IntegrityError, match=REFUSED):
        change(prompt, 3, "fall_back", "scale", "shadow", why="drift")
    with pytest.raises(IntegrityError, match=REFUSED):
        change(prompt, 4, "fall_back", "scale", "assist", why="drift")
    change(prompt, 3, "fall_back", "scale", "assist", why="drift")
    change(prompt, 4, "demotion", "assist", "shadow", signed_by="Chika", why="a new lamp")
    assert prompt.count("mode_changes") == 4


def test_what_is_on_record_of_modes_and_groups_is_never_changed_or_deleted(prompt: Prompt) -> None:
    to(prompt, "scale")
    first, second = accept(prompt), accept(prompt, "K-SECOND")
    open_group(prompt)
    join(prompt, first)
    join(prompt, second)
    insert(prompt, "accept_group_removals", {"proposal_id": second.id, "group_id": "G-1", "removed_by": "Ben", "why": "person", "at": NOW})
    insert(prompt, "deliveries", {"inspection_id": "K-ACCEPT", "mode": "scale", "delivery": "grouped", "at": NOW})
    approve(prompt, post(prompt))
    tables = ("mode_changes", "deliveries", "accept_group_members", "accept_group_removals", "accept_group_approvals", "accept_groups")
    for table in tables:
        column = "opened_at" if table == "accept_groups" else "joined_at" if table.endswith("members") else "at"
        for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(IntegrityError, match=r"append-only|closed once and posted once"):
                prompt.run(statement)


# Groups


def test_only_an_undecided_accept_of_a_part_in_scale_that_one_person_may_approve_is_grouped(prompt: Prompt) -> None:
    to(prompt, "scale")
    open_group(prompt)
    for other in (prompt.floor.scrap, prompt.floor.other, accept(prompt, "K-TWO", approvals_needed=2)):
        with pytest.raises(IntegrityError, match=REFUSED):
            join(prompt, other)
    fine = accept(prompt)
    for lies in ({"digest": "0" * 64}, {"part": "SC-300"}, {"group_id": "G-2"}):
        with pytest.raises(IntegrityError, match=REFUSED):
            join(prompt, fine, **lies)
    join(prompt, fine)
    with pytest.raises(IntegrityError, match=REFUSED):
        join(prompt, fine)
    post(prompt)
    with pytest.raises(IntegrityError, match=REFUSED):
        join(prompt, accept(prompt, "K-LATE"))
    assert prompt.count("accept_group_members") == 1


@pytest.mark.parametrize("mode", ["shadow", "assist"])
def test_nothing_is_grouped_or_approved_in_a_group_outside_of_scale(prompt: Prompt, mode: str) -> None:
    to(prompt, mode)
    open_group(prompt)
    with pytest.raises(IntegrityError, match=REFUSED):
        join(prompt, accept(prompt))
    digest = post(prompt)
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, digest)
    assert prompt.count("accept_group_approvals") == 0


WRONG: dict[str, dict[str, Any]] = {
    "another part": {"part": "SC-300"},
    "somebody else's grant": {"approved_by": "Ben"},
    "a wider scope": {"scope": "*"},
}


@pytest.mark.parametrize("how", WRONG)
def test_a_group_is_approved_as_it_was_posted_by_a_live_approver_and_once(prompt: Prompt, how: str) -> None:
    to(prompt, "scale")
    open_group(prompt)
    join(prompt, accept(prompt))
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, "0" * 64)  # not posted
    digest = post(prompt)
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, "0" * 64)  # not what was posted
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, digest, **WRONG[how])
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, digest, "Dai")  # revoked
    approve(prompt, digest)
    with pytest.raises(IntegrityError, match=REFUSED):
        approve(prompt, digest, "Chika")
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(
            prompt,
            "accept_group_removals",
            {"proposal_id": "P-ACCEPT", "group_id": "G-1", "removed_by": "Ben", "why": "person", "at": NOW},
        )
    assert prompt.count("accept_group_approvals") == 1


DELIVERED: dict[str, tuple[str, str]] = {
    "kept though in assist": ("assist", "kept"),
    "posted though in shadow": ("shadow", "posted"),
    "grouped though in assist": ("assist", "grouped"),
}


@pytest.mark.parametrize("how", DELIVERED)
def test_an_answer_is_delivered_as_its_mode_has_it_and_once(prompt: Prompt, how: str) -> None:
    mode, delivery = DELIVERED[how]
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "deliveries", {"inspection_id": "K-SCRAP", "mode": mode, "delivery": delivery, "at": NOW})
    insert(prompt, "deliveries", {"inspection_id": "K-SCRAP", "mode": "scale", "delivery": "posted", "at": NOW})
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "deliveries", {"inspection_id": "K-SCRAP", "mode": "shadow", "delivery": "kept", "at": NOW})
    with pytest.raises(IntegrityError, match=REFUSED):
        insert(prompt, "deliveries", {"inspection_id": "K-NONE", "mode": "shadow", "delivery": "kept", "at": NOW})
