"""One question being answered: what was asked, where, about which part, and what the tools have found so far.

Every tool of one answer shares one Context. It is the only place where a tool leaves something behind: records are not written here or
anywhere in this room. Two threads may use one Context, as an agent that calls two tools at once does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from kenpin.storage import clock
from kenpin.storage.inspections import PastPhoto
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import (
    Classified,
    Comparison,
    FailureMode,
    LabelReading,
    LabelText,
    Language,
    Opinion,
    Part,
    PastCase,
    Photo,
    Proposed,
    QualityProblem,
    RuleFired,
    TrailEntry,
)
from kenpin.tools.errors import CannotBeDoneError, WrongArgumentsError
from kenpin.tools.track_record import TrackRecords
from kenpin.tools.vision.sight import Classification, LabelledScores, Recognition, ReferencePhoto, Sight, Tried

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kenpin.tools.ask import Asked
    from kenpin.tools.changes import Change
    from kenpin.tools.domain import Unlike
    from kenpin.tools.escalation import Step
    from kenpin.tools.larger_model import Larger

Features = NDArray[np.float32]  # (D,), unit length


class Eye(Protocol):
    """What is asked of an eye; `kenpin.tools.vision.eye.Eye` is one, and so is the one in a process of its own."""

    @property
    def model(self) -> str: ...

    def compare(self, path: Path, good: Sequence[ReferencePhoto], /) -> Sight: ...

    def labelled_scores(self, good: Sequence[ReferencePhoto], bad: Sequence[ReferencePhoto], /) -> LabelledScores: ...

    def classify(
        self, path: Path, labelled: Mapping[str, Sequence[ReferencePhoto]], good: Sequence[ReferencePhoto], coverage: float, /
    ) -> Classification: ...

    def recognise(self, path: Path, parts: Mapping[str, Sequence[ReferencePhoto]], /) -> Recognition: ...

    def features(self, path: Path, /) -> Features: ...

    def read(self, path: Path, /) -> tuple[LabelText, ...]: ...

    def expectation(self, good: Sequence[ReferencePhoto], /) -> Tried: ...

    def learn(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None = None, /) -> None: ...


class FeatureMemory:
    """Features of photos seen before, so that looking for similar cases costs no second look. Bounded; forgotten with the process."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._held: OrderedDict[tuple[str, str], Features] = OrderedDict()
        self._lock = Lock()

    def of(self, eye: Eye, store: PhotoStore, sha256: str) -> Features:
        """(D,) unit length. `sha256` is that of the copy that is looked at."""
        key = (eye.model, sha256)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        features = eye.features(store.path(sha256))
        with self._lock:
            self._held[key] = features
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return features


