"""What the eye and a larger model hand back: plain values that survive the trip between two processes, and need no network to be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kenpin.storage.vocabulary import ExpectedSight, Region, Verdict


@dataclass(frozen=True, kw_only=True)
class ReferencePhoto:
    """A good photo of a part."""

    sha256: str  # of the file at `path`, or any other name that changes when its pixels do
    path: Path  # upright, re-encoded RGB copy


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One photo compared with its part's good references."""

    anomaly_score: float  # larger is stranger; 1.0 is the part's threshold
    threshold: float
    limits: tuple[float, float]  # below the first OK, above the second not OK, between them a person must look
    false_alarm_rate: float  # share of good photos expected above the threshold
    too_few_references: bool  # the rate rests on other parts' photos more than on this part's
    confidence: float  # probability that the verdict is right, 0.5 to 1
    confidence_basis: str  # what the confidence was fitted on
    verdict: Verdict
    references: int
    regions: tuple[Region, ...]  # strongest first
    map_jpeg: bytes  # the photo with its strange places marked, long side at most 1024 px, no EXIF
    fine_z: float  # how far the strangest patches, seen close, lie from usual, in spreads among good photos
    coarse_z: float  # the same seen from afar
    whole_z: float  # the same for the photo as a whole
    bulk_z: float  # the same for its patches on average
    tiled_z: float | None = None  # the same for the strangest patches of a large photo's tiles; None where there was no such look
    part_on_bench: bool  # the part was found against a background and looked at close
    ms: float


@dataclass(frozen=True, kw_only=True)
class LabelledScores:
    """Anomaly scores of photos whose state is known, on the scale of `Sight.anomaly_score`."""

    good: tuple[float, ...]  # each against the other good ones, in the order of their digests; empty for a single one
    bad: tuple[float, ...]  # in the order given


MOST_LABELLED = 32  # photos a defect class that are learnt from, the newest
MEASURED = "this part's labelled photos, each judged without itself"
ASSUMED = "other parts' labelled photos; this part has too few to check"


@dataclass(frozen=True, kw_only=True)
class Classification:
    """Which of its part's defect classes a photo shows."""

    shares: tuple[tuple[str, float], ...]  # class and probability, most probable first; they sum to 1, a single class's is against good
    plausible: tuple[str, ...]  # holds the true class with probability `coverage`, most probable first; empty: none of those known
    coverage: float  # 0 to 1
    labelled: int  # photos of defect classes that it was learnt from
    basis: str  # what the set's coverage rests on: MEASURED or ASSUMED
    ms: float


class RecognitionOutcome(StrEnum):
    """How sure it is which part a photo shows."""

    RECOGNISED = "recognised"
    NONE_NEAR = "none_near"  # it resembles no known part closely enough
    SEVERAL_NEAR = "several_near"  # it resembles several known parts about equally
    NO_PARTS = "no_parts"  # there is no part with references to compare with


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Which known part a photo shows."""

    part: str | None  # None unless the outcome is RECOGNISED
    outcome: RecognitionOutcome
    candidates: tuple[tuple[str, float], ...]  # part and similarity (cosine, -1 to 1), strongest first


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a larger model wrote about a photo, and what that took."""

    text: str
    tokens_in: int  # photo and question
    tokens_out: int


@dataclass(frozen=True, kw_only=True)
class Tried:
    """How far it is found out what a part's references let one see."""

    done: int  # marks drawn and looked at
    of: int  # that there are to draw
    sights: tuple[ExpectedSight, ...]  # what came of them so far
