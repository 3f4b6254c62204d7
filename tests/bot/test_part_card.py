"""What is known of a part on one page, and setting its targets from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import done, kenpin, refused

from kenpin.bot import part_card
from kenpin.storage import audit, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import ExpectedSight, Language, Reference
from kenpin.tools.context import Site
from kenpin.tools.vision.sight import LabelledScores, Tried


class KnownScores:
    """An eye that has these scores for any references: what the page says of them is what is tested here."""

    model = "known"

    def __init__(self, good: int, bad: int) -> None:
        self.scores = LabelledScores(
            good=tuple(0.4 + 0.4 * i / good for i in range(good)), bad=tuple(0.9 + 2 * i / bad for i in range(bad))
        )

    def labelled_scores(self, good: object, bad: object) -> LabelledScores:
        return self.scores

    def expectation(self, good: object) -> Tried:
        return Tried(done=1, of=1, sights=(ExpectedSight(kind="spot", area_of_part=0.01, noticed=12, tried=12),))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert kenpin(tmp_path, "migrate").returncode == 0
    engine = open_database(f"sqlite:///{tmp_path / 'kenpin.sqlite'}")
    with writing(engine) as conn:
        parts.add(conn, "SC-200", "Solar cell", "Aiko")
        several = [Reference(photo_sha256=f"{i:064x}", shown_sha256=f"{i:064x}", state="good") for i in range(12)]
        parts.add_references(conn, "SC-200", several, "Aiko")
    engine.dispose()
    return tmp_path


def shown(home: Path, good: int = 12, bad: int = 0, language: Language = Language.EN) -> str:
    engine = open_database(f"sqlite:///{home / 'kenpin.sqlite'}")
    site = Site(engine=engine, photo_store=PhotoStore(home / "photos"), eye=KnownScores(good, max(bad, 1)))  # type: ignore[arg-type]
    if not bad:
        site.eye.scores = LabelledScores(good=site.eye.scores.good, bad=())  # type: ignore[attr-defined]
    card = part_card.of(site, "sc200")
    engine.dispose()
    return "\n".join(f"{heading}: {words}" for heading, words in part_card.told(card, language))


def test_targets_are_set_shown_changed_one_at_a_time_and_taken_back(home: Path) -> None:
    assert done(kenpin(home, "parts", "targets", "sc200")) == "SC-200: none set; the limits are the eye's own, from the good references."
    words = "at most 1 of 100 bad parts accepted and at most 5 of 100 good parts rejected"
    assert done(kenpin(home, "parts", "targets", "SC-200", "--escapes", "1", "--overkill", "5")) == f"SC-200: {words}."
    both = f"SC-200: {words}; 2.5 of 100 parts are expected to be bad."
    assert done(kenpin(home, "parts", "targets", "SC-200", "--expected-bad", "2.5")) == both
    assert done(kenpin(home, "parts", "targets", "SC-200")) == both
    assert done(kenpin(home, "parts", "targets", "SC-200", "--clear", "--escapes", "2")) == "SC-200: at most 2 of 100 bad parts accepted."
    engine = open_database(f"sqlite:///{home / 'kenpin.sqlite'}")
    with reading(engine) as conn:
        entries = [entry.payload or {} for entry in audit.entries(conn, kind=AuditKind.TARGETS_SET)]
    engine.dispose()
    assert [entry["to"]["escapes"] for entry in entries] == [1, 1, 2]
    assert entries[0]["by"].startswith("command line (")


def test_a_target_that_cannot_be_aimed_at_is_refused_with_what_can(home: Path) -> None:
    assert "give more than 0 and less than 50" in refused(kenpin(home, "parts", "targets", "SC-200", "--escapes", "50"))
    assert "no part 'XX-1'" in refused(kenpin(home, "parts", "targets", "XX-1", "--escapes", "5"))
    assert "no part 'XX-1'" in refused(kenpin(home, "parts", "show", "XX-1"))


def test_a_part_without_defects_says_that_its_confidences_are_estimates(home: Path) -> None:
    page = shown(home)
    assert "references: good: 12" in page
    assert "targets: none set" in page
    assert "limits:" not in page
    assert "from 8 good and 8 bad ones on" in page
    assert "calibration: not measured" in page
    assert "half of the parts are bad" in page


def test_a_part_with_labels_says_how_far_its_confidences_are_off_and_what_they_cannot_vouch_for(home: Path) -> None:
    kenpin(home, "parts", "targets", "SC-200", "--escapes", "5", "--overkill", "10")
    page = shown(home, good=12, bad=10)
    assert "limits: accepted below a score of" in page
    assert "Too few bad parts are known to vouch for 5 of 100 accepted: 10, and it takes 19." in page
    assert "good parts are known" not in page, "12 good ones can vouch for 10 in 100"
    assert "confidence: from this part's reference photos: 22" in page
    assert "calibration: on its own 22 labelled photos" in page


def test_the_page_is_written_in_japanese_too(home: Path) -> None:
    kenpin(home, "parts", "targets", "SC-200", "--escapes", "5")
    page = shown(home, good=12, bad=10, language=Language.JA)
    assert "目標: 不良品 100 個中の見逃し 5 個以下" in page
    assert "基準写真: good 12 枚" in page


def test_nothing_is_written_by_looking(home: Path) -> None:
    shown(home)
    engine = open_database(f"sqlite:///{home / 'kenpin.sqlite'}")
    with reading(engine) as conn:
        assert list(audit.entries(conn)) == []
    engine.dispose()
