"""Long work that a page starts and looks in on: walking the chain, writing an export. In a thread of this process, gone with it.

One of a kind at a time: whoever asks for it while it runs is shown the one that runs.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request

from kenpin.bot.complaints import EXPECTED, words_for

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
KEPT = 20  # finished works that can still be looked at


@dataclass
class Work:
    """One piece of work; its thread alone writes to it."""

    id: str
    kind: str
    person_id: str
    done: int = 0
    of: int = 0
    result: Any = None
    problem: str | None = None  # a sentence, when it could not be done
    is_over: bool = False


class Works:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: dict[str, Work] = {}

    def start(self, kind: str, person_id: str, do: Callable[[Progress], Any]) -> Work:
        """The one that runs already, when there is one of this kind."""
        with self._lock:
            running = next((work for work in self._works.values() if work.kind == kind and not work.is_over), None)
            if running is not None:
                return running
            work = Work(id=secrets.token_hex(8), kind=kind, person_id=person_id)
            self._works[work.id] = work
            for old in [one.id for one in self._works.values() if one.is_over][:-KEPT]:
                del self._works[old]
        threading.Thread(target=_run, args=(work, do), name=f"console-{kind}", daemon=True).start()
        return work

    def find(self, id: str) -> Work | None:
        """As it stands now; what its thread does meanwhile changes nothing on the page that is being made."""
        work = self._works.get(id)
        return replace(work) if work else None

    def latest(self, kind: str) -> Work | None:
        """Likewise."""
        work = next((work for work in reversed(list(self._works.values())) if work.kind == kind), None)
        return replace(work) if work else None


def works(request: Request) -> Works:
    """Those of this console."""
    found: Works | None = getattr(request.app.state, "works", None)
    if found is None:
        found = request.app.state.works = Works()
    return found


def _run(work: Work, do: Callable[[Progress], Any]) -> None:
    def progress(done: int, of: int) -> None:
        work.done, work.of = done, of

    try:
        work.result = do(progress)  # before it is over, as pages are made of what is there at one moment
    except EXPECTED as error:
        work.problem = words_for(error)
    except Exception:  # the thread's outer edge
        log.exception("work %s (%s) of the console failed", work.id, work.kind)
        work.problem = f"Something went wrong here. Whoever runs Kenpin finds it in the log as work {work.id}."
    finally:
        work.is_over = True
