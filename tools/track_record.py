"""What is known of a part's scores: its references as the eye scores them, and the answers that people decided. Reads records, writes none.

Scoring references costs a look at each photo once, so a process remembers the scores for as long as the references stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from kenpin.storage import decisions, targets
from kenpin.storage.database import reading
from kenpin.storage.decisions import Label
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import GOOD, Comparison, Part, Reference, Targets
from kenpin.tools import bands, calibration
from kenpin.tools.calibration import Calibration, Labelled
from kenpin.tools.vision.sight import LabelledScores, ReferencePhoto

if TYPE_CHECKING:
    from kenpin.tools.context import Eye, Site

MOST_DECIDED = 1000  # newest answers that count: enough for any target, and parts change over the years
MOST_BAD = 64  # newest labelled defects that are scored; each costs a look once
MOST_OTHERS = 20  # other parts, those decided on last, that the prior is taken from
AT_ONCE = 8  # defects scored in one call of the eye, so that no call takes long


class TrackRecords:
    """Of every part asked about since the process started. May be used from several threads."""

    def __init__(self) -> None:
        self._scores: dict[str, tuple[tuple[str, ...], LabelledScores]] = {}  # by part: which photos, and their scores
        self._labels: dict[
            str, tuple[int, tuple[Label, ...]]
        ] = {}  # by part: its number of decisions, which never change, and their labels
        self._calibrations: dict[str, tuple[tuple[Labelled, ...], Calibration]] = {}  # by part: its and others' labels, what they make
        self._lock = Lock()

    def banded(self, site: Site, part: Part, found: Comparison) -> Comparison:
        """The comparison as the part's labels and targets have it (`bands.banded`). Raises what the eye raises."""
        known, aims = self.known(site, part)
        return bands.banded(found, known, aims)

    def known(self, site: Site, part: Part) -> tuple[Calibration, Targets]:
        """What the part's labels, and other parts' before them, make of a score; and what the part aims at. Raises what the eye raises."""
        with self._lock:
            scores = self._scored(site.eye, site.photo_store, part)
            with reading(site.engine) as conn:
                counts = decisions.decided_parts(conn, MOST_OTHERS + 1)
                own = labelled(part, self._decided(conn, part.number, counts.get(part.number)), scores)
                elsewhere = [other for other in counts if other != part.number][:MOST_OTHERS]
                others = [_of_decided(self._decided(conn, other, counts[other])) for other in elsewhere]
                aims = targets.of(conn, part.number)
            before = self._calibrations.get(part.number)
            if before is None or before[0] != (own, *others):
                before = (own, *others), calibration.calibrate(own, others)
                self._calibrations[part.number] = before
        return before[1], aims

    def _scored(self, eye: Eye, store: PhotoStore, part: Part) -> LabelledScores:
        good = [_photo(store, r) for r in part.good]
        if not good:
            return LabelledScores(good=(), bad=())
        bad = [_photo(store, r) for r in part.references if r.state != GOOD and store.has(r.shown_sha256)][-MOST_BAD:]
        photos = (eye.model, *(r.sha256 for r in good), "bad", *(r.sha256 for r in bad))
        if part.number not in self._scores or self._scores[part.number][0] != photos:
            several = [eye.labelled_scores(good, bad[i : i + AT_ONCE]) for i in range(0, max(len(bad), 1), AT_ONCE)]
            scores = LabelledScores(good=several[0].good, bad=tuple(score for one in several for score in one.bad))
            self._scores[part.number] = photos, scores
        return self._scores[part.number][1]

    def _decided(self, conn: Connection, part: str, count: int | None) -> tuple[Label, ...]:
        """count: how many decisions there are now; None when that is not known."""
        kept = self._labels.get(part)
        if kept is None or kept[0] != count:
            kept = count if count is not None else -1, decisions.labels(conn, part)
            self._labels[part] = kept
        return kept[1]


def labelled(part: Part, decided: Sequence[Label], scores: LabelledScores) -> Labelled:
    """A part's labels in one place. A decided photo that became a reference counts once, as the reference."""
    references = {r.photo_sha256 for r in part.references}
    of_decided = _of_decided([label for label in decided if references.isdisjoint(label.photos)])
    return Labelled(
        good_references=scores.good,
        bad_references=scores.bad,
        good_decided=of_decided.good_decided,
        bad_decided=of_decided.bad_decided,
    )


def _photo(store: PhotoStore, reference: Reference) -> ReferencePhoto:
    return ReferencePhoto(sha256=reference.shown_sha256, path=store.path(reference.shown_sha256))


def _of_decided(decided: Sequence[Label]) -> Labelled:
    known = [label for label in decided if label.was_really_bad is not None and label.anomaly_score][-MOST_DECIDED:]
    return Labelled(
        good_decided=tuple(label.anomaly_score for label in known if label.anomaly_score and not label.was_really_bad),
        bad_decided=tuple(label.anomaly_score for label in known if label.anomaly_score and label.was_really_bad),
    )
