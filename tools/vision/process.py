"""The eye in a process of its own, so that a photo that brings the network down brings nothing else down.

The calling process imports neither torch nor onnxruntime. One call at a time goes over a pipe; when the process ends in the middle of
one (killed, out of memory, a photo that crashes a decoder) that call raises ModelProcessDiedError and the next call starts a fresh
process. A process whose parent is gone reads the end of its pipe and leaves.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from kenpin.tools.vision.errors import ModelProcessDiedError, VisionError
from kenpin.tools.vision.sight import LabelledScores, Recognition, ReferencePhoto, Sight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]


class EyeSettings(TypedDict, total=False):
    """What `Eye` takes; every name as there."""

    backbone: str
    engine: str
    cache: Path
    threads: int | None
    device: str


class EyeProcess:
    """The same methods as `kenpin.tools.vision.eye.Eye`, each also raising ModelProcessDiedError. May be called from several threads."""

    def __init__(self, **settings: Unpack[EyeSettings]) -> None:
        self._settings = settings
        self._one_at_a_time = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._model = ""

    @property
    def model(self) -> str:
        """The network's id, layers, engine and versions. Starts the process when it does not run. Raises a VisionError."""
        with self._one_at_a_time:
            self._started()
            return self._model

    @property
    def pid(self) -> int | None:
        """The model process' id while it runs."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    def learn(self, good: Sequence[ReferencePhoto], progress: Progress | None = None) -> None:
        self._call("learn", list(good), progress=progress)

    def compare(self, photo: Path, good: Sequence[ReferencePhoto]) -> Sight:
        sight: Sight = self._call("compare", photo, list(good))
        return sight

    def labelled_scores(self, good: Sequence[ReferencePhoto], bad: Sequence[ReferencePhoto]) -> LabelledScores:
        scores: LabelledScores = self._call("labelled_scores", list(good), list(bad))
        return scores

    def recognise(self, photo: Path, parts: Mapping[str, Sequence[ReferencePhoto]]) -> Recognition:
        recognition: Recognition = self._call("recognise", photo, {part: list(good) for part, good in parts.items()})
        return recognition

    def features(self, photo: Path) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self._call("features", photo)
        return features

    def close(self) -> None:
        """Ends the process; a later call would start another."""
        with self._one_at_a_time:
            self._forget()

    def __enter__(self) -> EyeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, *arguments: object, progress: Progress | None = None) -> Any:
        with self._one_at_a_time:
            pipe = self._started()
            try:
                pipe.send((method, arguments, progress is not None))
                kind, value = pipe.recv()
                while kind == "progress":
                    if progress:
                        progress(*value)
                    kind, value = pipe.recv()
            except (EOFError, OSError) as error:
                raise self._died(f"while it worked on {method}") from error
        if kind == "error":
            raise value
        return value

    def _started(self) -> Connection:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._forget()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._settings), name="kenpin-eye", daemon=True)
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours
        try:
            kind, value = ours.recv()
        except (EOFError, OSError) as error:
            raise self._died("while it loaded the model") from error
        if kind == "error":
            self._forget()
            raise value
        self._model = value
        return ours

    def _died(self, when: str) -> ModelProcessDiedError:
        process = self._process
        if process is not None:
            process.join(timeout=5)
        how = process.exitcode if process is not None else None
        self._forget()
        return ModelProcessDiedError(
            f"The model's process ended (exit status {how}) {when}. The next call starts a fresh one; try this one again, and look into "
            "the log if it happens with the same photo every time."
        )

    def _forget(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None


def _serve(pipe: Connection, settings: EyeSettings) -> None:
    """The process' whole life. Any error that is not a VisionError ends it, with its traceback on stderr: its memory is not trusted."""
    from kenpin.tools.vision.eye import Eye

    try:
        eye = Eye(**settings)
    except VisionError as error:
        pipe.send(("error", error))
        return
    pipe.send(("ready", eye.model))
    while True:
        try:
            method, arguments, wants_progress = pipe.recv()
        except (EOFError, OSError):
            return
        extra = [lambda done, of: pipe.send(("progress", (done, of)))] if wants_progress else []
        try:
            result = ("value", getattr(eye, method)(*arguments, *extra))
        except VisionError as error:
            result = ("error", error)
        pipe.send(result)
