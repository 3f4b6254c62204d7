"""What the database itself refuses, each beside the case it allows, by raw SQL: on SQLite and on PostgreSQL, as Kenpin connects and
with every rule switched off that a connection can switch off. docs/decisions/0002-the-database-refuses.md tells how.
"""

from __future__ import annotations

import hashlib

import pytest
from shop_floor import Prompt
from sqlalchemy.exc import DBAPIError, IntegrityError

from kenpin.storage import audit, proposals
from kenpin.storage.audit import AuditKind
from kenpin.storage.proposals import Proposal

DECIDE = (
    "INSERT INTO decisions (proposal_id, part, digest, verdict, decided_by, grant_id, scope, via, at) "
    "VALUES (:proposal_id, :part, :digest, :verdict, :decided_by, :grant_id, :scope, 'reaction', '2026-11-23T06:00:00.000Z')"
)
ACT = "INSERT INTO actions (proposal_id, digest, verdict, at) VALUES (:proposal_id, :digest, :verdict, '2026-11-23T06:00:01.000Z')"


def decision(prompt: Prompt, proposal: Proposal, by: str, granted: str, **changes: str) -> dict[str, str]:
    """The values of a decision row by somebody with a grant for this scope; `changes` are the lies in it."""
    values = {
        "proposal_id": proposal.id,
        "part": proposal.part,
        "digest": proposal.digest,
        "verdict": "approved",
        "decided_by": by,
        "grant_id": prompt.floor.grants.get(by, "none"),
        "scope": granted,
    }
    return values | changes


def action(proposal: Proposal, **changes: str) -> dict[str, str]:
    return {"proposal_id": proposal.id, "digest": proposal.digest, "verdict": "approved"} | changes


# Decisions


@pytest.mark.parametrize(("approver", "scope"), [("Aiko", "SC-200"), ("Chika", "*"), ("Emi", "SC-200")])
def test_an_approver_of_the_part_can_decide(prompt: Prompt, approver: str, scope: str) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, approver, scope))
    assert prompt.count("decisions") == 1


LIES: dict[str, dict[str, str]] = {
    "a stranger, by a grant that does not exist": {"decided_by": "Ben", "grant_id": "none"},
    "a stranger, by an approver's grant": {"decided_by": "Ben"},
    "an approver, by somebody else's grant for every part": {"grant_id": "Chika's"},
    "an approver whose grant was revoked": {"decided_by": "Dai", "grant_id": "Dai's"},
    "an approver, claiming a scope the grant does not have": {"scope": "*"},
    "another content than the proposal's": {"digest": "0" * 64},
    "another part than the proposal's": {"part": "SC-300"},
    "a proposal that does not exist": {"proposal_id": "P-NONE"},
    "a verdict that does not exist": {"verdict": "maybe"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_decision_is_refused(prompt: Prompt, lie: str) -> None:
    changes = {name: prompt.floor.grants[value[:-2]] if value.endswith("'s") else value for name, value in LIES[lie].items()}
    with pytest.raises(IntegrityError, match=r"decision refused|constraint"):
        prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200", **changes))
    assert prompt.count("decisions") == 0


@pytest.mark.parametrize("claimed_part", ["SC-200", "SC-300"])
def test_an_approver_of_another_part_is_refused(prompt: Prompt, claimed_part: str) -> None:
    with pytest.raises(IntegrityError, match=r"decision refused|constraint"):
        prompt.run(DECIDE, **decision(prompt, prompt.floor.other, "Aiko", "SC-200", part=claimed_part))
    assert prompt.count("decisions") == 0


@pytest.mark.parametrize("insert", ["INSERT", "INSERT OR REPLACE", "ON CONFLICT DO UPDATE"])
def test_a_second_decision_is_refused(prompt: Prompt, insert: str) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200", verdict="rejected"))
    with pytest.raises(DBAPIError, match=r"already decided|append-only|duplicate key|UNIQUE"):
        prompt.run(worded(prompt, DECIDE, insert, "proposal_id"), **decision(prompt, prompt.floor.scrap, "Chika", "*"))
    assert prompt.rows("SELECT decided_by, verdict FROM decisions") == [("Aiko", "rejected")]


def test_a_temporary_table_of_grants_fools_nobody(prompt: Prompt) -> None:
    prompt.run("CREATE TEMPORARY TABLE approvers AS SELECT * FROM approvers")
    temporary = "temp.approvers" if prompt.is_sqlite else "pg_temp.approvers"
    prompt.run(f"UPDATE {temporary} SET revoked_at = NULL, revoked_by = NULL")
    with pytest.raises(IntegrityError, match="no live grant"):
        prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Dai", "SC-200"))


# Actions


def test_an_approved_proposal_becomes_an_action(prompt: Prompt) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200"))
    prompt.run(ACT, **action(prompt.floor.scrap))
    assert prompt.count("actions") == 1


def test_an_action_without_a_decision_is_refused(prompt: Prompt) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.rework, "Aiko", "SC-200"))
    with pytest.raises(IntegrityError, match=r"action refused|constraint"):
        prompt.run(ACT, **action(prompt.floor.scrap))
    assert prompt.count("actions") == 0


