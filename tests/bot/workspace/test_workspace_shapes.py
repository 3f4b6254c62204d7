"""Replies, events and error names held against what Slack really sends.

The samples lie outside the repository (../shared/fixtures/slack; see its README); where they are absent these tests are skipped and
a smaller check of our own stands in: the keys that bots index without looking.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_clients import AKIRA, CANTEEN, KENPIN, OLGA, QUALITY, Bot, actions, as_person, button, eventually, http
from slack_sdk import WebClient

import kenpin.bot.workspace
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.web_api import METHODS

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "slack"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="Slack's samples (../shared/fixtures/slack) are not here")

# Below these keys the content is the caller's own, or depends on the block type more than any sample shows; the last two stand in
# every envelope (slack-protocol.md, section 5) but in only a few samples.
FREE = {"blocks", "state", "event_payload", "values", "context_team_id", "context_enterprise_id"}
# What the samples lack, although slack-protocol.md (sections 4, 5 and 7) shows it.
BESIDE_SAMPLES = {
    "bot_profile.user_id", "message.streaming_state", "chat.stopStream.channel", "chat.stopStream.ts", "chat.stopStream.message",
}  # fmt: skip

Known = dict[str, dict[str, set[str]]]  # kind of object -> key -> kinds of value


def kind_of(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def any_size(key: str) -> str:
    """One name for thumb_64 to thumb_1024: each sample shows only some sizes."""
    return re.sub(r"^thumb_\d+", "thumb_N", key)


def learn(known: Known, kind: str, value: Any) -> None:
    """Note every key of every object in a sample, by what the object is called there."""
    if isinstance(value, list):
        for item in value:
            learn(known, kind.removesuffix("s"), item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            known.setdefault(kind, {}).setdefault(any_size(key), set()).add(kind_of(inner))
            learn(known, {"previous_message": "message", "root": "message"}.get(key, key), inner)


def strangers(known: Known, kind: str, value: Any) -> Iterator[str]:
    """Keys and kinds of value in ours that no sample of such an object has."""
    if isinstance(value, list):
        for item in value:
            yield from strangers(known, kind.removesuffix("s"), item)
    elif isinstance(value, dict):
        keyed_by_id = kind in ("public", "private")
        for key, inner in value.items():
            place = f"{kind}.{key}"
            if place in BESIDE_SAMPLES or keyed_by_id or key in FREE or inner is None:
                continue
            kinds = known.get(kind, {}).get(any_size(key))
            if kinds is None:
                yield f"{place} is in no sample"
            elif kind_of(inner) not in kinds and kinds != {"NoneType"}:
                yield f"{place} is {kind_of(inner)}, in the samples {sorted(kinds)}"
            yield from strangers(known, {"previous_message": "message", "root": "message"}.get(key, key), inner)


@pytest.fixture(scope="module")
def known() -> Known:
    """What all samples together show; the outermost object of each is called by its file's name."""
    found: Known = {}
    for folder in ("replies", "events", "interactions"):
        for sample in (SAMPLES / folder).rglob("*.json"):
            learn(found, sample.stem, json.loads(sample.read_text()))
    return found


