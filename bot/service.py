"""Kenpin at work: the database, the eye's process, the connection to Slack and a worker, started together and stopped together.

`kenpin serve` is one of these; `kenpin worker` is one without the connection; `kenpin demo` is one beside a local workspace.
"""

from __future__ import annotations

import logging
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk.errors import SlackApiError
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kenpin.bot import approvers, jobs, modes
from kenpin.bot.inspection import Terms
from kenpin.bot.jobs import Jobs
from kenpin.bot.settings import SettingError, Settings, need
from kenpin.bot.slack import app as slack_app
from kenpin.bot.slack.anchor_channel import open_anchoring
from kenpin.bot.slack.messenger import SlackMessenger
from kenpin.bot.worker import Worker
from kenpin.storage.database import migrate, open_database
from kenpin.storage.photos import PhotoStore
from kenpin.tools import larger_model, rules
from kenpin.tools.agent import chat_model
from kenpin.tools.context import Eye, Site
from kenpin.tools.larger_model import IN_PROCESS, Larger, LargerModel, Price, Served
from kenpin.tools.vision.process import EyeProcess, LargerModelProcess

log = logging.getLogger(__name__)

APP_TOKEN_HINT = "Socket Mode needs one with the scope connections:write: Basic Information, App-Level Tokens."
HTTP_PATH = "/slack/events"  # Bolt's own default
Say = Callable[[str], None]


def open_site(settings: Settings, *, own_process: bool) -> Site:
    """What the chain works with. own_process: the models in a process of their own, so that a photo that kills them kills nothing else."""
    engine = open_records(settings)
    model = chat_model(settings.chat_model, api_key=settings.chat_api_key) if settings.chat_model else None
    return Site(
        engine=engine,
        photo_store=PhotoStore(settings.photos),
        eye=open_eye(settings, own_process=own_process),
        chat_model=model,
        chat_timeout_s=settings.chat_timeout_s,
        larger=open_larger(settings),
        rules_folder=settings.rules,
        coverage=settings.coverage,
    )


def open_eye(settings: Settings, *, own_process: bool) -> Eye:
    if own_process:
        return EyeProcess(backbone=settings.backbone, engine=settings.engine, cache=settings.cache, device=settings.device)
    from kenpin.tools.vision import eye  # only here: the worker's own process never loads torch or onnxruntime

    return eye.Eye(backbone=settings.backbone, engine=settings.engine, cache=settings.cache, device=settings.device)


def open_larger(settings: Settings) -> Larger | None:
    """The larger model of the settings; one on this machine is loaded when it is first asked, in a process of its own.

    Raises ChatModelError for a server or LangChain id that cannot be used.
    """
    spec = settings.vision_model
    if spec is None:
        return None
    model: LargerModel
    if spec.startswith(IN_PROCESS):
        model = LargerModelProcess(
            model=spec.removeprefix(IN_PROCESS),
            device=settings.device,
            dtype=settings.vision_dtype,
            max_tokens=settings.vision_max_tokens,
            limit_s=settings.vision_timeout_s,
        )
    else:
        served = chat_model(spec, api_key=settings.vision_api_key, timeout_s=settings.vision_timeout_s, setting=larger_model.SETTING)
        model = Served(served, settings.vision_timeout_s, settings.vision_max_tokens)
    return Larger(
        model=model,
        long_side_px=settings.vision_long_side_px,
        good_photo=settings.vision_good_photo,
        price=Price(tokens_in=settings.vision_price[0], tokens_out=settings.vision_price[1]) if settings.vision_price else None,
        daily_budget=settings.vision_daily_budget,
    )


def open_records(settings: Settings) -> Engine:
    """The database, brought up to date when it is a file of our own; a shared PostgreSQL is migrated by `kenpin migrate` alone."""
    make_home(settings)
    if settings.database_url.startswith("sqlite"):
        migrate_all(settings)
    return open_database(settings.database_url)


