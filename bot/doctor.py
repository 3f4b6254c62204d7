"""`kenpin doctor`: what is configured, what works, and what to do about what does not. Nothing is changed and nothing is posted.

Each tool and model is tried on a picture drawn for it (`trial.py`), with the time it takes and the memory it keeps.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.complaints import words_for
from kenpin.bot.service import open_larger
from kenpin.bot.settings import SettingError, Settings
from kenpin.bot.slack import app as slack_app
from kenpin.storage import audit, parts, people
from kenpin.storage.database import open_database, reading
from kenpin.storage.errors import StorageError
from kenpin.tools import rules
from kenpin.tools.agent import ChatModelError, chat_model
from kenpin.tools.photo import HEIF_INSTALLED
from kenpin.tools.vision.errors import VisionError
from kenpin.tools.vision.process import LargerModelProcess

if TYPE_CHECKING:
    from kenpin.bot.trial import Tried

ENOUGH_TO_START = 4


@dataclass(frozen=True, kw_only=True)
class Finding:
    good: bool | None  # None: not set up, which may be meant
    what: str
    words: str
    ms: float | None = None  # how long it took
    mib: float | None = None  # how much more memory it holds since


def examine(read_settings: Callable[[], Settings]) -> Iterator[Finding]:
    try:
        settings = read_settings()
    except SettingError as error:
        yield Finding(good=False, what="settings", words=str(error))
        return
    yield _home(settings)
    yield from _records(settings)
    yield from _rules(settings)
    yield from _slack(settings)
    yield from _tools(settings)
    yield _chat_model(settings)
    heic = (
        "HEIC photos can be read"
        if HEIF_INSTALLED
        else "HEIC photos (iPhone) are refused with advice; to read them: pip install 'kenpin[heif]'"
    )
    yield Finding(good=HEIF_INSTALLED or None, what="HEIC", words=heic)


def _home(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        return Finding(
            good=False, what="KENPIN_HOME", words=f"{settings.home} cannot be written to ({error.strerror}); choose another folder"
        )
    return Finding(good=True, what="KENPIN_HOME", words=str(settings.home))


def _records(settings: Settings) -> Iterator[Finding]:
    is_new = settings.database_url.startswith("sqlite:///") and not Path(settings.database_url.removeprefix("sqlite:///")).exists()
    if is_new:
        yield Finding(good=None, what="database", words="no records yet; the first start makes them (kenpin demo, kenpin serve)")
        return
    try:
        engine = open_database(settings.database_url)
    except StorageError as error:
        yield Finding(good=False, what="database", words=words_for(error))
        return
    with reading(engine) as conn:
        last = next(audit.entries(conn, newest_first=True, limit=1), None)
        known = parts.all_parts(conn)
        grants = people.grants(conn)
        groups = people.groups(conn)
    yield Finding(good=True, what="database", words=f"{engine.dialect.name}, {last.seq if last else 0:,} audit entries")
    few = [p.number for p in known if len(p.good) < ENOUGH_TO_START]
    words = f"{len(known)} known" + (f"; fewer than {ENOUGH_TO_START} good references: {', '.join(few)}" if few else "")
    yield Finding(
        good=None if few or not known else True, what="parts", words=words if known else "none yet: kenpin parts add PN --good FOLDER"
    )
    able = len({g.person_id for g in grants})
    words = (
        f"people who may approve: {able}, user groups: {len(groups)}"
        if grants or groups
        else "nobody may approve yet: kenpin people approve ID"
    )
    yield Finding(good=bool(grants or groups), what="approvers", words=words)


def _rules(settings: Settings) -> Iterator[Finding]:
    book = rules.load(settings.rules)
    for problem in book.problems:
        yield Finding(good=False, what="rules", words=problem.words)
    if not book.problems:
        words = f"{len(book.rules)} in {settings.rules}" if book.rules else f"none of the site's own in {settings.rules}; see docs/rules.md"
        yield Finding(good=True if book.rules else None, what="rules", words=words)


def _slack(settings: Settings) -> Iterator[Finding]:
    if not settings.slack_bot_token:
        yield Finding(
            good=None, what="Slack", words="SLACK_BOT_TOKEN is not set; see the README, “A real Slack workspace” (make demo needs none)"
        )
        return
    client = slack_app.web_client(settings)
    try:
        ears = slack_app.introduce(client, settings)
    except SettingError as error:
        yield Finding(good=False, what="Slack", words=str(error))
        return
    yield Finding(good=True, what="Slack", words=f"the bot is {ears.bot_user_id} at {settings.slack_api_url}")
    heard = ", ".join(ears.photo_channels) or "only mentions and direct messages (KENPIN_PHOTO_CHANNELS is not set)"
    yield Finding(good=True, what="channels", words=heard)
    yield _socket_mode(settings)


def _socket_mode(settings: Settings) -> Finding:
    if not settings.slack_app_token:
        http = (
            "SLACK_SIGNING_SECRET is set, so only `kenpin serve --http` works"
            if settings.slack_signing_secret
            else "set it, or SLACK_SIGNING_SECRET for HTTP"
        )
        return Finding(
            good=None if settings.slack_signing_secret else False, what="Socket Mode", words=f"SLACK_APP_TOKEN is not set; {http}"
        )
    try:
        WebClient(base_url=settings.slack_api_url).apps_connections_open(app_token=settings.slack_app_token)
    except SlackApiError as error:
        words = f"Slack refuses SLACK_APP_TOKEN: {error.response['error']}; it needs the scope connections:write"
        return Finding(good=False, what="Socket Mode", words=words)
    return Finding(good=True, what="Socket Mode", words="Slack gives a connection")


def _tools(settings: Settings) -> Iterator[Finding]:
    """The eye, the larger model, and every tool on a picture drawn for it."""
    from kenpin.bot import trial  # it loads LangChain, which the rest of the examination does not wait for
    from kenpin.tools.vision.eye import Eye

    with tempfile.TemporaryDirectory(prefix="kenpin-doctor-") as scratch:
        cache = Path(scratch)
        models = settings.cache / "models"
        models.mkdir(parents=True, exist_ok=True)
        (cache / "models").symlink_to(models, target_is_directory=True)  # a graph is kept; what is seen of a drawn plate is not
        process, started = psutil.Process(), time.perf_counter()
        before = process.memory_info().rss
        try:
            eye = Eye(backbone=settings.backbone, engine=settings.engine, cache=cache, device=settings.device)
        except VisionError as error:
            yield Finding(good=False, what="eye", words=words_for(error))
            return
        grown = (process.memory_info().rss - before) / 2**20
        yield Finding(good=True, what="eye", words=eye.model, ms=(time.perf_counter() - started) * 1000, mib=grown)
        try:
            larger = open_larger(settings)
        except ChatModelError as error:
            yield Finding(good=False, what="larger model", words=words_for(error))
            larger = None
        with trial.site(eye, larger) as context:
            for tried in trial.tools(context):
                words = tried.trouble or "answers"
                what = tried.name if tried.name == trial.LEARNING else f"tool {tried.name}"
                yield Finding(good=tried.trouble is None, what=what, words=words, ms=tried.ms, mib=tried.mib)
            if larger is not None:
                yield _larger(trial.larger_model(context), settings)
                if isinstance(larger.model, LargerModelProcess):
                    larger.model.close()
            elif not settings.vision_model:
                words = "none (KENPIN_VISION_MODEL is not set): between the limits a person is asked; docs/models.md says which would fit"
                yield Finding(good=None, what="larger model", words=words)


def _larger(tried: Tried, settings: Settings) -> Finding:
    where = f"KENPIN_VISION_MODEL is {settings.vision_model!r}"
    if tried.trouble is not None:
        words = f"{where}: {' '.join(tried.trouble.split())} Answers are made without it meanwhile."
        return Finding(good=False, what="larger model", words=words, ms=tried.ms, mib=tried.mib)
    return Finding(good=True, what="larger model", words=f"{where}, which answers", ms=tried.ms, mib=tried.mib)


def _chat_model(settings: Settings) -> Finding:
    if not settings.chat_model:
        return Finding(good=None, what="chat model", words="none (KENPIN_CHAT_MODEL is not set): the router picks the tools")
    started = time.perf_counter()
    try:
        model = chat_model(settings.chat_model, api_key=settings.chat_api_key)
    except ChatModelError as error:
        return Finding(good=False, what="chat model", words=words_for(error))
    asking = ThreadPoolExecutor(1)
    asked = asking.submit(model.invoke, "Answer with the one word: ready")
    asking.shutdown(wait=False, cancel_futures=True)
    try:
        trouble = asked.exception(timeout=settings.chat_timeout_s)  # of whatever kind: every provider has errors of its own
    except TimeoutError:
        trouble = TimeoutError(f"no answer within {settings.chat_timeout_s:g} s (KENPIN_CHAT_TIMEOUT)")
    if trouble is not None:
        words = f"KENPIN_CHAT_MODEL is {settings.chat_model!r}, which does not answer: {words_for(trouble) or type(trouble).__name__}"
        return Finding(good=False, what="chat model", words=f"{words} The router picks the tools meanwhile.")
    took_ms = (time.perf_counter() - started) * 1000
    return Finding(good=True, what="chat model", words=f"{settings.chat_model} answers", ms=took_ms)
