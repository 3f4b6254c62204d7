"""Socket Mode against slack-bolt's own handler: what arrives, what is resent, what happens when connections come and go."""

from __future__ import annotations

import time

import httpx
import pytest
from slack_clients import CANTEEN, KENPIN, LINE_2, OLGA, QUALITY, Bot, eventually, http
from slack_sdk import WebClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from kenpin.bot.workspace.server import Workspace


def test_a_mention_with_a_photo_arrives_as_message_mention_and_file(bot: Bot, olga: WebClient, photo: bytes) -> None:
    olga.files_upload_v2(content=photo, filename="cell.png", channel=QUALITY, initial_comment=f"<@{KENPIN}> is this OK?")
    message = bot.wait_for("message", subtype="file_share")
    mention = bot.wait_for("app_mention")
    shared = bot.wait_for("file_shared")
    assert message["files"][0]["mimetype"] == "image/png"
    assert (message["channel_type"], message["user"], message["text"]) == ("channel", OLGA, f"<@{KENPIN}> is this OK?")
    assert mention["ts"] == message["ts"]
    assert mention["files"][0]["id"] == shared["file_id"]
    assert "subtype" not in mention
    assert "channel_type" not in mention
    assert len({body["event_id"] for body in bot.bodies}) == 3


def test_a_thread_reply_carries_its_parent(bot: Bot, olga: WebClient, akira: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    akira.chat_postMessage(channel=QUALITY, text="show me", thread_ts=ts)
    reply = bot.wait_for("message", text="show me")
    assert (reply["thread_ts"], reply["parent_user_id"]) == (ts, OLGA)


def test_edits_deletions_and_broadcasts_arrive_as_subtypes(bot: Bot, olga: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is tis OK?")["ts"]
    olga.chat_update(channel=QUALITY, ts=ts, text="is this OK?")
    changed = bot.wait_for("message", subtype="message_changed")
    assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("is tis OK?", "is this OK?")
    olga.chat_postMessage(channel=QUALITY, text="anybody?", thread_ts=ts, reply_broadcast=True)
    assert bot.wait_for("message", subtype="thread_broadcast")["root"]["ts"] == ts
    other = olga.chat_postMessage(channel=QUALITY, text="never mind")["ts"]
    olga.chat_delete(channel=QUALITY, ts=other)
    assert bot.wait_for("message", subtype="message_deleted")["deleted_ts"] == other


def test_a_direct_message_arrives_without_a_mention_event(bot: Bot, olga: WebClient) -> None:
    olga.chat_postMessage(channel="D0OLGA00001", text=f"<@{KENPIN}> is this OK?")
    assert bot.wait_for("message")["channel_type"] == "im"
    time.sleep(0.2)
    assert [e["type"] for e in bot.events] == ["message"]


def test_reactions_arrive_with_skin_tone_and_the_author_of_the_message(bot: Bot, kenpin: WebClient, olga: WebClient) -> None:
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?")["ts"]
    olga.reactions_add(channel=QUALITY, timestamp=ts, name="+1::skin-tone-3")
    added = bot.wait_for("reaction_added")
    assert (added["reaction"], added["user"], added["item_user"]) == ("+1::skin-tone-3", OLGA, KENPIN)
    assert added["item"] == {"type": "message", "channel": QUALITY, "ts": ts}
    olga.reactions_remove(channel=QUALITY, timestamp=ts, name="+1::skin-tone-3")
    assert bot.wait_for("reaction_removed")["reaction"] == "+1::skin-tone-3"


def test_the_bots_own_reaction_reaches_no_listener(bot: Bot, kenpin: WebClient, olga: WebClient) -> None:
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?")["ts"]
    kenpin.reactions_add(channel=QUALITY, timestamp=ts, name="+1")
    olga.reactions_add(channel=QUALITY, timestamp=ts, name="+1")
    bot.wait_for("reaction_added")
    assert [e["user"] for e in bot.events if e["type"] == "reaction_added"] == [OLGA]


def test_nothing_arrives_from_a_channel_the_bot_is_not_in_until_it_is_invited(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    olga.chat_postMessage(channel=CANTEEN, text="before")
    local.post("invite", json={"user": OLGA, "channel": CANTEEN, "invited": KENPIN})
    assert bot.wait_for("member_joined_channel")["inviter"] == OLGA
    olga.chat_postMessage(channel=CANTEEN, text="after")
    bot.wait_for("message", text="after")
    assert [e["text"] for e in bot.events if e["type"] == "message"] == ["after"]


def test_opening_the_bots_home_is_an_event_with_the_published_view(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    view = {"type": "home", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "open proposals: 2"}}]}
    kenpin.views_publish(user_id=OLGA, view=view)
    local.post("home", json={"user": OLGA, "tab": "home"})
    opened = bot.wait_for("app_home_opened", tab="home")
    assert opened["view"]["blocks"][0]["text"]["text"] == "open proposals: 2"


def test_an_unacknowledged_event_is_sent_again_under_the_same_id(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    local.post("faults", json={"drop_acks": 2})
    olga.chat_postMessage(channel=QUALITY, text="is this OK?")
    eventually(lambda: len(bot.bodies) == 3)
    time.sleep(0.5)
    assert len({body["event_id"] for body in bot.bodies}) == 1
    assert bot.retries == ["0", "1", "2"]


def test_an_acknowledged_event_can_be_sent_twice_on_request(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    local.post("faults", json={"resend_events": 1})
    olga.chat_postMessage(channel=QUALITY, text="is this OK?")
    eventually(lambda: len(bot.bodies) == 2)
    assert bot.bodies[0]["event_id"] == bot.bodies[1]["event_id"]


def test_an_event_no_retry_could_deliver_is_given_up_and_shown(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    local.post("faults", json={"drop_acks": 99})
    olga.chat_postMessage(channel=QUALITY, text="is this OK?")
    given_up = eventually(lambda: local.get("connections").json()["given_up"])
    assert given_up[0]["event"]["text"] == "is this OK?"
    assert len(bot.bodies) == 4


def test_what_was_said_while_the_bot_was_away_arrives_when_it_comes(workspace: Workspace, olga: WebClient) -> None:
    olga.chat_postMessage(channel=LINE_2, text="anybody there?")
    bot = Bot(workspace).connect()
    assert bot.wait_for("message")["text"] == "anybody there?"
    bot.close()


def test_a_rotated_connection_is_replaced_without_losing_an_event(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    assert local.post("connections", json={"do": "rotate"}).json()["done"] == 1
    olga.chat_postMessage(channel=QUALITY, text="after the rotation")
    assert bot.wait_for("message", text="after the rotation")


def test_a_cut_connection_is_replaced_without_losing_an_event(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    local.post("connections", json={"do": "cut"})
    olga.chat_postMessage(channel=QUALITY, text="after the cut")
    assert eventually(lambda: [e for e in bot.events if e.get("text") == "after the cut"], within_s=15)


def test_two_connections_share_the_events_between_them(workspace: Workspace, bot: Bot, olga: WebClient) -> None:
    second = Bot(workspace).connect()
    eventually(lambda: http.get(f"{workspace.url}/local/connections").json()["connections"] == 2)
    for n in range(6):
        olga.chat_postMessage(channel=QUALITY, text=str(n))
    eventually(lambda: len(bot.bodies) + len(second.bodies) == 6)
    assert len(bot.bodies) == len(second.bodies) == 3
    second.close()


def test_a_ticket_opens_one_connection_and_no_more(workspace: Workspace) -> None:
    url = WebClient(base_url=workspace.api_url).apps_connections_open(app_token=workspace.app_token)["url"]
    with connect(url, proxy=None) as socket:
        assert '"type": "hello"' in str(socket.recv(timeout=3))
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        socket.ping("a-uuid:1766458026").wait(3)
        with pytest.raises(InvalidStatus), connect(url, proxy=None):
            pass
