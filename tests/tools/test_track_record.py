"""What is known of a part's scores: its references and its decided answers, read from real records."""

from __future__ import annotations

import pytest
from workbench import Workbench, plate

from kenpin.storage import parts, targets
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Comparison, Disposition, Part, Reference, Targets, Verdict
from kenpin.tools.calibration import Labelled
from kenpin.tools.track_record import TrackRecords


def part(bench: Workbench, number: str = "SC-200") -> Part:
    with reading(bench.engine) as conn:
        found = parts.find(conn, number)
    assert found is not None
    return found


def labelled(bench: Workbench) -> Labelled:
    return TrackRecords().known(bench.site, part(bench))[0].labelled


def with_scratches(bench: Workbench, count: int) -> None:
    photos = [bench.photo(plate(marks={"top": 12 + i}, seed=i)) for i in range(count)]
    scratched = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state="scratch") for p in photos]
    with writing(bench.engine) as conn:
        parts.add_references(conn, "SC-200", scratched, "Aiko")


def test_good_references_and_labelled_defects_are_scored(bench: Workbench) -> None:
    with_scratches(bench, 10)
    known = labelled(bench)
    assert (len(known.good_references), len(known.bad_references)) == (5, 10)
    assert max(known.good_references) < min(known.bad_references)


def test_decided_answers_count_and_those_that_tell_nothing_do_not(bench: Workbench) -> None:
    bench.past("K-GOOD", plate(seed=31), verdict=Verdict.OK, disposition=Disposition.ACCEPT)
    bench.past("K-BAD", plate(seed=32), disposition=Disposition.SCRAP)
    bench.past("K-HOLD", plate(seed=33), disposition=Disposition.HOLD)
    bench.past("K-OPEN", plate(seed=34))
    known = labelled(bench)
    assert (known.good_decided, known.bad_decided) == ((1.0,), (1.0,))


def test_a_decided_photo_that_became_a_reference_counts_once(bench: Workbench) -> None:
    bench.past("K-BAD", plate(seed=32), disposition=Disposition.SCRAP)
    photo = bench.photo(plate(seed=32))
    with writing(bench.engine) as conn:
        reference = Reference(photo_sha256=photo.sha256, shown_sha256=photo.shown_sha256, state="scratch")
        parts.add_references(conn, "SC-200", [reference], "Aiko")
    known = labelled(bench)
    assert (known.decided, len(known.bad_references)) == (0, 1)


def test_other_parts_decisions_are_what_is_expected_of_a_part_without(bench: Workbench) -> None:
    bench.past("K-BAD", plate(seed=32), disposition=Disposition.SCRAP)
    bench.past("K-GOOD", plate(seed=31), verdict=Verdict.OK, disposition=Disposition.ACCEPT)
    records = TrackRecords()
    assert records.known(bench.site, part(bench, "SC-210"))[0].elsewhere == 2
    assert records.known(bench.site, part(bench, "SC-200"))[0].elsewhere == 0, "its own are not other parts'"
    bench.past("K-MORE", plate(seed=35), disposition=Disposition.REWORK)
    assert records.known(bench.site, part(bench, "SC-210"))[0].elsewhere == 3


def test_references_are_scored_once_until_they_change(bench: Workbench) -> None:
    with_scratches(bench, 3)
    records = TrackRecords()
    first, _ = records.known(bench.site, part(bench))
    looked = len(bench.eye.looked_at)
    again, _ = records.known(bench.site, part(bench))
    assert again is first
    assert len(bench.eye.looked_at) == looked
    with_scratches(bench, 4)
    assert len(records.known(bench.site, part(bench))[0].labelled.bad_references) == 4


def test_a_defect_whose_photo_was_erased_is_passed_over(bench: Workbench) -> None:
    with_scratches(bench, 3)
    bench.store.erase(next(r.shown_sha256 for r in part(bench).references if r.state == "scratch"))
    assert len(labelled(bench).bad_references) == 2


@pytest.mark.parametrize("number", ["SC-400", "SC-210"])
def test_a_part_with_few_or_no_references_has_the_prior(bench: Workbench, number: str) -> None:
    assert not TrackRecords().known(bench.site, part(bench, number))[0].own


def test_a_comparison_is_weighed_by_what_the_records_hold_now(bench: Workbench) -> None:
    with_scratches(bench, 12)
    records = TrackRecords()
    found = Comparison(
        photo=0, part="SC-200", references=5, anomaly_score=0.5, threshold=1.0, limits=(0.6, 1.4), false_alarm_rate=0.05,
        too_few_references=False, confidence=0.9, verdict=Verdict.OK, map_sha256=None, regions=(), ms=1.0,
    )  # fmt: skip
    before = records.banded(bench.site, part(bench), found)
    with writing(bench.engine) as conn:
        targets.set(conn, "SC-200", Targets(escapes=1, overkill=1), "Aiko")
    after = records.banded(bench.site, part(bench), found)
    assert before.basis is not None
    assert after.basis is not None
    assert (before.basis.references, before.basis.targets, after.basis.targets) == (17, Targets(), Targets(escapes=1, overkill=1))
    assert before.limits != after.limits
