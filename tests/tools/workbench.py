"""What the tests of the chain work with: a site with two parts on record, photos of them, and a past.

SC-200  light grey plates, five good references; Aiko approves it
SC-210  dark grey plates, two good references: too few
SC-400  on record, without a reference

A plate with a red mark is strange; how strange, the mark's size says. A plate of another grey is another thing.

The eye here measures exactly that. It stands in for the network
where words, routing and rules are tested; test_chain_with_the_eye.py runs the real one.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy.engine import Engine

from kenpin.storage import actions, decisions, inspections, parts, people, proposals
from kenpin.storage.database import writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import (
    Answer,
    DecisionVerdict,
    Disposition,
    ExpectedSight,
    LabelText,
    Language,
    Photo,
    ProposalKind,
    Proposed,
    Reference,
    Region,
    Source,
    Verdict,
)
from kenpin.tools import photo
from kenpin.tools.chain import Question, Site
from kenpin.tools.vision.sight import (
    MEASURED,
    Classification,
    LabelledScores,
    Recognition,
    RecognitionOutcome,
    ReferencePhoto,
    Sight,
    Tried,
)

SIDE_PX = 90
LIGHT, DARK = 200, 90  # the grey of SC-200's and SC-210's plates
PLACES = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def plate(grey: int = LIGHT, marks: Mapping[str, int] | None = None, seed: int = 0, *, edged: bool = False) -> bytes:
    """A PNG of a plate; `marks`: place -> side in pixels of a red mark there; `edged` with white, so that no grey is too dark to see."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal(grey, 3, (SIDE_PX, SIDE_PX, 1)), 0, 255).astype(np.uint8).repeat(3, axis=2)
    for place, side in (marks or {}).items():
        row, column = divmod(PLACES.index(place), 3)
        top, left = row * 30 + (30 - side) // 2, column * 30 + (30 - side) // 2
        pixels[top : top + side, left : left + side] = (230, 20, 20)
    if edged:
        pixels[:4] = pixels[-4:] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass
