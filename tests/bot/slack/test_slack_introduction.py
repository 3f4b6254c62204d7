"""What the bot says at start when its token, its scopes or the network are wrong: against the local workspace, and one that is no Slack."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kenpin.bot import settings as settings_module
from kenpin.bot.settings import SettingError, Settings
from kenpin.bot.slack.app import NEEDED_SCOPES, introduce, web_client
from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    with Workspace() as running:
        yield running


@pytest.fixture
def told(workspace: Workspace, tmp_path: Path) -> Iterator[Settings]:
    """Settings as somebody would give them for the local workspace."""
    yield settings_for(workspace, tmp_path)
    workspace.faults.set({"reset": True})


def settings_for(workspace: Workspace, home: Path) -> Settings:
    return settings_module.read({"KENPIN_HOME": str(home), "SLACK_API_URL": workspace.api_url, "SLACK_BOT_TOKEN": workspace.bot_token})


def test_the_bot_learns_who_it_is(told: Settings, workspace: Workspace) -> None:
    ears = introduce(web_client(told), told)
    assert ears.bot_user_id == workspace.bot_user_id
    assert ears.photo_channels == ()


def test_channels_may_be_named_with_or_without_the_hash_or_by_id(told: Settings) -> None:
    for name in ("quality", "#quality", people.QUALITY.id):
        named = replace(told, photo_channels=settings_module.read({"KENPIN_PHOTO_CHANNELS": name}).photo_channels)
        assert introduce(web_client(named), named).photo_channels == (people.QUALITY.id,)


def test_a_channel_the_bot_is_not_in_is_named_with_what_to_do(told: Settings, caplog: pytest.LogCaptureFixture) -> None:
    named = replace(told, photo_channels=("canteen",))
    with caplog.at_level(logging.WARNING):
        introduce(web_client(named), named)
    assert "#canteen" in caplog.text
    assert "/invite @kenpin" in caplog.text


def test_a_missing_token_is_named(told: Settings) -> None:
    with pytest.raises(SettingError, match=r"SLACK_BOT_TOKEN is not set.*OAuth & Permissions"):
        web_client(replace(told, slack_bot_token=None))


def test_a_wrong_token_is_named(told: Settings) -> None:
    wrong = replace(told, slack_bot_token="xoxb-of-somewhere-else")
    with pytest.raises(SettingError, match=r"SLACK_BOT_TOKEN: invalid_auth.*OAuth & Permissions"):
        introduce(web_client(wrong), wrong)


def test_every_needed_scope_that_is_missing_is_named(tmp_path: Path) -> None:
    few = tuple(s for s in people.BOT_SCOPES if s not in ("files:read", "reactions:write"))
    with Workspace(WorkspaceSettings(bot_scopes=few)) as strict:
        told = settings_for(strict, tmp_path)
        with pytest.raises(SettingError, match=r"SLACK_BOT_TOKEN lacks the scope files:read, reactions:write.*reinstall"):
            introduce(web_client(told), told)
    assert set(NEEDED_SCOPES) <= set(people.BOT_SCOPES)


def test_channels_that_may_not_be_listed_are_named_with_their_scope(told: Settings, workspace: Workspace) -> None:
    named = replace(told, photo_channels=("quality",))
    workspace.faults.set({"error": {"method": "users.conversations", "error": "missing_scope", "calls": 1}})
    with pytest.raises(SettingError, match=r"KENPIN_PHOTO_CHANNELS.*missing_scope.*channels:read"):
        introduce(web_client(named), named)
    by_id = replace(told, photo_channels=(people.QUALITY.id,))
    workspace.faults.set({"error": {"method": "users.conversations", "error": "missing_scope", "calls": 1}})
    assert introduce(web_client(by_id), by_id).photo_channels == (people.QUALITY.id,)


def test_a_rate_limit_at_start_is_waited_for(told: Settings, workspace: Workspace) -> None:
    workspace.faults.set({"rate_limit": {"method": "auth.test", "calls": 1, "retry_after_s": 0}})
    assert introduce(web_client(told), told).bot_user_id == workspace.bot_user_id


@contextmanager
def some_other_web_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            page = b"<html><body>Company intranet</body></html>"
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_is_not_slack_is_told_from_a_wrong_token(told: Settings) -> None:
    with some_other_web_server() as address:
        elsewhere = replace(told, slack_api_url=address)
        with pytest.raises(SettingError, match=r"is not Slack: check SLACK_API_URL") as trouble:
            introduce(web_client(elsewhere), elsewhere)
    assert "intranet" not in str(trouble.value)


def test_an_unreachable_slack_is_named_by_its_address(told: Settings) -> None:
    with some_other_web_server() as address:
        pass
    away = replace(told, slack_api_url=address)
    client = web_client(away)
    client.retry_handlers.clear()  # waiting between tries is slack_sdk's own business
    with pytest.raises(SettingError, match=rf"does not answer at {address}.*SLACK_API_URL"):
        introduce(client, away)