@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_a_rejected_proposal_can_never_become_an_action(prompt: Prompt, verdict: str) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200", verdict="rejected"))
    with pytest.raises(IntegrityError, match=r"action refused|constraint"):
        prompt.run(ACT, **action(prompt.floor.scrap, verdict=verdict))
    assert prompt.count("actions") == 0


def test_an_action_on_another_content_than_was_approved_is_refused(prompt: Prompt) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200"))
    with pytest.raises(IntegrityError, match=r"action refused|constraint"):
        prompt.run(ACT, **action(prompt.floor.scrap, digest=prompt.floor.rework.digest))
    assert prompt.count("actions") == 0


@pytest.mark.parametrize("insert", ["INSERT", "INSERT OR REPLACE", "ON CONFLICT DO UPDATE"])
def test_a_second_action_is_refused(prompt: Prompt, insert: str) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200"))
    prompt.run(ACT, **action(prompt.floor.scrap))
    with pytest.raises(DBAPIError, match=r"already recorded|append-only|duplicate key|UNIQUE"):
        prompt.run(worded(prompt, ACT, insert, "proposal_id"), **action(prompt.floor.scrap))
    assert prompt.count("actions") == 1


# What is recorded stays as it was


@pytest.mark.parametrize("table", ["proposals", "decisions", "actions", "audit_entries"])
@pytest.mark.parametrize("change", ["UPDATE", "UPDATE OR REPLACE", "DELETE", "TRUNCATE"])
def test_what_is_recorded_is_neither_changed_nor_deleted(prompt: Prompt, table: str, change: str) -> None:
    prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200"))
    prompt.run(ACT, **action(prompt.floor.scrap))
    audit.append(prompt.conn, AuditKind.ACTION_RECORDED, {}, prompt.floor.scrap.inspection_id, "Aiko")
    before = prompt.rows(f"SELECT * FROM {table}")
    column = {"proposals": "created_at"}.get(table, "at")
    statements = {
        "UPDATE": f"UPDATE {table} SET {column} = '2020-01-01T00:00:00.000Z'",
        "UPDATE OR REPLACE": f"UPDATE OR REPLACE {table} SET {column} = '2020-01-01T00:00:00.000Z'",
        "DELETE": f"DELETE FROM {table}",
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }
    if change == ("TRUNCATE" if prompt.is_sqlite else "UPDATE OR REPLACE"):
        pytest.skip(f"{change} is not in this database's SQL")
    with pytest.raises(IntegrityError, match="append-only"):
        prompt.run(statements[change])
    assert prompt.rows(f"SELECT * FROM {table}") == before


