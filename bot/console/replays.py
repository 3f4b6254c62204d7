"""Inspections being made again behind the console's back: one at a time, as one eye looks, and what came of the latest ones.

A page asks how far one is; the looking itself runs in a thread and needs no page to wait for it. What came of it is kept for as long as
the console runs; the log has for good that it was done.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from starlette.requests import Request

from kenpin.bot.console.desk import Desk
from kenpin.bot.console.page import Visitor
from kenpin.bot.replay import STAGES, CannotReplayError, Replay, replay
from kenpin.storage.errors import StorageError
from kenpin.tools.vision.errors import VisionError

log = logging.getLogger(__name__)

MOST_KEPT = 50


@dataclass(kw_only=True)
class Running:
    """One that is waiting, running, or over."""

    inspection_id: str
    began: float = field(default_factory=time.monotonic)
    stage: str = "waiting"  # then one of STAGES
    result: Replay | None = None
    cannot: CannotReplayError | None = None
    failed: bool = False  # the eye or the records gave up; the log says why

    @property
    def is_over(self) -> bool:
        return self.result is not None or self.cannot is not None or self.failed

    @property
    def seconds(self) -> int:
        return round(time.monotonic() - self.began)

    @property
    def done(self) -> int:
        """Stages behind it."""
        return STAGES.index(self.stage) if self.stage in STAGES else 0


class Replays:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="console-replay")
        self._kept: OrderedDict[str, Running] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, desk: Desk, inspection_id: str, here: Visitor) -> None:
        """Nothing happens while the same inspection is being made again already."""
        with self._lock:
            before = self._kept.get(inspection_id)
            if before is not None and not before.is_over:
                return
            running = self._kept[inspection_id] = Running(inspection_id=inspection_id)
            self._kept.move_to_end(inspection_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._thread.submit(self._run, desk, running, here.person_id)

    def find(self, inspection_id: str) -> Running | None:
        with self._lock:
            return self._kept.get(inspection_id)

    @staticmethod
    def _run(desk: Desk, running: Running, person_id: str) -> None:
        def at(stage: str) -> None:
            running.stage = stage

        try:
            running.result = replay(desk.site(), running.inspection_id, by="console", person=person_id, progress=at)
        except CannotReplayError as error:
            running.cannot = error
        except (StorageError, VisionError, OSError):
            log.exception("inspection %s could not be made again", running.inspection_id)
            running.failed = True
        except BaseException:  # the thread's outer edge: a page must not wait for ever
            running.failed = True
            raise


_making = threading.Lock()


def of(request: Request) -> Replays:
    """Of this console."""
    with _making:
        if not hasattr(request.app.state, "replays"):
            request.app.state.replays = Replays()
        found: Replays = request.app.state.replays
        return found
