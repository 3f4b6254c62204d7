"""The Bolt app: every event is stored before Slack is told it arrived, and nothing slow runs here.

Bolt acknowledges an event before its listener runs, so the storing is a middleware: when it fails, the event is not acknowledged and
Slack sends it again. The listeners do nothing, but an event without one would never be acknowledged at all; one opens the Correct dialog.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from slack_bolt import Ack, App, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler, ServerErrorRetryHandler
from sqlalchemy import Engine

from kenpin.bot import corrections, inspection
from kenpin.bot.inspection import DecisionRequest
from kenpin.bot.jobs import Jobs
from kenpin.bot.settings import SettingError, Settings, hide_from_bolt, need
from kenpin.bot.slack import events, messages
from kenpin.bot.slack.events import BUTTONS, CORRECT, LOOKS, Ears
from kenpin.bot.slack.group_messages import TAKE_OUT
from kenpin.storage.database import writing

log = logging.getLogger(__name__)

SUBSCRIBED = ("message", "app_mention", "reaction_added", "reaction_removed", "file_shared", "member_joined_channel", "app_home_opened")
NEEDED_SCOPES = ("chat:write", "files:read", "files:write", "reactions:write")
_SLACKS_WORD = re.compile(r"[a-z0-9_]+")  # how Slack writes its errors: invalid_auth, account_inactive, ...
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{8,}")
TOKEN_HINT = "Copy it from the app's page, OAuth & Permissions; see the README, “A real Slack workspace”."


def web_client(settings: Settings) -> WebClient:
    """Slack's Web API with the bot's token; rate limits, server errors and lost connections are tried again."""
    token = need(settings.slack_bot_token, "SLACK_BOT_TOKEN", TOKEN_HINT)
    handlers = [
        ConnectionErrorRetryHandler(max_retry_count=3),
        RateLimitErrorRetryHandler(max_retry_count=5),
        ServerErrorRetryHandler(max_retry_count=3),
    ]
    return WebClient(token=token, base_url=settings.slack_api_url, retry_handlers=handlers)


def introduce(client: WebClient, settings: Settings) -> Ears:
    """Ask Slack who we are and which channels `KENPIN_PHOTO_CHANNELS` means. Raises SettingError for what is wrong with the token."""
    try:
        reply = client.auth_test()
    except SlackApiError as error:
        if not _SLACKS_WORD.fullmatch(error.response["error"]):  # a web page: not Slack's Web API
            raise SettingError(
                f"What answers at {settings.slack_api_url} is not Slack: check SLACK_API_URL (https://slack.com/api/ unless it is set)."
            ) from error
        raise SettingError(f"Slack refuses SLACK_BOT_TOKEN: {error.response['error']}. {TOKEN_HINT}") from error
    except OSError as error:
        raise SettingError(f"Slack does not answer at {settings.slack_api_url}: check the network, a proxy, or SLACK_API_URL.") from error
    granted = [s for s in str(reply.headers.get("x-oauth-scopes", "")).split(",") if s]
    if granted and (missing := [s for s in NEEDED_SCOPES if s not in granted]):
        raise SettingError(f"SLACK_BOT_TOKEN lacks the scope {', '.join(missing)}. Add it under OAuth & Permissions and reinstall the app.")
    return Ears(bot_user_id=str(reply["user_id"]), photo_channels=_channel_ids(client, settings.photo_channels))


def build(settings: Settings, engine: Engine, jobs: Jobs, client: WebClient, ears: Ears) -> App:
    """The app, ready for Socket Mode or HTTP. `introduce` has asked Slack who we are already."""
    hide_from_bolt()
    app = App(client=client, signing_secret=settings.slack_signing_secret, token_verification_enabled=False)

    @app.middleware
    def store_first(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse:
        store(body)
        return next()

    def store(body: dict[str, Any]) -> None:
        if body.get("type") == "event_callback":
            if question := events.question(body, ears):
                inspection.receive(engine, jobs, question)
            elif request := events.decision_by_reaction(body, ears):
                queue(request)
        elif request := events.decision_by_button(body) or events.correction(body):
            queue(request)
        elif reply := events.second_look_reply(body):
            with writing(engine) as conn:
                jobs.second_look_reply(conn, asdict(reply))
        elif wanted := events.taken_out(body):
            with writing(engine) as conn:
                jobs.take_out(conn, asdict(wanted))

    def queue(request: DecisionRequest) -> None:
        with writing(engine) as conn:
            jobs.decide(conn, asdict(request))

    def acknowledge(ack: Ack) -> None:
        ack()

    def offer_correction(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        """Open the dialog; somebody for whom there is nothing to correct is told why by way of `decide`, which keeps it on the log."""
        ack()
        request = events.correction_wanted(body)
        if request is None:
            return
        form = corrections.form(engine, request)
        if form is None:
            queue(request)
        else:
            client.views_open(trigger_id=body["trigger_id"], view=messages.correction_dialog(form, request.channel, request.message_ts))

    for event in SUBSCRIBED:
        app.event(event)(acknowledge)
    for action in (*BUTTONS, *LOOKS, TAKE_OUT):
        app.action(action)(acknowledge)
    app.action(CORRECT)(offer_correction)
    app.view(CORRECT)(acknowledge)
    return app


def _channel_ids(client: WebClient, wanted: tuple[str, ...]) -> tuple[str, ...]:
    names = [word for word in wanted if word != "*" and not _CHANNEL_ID.fullmatch(word)]
    if not names:
        return wanted
    ids: dict[str, str] = {}
    try:
        for page in client.users_conversations(types="public_channel,private_channel", limit=200):
            ids |= {channel["name"]: channel["id"] for channel in page["channels"]}
    except SlackApiError as error:
        raise SettingError(
            f"Slack does not list the channels that KENPIN_PHOTO_CHANNELS names: {error.response['error']}. "
            "The bot needs the scopes channels:read and groups:read; or name the channels by their ids (C…)."
        ) from error
    for name in names:
        if name not in ids and name not in ids.values():
            log.warning("KENPIN_PHOTO_CHANNELS names #%s, where the bot is not a member: invite it with /invite @kenpin", name)
    return tuple(ids.get(word, word) for word in wanted)
