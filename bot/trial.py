"""A trial of everything that looks, reads or asks, on a picture drawn here: what `kenpin doctor` times. In a folder of its own, gone after.

The site of the trial has one part, four good plates with a label on them, two with a scratch, and one row of FMEA. Each tool is called as
a chat model would call it; how it answers is for the tests to judge, here it counts that it does.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import psutil
from PIL import Image

from kenpin.storage import failure_modes, parts, people
from kenpin.storage.database import migrate, open_database, reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import GOOD, FailureMode, Language, Photo, Reference
from kenpin.tools import ask, photo, read_label, second_opinion, toolbox
from kenpin.tools.context import Context, Eye, Question, Site
from kenpin.tools.errors import ToolError
from kenpin.tools.larger_model import Larger
from kenpin.tools.second_opinion import NoOpinion, Purpose
from kenpin.tools.vision.errors import VisionError
from kenpin.tools.vision.process import LargerModelProcess

PART, SCRATCH = "DR-1", "scratch"
GOOD_PHOTOS, SCRATCHED_PHOTOS = 4, 2  # what a new part starts with
SIDE_PX = 448
LEARNING = "learning a part"  # from GOOD_PHOTOS photos; every later look saves it
QUESTION = f"Is {PART} OK, where is the defect, and which lot is it?"
WHO = "kenpin doctor"
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One tool's or model's trial."""

    name: str
    ms: float
    mib: float  # by which the memory of its process grew
    trouble: str | None  # None: it answered


@contextmanager
def site(eye: Eye, larger: Larger | None) -> Iterator[Context]:
    """A question about a scratched plate, at a site that knows it."""
    with TemporaryDirectory(prefix="kenpin-trial-") as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'trial.sqlite'}", check_schema=False)
        try:
            migrate(engine)
            store = PhotoStore(Path(folder) / "photos")
            good = [_stored(store, _plate(seed)) for seed in range(GOOD_PHOTOS)]
            scratched = [_stored(store, _plate(seed, scratched=True)) for seed in range(10, 10 + SCRATCHED_PHOTOS)]
            with writing(engine) as conn:
                people.remember(conn, WHO, WHO, None)
                parts.add(conn, PART, None, WHO)
                for state, photos in ((GOOD, good), (SCRATCH, scratched)):
                    known = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state=state) for p in photos]
                    parts.add_references(conn, PART, known, WHO)
                failure_modes.replace_rows(conn, [_row()], WHO)
            with reading(engine) as conn:
                part = parts.find(conn, PART)
            asked = Question(
                text=QUESTION, photos=(_stored(store, _plate(20, scratched=True)),), inspection_id="K-DOCTOR", asked_at=datetime.now(UTC)
            )
            yield Context(
                question=asked, site=Site(engine=engine, photo_store=store, eye=eye, larger=larger), language=Language.EN, part=part
            )
        finally:
            engine.dispose()


def tools(context: Context) -> Iterator[Tried]:
    """Learning the part, then every tool that a chat model can reach; what others build on comes first, so that each time is its own."""
    yield _timed(LEARNING, lambda: context.site.eye.learn(context.reference_photos()))
    for module in sorted(toolbox.TOOLS, key=lambda module: module is not read_label):
        arguments = {"question": "Is there a scratch?"} if module is ask else {}
        yield _timed(module.NAME, partial(module.use, context, **arguments))


def larger_model(context: Context) -> Tried:
    """The larger model's opinion of the picture, with all the time it takes to be loaded."""
    larger = context.site.larger
    assert larger is not None, "tried only where one is set up"

    def asked() -> None:
        opinion = second_opinion.ask(context, 0, Purpose.VERDICT)
        if isinstance(opinion, NoOpinion):
            outputs = context.trail[-1].outputs
            raise _NoAnswerError(f"{opinion.words} {outputs.get('failed') or outputs.get('text') or ''}".strip())

    tried = _timed(larger.model.name, asked)
    if isinstance(larger.model, LargerModelProcess) and larger.model.pid is not None:
        return Tried(name=tried.name, ms=tried.ms, mib=psutil.Process(larger.model.pid).memory_info().rss / MIB, trouble=tried.trouble)
    return tried


class _NoAnswerError(Exception):
    """The larger model was asked and gave no opinion; says why."""


def _timed(name: str, call: Callable[[], object]) -> Tried:
    process, started = psutil.Process(), time.perf_counter()
    before, trouble = process.memory_info().rss, None
    try:
        call()
    except (ToolError, VisionError, _NoAnswerError) as error:
        trouble = str(error)
    ms = (time.perf_counter() - started) * 1000
    return Tried(name=name, ms=ms, mib=max(0, process.memory_info().rss - before) / MIB, trouble=trouble)


def _plate(seed: int, *, scratched: bool = False) -> bytes:
    """A PNG of a brushed plate with a label, laid and lit a little differently each time, and with a scratch across its lower left."""
    own = np.random.default_rng(seed)
    grain = np.random.default_rng(0).normal(150, 14, (SIDE_PX, 1, 1)) + own.normal(0, 6, (SIDE_PX, SIDE_PX, 1))
    pixels = np.clip(grain, 0, 255).astype(np.uint8).repeat(3, axis=2)
    cv2.rectangle(pixels, (200, 40), (430, 120), (245, 245, 245), -1)
    for line, text in enumerate((PART, "LOT 4711")):
        cv2.putText(pixels, text, (212, 74 + 34 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2, cv2.LINE_AA)
    if scratched:
        cv2.line(pixels, (80, 380 - seed), (150, 350 + seed), (70, 70, 70), 3, cv2.LINE_AA)
    laid = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), own.uniform(-2, 2), own.uniform(0.97, 1.03))
    laid[:, 2] = laid[:, 2] + own.uniform(-8, 8, 2)
    turned = cv2.warpAffine(pixels, laid, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT)
    out = io.BytesIO()
    Image.fromarray(cv2.convertScaleAbs(turned, alpha=own.uniform(0.9, 1.05))).save(out, "PNG")
    return out.getvalue()


def _stored(store: PhotoStore, data: bytes) -> Photo:
    checked = photo.check(data)
    shown = store.put(checked.shown_jpeg)
    return Photo(sha256=store.put(data), shown_sha256=shown, height_px=checked.height_px, width_px=checked.width_px)


def _row() -> FailureMode:
    return FailureMode(
        part=PART, row=1, defect_class=SCRATCH, failure_mode="scratched by the gripper", effect="returned by the customer",
        cause="worn gripper pads", severity=5, occurrence=3, detection=4, recommended_action="change the pads",
    )  # fmt: skip