def conversation(workspace: Workspace, photo: bytes) -> dict[str, dict[str, Any]]:
    """One call of every method that can be made without a click, and its reply."""
    olga, akira = as_person(workspace, "olga"), as_person(workspace, "akira")
    kenpin = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
    replies: dict[str, Any] = {}

    def keep(method: str, answer: Any) -> Any:
        replies[method] = answer.data
        return answer

    upload = keep("files.getUploadURLExternal", kenpin.files_getUploadURLExternal(filename="map.png", length=len(photo), alt_txt="map"))
    http.post(upload["upload_url"], content=photo)
    question = {"channel": QUALITY, "initial_comment": f"<@{KENPIN}> is this OK?"}
    asked = olga.files_upload_v2(content=photo, filename="cell.png", **question)["file"]["id"]
    ts = olga.conversations_history(channel=QUALITY)["messages"][0]["ts"]
    where = {"channel": QUALITY, "timestamp": ts}
    complete = {"files": [{"id": upload["file_id"], "title": "Map"}], "channel_id": QUALITY, "thread_ts": ts}
    keep("files.completeUploadExternal", kenpin.files_completeUploadExternal(**complete))
    metadata = {"event_type": "inspection", "event_payload": {"id": 7}}
    posted = keep("chat.postMessage", kenpin.chat_postMessage(channel=QUALITY, thread_ts=ts, text="*Not OK*", metadata=metadata))
    akira.reactions_add(channel=QUALITY, timestamp=posted["ts"], name="+1")
    keep("chat.update", kenpin.chat_update(channel=QUALITY, ts=posted["ts"], text="Not OK", blocks=actions(button())))
    keep("chat.postEphemeral", kenpin.chat_postEphemeral(channel=QUALITY, user=OLGA, text="not you"))
    keep("chat.getPermalink", kenpin.chat_getPermalink(channel=QUALITY, message_ts=ts))
    keep("reactions.add", kenpin.reactions_add(name="eyes", **where))
    keep("reactions.get", kenpin.reactions_get(full=True, **where))
    keep("reactions.remove", kenpin.reactions_remove(name="eyes", **where))
    keep("files.info", kenpin.files_info(file=asked))
    keep("files.list", kenpin.files_list())
    keep("conversations.history", kenpin.conversations_history(channel=QUALITY, include_all_metadata=True))
    keep("conversations.replies", kenpin.conversations_replies(channel=QUALITY, ts=ts, include_all_metadata=True))
    keep("conversations.info", kenpin.conversations_info(channel=QUALITY, include_num_members=True))
    keep("conversations.list", kenpin.conversations_list(types="public_channel,im"))
    keep("conversations.members", kenpin.conversations_members(channel=QUALITY))
    keep("conversations.open", kenpin.conversations_open(users=OLGA, return_im=True))
    keep("conversations.join", kenpin.conversations_join(channel=CANTEEN))
    keep("users.conversations", kenpin.users_conversations(types="public_channel,im"))
    keep("users.info", kenpin.users_info(user=AKIRA, include_locale=True))
    keep("users.list", kenpin.users_list())
    keep("users.lookupByEmail", kenpin.users_lookupByEmail(email="akira.abe@example.com"))
    keep("usergroups.list", kenpin.usergroups_list(include_users=True))
    keep("usergroups.users.list", kenpin.usergroups_users_list(usergroup="S0QUALLEADS"))
    keep("team.info", kenpin.team_info())
    keep("bots.info", kenpin.bots_info(bot="B0KENPIN001"))
    keep("auth.test", kenpin.auth_test())
    keep("apps.connections.open", kenpin.apps_connections_open(app_token=workspace.app_token))
    keep("assistant.threads.setStatus", kenpin.assistant_threads_setStatus(channel_id=QUALITY, thread_ts=ts, status="looks"))
    keep("assistant.threads.setTitle", kenpin.assistant_threads_setTitle(channel_id=QUALITY, thread_ts=ts, title="Cell"))
    prompts = [{"title": "Try", "message": "is this OK?"}]
    suggested = kenpin.assistant_threads_setSuggestedPrompts(channel_id=QUALITY, thread_ts=ts, prompts=prompts)
    keep("assistant.threads.setSuggestedPrompts", suggested)
    recipient = {"recipient_team_id": "T0KENPIN001", "recipient_user_id": OLGA}
    stream = keep("chat.startStream", kenpin.chat_startStream(channel=QUALITY, thread_ts=ts, markdown_text="Not", **recipient))
    keep("chat.appendStream", kenpin.chat_appendStream(channel=QUALITY, ts=stream["ts"], markdown_text=" OK"))
    keep("chat.stopStream", kenpin.chat_stopStream(channel=QUALITY, ts=stream["ts"]))
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    keep("views.publish", kenpin.views_publish(user_id=OLGA, view=home))
    keep("chat.delete", kenpin.chat_delete(channel=QUALITY, ts=posted["ts"]))
    keep("files.delete", kenpin.files_delete(file=upload["file_id"]))
    return replies


@pytest.fixture(scope="module")
def replies(photo: bytes) -> Iterator[dict[str, dict[str, Any]]]:
    with Workspace() as workspace:
        yield conversation(workspace, photo)


def test_every_method_was_called_but_those_that_need_a_click(replies: dict[str, dict[str, Any]]) -> None:
    assert set(METHODS) - set(replies) == {"views.open", "views.push", "views.update"}


@needs_samples
def test_no_reply_has_a_key_or_a_type_that_slacks_has_not(replies: dict[str, dict[str, Any]], known: Known) -> None:
    assert [f"{method}: {stranger}" for method, reply in replies.items() for stranger in strangers(known, method, reply)] == []