class MarkEye:
    """Sees red marks. 1.0 is a mark of 8 x 8 pixels; between 0.6 and 1.4 it is not sure."""

    model: str = "mark-eye"
    looked_at: list[str] = field(default_factory=list)  # every look that cost a forward pass with a real network
    writing: dict[Path, tuple[LabelText, ...]] = field(default_factory=dict)  # what is to be read on a photo, by the path that is looked at

    def compare(self, path: Path, good: Sequence[ReferencePhoto]) -> Sight:
        self.looked_at.append(f"compare {path.name}")
        pixels = self._pixels(path)
        red = (pixels[..., 0] > 180) & (pixels[..., 1] < 80)
        regions = []
        for place in PLACES:
            row, column = divmod(PLACES.index(place), 3)
            count = int(red[row * 30 : row * 30 + 30, column * 30 : column * 30 + 30].sum())
            if count:
                box = (column / 3, row / 3, (column + 1) / 3, (row + 1) / 3)
                regions.append(Region(box_xyxy=box, area_of_part=count / SIDE_PX**2, score=count / 64, where=place))
        all_pink = float(pixels[..., 0].mean()) - float(pixels[..., 1].mean()) > 40  # strange all over, at no one place
        score = 3.0 if all_pink else max((r.score for r in regions), default=0.2)
        # A plate of another grey is another thing altogether; red marks are none of it.
        away = abs(self._brightness(path) - self._brightness(good[0].path)) / 5
        verdict = Verdict.OK if score < 0.6 else Verdict.NOT_OK if score > 1.4 else Verdict.UNSURE
        return Sight(
            anomaly_score=score, threshold=1.0, limits=(0.6, 1.4), false_alarm_rate=0.05, too_few_references=len(good) < 4,
            confidence=0.94, confidence_basis="this test", verdict=verdict, references=len(good),
            regions=() if all_pink or verdict is Verdict.OK else tuple(sorted(regions, key=lambda r: -r.score)),
            map_jpeg=b"map of " + path.name.encode(), fine_z=0.0, coarse_z=0.0, whole_z=away, bulk_z=0.0, part_on_bench=False, ms=1.0,
        )  # fmt: skip

    def expectation(self, good: Sequence[ReferencePhoto]) -> Tried:
        sights = (ExpectedSight(kind="spot", area_of_part=0.01, noticed=len(good), tried=len(good)),) if len(good) > 1 else ()
        return Tried(done=len(sights), of=len(sights), sights=sights)

    def labelled_scores(self, good: Sequence[ReferencePhoto], bad: Sequence[ReferencePhoto]) -> LabelledScores:
        others = good if len(good) > 1 else ()
        return LabelledScores(
            good=tuple(self.compare(one.path, good).anomaly_score for one in others),
            bad=tuple(self.compare(one.path, good).anomaly_score for one in bad),
        )

    def classify(
        self, path: Path, labelled: Mapping[str, Sequence[ReferencePhoto]], good: Sequence[ReferencePhoto], coverage: float
    ) -> Classification:
        """By how large the mark is: probable as far as it is nearer to a class's marks than to others', plausible up to twice as large."""
        self.looked_at.append(f"classify {path.name}")
        away = {name: abs(np.log2(self._red(path) / np.mean([self._red(one.path) for one in known]))) for name, known in labelled.items()}
        total = sum(2.0**-distance for distance in away.values())
        order = sorted(away, key=away.__getitem__)
        return Classification(
            shares=tuple((name, 2.0 ** -away[name] / total) for name in order), plausible=tuple(n for n in order if away[n] <= 1),
            coverage=coverage, labelled=sum(map(len, labelled.values())), basis=MEASURED, ms=1.0,
        )  # fmt: skip

    def recognise(self, path: Path, parts: Mapping[str, Sequence[ReferencePhoto]]) -> Recognition:
        self.looked_at.append(f"recognise {path.name}")
        grey = self._grey(path)
        near = sorted(((part, 1 - abs(grey - self._grey(good[0].path)) / 255) for part, good in parts.items()), key=lambda p: -p[1])
        if not near:
            return Recognition(part=None, outcome=RecognitionOutcome.NO_PARTS, candidates=())
        if near[0][1] < 0.775:
            return Recognition(part=None, outcome=RecognitionOutcome.NONE_NEAR, candidates=tuple(near))
        if len(near) > 1 and near[0][1] - near[1][1] < 0.1:
            return Recognition(part=None, outcome=RecognitionOutcome.SEVERAL_NEAR, candidates=tuple(near))
        return Recognition(part=near[0][0], outcome=RecognitionOutcome.RECOGNISED, candidates=tuple(near))

    def features(self, path: Path) -> np.ndarray:
        self.looked_at.append(f"features {path.name}")
        red = (self._pixels(path)[..., 0].astype(float) - self._pixels(path)[..., 1]) / 255
        grid = red.reshape(3, 30, 3, 30).mean(axis=(1, 3)).ravel() + 0.01
        return (grid / np.linalg.norm(grid)).astype(np.float32)

    def read(self, path: Path) -> tuple[LabelText, ...]:
        self.looked_at.append(f"read {path.name}")
        return self.writing.get(path, ())

    @staticmethod
    def _pixels(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))

    def _red(self, path: Path) -> float:
        pixels = self._pixels(path)
        return 1.0 + float(((pixels[..., 0] > 180) & (pixels[..., 1] < 80)).sum())

    def _brightness(self, path: Path) -> float:
        return float(np.median(self._pixels(path)[..., 0]))

    def _grey(self, path: Path) -> float:
        return float(np.median(self._pixels(path)))


