"""A model in a process of its own, so that a photo that brings the network down brings nothing else down.

The calling process imports neither torch nor onnxruntime. One call at a time goes over a pipe; when the process ends in the middle of
one (killed, out of memory, a photo that crashes a decoder) that call raises ModelProcessDiedError and the next call starts a fresh
process. A process whose parent is gone reads the end of its pipe and leaves. `ModelProcess` is all of that; what stands below it says
which model lives in it, and gives its methods their names.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Required, TypedDict, Unpack

from kenpin.tools.vision.errors import ModelProcessDiedError, ModelTooSlowError, VisionError
from kenpin.tools.vision.sight import Classification, LabelledScores, Recognition, ReferencePhoto, Said, Sight, Tried

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kenpin.storage.vocabulary import LabelText

Progress = Callable[[int, int], None]


class EyeSettings(TypedDict, total=False):
    """What `Eye` takes; every name as there."""

    backbone: str
    engine: str
    cache: Path
    threads: int | None
    device: str


class LargerSettings(TypedDict, total=False):
    """What `VisionLanguageModel` takes; every name as there."""

    model: Required[str]
    device: str
    dtype: str
    max_tokens: int
    threads: int | None


class Model(Protocol):
    """What lives in a process: it says its name; the rest is called by name."""

    @property
    def model(self) -> str: ...


class ModelProcess:
    """Starts the process when it is first needed and after it died. May be called from several threads."""

    def __init__(self, make: Callable[[Mapping[str, Any]], Model], settings: Mapping[str, Any], name: str) -> None:
        """`make`: called in the process, with `settings`; a function of a module, because it travels by its name."""
        self._make, self._settings, self._name = make, settings, name
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

    def close(self) -> None:
        """Ends the process; a later call would start another."""
        with self._one_at_a_time:
            self._forget()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, *arguments: object, progress: Progress | None = None, limit_s: float | None = None) -> Any:
        """`limit_s`: for the call alone, not for the wait until the model is loaded and free; then the process is ended."""
        with self._one_at_a_time:
            pipe = self._started()
            ends = None if limit_s is None else time.monotonic() + limit_s
            try:
                pipe.send((method, arguments, progress is not None))
                kind, value = self._received(pipe, ends)
                while kind == "progress":
                    if progress:
                        progress(*value)
                    kind, value = self._received(pipe, ends)
            except (EOFError, OSError) as error:
                raise self._died(f"while it worked on {method}") from error
        if kind == "error":
            raise value
        return value

    def _received(self, pipe: Connection, ends: float | None) -> tuple[str, Any]:
        if ends is not None and not pipe.poll(max(0.0, ends - time.monotonic())):
            self._forget()
            raise ModelTooSlowError("The model did not answer within its time limit. Its process was ended; the next call starts another.")
        kind, value = pipe.recv()
        return kind, value

    def _started(self) -> Connection:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._forget()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._make, self._settings), name=self._name, daemon=True)
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


def _serve(pipe: Connection, make: Callable[[Mapping[str, Any]], Model], settings: Mapping[str, Any]) -> None:
    """The process' whole life. Any error that is not a VisionError ends it, with its traceback on stderr: its memory is not trusted."""
    try:
        model = make(settings)
    except VisionError as error:
        pipe.send(("error", error))
        return
    pipe.send(("ready", model.model))
    while True:
        try:
            method, arguments, wants_progress = pipe.recv()
        except (EOFError, OSError):
            return
        extra = [lambda done, of: pipe.send(("progress", (done, of)))] if wants_progress else []
        try:
            result = ("value", getattr(model, method)(*arguments, *extra))
        except VisionError as error:
            result = ("error", error)
        pipe.send(result)


# --- the eye ------------------------------------------------------------------------------------------------------------------------


class EyeProcess(ModelProcess):
    """The same methods as `kenpin.tools.vision.eye.Eye`, each also raising ModelProcessDiedError."""

    def __init__(self, **settings: Unpack[EyeSettings]) -> None:
        super().__init__(_eye, settings, "kenpin-eye")

    def learn(self, good: Sequence[ReferencePhoto], progress: Progress | None = None) -> None:
        self._call("learn", list(good), progress=progress)

    def compare(self, photo: Path, good: Sequence[ReferencePhoto]) -> Sight:
        sight: Sight = self._call("compare", photo, list(good))
        return sight

    def expectation(self, good: Sequence[ReferencePhoto]) -> Tried:
        tried: Tried = self._call("expectation", list(good))
        return tried

    def labelled_scores(self, good: Sequence[ReferencePhoto], bad: Sequence[ReferencePhoto]) -> LabelledScores:
        scores: LabelledScores = self._call("labelled_scores", list(good), list(bad))
        return scores

    def classify(
        self, photo: Path, labelled: Mapping[str, Sequence[ReferencePhoto]], good: Sequence[ReferencePhoto], coverage: float
    ) -> Classification:
        each = {name: list(several) for name, several in labelled.items()}
        classification: Classification = self._call("classify", photo, each, list(good), coverage)
        return classification

    def recognise(self, photo: Path, parts: Mapping[str, Sequence[ReferencePhoto]]) -> Recognition:
        recognition: Recognition = self._call("recognise", photo, {part: list(good) for part, good in parts.items()})
        return recognition

    def read(self, photo: Path) -> tuple[LabelText, ...]:
        texts: tuple[LabelText, ...] = self._call("read", photo)
        return texts

    def features(self, photo: Path) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self._call("features", photo)
        return features

    def __enter__(self) -> EyeProcess:
        return self


def _eye(settings: Mapping[str, Any]) -> Model:
    from kenpin.tools.vision.eye import Eye

    return Eye(**settings)


# --- a larger model on this machine -------------------------------------------------------------------------------------------------


class LargerModelProcess(ModelProcess):
    """The same method as `kenpin.tools.vision.vlm.VisionLanguageModel`, within a time limit, also raising ModelProcessDiedError."""

    def __init__(self, *, limit_s: float = 60.0, **settings: Unpack[LargerSettings]) -> None:
        super().__init__(_larger, settings, "kenpin-larger-model")
        self._limit_s = limit_s
        self.name = Path(settings["model"]).name

    def say(self, instructions: str, question: str, photos: Sequence[bytes]) -> Said:
        """Also raises ModelTooSlowError. The limit is the model's own; the process gets a little longer to hand over what it has."""
        said: Said = self._call("say", instructions, question, list(photos), self._limit_s, limit_s=1.2 * self._limit_s + 1)
        return said

    def __enter__(self) -> LargerModelProcess:
        return self


def _larger(settings: Mapping[str, Any]) -> Model:
    from kenpin.tools.vision.vlm import VisionLanguageModel

    return VisionLanguageModel(**settings)
