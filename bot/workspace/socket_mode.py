"""Socket Mode: tickets, connections, envelopes, acknowledgements, resends, rotation.

Each envelope goes to one of the open connections, in turn. An event that is not acknowledged is sent again, under the same event_id,
on whichever connection is next; while no connection is open it waits for one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from . import people
from .delivery import Delivery, InteractionKind, NoAnswerError
from .faults import Faults
from .store import Json

log = logging.getLogger(__name__)

_TICKET_LIFE_S = 30.0
_MOST_CONNECTIONS = 10  # Slack's limit for one app
_LINGER_S = 10.0  # how long a connection lives on after it was told to disconnect


@dataclass(eq=False)
class Connection:
    """One open WebSocket of the bot."""

    number: int
    socket: WebSocket
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    leaving: bool = False

    async def send(self, body: Json) -> None:
        async with self.sending:
            await self.socket.send_text(json.dumps(body, ensure_ascii=False))


class SocketMode(Delivery):
    """The server's end of Socket Mode.

    resend_delays_s: how long to wait for the acknowledgement of each try before the next; the last one only before giving up.
    patience_s: how long an event waits for a connection to open.
    """

    def __init__(self, faults: Faults, resend_delays_s: tuple[float, ...], patience_s: float, answer_within_s: float) -> None:
        super().__init__(answer_within_s)
        self._faults = faults
        self._resend_delays_s = resend_delays_s
        self._patience_s = patience_s
        self._tickets: dict[str, float] = {}
        self._connections: list[Connection] = []
        self._turn = count()
        self._numbers = count(1)
        self._opened = asyncio.Condition()
        self._awaited: dict[str, asyncio.Future[Json]] = {}  # by envelope id
        self._tasks: set[asyncio.Task[None]] = set()

    # -- connections -------------------------------------------------------------------------------------------------------

    def ticket(self) -> str:
        """A name for one connection, good once and for a short while."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = time.monotonic() + _TICKET_LIFE_S
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        if self._tickets.pop(socket.query_params.get("ticket", ""), 0.0) < time.monotonic():
            await socket.close()  # before accept: the handshake is answered with 403
            return
        await socket.accept()
        connection = Connection(next(self._numbers), socket)
        if len(self._connections) >= _MOST_CONNECTIONS:
            await connection.send(_disconnect("too_many_websockets"))
            await socket.close()
            return
        await connection.send(self._hello())
        async with self._opened:
            self._connections.append(connection)
            self._opened.notify_all()
        try:
            while True:
                self._receive(await socket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            self._connections.remove(connection)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections) + 1,
            "debug_info": {"host": "local-workspace", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": people.APP_ID},
        }

    def _receive(self, text: str) -> None:
        """An acknowledgement; anything else is not ours to understand."""
        try:
            body = json.loads(text)
        except ValueError:
            log.warning("Not JSON, from the bot's WebSocket: %.80s", text)
            return
        future = self._awaited.get(body.get("envelope_id", "")) if isinstance(body, dict) else None
        if future is None or future.done() or self._faults.take("drop_acks"):
            return
        payload = body.get("payload")
        future.set_result(payload if isinstance(payload, dict) else {})

    async def rotate(self, reason: str) -> int:
        """Tell every connection to go and come back, as Slack does every few hours. Returns how many were told."""
        leaving = list(self._connections)
        for connection in leaving:
            connection.leaving = reason != "warning"  # after a warning the connection is still good
            await connection.send(_disconnect(reason))
            if connection.leaving:
                self._start(self._close_later(connection))
        return len(leaving)

    async def cut(self) -> int:
        """Close every connection without a word. Returns how many there were."""
        cut = list(self._connections)
        for connection in cut:
            connection.leaving = True
            await connection.socket.close()
        return len(cut)

    async def _close_later(self, connection: Connection) -> None:
        await asyncio.sleep(_LINGER_S)
        if connection in self._connections:
            await connection.socket.close()

    def _next_connection(self) -> Connection | None:
        usable = [c for c in self._connections if not c.leaving]
        return usable[next(self._turn) % len(usable)] if usable else None

    async def _wait_for_connection(self) -> Connection:
        """Raises TimeoutError when none opens within the patience."""
        async with asyncio.timeout(self._patience_s), self._opened:
            while (connection := self._next_connection()) is None:
                await self._opened.wait()
            return connection

    # -- sending -----------------------------------------------------------------------------------------------------------

    def send_event(self, payload: Json) -> None:
        self._start(self._deliver(payload))

    async def _deliver(self, payload: Json) -> None:
        for attempt, wait_s in enumerate(self._resend_delays_s):
            try:
                connection = await self._wait_for_connection()
            except TimeoutError:
                break
            try:
                retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
                await self._send(connection, "events_api", payload, wait_s, accepts_response_payload=False, **retry)
            except (TimeoutError, WebSocketDisconnect, RuntimeError):
                continue  # no acknowledgement, or the connection closed under the envelope: the next try
            if self._faults.take("resend_events"):
                continue
            return
        self.given_up.append(payload)
        log.warning("Event %s (%s) was never acknowledged by the bot", payload["event_id"], payload["event"]["type"])

    async def _send(self, connection: Connection, kind: str, payload: Json, wait_s: float, **more: Any) -> Json:
        """Send one envelope and return what the acknowledgement carries. Raises TimeoutError when none comes in time."""
        envelope: Json = {"envelope_id": str(uuid4()), "payload": payload, "type": kind, **more}
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._awaited[envelope["envelope_id"]] = future
        try:
            await connection.send(envelope)
            return await asyncio.wait_for(future, wait_s)
        finally:
            del self._awaited[envelope["envelope_id"]]

    async def interact(self, kind: InteractionKind, payload: Json, *, answer_counts: bool) -> Json:
        connection = self._next_connection()
        if connection is None:
            raise NoAnswerError(f"{people.BOT_NAME} is not connected. Start it, then try again.")
        try:
            return await self._send(connection, kind, payload, self._answer_within_s, accepts_response_payload=answer_counts)
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            raise NoAnswerError(f"{people.BOT_NAME} did not answer within {self._answer_within_s:g} seconds. Try again.") from error

    def shown(self) -> Json:
        return {"mode": "socket", "connections": len(self._connections), "in_flight": len(self._tasks), "given_up": list(self.given_up)}

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self.cut()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "local-workspace"}}