@dataclass
class Workbench:
    engine: Engine
    store: PhotoStore
    eye: MarkEye
    site: Site

    def photo(self, data: bytes) -> Photo:
        checked = photo.check(data)
        return Photo(
            sha256=self.store.put(data),
            shown_sha256=self.store.put(checked.shown_jpeg),
            height_px=checked.height_px,
            width_px=checked.width_px,
        )

    def label(self, data: bytes, *texts: str, format: str = "text") -> bytes:
        """Have these lines read on the photo, one below the other in its upper left, and give the photo back."""
        lines = [
            LabelText(text=text, format=format, confidence=0.98, quad_xy=((0.02, y), (0.3, y), (0.3, y + 0.04), (0.02, y + 0.04)))
            for text, y in zip(texts, (0.02 + 0.05 * n for n in range(len(texts))), strict=True)
        ]
        path = self.store.path(self.photo(data).shown_sha256)
        self.eye.writing[path] = (*self.eye.writing.get(path, ()), *lines)
        return data

    def teach(self, number: str, state: str, *data: bytes) -> None:
        """Add reference photos of a defect class."""
        shown = [self.photo(one) for one in data]
        references = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state=state) for p in shown]
        with writing(self.engine) as conn:
            parts.add_references(conn, number, references, "Aiko")

    def question(self, text: str, *data: bytes, **more: object) -> Question:
        photos = tuple(self.photo(one) for one in data)
        return Question(text=text, photos=photos, inspection_id="K-NOW", asked_at=NOW, **more)

    def past(
        self,
        id: str,
        data: bytes,
        *,
        verdict: Verdict = Verdict.NOT_OK,
        disposition: Disposition | None = None,
        decision: DecisionVerdict | None = None,
        days_ago: float = 7,
        score: float = 1.0,
    ) -> None:
        """An earlier inspection of SC-200 on record; with a disposition Aiko has approved it, unless `decision` says otherwise."""
        at = NOW - timedelta(days=days_ago)
        shown = self.photo(data)
        answer = Answer(
            language=Language.EN, headline="as it was", lines=(), verdict=verdict, abstention=None, part="SC-200", anomaly_score=score,
            threshold=1.0, confidence=0.9, comparisons=(), findings=(), similar=(), pictures=(), proposed=None, trail=(), model="mark-eye",
        )  # fmt: skip
        proposed = Proposed(
            kind=ProposalKind.DISPOSITION, part="SC-200", disposition=disposition or Disposition.HOLD, reference_state=None,
            photos=(shown.sha256,), reason="as it was",
        )  # fmt: skip
        with writing(self.engine) as conn:
            inspections.receive(
                conn, id=id, source=Source.COMMAND_LINE, event_id=None, channel="C1", message_ts=f"17.{id}", thread_ts=None,
                asked_by="Ben", question="is SC-200 OK?", language=Language.EN, received_at=at, files=[], payload={},
            )  # fmt: skip
            inspections.save_photos(conn, id, [shown])
            inspections.save_answer(conn, id, answer)
            if disposition is None and decision is None:
                return
            proposal = proposals.propose(conn, id, proposed)
            decided = decisions.record(conn, proposal, decision or DecisionVerdict.APPROVED, "Aiko", "button")
            if decided.verdict is DecisionVerdict.APPROVED:
                actions.record(conn, decided)


def built(engine: Engine, folder: Path) -> Workbench:
    store, eye = PhotoStore(folder / "photos"), MarkEye()
    bench = Workbench(engine, store, eye, Site(engine=engine, photo_store=store, eye=eye))
    with writing(engine) as conn:
        people.remember(conn, "Aiko", "Aiko", None)
        people.remember(conn, "Ben", "Ben", None)
        for number, grey, count in (("SC-200", LIGHT, 5), ("SC-210", DARK, 2), ("SC-400", 0, 0)):
            parts.add(conn, number, None, "Aiko")
            good = [bench.photo(plate(grey, seed=100 + i)) for i in range(count)]
            references = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state="good") for p in good]
            parts.add_references(conn, number, references, "Aiko")
        people.approve(conn, "Aiko", "SC-200", granted_by="the settings")
    return bench