def test_a_proposal_whose_columns_say_other_than_its_content_is_refused(prompt: Prompt) -> None:
    propose = (
        "INSERT INTO proposals (id, inspection_id, kind, part, disposition, content, digest, created_at) "
        "VALUES ('P-NEW', 'K-NEW', 'disposition', 'SC-200', :disposition, :content, :digest, '2026-11-23T06:00:00.000Z')"
    )
    prompt.run(
        "INSERT INTO inspections (id, source, asked_by, question, language, received_at, files, file_count, payload, state) "
        "VALUES ('K-NEW', 'slack', 'Ben', 'OK?', 'en', '2026-11-23T06:00:00.000Z', '[]', 0, '{}', 'received')"
    )
    content = proposals.content_of("K-NEW", prompt.floor.scrap.proposed)
    digest = hashlib.sha256(content.encode()).hexdigest()
    with pytest.raises(IntegrityError, match="do not say what its content says"):
        prompt.run(propose, disposition="accept", content=content, digest=digest)
    prompt.run(propose, disposition="scrap", content=content, digest=digest)
    assert prompt.count("proposals") == 4


def test_a_second_proposal_for_an_inspection_is_refused(prompt: Prompt) -> None:
    with pytest.raises(IntegrityError, match=r"proposal refused|duplicate key|UNIQUE"):
        prompt.run(
            "INSERT INTO proposals (id, inspection_id, kind, part, disposition, content, digest, created_at) "
            "SELECT 'P-NEW', inspection_id, kind, part, disposition, content, digest, created_at FROM proposals WHERE id = :id",
            id=prompt.floor.scrap.id,
        )
    assert prompt.count("proposals") == 3


def test_postgresql_refuses_a_digest_that_is_not_of_the_content(prompt: Prompt) -> None:
    if prompt.is_sqlite:
        pytest.skip("SQLite knows no sha256; there `proposals.get` finds the one and `audit.verify` the other")
    with pytest.raises(IntegrityError, match="digest is not that of its content"):
        prompt.run(
            "INSERT INTO proposals (id, inspection_id, kind, part, disposition, content, digest, created_at) "
            "SELECT 'P-NEW', inspection_id, kind, part, disposition, content, repeat('0', 64), created_at FROM proposals WHERE id = :id",
            id=prompt.floor.scrap.id,
        )
    with pytest.raises(IntegrityError, match="hash is not that of its content"):
        prompt.run(LINK, seq=1, prev_hash="0" * 64, hash="1" * 64)


# Grants


def test_a_grant_can_be_revoked(prompt: Prompt) -> None:
    prompt.run(
        "UPDATE approvers SET revoked_at = '2026-11-23T06:00:00.000Z', revoked_by = 'Chika' WHERE id = :id", id=prompt.floor.grants["Aiko"]
    )
    with pytest.raises(IntegrityError, match="no live grant"):
        prompt.run(DECIDE, **decision(prompt, prompt.floor.scrap, "Aiko", "SC-200"))


@pytest.mark.parametrize(
    ("statement", "whose"),
    [
        ("UPDATE approvers SET person_id = 'Ben' WHERE id = :id", "Aiko"),
        ("UPDATE approvers SET scope = '*' WHERE id = :id", "Aiko"),
        ("UPDATE approvers SET revoked_at = NULL, revoked_by = NULL WHERE id = :id", "Dai"),
        ("UPDATE approvers SET revoked_at = '2026-11-24T06:00:00.000Z' WHERE id = :id", "Dai"),
        ("DELETE FROM approvers WHERE id = :id", "Aiko"),
        ("DELETE FROM approvers WHERE id = :id", "Dai"),
    ],
)
def test_a_grant_cannot_be_changed_otherwise(prompt: Prompt, statement: str, whose: str) -> None:
    with pytest.raises(IntegrityError, match="can be revoked and nothing else"):
        prompt.run(statement, id=prompt.floor.grants[whose])


