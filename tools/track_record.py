"""What is known of a part's scores: its references as the eye scores them, and the answers that people decided. Reads records, writes none.

Scoring references costs a look at each photo once, so a process remembers the scores for as long as the references stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from sqlalchemy.engine import Connection

from kenpin.storage import decisions
from kenpin.storage.database import reading
from kenpin.storage.decisions import Label
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import GOOD, Part
from kenpin.tools import calibration
from kenpin.tools.calibration import Calibration, Labelled
from kenpin.tools.context import Eye, Site, as_reference_photos
from kenpin.tools.vision.sight import LabelledScores, ReferencePhoto

MOST_DECIDED = 1000  # newest answers that count: enough for any target, and parts change over the years
MOST_BAD = 64  # newest labelled defects that are scored; each costs a look once
MOST_OTHERS = 20  # other parts, those decided on last, that the prior is taken from
AT_ONCE = 8  # defects scored in one call of the eye, so that no call takes long


class TrackRecords:
    """Of every part asked about since the process started. May be used from several threads."""

    def __init__(self) -> None:
        self._scores: dict[str, tuple[tuple[str, ...], LabelledScores]] = {}  # by part: which photos, and their scores
        self._others: dict[str, tuple[int, Labelled]] = {}  # by part: its number of decisions, and what they say
        self._lock = Lock()

    def calibration(self, site: Site, part: Part) -> Calibration:
        """What the part's labels, and other parts' before them, make of a score. Raises what the eye raises."""
        with self._lock:
            scores = self._scored(site.eye, site.photo_store, part)
            with reading(site.engine) as conn:
                decided = decisions.labels(conn, part.number)
                others = self._decided_elsewhere(conn, part.number)
        return calibration.calibrate(labelled(part, decided, scores), others)

    def _scored(self, eye: Eye, store: PhotoStore, part: Part) -> LabelledScores:
        good = as_reference_photos(part, store)
        if not good:
            return LabelledScores(good=(), bad=())
        defects = [r for r in part.references if r.state != GOOD and store.has(r.shown_sha256)][-MOST_BAD:]
        bad = [ReferencePhoto(sha256=r.shown_sha256, path=store.path(r.shown_sha256)) for r in defects]
        photos = (eye.model, *(r.sha256 for r in good), "bad", *(r.sha256 for r in bad))
        if part.number not in self._scores or self._scores[part.number][0] != photos:
            several = [eye.labelled_scores(good, bad[i : i + AT_ONCE]) for i in range(0, max(len(bad), 1), AT_ONCE)]
            scores = LabelledScores(good=several[0].good, bad=tuple(score for one in several for score in one.bad))
            self._scores[part.number] = photos, scores
        return self._scores[part.number][1]

    def _decided_elsewhere(self, conn: Connection, here: str) -> list[Labelled]:
        several = []
        for part, count in decisions.decided_parts(conn, MOST_OTHERS + 1).items():
            if part != here:
                if part not in self._others or self._others[part][0] != count:
                    self._others[part] = count, _of_decided(decisions.labels(conn, part))
                several.append(self._others[part][1])
        return several[:MOST_OTHERS]


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


def _of_decided(decided: Sequence[Label]) -> Labelled:
    known = [label for label in decided if label.was_really_bad is not None and label.anomaly_score][-MOST_DECIDED:]
    return Labelled(
        good_decided=tuple(label.anomaly_score for label in known if label.anomaly_score and not label.was_really_bad),
        bad_decided=tuple(label.anomaly_score for label in known if label.anomaly_score and label.was_really_bad),
    )