@dataclass(frozen=True, kw_only=True)
class Site:
    """What answering needs and a question does not bring along; made once per process."""

    engine: Engine
    photo_store: PhotoStore
    eye: Eye
    chat_model: BaseChatModel | None = None  # None: the router picks the tools
    chat_timeout_s: float = 30.0  # for a whole conversation with the chat model; then the router answers
    chat_calls: int = 6  # of the chat model, per question
    chat_tokens: int = 20_000  # read and written by it, per question: ten times what an ordinary one takes
    larger: Larger | None = None  # a vision-language model that gives second opinions
    rules_folder: Path | None = None  # where the site keeps its rules; None: it has none of its own
    coverage: float = 0.9  # share of photos of a known defect whose true kind is to be among those that `classify` names
    default_language: Language = Language.EN  # for a question without words
    permalink: Callable[[str, str], str | None] | None = None  # (channel, message ts) -> the address of that message
    feature_memory: FeatureMemory = field(default_factory=FeatureMemory)
    track_records: TrackRecords = field(default_factory=TrackRecords)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What somebody asked."""

    text: str  # as written; may be empty
    language: Language | None = None  # None: as the text is written
    photos: tuple[Photo, ...]  # in the order of the message; checked and in the photo store
    refusals: tuple[str, ...] = ()  # for each photo that did not pass `photo.check`, its sentence in the question's language
    part_hint: str | None = None  # the part this is about unless the text names one: from the thread, the channel or the command line
    before: str | None = None  # what was asked just before in the same thread: "and the left one?" means nothing without it
    earlier_photos: tuple[Photo, ...] = ()  # of the newest earlier question of the thread that had other photos than this one
    thread: str | None = None  # ts of the first message of the thread it stands in
    inspection_id: str
    asked_at: datetime | str  # with its timezone; only earlier inspections count as past


class Context:
    """The state of one answer."""

    def __init__(
        self,
        *,
        question: Question,
        site: Site,
        language: Language,
        part: Part | None = None,
        past: tuple[PastPhoto, ...] = (),
    ) -> None:
        self.question = question
        self.site = site
        self.language = language
        self.part = part
        self.recognised = False  # the part was not named: it was recognised on the photo
        self.part_on_label = False  # it was not named: a label named it
        self.past = past  # newest first; of this part
        self.comparisons: dict[int, Comparison] = {}  # by photo
        self.located: set[int] = set()  # photos whose places were asked for
        self.similar: tuple[PastCase, ...] | None = None  # None: nobody has looked
        self.past_looked_at = 0  # past photos that `similar` was chosen from
        self.classified: dict[int, Classified] = {}  # by photo
        self.labels: dict[int, LabelReading] = {}  # by photo
        self.failure_modes: tuple[FailureMode, ...] | None = None  # None: nobody has looked
        self.quality: dict[int, tuple[QualityProblem, ...]] = {}  # by photo; an empty tuple: checked, and good enough
        self.meant: tuple[int, ...] = tuple(range(len(question.photos)))  # the photos the question is about, from 0
        self.described: dict[int, str] = {}  # the note, by photo
        self.unlike: dict[int, Unlike] = {}  # by photo, for those that do not show the part at all
        self.asked: list[Asked] = []  # short questions answered by `ask`, in that order
        self.changes: tuple[Change, ...] | None = None  # between two photos; None: nobody has looked
        self.rules: list[RuleFired] = []
        self.opinions: list[Opinion] = []
        self.contradicted = False  # a larger model's word turned a judgement into an abstention
        self.next_step: Step | None = None  # who is to be asked about what is unsure
        self.proposed: Proposed | None = None
        self.trail: list[TrailEntry] = []
        self.lock = RLock()  # one tool at a time

    def copy(self) -> Context:
        """A context that starts from what is known here and goes its own way."""
        with self.lock:
            other = Context(question=self.question, site=self.site, language=self.language, part=self.part)
            for name, found in vars(self).items():
                if name not in ("lock", "question", "site"):
                    setattr(other, name, copy(found))  # every value found is frozen; only what holds them is made anew
        return other

    def reference_photos(self) -> tuple[ReferencePhoto, ...]:
        """The part's good references. Raises CannotBeDoneError when there are none, or the part is not known."""
        if self.part is None:
            raise CannotBeDoneError("It is not known which part this is; ask the person for the part number.")
        if not self.part.good:
            raise CannotBeDoneError(f"There is no good photo of part {self.part.number} to compare with; ask the person for a few.")
        return as_reference_photos(self.part, self.site.photo_store)

    def photo_at(self, number: int) -> int:
        """The index of a photo, for its number as people count. Raises WrongArgumentsError when there is no such photo."""
        there = len(self.question.photos)
        if not 1 <= number <= there:
            raise WrongArgumentsError(f"There is no photo {number}; this question has {there}, numbered from 1.")
        return number - 1

    def mean(self, numbers: Sequence[int]) -> None:
        """Take the question to be about these photos, counted from 1, or from -1 for the last; those that are not there are passed over."""
        there = len(self.question.photos)
        meant = dict.fromkeys(n - 1 if n > 0 else there + n for n in numbers if 0 < abs(n) <= there)
        self.meant = tuple(meant) or self.meant

    def usable_photos(self) -> tuple[int, ...]:
        """The indices of the photos in question that are good enough for a verdict, as far as anybody has checked."""
        return tuple(index for index in self.meant if not self.quality.get(index))

    @property
    def asked_at(self) -> datetime:
        return clock.parsed(clock.text(self.question.asked_at))

    def shown_path(self, index: int) -> Path:
        return self.site.photo_store.path(self.question.photos[index].shown_sha256)

    @contextmanager
    def recorded(self, tool: str, inputs: dict[str, Any], model: str | None = None) -> Iterator[dict[str, Any]]:
        """Put one call on the trail, with what the block puts into the dictionary it is given and the time it took, failed or not."""
        outputs: dict[str, Any] = {}
        started = time.perf_counter()
        try:
            yield outputs
        except BaseException as error:
            outputs["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            ms = (time.perf_counter() - started) * 1000
            self.trail.append(TrailEntry(tool=tool, inputs=inputs, outputs=outputs, model=model, ms=round(ms, 3)))


def as_reference_photos(part: Part, store: PhotoStore) -> tuple[ReferencePhoto, ...]:
    return tuple(ReferencePhoto(sha256=r.shown_sha256, path=store.path(r.shown_sha256)) for r in part.good)