# The audit chain

LINK = (
    "INSERT INTO audit_entries (seq, at, kind, payload_sha256, prev_hash, hash) "
    f"VALUES (:seq, '2026-11-23T06:00:00.000Z', 'part_added', '{'a' * 64}', :prev_hash, :hash)"
)


def link(seq: int, prev_hash: str) -> dict[str, object]:
    """An entry's values, with the right hash for what they are."""
    text = "\n".join((prev_hash, str(seq), "2026-11-23T06:00:00.000Z", "part_added", "", "", "a" * 64))
    return {"seq": seq, "prev_hash": prev_hash, "hash": hashlib.sha256(text.encode()).hexdigest()}


def test_an_entry_that_follows_the_head_becomes_the_head(prompt: Prompt) -> None:
    first = link(1, "0" * 64)
    prompt.run(LINK, **first)
    assert prompt.rows("SELECT seq, hash FROM audit_head") == [(1, first["hash"])]


@pytest.mark.parametrize("where", ["a fork", "a gap", "beside the chain", "the same place"])
def test_an_entry_that_does_not_follow_the_head_is_refused(prompt: Prompt, where: str) -> None:
    first, second = (audit.append(prompt.conn, AuditKind.PART_ADDED, {"part": part}) for part in ("SC-200", "SC-300"))
    values = {
        "a fork": link(3, first.hash),
        "a gap": link(4, second.hash),
        "beside the chain": link(3, "f" * 64),
        "the same place": link(2, first.hash),
    }[where]
    with pytest.raises(IntegrityError, match=r"does not follow the head|constraint"):
        prompt.run(LINK, **values)
    with pytest.raises(IntegrityError, match=r"does not follow the head|constraint"):
        prompt.run(worded(prompt, LINK, "INSERT OR REPLACE", "seq"), **values)
    assert prompt.count("audit_entries") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_head SET seq = 0, hash = '" + "0" * 64 + "'",
        "UPDATE audit_head SET seq = seq + 1",
        "UPDATE audit_head SET hash = '" + "f" * 64 + "'",
        "DELETE FROM audit_head",
    ],
)
def test_the_head_is_moved_by_nothing_but_an_entry(prompt: Prompt, statement: str) -> None:
    audit.append(prompt.conn, AuditKind.PART_ADDED, {"part": "SC-200"})
    with pytest.raises(IntegrityError, match="only moves to the entry that follows it"):
        prompt.run(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_payloads SET payload = '{}' WHERE seq = 1",
        "UPDATE audit_payloads SET salt = NULL, payload = NULL, erased_in = 2 WHERE seq = 1",  # entry 2 is about something else
        "DELETE FROM audit_payloads WHERE seq = 1",
    ],
)
def test_a_payload_can_be_erased_and_nothing_else(prompt: Prompt, statement: str) -> None:
    for part in ("SC-200", "SC-300"):
        audit.append(prompt.conn, AuditKind.PART_ADDED, {"part": part})
    with pytest.raises(IntegrityError, match="can be erased and nothing else"):
        prompt.run(statement)
    audit.erase(prompt.conn, 1, person_id="Chika", why="asked to")
    with pytest.raises(IntegrityError, match=r"can be erased and nothing else|written once|duplicate key|UNIQUE"):
        prompt.run("INSERT INTO audit_payloads (seq, salt, payload) VALUES (1, 'x', '{}')")


def worded(prompt: Prompt, insert: str, how: str, key: str) -> str:
    """The INSERT as somebody would word it who wants it to win; PostgreSQL has no REPLACE, and no other way to say so."""
    if how == "INSERT" or (how == "INSERT OR REPLACE" and not prompt.is_sqlite):
        return insert
    if how == "INSERT OR REPLACE":
        return insert.replace("INSERT INTO", "INSERT OR REPLACE INTO")
    return f"{insert} ON CONFLICT ({key}) DO UPDATE SET at = excluded.at"
