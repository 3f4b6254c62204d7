"""Buttons, modals, commands and response addresses, answered by real Bolt."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from slack_clients import AKIRA, OLGA, QUALITY, Bot, actions, button, eventually, http
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.workspace.server import Workspace

WHY = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Reject"},
    "submit": {"type": "plain_text", "text": "Reject"},
    "private_metadata": "inspection 7",
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def views_of(local: httpx.Client, user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = local.get("snapshot", params={"user": user}).json()["views"]
    return found


def test_a_click_tells_who_pressed_what_on_which_message(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    bodies: list[dict[str, Any]] = []

    @bot.app.action("approve")
    def approve(ack: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        ack()

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    assert local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"}).json() == {"ok": True}
    body = bodies[0]
    assert body["user"] == {"id": AKIRA, "username": "akira", "name": "akira", "team_id": "T0KENPIN001"}
    assert (body["container"]["message_ts"], body["channel"], body["message"]["ts"]) == (ts, {"id": QUALITY, "name": "quality"}, ts)
    action = body["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == ("approve", "decide", "17", "button")


def test_a_click_on_something_that_is_not_there_is_refused(workspace: Workspace, kenpin: WebClient, local: httpx.Client) -> None:
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?")["ts"]
    answer = local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"})
    assert answer.json()["error"] == "action_not_found"


def test_the_person_is_told_when_no_bot_is_there(workspace: Workspace, kenpin: WebClient, local: httpx.Client) -> None:
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    answer = local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"}).json()
    assert answer["message"] == "kenpin is not connected. Start it, then try again."


@pytest.mark.parametrize("workspace", [0.5], indirect=True)
def test_the_person_is_told_when_the_bot_does_not_answer_in_time(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    bot.app.action("approve")(lambda: time.sleep(0))  # acknowledges nothing
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    answer = local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"}).json()
    assert "did not answer within 0.5 seconds" in answer["message"]


@pytest.mark.parametrize("how", ["replace", "delete", "in_channel", "private"])
def test_a_response_address_replaces_deletes_or_adds(bot: Bot, kenpin: WebClient, local: httpx.Client, how: str) -> None:
    arguments: dict[str, Any] = {
        "replace": {"text": "recorded", "replace_original": True},
        "delete": {"delete_original": True},
        "in_channel": {"text": "recorded", "response_type": "in_channel", "replace_original": False},
        "private": {"text": "recorded", "replace_original": False},
    }[how]

    @bot.app.action("approve")
    def approve(ack: Any, respond: Any) -> None:
        ack()
        respond(**arguments)

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"})

    def shown() -> tuple[list[str], list[str]]:
        said = [m["text"] for m in kenpin.conversations_history(channel=QUALITY)["messages"]]
        return said, [m["text"] for m in local.get("ephemeral", params={"user": AKIRA}).json()["messages"]]

    expected = {
        "replace": (["recorded"], []),
        "delete": ([], []),
        "in_channel": (["recorded", "scrap it?"], []),
        "private": (["scrap it?"], ["recorded"]),
    }[how]
    eventually(lambda: shown() == expected)


def test_a_response_address_is_good_five_times(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    urls: list[str] = []

    @bot.app.action("approve")
    def approve(ack: Any, body: dict[str, Any]) -> None:
        urls.append(body["response_url"])
        ack()

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"})
    answers = [http.post(urls[0], json={"text": str(n)}) for n in range(6)]
    assert [a.text for a in answers[:5]] == ["ok"] * 5
    assert answers[5].json()["error"] == "used_url"


def test_an_ephemeral_button_sends_no_message_and_can_remove_itself(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    bodies: list[dict[str, Any]] = []

    @bot.app.action("dismiss")
    def dismiss(ack: Any, body: dict[str, Any], respond: Any) -> None:
        ack()
        bodies.append(body)
        respond(delete_original=True)

    ts = kenpin.chat_postEphemeral(channel=QUALITY, user=OLGA, text="only you", blocks=actions(button("dismiss")))["message_ts"]
    local.post("actions", json={"user": OLGA, "channel": QUALITY, "ts": ts, "action_id": "dismiss"})
    eventually(lambda: local.get("ephemeral").json()["messages"] == [])
    assert bodies[0]["container"]["is_ephemeral"] is True
    assert "message" not in bodies[0]


def test_a_modal_opens_complains_and_closes(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    submitted: list[dict[str, Any]] = []

    @bot.app.action("reject")
    def reject(ack: Any, body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=WHY)

    @bot.app.view("why")
    def why(ack: Any, view: dict[str, Any]) -> None:
        submitted.append(view)
        if not view["state"]["values"]["reason"]["text"]["value"]:
            ack(response_action="errors", errors={"reason": "Say why."})
        else:
            ack()

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button("reject")))["ts"]
    local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "reject"})
    view = eventually(lambda: views_of(local, AKIRA))[0]
    assert views_of(local, OLGA) == []
    form = {"user": AKIRA, "view_id": view["id"], "values": {"reason": {"text": {"type": "plain_text_input", "value": None}}}}
    assert local.post("views/submit", json=form).json() == {"ok": False, "errors": {"reason": "Say why."}}
    form["values"] = {"reason": {"text": {"type": "plain_text_input", "value": "burr"}}}
    assert local.post("views/submit", json=form).json() == {"ok": True}
    assert views_of(local, AKIRA) == []
    assert submitted[-1]["private_metadata"] == "inspection 7"
    assert submitted[-1]["state"]["values"]["reason"]["text"]["value"] == "burr"


@pytest.mark.parametrize("workspace", [2.0], indirect=True)
def test_a_trigger_is_good_once_and_for_a_short_while(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    triggers: list[str] = []

    @bot.app.action("reject")
    def reject(ack: Any, body: dict[str, Any]) -> None:
        triggers.append(body["trigger_id"])
        ack()

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button("reject")))["ts"]
    for _ in range(2):
        local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "reject"})
    view = kenpin.views_open(trigger_id=triggers[0], view=WHY)["view"]
    refusals = {triggers[0]: "exchanged_trigger_id", "1.2.3": "invalid_trigger_id"}
    for trigger, error in refusals.items():
        with pytest.raises(SlackApiError) as raised:
            kenpin.views_open(trigger_id=trigger, view=WHY)
        assert raised.value.response["error"] == error
    updated = kenpin.views_update(view_id=view["id"], hash=view["hash"], view=WHY)["view"]
    with pytest.raises(SlackApiError) as stale:
        kenpin.views_update(view_id=view["id"], hash=view["hash"], view=WHY)
    assert stale.value.response["error"] == "hash_conflict"
    assert updated["id"] == view["id"]
    time.sleep(2.05)
    with pytest.raises(SlackApiError) as late:
        kenpin.views_open(trigger_id=triggers[1], view=WHY)
    assert late.value.response["error"] == "expired_trigger_id"


def test_a_modal_slack_would_refuse_is_refused(bot: Bot, kenpin: WebClient, local: httpx.Client) -> None:
    triggers: list[str] = []

    @bot.app.action("reject")
    def reject(ack: Any, body: dict[str, Any]) -> None:
        triggers.append(body["trigger_id"])
        ack()

    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button("reject")))["ts"]
    local.post("actions", json={"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "reject"})
    too_long = WHY | {"title": {"type": "plain_text", "text": "x" * 25}}
    with pytest.raises(SlackApiError) as raised:
        kenpin.views_open(trigger_id=triggers[0], view=too_long)
    assert raised.value.response["error"] == "invalid_arguments"


def test_a_slash_command_is_answered_by_its_acknowledgement(bot: Bot, local: httpx.Client) -> None:
    @bot.app.command("/kenpin")
    def kenpin_command(ack: Any, command: dict[str, str]) -> None:
        ack(f"{command['user_name']} asked for {command['text']} in {command['channel_name']}")

    local.post("commands", json={"user": OLGA, "channel": QUALITY, "command": "/kenpin", "text": "help"})
    assert [m["text"] for m in local.get("ephemeral", params={"user": OLGA}).json()["messages"]] == ["olga asked for help in quality"]


def test_a_shortcut_on_a_message_carries_the_message(bot: Bot, olga: WebClient, local: httpx.Client) -> None:
    bodies: list[dict[str, Any]] = []

    @bot.app.shortcut("inspect")
    def inspect(ack: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        ack()

    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    local.post("shortcuts", json={"user": OLGA, "callback_id": "inspect", "channel": QUALITY, "ts": ts})
    local.post("shortcuts", json={"user": OLGA, "callback_id": "inspect"})
    assert [b["type"] for b in bodies] == ["message_action", "shortcut"]
    assert bodies[0]["message"]["text"] == "is this OK?"
