"""Tells open pages what changed, as server-sent events. A page that lost its connection reconnects and asks for a new snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from .store import Json

_KEEP_ALIVE_S = 15.0


class Live:
    """Every open page is a queue; a page sees what its person may see."""

    def __init__(self) -> None:
        self._pages: dict[asyncio.Queue[str | None], str] = {}

    def tell(self, kind: str, body: Json, *, only: set[str] | None = None) -> None:
        """only: the user ids that may see it; None for everybody."""
        if not self._pages:
            return
        line = f"data: {json.dumps({'kind': kind, **body}, ensure_ascii=False)}\n\n"
        for queue, user in self._pages.items():
            if only is None or user in only:
                queue.put_nowait(line)

    async def stream(self, user: str) -> AsyncIterator[str]:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._pages[queue] = user
        try:
            yield "retry: 1000\n\n"
            while True:
                try:
                    line = await asyncio.wait_for(queue.get(), _KEEP_ALIVE_S)
                except TimeoutError:
                    line = ": still here\n\n"
                if line is None:
                    return
                yield line
        finally:
            del self._pages[queue]

    def close(self) -> None:
        for queue in self._pages:
            queue.put_nowait(None)
