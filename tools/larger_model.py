"""The larger model of a site, wherever it runs, with the site's limits on time and money.

Two kinds say something about a photo: one on this machine, in a process of its own (`tools/vision/process.py`), and one on a server, asked
through LangChain (`Served`). A photo leaves for either as a JPEG made here from its pixels, no larger than the site's limit, so without
EXIF, name or path. What is asked, and what a reply is worth, stand in `second_opinion` and `verify`.

    LargerModelError
    └── LargerModelSlowError   no reply within the time limit
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image
from sqlalchemy.engine import Connection

from kenpin.storage import inspections
from kenpin.tools.vision.sight import Said

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

SETTING = "KENPIN_VISION_MODEL"
IN_PROCESS = "hf:"  # in front of a Hugging Face id or folder
JPEG_QUALITY = 90
PER_MILLION = 1e6
# Where a server does not say how many tokens it read, so that an answer never counts as free. Chosen high: four letters of English or one
# of Japanese are about a token, and 1024 x 1024 pixels are about 1,300 to 1,600 in the models of docs/models.md.
TOKENS_PER_PHOTO, LETTERS_PER_TOKEN = 1600, 2


class LargerModelError(Exception):
    """The larger model gave no usable reply. The text is for the trail: a server may have written part of it."""


class LargerModelSlowError(LargerModelError):
    """Nothing came within the time limit."""


class LargerModel(Protocol):
    """Whatever can be shown photos and asked. Raises LargerModelError or a VisionError."""

    @property
    def name(self) -> str: ...

    def say(self, instructions: str, question: str, photos: Sequence[bytes], /) -> Said: ...


@dataclass(frozen=True, kw_only=True)
class Price:
    """In any currency, per million tokens."""

    tokens_in: float
    tokens_out: float

    def of(self, said: Said) -> float:
        return (said.tokens_in * self.tokens_in + said.tokens_out * self.tokens_out) / PER_MILLION


class Spending:
    """What this process has spent on inspections whose answers are not on record yet; what is on record, the records know."""

    def __init__(self) -> None:
        self._open: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, inspection_id: str, cost: float) -> None:
        with self._lock:
            self._open[inspection_id] = self._open.get(inspection_id, 0.0) + cost

    def today(self, conn: Connection, now: datetime) -> float:
        """Since midnight of the site's own day, by every process: the sum on record and what is under way here."""
        midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        with self._lock:
            for id in [id for id in self._open if (known := inspections.get(conn, id)) is not None and known.cost is not None]:
                del self._open[id]
            return inspections.cost_since(conn, midnight) + sum(self._open.values())


@dataclass(frozen=True, kw_only=True)
class Larger:
    """A site's larger model and its limits."""

    model: LargerModel
    long_side_px: int = 1024  # of a photo that is sent
    good_photo: bool = True  # a good photo of the part is sent along where a verdict is asked for
    price: Price | None = None
    daily_budget: float | None = None  # in the currency of the price; None: no limit
    spending: Spending = field(default_factory=Spending)


class Served:
    """A larger model on a server, through LangChain. The photos travel as data URLs."""

    def __init__(self, chat_model: BaseChatModel, timeout_s: float, max_tokens: int = 256) -> None:
        self._chat, self._timeout_s, self._max_tokens = chat_model, timeout_s, max_tokens
        self.name = str(getattr(chat_model, "model_name", None) or getattr(chat_model, "model", None) or type(chat_model).__name__)

    def say(self, instructions: str, question: str, photos: Sequence[bytes]) -> Said:
        urls = [f"data:image/jpeg;base64,{base64.b64encode(photo).decode('ascii')}" for photo in photos]
        content: list[Any] = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        content.append({"type": "text", "text": question})
        # In a thread of its own, because only so can it be left when its time is up; and its error looked at, not caught, because every
        # provider has errors of its own.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kenpin-larger-model")
        turns: list[Any] = [{"role": "system", "content": instructions}, {"role": "user", "content": content}]
        asked = thread.submit(self._chat.invoke, turns, max_tokens=self._max_tokens)
        thread.shutdown(wait=False, cancel_futures=True)
        try:
            error = asked.exception(timeout=self._timeout_s)
        except TimeoutError:
            raise LargerModelSlowError(f"No reply from {self.name} within {self._timeout_s:g} s.") from None
        if error is not None:
            raise LargerModelError(f"{self.name}: {type(error).__name__}: {error}"[:500]) from error
        return self._said(asked.result(), instructions + question, len(photos))

    @staticmethod
    def _said(message: BaseMessage, prompt: str, photos: int) -> Said:
        text, usage = str(message.text), getattr(message, "usage_metadata", None)
        if usage:
            return Said(text=text, tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])
        guessed = len(prompt) // LETTERS_PER_TOKEN + photos * TOKENS_PER_PHOTO
        return Said(text=text, tokens_in=guessed, tokens_out=max(1, len(text) // LETTERS_PER_TOKEN))


def sendable(path: Path, long_side_px: int) -> bytes:
    """A new JPEG of the picture's pixels, no side longer than that. `path`: a copy in the photo store, so upright and already checked."""
    with Image.open(path) as image:
        image.draft("RGB", (long_side_px, long_side_px))  # decodes no more than is needed
        pixels = image.convert("RGB")
    pixels.thumbnail((long_side_px, long_side_px), Image.Resampling.LANCZOS)
    bare = Image.frombytes("RGB", pixels.size, pixels.tobytes())  # nothing but pixels: what a decoder hangs on a picture stays behind
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
