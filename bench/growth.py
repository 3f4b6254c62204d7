"""What many references and many parts cost: learning, adding one more, answering, and memory.

One part with 10, 100 and 1,000 references (conformal-clip-data has 1,000 good photos of one cloth; none is used twice), then 1,000 parts
with 4 references each. There are not 4,000 photos at hand for these: every part has four of its own out of `--photos` solar cells of
elpv-dataset; a bank is as large and as slow whatever its photos show. Every row is measured in a process of its own, in processor time,
which with `--threads 1` is what a core of its own would take.

    python bench/growth.py --references 10,100,1000
    python bench/growth.py --parts 1000
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from sets import elpv, textile

from kenpin.tools.vision import photo
from kenpin.tools.vision.eye import KEPT_PARTS, Eye, ReferencePhoto

HERE = Path(__file__).parent
Result = TypeVar("Result")
A_PART = 4  # references of each of many parts


def references_of(paths: Sequence[Path]) -> list[ReferencePhoto]:
    return [ReferencePhoto(sha256=photo.digest(path), path=path) for path in paths]


def one_part(count: int, asked_for: int, threads: int, models: Path, folder: Path) -> tuple[str, ...]:
    """Learnt from `count` - 1 photos, again with their looks kept, then from `count`."""
    cloth = sorted((Path(str(files("conformal_clip_data"))) / "data" / "textile_images" / "simulated" / "nominal").glob("*.jpg"))
    good, asked = references_of(cloth[:count]), textile("local", asked_for).photos[asked_for:]
    first = seconds(lambda: fresh(threads, models, folder).learn(good[:-1]))
    shutil.rmtree(folder / "parts")
    eye = fresh(threads, models, folder)
    again, added = seconds(lambda: eye.learn(good[:-1])), seconds(lambda: eye.learn(good))
    taken = [1000 * seconds(partial(eye.compare, path, good)) for path in asked]
    return f"{first:.1f}", f"{again:.1f}", f"{added:.1f}", *spread(taken), *memory()


def many_parts(count: int, asked_for: int, photos: int, threads: int, models: Path, folder: Path) -> list[tuple[str, str]]:
    cells = elpv("mono", asked_for)
    pool, asked = references_of(cells.references[:photos]), cells.photos
    draw = np.random.default_rng(0)
    parts = {f"P-{i}": [pool[j] for j in draw.choice(photos, A_PART, replace=False)] for i in range(count)}
    eye = fresh(threads, models, folder)
    for one in pool:
        eye.learn([one])  # looks at it; what follows is learning alone
    learning = [1000 * seconds(partial(eye.learn, good)) for good in parts.values()]
    learnt = memory()
    on_disk = [sum(file.stat().st_size for file in (folder / kind).rglob("*.npz")) / 2**20 for kind in ("parts", "views")]
    eye, cold, warm = fresh(threads, models, folder), [], []
    for first, second in zip(asked[::2], asked[1::2], strict=True):
        good = parts[f"P-{draw.integers(count)}"]
        cold.append(1000 * seconds(partial(eye.compare, first, good)))
        warm.append(1000 * seconds(partial(eye.compare, second, good)))
    answered = memory()
    once, *later = (1000 * seconds(partial(eye.recognise, path, parts)) for path in asked[: asked_for // 4])
    return [
        ("learning a part whose photos were looked at, ms: p50, p95", ", ".join(spread(learning))),
        ("MiB resident after learning all, at most", ", ".join(learnt)),
        ("MiB on disk a part: what is learnt; looks, all photos together", f"{on_disk[0] / (count + photos):.1f}; {on_disk[1]:.0f}"),
        ("answer, the part on disk, ms: p50, p95", ", ".join(spread(cold))),
        ("answer, the part in memory, ms: p50, p95", ", ".join(spread(warm))),
        (f"MiB resident after {len(asked)} answers, at most", ", ".join(answered)),
        (f"recognising one of {count} parts, ms: the first time; p50, p95 later", f"{once:.0f}; {', '.join(spread(later))}"),
    ]


def fresh(threads: int, models: Path, folder: Path) -> Eye:
    """An eye that knows nothing but what is in `folder`."""
    if not (folder / "models").exists():
        (folder / "models").symlink_to(models.resolve())
    return Eye(cache=folder, threads=threads)


def seconds(work: Callable[[], object]) -> float:
    """Of processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started


def spread(taken_ms: Sequence[float]) -> tuple[str, str]:
    """p50 and p95."""
    p50, p95 = np.percentile(taken_ms, [50, 95])
    return f"{p50:.0f}", f"{p95:.0f}"


def memory() -> tuple[str, str]:
    """MiB of this process: resident, and at most so far."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    resident, most = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"{resident:.0f}", f"{most:.0f}"


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """In a process of its own, and with a folder of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process, tempfile.TemporaryDirectory() as folder:
        return process.submit(work, *arguments, Path(folder)).result()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--references", default="10,100,1000", help="references of one part, with commas between")
    arguments.add_argument("--parts", type=int, default=0, help="measure so many parts instead")
    arguments.add_argument("--photos", type=int, default=200, help="that many parts have their references out of")
    arguments.add_argument("--asked", type=int, default=40, help="photos that are compared, none of them a reference")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    models = given.cache / "models"
    table = Table(box=box.MARKDOWN, title=f"{given.threads} threads; {KEPT_PARTS} parts at most stay in memory")
    if given.parts:
        for column in (f"{given.parts} parts with {A_PART} references each", ""):
            table.add_column(column)
        for row in alone(many_parts, given.parts, given.asked, given.photos, given.threads, models):
            table.add_row(*row)
    else:
        for column in (
            "references",
            "learning, s",
            "again, looks kept, s",
            "one more, s",
            "p50 ms",
            "p95 ms",
            "MiB resident",
            "MiB at most",
        ):
            table.add_column(column)
        for count in map(int, given.references.split(",")):
            table.add_row(f"{count:,}", *alone(one_part, count, given.asked, given.threads, models))
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
