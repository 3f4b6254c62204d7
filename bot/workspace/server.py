"""Start and stop a workspace: the one module others import.

    with Workspace(WorkspaceSettings(port=8321)) as workspace:
        print(workspace.url, workspace.bot_token, workspace.app_token)

The server runs in a thread of its own with one event loop, to which all of the workspace's state belongs.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from . import downloads, local_api, openid, people, pictures, switches, web_api
from .delivery import Delivery
from .errors import PortTakenError, WorkspaceError
from .events_api import EventsApi
from .faults import CallRecord, Faults
from .files import FileStore
from .guard import Guard
from .interactions import Interactions
from .live import Live
from .office import Office
from .settings import WorkspaceSettings
from .shapes import Shapes
from .socket_mode import SocketMode
from .state import State
from .store import Store
from .timeline import Timeline

__all__ = ["Workspace", "WorkspaceSettings"]

log = logging.getLogger(__name__)

_PAGE = Path(__file__).parent / "page"
_START_WITHIN_S = 15.0
_STOP_WITHIN_S = 10.0
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob: http: https:; style-src 'self'; script-src 'self'; frame-ancestors 'none';"
        " base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Workspace:
    """A Slack-compatible workspace on this machine. Everything about it that a bot or a test needs is an attribute."""

    bot_token = people.BOT_TOKEN
    app_token = people.APP_TOKEN
    team_id = people.TEAM_ID
    bot_user_id = people.BOT_USER_ID
    client_id = people.CLIENT_ID
    client_secret = people.CLIENT_SECRET

    def __init__(self, settings: WorkspaceSettings | None = None) -> None:
        self.settings = settings or WorkspaceSettings()
        self.signing_secret = self.settings.signing_secret
        self.calls = CallRecord()  # what the Web API was asked; read `calls.counts[method]`
        self.faults = Faults()
        self._port = self.settings.port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._let_go: Callable[[], object] = lambda: None  # ends the open pages' streams; uvicorn waits for them at the end

    @property
    def url(self) -> str:
        """Where the page is, without a slash at the end."""
        return f"http://{self.file_host}"

    @property
    def api_url(self) -> str:
        """What a Slack client takes as its base_url."""
        return f"{self.url}/api/"

    @property
    def file_host(self) -> str:
        """host:port of the files' addresses, for a bot's list of allowed file hosts."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self.settings.host, self.settings.host)
        return f"{host}:{self._port}"

    def start(self) -> None:
        """Listen; returns once requests are answered. Raises NotLoopbackError, PortTakenError, FolderTakenError, WorkspaceError."""
        self.settings.check()
        listener = self._listen()
        self._port = listener.getsockname()[1]
        store = self._store(listener)
        config = uvicorn.Config(
            self._application(store), log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2,
            ws_per_message_deflate=False,  # Slack's own WebSocket client cannot read compressed frames
            ws_ping_interval=20.0, server_header=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, name="local-workspace", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_WITHIN_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise WorkspaceError(f"The local workspace did not start on {self.url}; the log above says why.")
            time.sleep(0.01)
        log.info("Local workspace at %s", self.url)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.settings.host, self.settings.port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Port {self.settings.port} on {self.settings.host} is taken by another program."
                    " Stop it, or choose another port (0 takes a free one)."
                ) from error
            address = f"{self.settings.host}:{self.settings.port}"
            raise WorkspaceError(f"The local workspace cannot listen on {address}: {error.strerror}.") from error
        return listener

    def _store(self, listener: socket.socket) -> Store:
        try:
            return Store(self.settings.data)
        except WorkspaceError:
            listener.close()
            raise

    def stop(self) -> None:
        """Stop answering. Whatever was said is on disk already, if a data folder was given."""
        if self._server is None or self._thread is None:
            return
        self._let_go()
        self._server.should_exit = True
        self._thread.join(_STOP_WITHIN_S)
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def _application(self, store: Store) -> Starlette:
        @asynccontextmanager
        async def open_office(app: Starlette) -> AsyncIterator[None]:
            office = self._office(store)
            app.state.office = office
            loop = asyncio.get_running_loop()
            self._let_go = partial(loop.call_soon_threadsafe, office.live.close)
            yield
            await office.delivery.close()
            store.close()

        routes = [
            Route("/", _page),
            *openid.ROUTES,
            Route("/api/{method}", web_api.call, methods=_VERBS),
            WebSocketRoute("/link/", _link),
            Route("/archives/{channel}/{message}", _to_message),
            Route("/files/{user}/{file}/{name}", _to_page),
            *downloads.ROUTES,
            *local_api.ROUTES,
            *pictures.ROUTES,
            *switches.ROUTES,
            Mount("/page", StaticFiles(directory=_PAGE)),
        ]
        guard = Middleware(Guard, allow_remote=self.settings.allow_remote)
        return Starlette(routes=routes, middleware=[guard], exception_handlers=local_api.ERRORS, lifespan=open_office)

    def _office(self, store: Store) -> Office:
        settings = self.settings
        state = State(store)
        shapes = Shapes(state, self.url)
        live = Live()
        socket_mode = SocketMode(self.faults, settings.socket_resend_delays_s, settings.patience_s, settings.answer_within_s)
        delivery: Delivery = socket_mode
        if settings.events_url:
            delivery = EventsApi(settings.events_url, settings.signing_secret, settings.http_retry_delays_s, settings.answer_within_s)
        timeline = Timeline(state, shapes, delivery, live, settings.subscriptions)
        return Office(
            settings=settings, state=state, files=FileStore(store.files), shapes=shapes, live=live, faults=self.faults, calls=self.calls,
            delivery=delivery, socket=socket_mode, timeline=timeline,
            interactions=Interactions(state, shapes, delivery, timeline, settings.answer_within_s),
        )  # fmt: skip


async def _page(request: Request) -> Response:
    return FileResponse(_PAGE / "index.html", headers=_PAGE_HEADERS)


async def _to_page(request: Request) -> Response:
    """A file's permalink."""
    return RedirectResponse("/")


async def _to_message(request: Request) -> Response:
    """A message's permalink: the page opens that message."""
    query = f"&{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/?channel={request.path_params['channel']}&message={request.path_params['message']}{query}")


async def _link(websocket: WebSocket) -> None:
    office: Office = websocket.app.state.office
    await office.socket.serve(websocket)
