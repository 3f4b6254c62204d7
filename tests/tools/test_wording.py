"""How single findings are put into words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kenpin.storage.vocabulary import Comparison, DecisionVerdict, Disposition, Language, PastCase, Region, Verdict
from kenpin.tools.wording import Words

PLACES = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")


def region(where: str, share: float) -> Region:
    return Region(box_xyxy=(0.0, 0.0, 0.1, 0.1), area_of_part=share, score=2.0, where=where)


def comparison(*regions: Region, verdict: Verdict = Verdict.NOT_OK, confidence: float = 0.9, rate: float = 0.05) -> Comparison:
    return Comparison(
        photo=0, part="SC-200", references=12, anomaly_score=1.5, threshold=1.0, limits=(0.9, 1.1), false_alarm_rate=rate,
        too_few_references=False, confidence=confidence, verdict=verdict, map_sha256=None, regions=regions, ms=1.0,
    )  # fmt: skip


def case(asked_at: str, **what: object) -> PastCase:
    known = {"inspection_id": "K-1", "part": "SC-200", "similarity": 0.95, "verdict": Verdict.NOT_OK, "decision": None, "disposition": None}
    return PastCase(**{**known, **what}, asked_at=asked_at, permalink=None)


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("language", list(Language))
def test_each_of_the_nine_places_has_its_words(where: str, language: Language) -> None:
    assert Words(language).place(region(where, 0.1))


@pytest.mark.parametrize(("share", "words"), [(0.034, "about 3 %"), (0.006, "about 1 %"), (0.004, "less than 1 %"), (1.0, "about 100 %")])
def test_an_area_is_told_in_percent_of_the_part(share: float, words: str) -> None:
    assert Words(Language.EN).area(share) == words


def test_weaker_regions_at_one_place_are_told_once() -> None:
    found = comparison(region("left", 0.03), region("bottom left", 0.012), region("bottom left", 0.006), region("top", 0.002))
    assert Words(Language.EN).regions(found, photos=1) == (
        "4 regions, marked on the photo; the strongest on the left, about 3 % of the part. "
        "Also at the lower left (about 2 %) and at the top (less than 1 %)."
    )


@pytest.mark.parametrize(("rate", "told"), [(0.05, "about 5 of 100"), (0.004, "about 0.4 of 100")])
def test_a_rare_false_alarm_is_not_rounded_to_never(rate: float, told: str) -> None:
    assert told in Words(Language.EN).compared(comparison(rate=rate), photos=1)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (Language.EN, "3 similar cases: 12 Nov, scrapped; 3 Nov, not OK, the proposal was rejected; 30 Dec 2025, not OK, no decision yet."),
        (Language.JA, "似た事例 3 件：11/12 廃棄、11/3 不良（提案は却下）、2025/12/30 不良（未決定）"),
    ],
)
def test_cases_are_told_with_their_day_and_what_became_of_them(language: Language, told: str) -> None:
    cases = [
        case("2026-11-12T12:00:00.000Z", disposition=Disposition.SCRAP, decision=DecisionVerdict.APPROVED),
        case("2026-11-03T12:00:00.000Z", decision=DecisionVerdict.REJECTED),
        case("2025-12-30T12:00:00.000Z"),
    ]
    assert Words(language).similar(cases, "SC-200", 9, datetime(2026, 11, 23, tzinfo=UTC)) == told
