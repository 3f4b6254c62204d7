"""The console's web server: its pages put together, and started and stopped as one.

    with Console(desk, port=8766) as console:
        print(console.url)

PAGES is the list of page modules. Each has ROUTES, and NAV where the page stands in the menu. Every route of theirs is guarded; only
signing in is not.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
import time
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self
from urllib.parse import urlsplit

import uvicorn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from kenpin.bot.console import (
    account,
    approvers,
    audit,
    dashboard,
    effects,
    fmea,
    groups,
    inspections,
    modes,
    one_inspection,
    parts,
    photos,
    reviews,
    rules,
    sign_in,
)
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.guard import Guard, headers
from kenpin.bot.console.page import ProblemError, guarded, problem, recognise
from kenpin.bot.settings import SettingError
from kenpin.storage.errors import DatabaseUnreachableError

log = logging.getLogger(__name__)

PAGES: tuple[ModuleType, ...] = (  # the menu has them in this order
    dashboard,
    inspections,
    one_inspection,
    photos,
    reviews,
    modes,
    groups,
    parts,
    fmea,
    rules,
    effects,
    approvers,
    audit,
    account,
)  # fmt: skip
ON_THIS_MACHINE = ("127.0.0.1", "localhost")
_START_WITHIN_S = 15.0
_STOP_WITHIN_S = 10.0
_STATIC = Path(__file__).parent / "static"


def application(desk: Desk) -> Starlette:
    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=_STATIC)),
            *sign_in.ROUTES,
            *(guarded(route) for page in PAGES for route in page.ROUTES),
        ],
        middleware=[
            Middleware(Guard, secure=desk.secure),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*ON_THIS_MACHINE, urlsplit(desk.url).hostname or ""], www_redirect=False),
        ],
        exception_handlers={
            ProblemError: _problem,
            HTTPException: _not_there,
            DBAPIError: _database_away,
            PoolTimeoutError: _database_away,
            DatabaseUnreachableError: _database_away,
            Exception: _broken,
        },
    )
    app.state.desk = desk
    app.state.nav = [page.NAV for page in PAGES if hasattr(page, "NAV")]
    return app


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem(request, error.status, error.entry, **error.holes)


def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "console.not_found", 405: "console.not_found"}
    try:
        recognise(request)
    except ProblemError as problem_with_them:
        return _problem(request, problem_with_them)
    except DBAPIError as away:
        return _database_away(request, away)
    return problem(request, error.status_code, known.get(error.status_code, "console.not_understood"))


def _database_away(request: Request, error: Exception) -> Response:
    """The database does not answer; what it refuses by its rules is a mistake of ours instead."""
    away = isinstance(error, PoolTimeoutError | DatabaseUnreachableError) or type(error).__name__ in ("OperationalError", "InterfaceError")
    if not away:
        return _broken(request, error)
    log.error("the database does not answer: %s", str(error).split("\n")[0])
    return problem(request, 503, "console.database_away")


def _broken(request: Request, error: Exception) -> Response:
    """The web server's outer edge. The page has a number and no word of the error; the log has both."""
    mark = secrets.token_hex(4)
    log.error("%s %s failed (%s)", request.method, request.url.path, mark, exc_info=error)
    answer = problem(request, 500, "console.broken")
    answer.headers.update(headers(secure=request.app.state.desk.secure))  # this answer is made outside of the guard
    return answer


class Console:
    """Serves in a thread of its own."""

    def __init__(self, desk: Desk, listener: socket.socket) -> None:
        self.url = desk.url
        config = uvicorn.Config(
            application(desk),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            proxy_headers=desk.settings.console_url
            is not None,  # behind a proxy of this machine, people's own addresses are in its headers
        )
        self._listener, self._server = listener, uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, name="console", daemon=True)

    def start(self) -> None:
        """Returns once requests are answered. Raises SettingError."""
        self._thread.start()
        deadline = time.monotonic() + _START_WITHIN_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise SettingError(f"The console did not start on {self.url}; the log above says why.")
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(_STOP_WITHIN_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """port: 0 takes a free one. Raises SettingError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise SettingError(
            f"The console cannot listen on {host}:{port}: {error.strerror}. Stop what holds it, or choose another with --port."
        ) from error
    return listener