@needs_samples
def test_no_error_name_is_raised_that_slacks_pages_lack() -> None:
    """Names every method shares are listed in slack-protocol.md; response_url's own are nowhere published."""
    shared = {
        "not_authed", "invalid_auth", "not_allowed_token_type", "missing_scope", "unknown_method", "ratelimited", "invalid_arguments",
        "invalid_json", "json_not_object", "invalid_post_type", "action_not_found", "expired_url", "used_url",
    }  # fmt: skip
    published = {name for page in (SAMPLES / "methods").glob("*.json") for name in json.loads(page.read_text())["errors"] or {}}
    assert _error_names() - shared - published == set()


def _error_names() -> set[str]:
    names = set()
    for path in kenpin.bot.workspace.__path__:
        for module in Path(path).glob("*.py"):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SlackError" and isinstance(node.args[0], ast.Constant):
                    names.add(str(node.args[0].value))
    return names


def test_a_bot_finds_the_keys_it_indexes_without_looking(replies: dict[str, dict[str, Any]]) -> None:
    message = replies["chat.postMessage"]["message"]
    assert {"type", "user", "bot_id", "app_id", "bot_profile", "team", "text", "ts", "blocks", "thread_ts", "metadata"} <= set(message)
    parent = replies["conversations.replies"]["messages"][0]
    assert {"thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"} <= set(parent)
    file = replies["files.info"]["file"]
    assert {"id", "name", "mimetype", "url_private", "url_private_download", "shares", "original_w", "thumb_360"} <= set(file)
    assert all(reply["ok"] is True for reply in replies.values())


EVENT_SAMPLES = {
    ("message", None): "MessagePayload",
    ("message", "file_share"): "MessageFileSharePayload",
    ("message", "message_changed"): "MessageChangedPayload",
    ("message", "message_deleted"): "MessageDeletedPayload",
    ("message", "thread_broadcast"): "MessageThreadBroadcastPayload",
    ("app_mention", None): "AppMentionPayload",
    ("reaction_added", None): "ReactionAddedPayload",
    ("reaction_removed", None): "ReactionRemovedPayload",
    ("file_shared", None): "FileSharedPayload",
    ("member_joined_channel", None): "MemberJoinedChannelPayload",
    ("app_home_opened", None): "AppHomeOpenedPayload",
}


def test_every_event_is_sent_and_has_slacks_shape(
    bot: Bot, olga: WebClient, kenpin: WebClient, local: httpx.Client, photo: bytes, known: Known
) -> None:
    olga.files_upload_v2(content=photo, filename="cell.png", channel=QUALITY, initial_comment=f"<@{KENPIN}> is this OK?")
    ts = olga.chat_postMessage(channel=QUALITY, text="plain")["ts"]
    olga.chat_postMessage(channel=QUALITY, text="to all", thread_ts=ts, reply_broadcast=True)
    olga.chat_update(channel=QUALITY, ts=ts, text="plainer")
    olga.reactions_add(channel=QUALITY, timestamp=ts, name="eyes")
    olga.reactions_remove(channel=QUALITY, timestamp=ts, name="eyes")
    gone = olga.chat_postMessage(channel=QUALITY, text="gone")["ts"]
    olga.chat_delete(channel=QUALITY, ts=gone)
    kenpin.views_publish(user_id=OLGA, view={"type": "home", "blocks": [{"type": "divider"}]})
    local.post("home", json={"user": OLGA, "tab": "home"})
    local.post("invite", json={"user": OLGA, "channel": CANTEEN, "invited": KENPIN})
    by_kind: dict[tuple[str, str | None], dict[str, Any]] = {}

    def complete() -> bool:
        by_kind.update({(b["event"]["type"], b["event"].get("subtype")): b for b in bot.bodies})
        return set(by_kind) >= set(EVENT_SAMPLES)

    eventually(complete)
    for body in by_kind.values():
        assert body["authorizations"][0]["user_id"] == KENPIN
        assert body["event"]["event_ts"]
    if not SAMPLES.is_dir():
        return
    wrong = {name: list(strangers(known, name, by_kind[kind])) for kind, name in EVENT_SAMPLES.items()}
    assert {name: found for name, found in wrong.items() if found} == {}