def make_home(settings: Settings) -> None:
    """Raises SettingError when nothing can be kept there."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        raise SettingError(
            f"KENPIN_HOME is {settings.home}, which cannot be written to: {error.strerror}. Choose a folder that can."
        ) from error


def migrate_all(settings: Settings) -> None:
    make_home(settings)
    engine = open_database(settings.database_url, check_schema=False)
    migrate(engine)
    engine.dispose()
    jobs.migrate(settings.database_url)


class Service:
    """Started by `with`; stopped, however far it came, at its end."""

    def __init__(self, settings: Settings, *, http_port: int | None = None, listen: bool = True, say: Say = log.info) -> None:
        """http_port: listen for signed HTTP there instead of Socket Mode. listen: False for a worker alone."""
        self._settings, self._http_port, self._listen, self._say = settings, http_port, listen, say
        self._open = ExitStack()

    def __enter__(self) -> Service:
        with self._open:
            self._start()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def _start(self) -> None:
        settings = self._settings
        for problem in rules.load(settings.rules).problems:
            self._say(problem.words)
        client = slack_app.web_client(settings)
        if self._listen and self._http_port is None:
            need(settings.slack_app_token, "SLACK_APP_TOKEN", APP_TOKEN_HINT)  # said now, before anything is started
        ears = slack_app.introduce(client, settings)
        self.site = open_site(settings, own_process=True)
        self._open.callback(self.site.engine.dispose)
        if isinstance(self.site.eye, EyeProcess):
            self._open.callback(self.site.eye.close)
        if self.site.larger is not None and isinstance(self.site.larger.model, LargerModelProcess):
            self._open.callback(self.site.larger.model.close)
        self.queue = queue = Jobs(settings.database_url)
        self._open.callback(queue.close)
        for granted in approvers.approve_first_ones(self.site.engine, client, settings.approvers):
            if granted.new:
                self._say(f"{granted.who} may approve {'every part' if granted.scope == '*' else granted.scope}")
        messenger = SlackMessenger(client, self.site.photo_store, settings.file_hosts, settings.console_url)
        self.site = replace(self.site, permalink=messenger.permalink)
        terms = Terms(proposal_days=settings.proposal_days, second_looks=settings.second_looks, modes=modes.terms_of(settings))
        places = open_anchoring(settings, client)
        worker = Worker(self.site, terms, queue, messenger, settings.database_url, settings.cache, places)
        worker.start()
        self._open.callback(worker.stop)
        if self._listen:
            self._connect(slack_app.build(settings, self.site.engine, queue, client, ears))

    def _connect(self, app: App) -> None:
        if self._http_port is not None:
            listener = _listen(self._http_port)
            self._open.callback(_serve_http(app, listener))
            self._say(f"listening for Slack on port {listener.getsockname()[1]}, path {HTTP_PATH}")
            return
        handler = SocketModeHandler(app, self._settings.slack_app_token)
        try:
            handler.connect()  # type: ignore[no-untyped-call]
        except SlackApiError as error:
            raise SettingError(f"Slack refuses SLACK_APP_TOKEN: {error.response['error']}. {APP_TOKEN_HINT}") from error
        self._open.callback(handler.close)
        self._say("connected to Slack (Socket Mode)")


def _listen(port: int) -> socket.socket:
    """port: 0 takes a free one. Raises SettingError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("0.0.0.0", port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"Kenpin cannot listen on port {port}: {error.strerror}. Stop what holds it, or choose another with --port."
        ) from error
    return listener


def _serve_http(app: App, listener: socket.socket) -> Callable[[], None]:
    """Slack's signed requests, answered from a thread pool so that one waiting for the database holds up no other. Returns how to stop."""

    async def events(request: Request) -> Response:
        body = await request.body()
        return to_starlette_response(await run_in_threadpool(app.dispatch, to_bolt_request(request, body)))

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    web = Starlette(routes=[Route(HTTP_PATH, events, methods=["POST"]), Route("/health", health)])
    server = uvicorn.Server(uvicorn.Config(web, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],), name="kenpin-http", daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=10)

    return stop
