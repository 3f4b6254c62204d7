"""The Web API as Slack's own client and any other HTTP client speak it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from slack_clients import AKIRA, CANTEEN, KENPIN, LINE_2, OLGA, QUALITY, SUMI, as_person, http
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from kenpin.bot.workspace.server import Workspace


def refused(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(error.value.response["error"])


def call(workspace: Workspace, method: str, verb: str = "POST", **how: Any) -> dict[str, Any]:
    how.setdefault("headers", {})["Authorization"] = f"Bearer {workspace.bot_token}"
    return dict(http.request(verb, workspace.api_url + method, **how).json())


def test_auth_test_says_who_the_token_is_and_lists_its_scopes(kenpin: WebClient, olga: WebClient) -> None:
    answer = kenpin.auth_test()
    assert (answer["user_id"], answer["bot_id"]) == (KENPIN, "B0KENPIN001")
    assert "files:read" in answer.headers["x-oauth-scopes"].split(",")
    assert olga.auth_test()["user_id"] == OLGA


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-somebody-else", "auth.test", "invalid_auth"),
        ("xapp-1-A0KENPIN001-local", "chat.postMessage", "not_allowed_token_type"),
        ("xoxb-local-kenpin", "apps.connections.open", "not_allowed_token_type"),
        ("xoxb-local-kenpin", "chat.postSomething", "unknown_method"),
    ],
)
def test_a_wrong_token_or_method_gets_slacks_error_with_status_200(standing: Workspace, token: str, method: str, error: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = http.post(standing.api_url + method, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert answer.json()["error"] == error


@pytest.mark.parametrize(
    "how",
    [
        {"verb": "GET", "params": {"channel": QUALITY, "include_num_members": "1"}},
        {"params": {"channel": QUALITY, "include_num_members": "true"}},
        {"params": {"channel": QUALITY}, "data": {"include_num_members": "1"}},
        {"data": {"channel": QUALITY, "include_num_members": "1", "team_id": "T0KENPIN001"}},
        {"json": {"channel": QUALITY, "include_num_members": True}},
        {"files": {"channel": (None, QUALITY), "include_num_members": (None, "1")}},
    ],
)
def test_arguments_are_taken_from_query_form_and_json_alike(standing: Workspace, how: dict[str, Any]) -> None:
    assert call(standing, "conversations.info", **how)["channel"]["num_members"] == 5


def test_a_json_content_type_with_an_empty_body_is_a_call_without_arguments(standing: Workspace) -> None:
    assert call(standing, "auth.test", headers={"Content-Type": "application/json"}, content=b"")["ok"]


def test_a_token_may_come_as_an_argument(standing: Workspace) -> None:
    assert http.post(standing.api_url + "auth.test", data={"token": standing.bot_token}).json()["user_id"] == KENPIN


def test_a_posted_message_is_kept_with_blocks_and_metadata(kenpin: WebClient) -> None:
    metadata = {"event_type": "inspection", "event_payload": {"id": 7}}
    posted = kenpin.chat_postMessage(channel="#quality", text="a < b & *bold*, see https://example.com.", metadata=metadata)
    assert posted["message"]["text"] == "a &lt; b &amp; *bold*, see <https://example.com>."
    assert posted["message"]["blocks"][0]["type"] == "rich_text"
    found = kenpin.conversations_history(channel=QUALITY, include_all_metadata=True)["messages"][0]
    assert found["metadata"] == metadata
    assert found["bot_profile"]["name"] == "kenpin"
    assert "metadata" not in kenpin.conversations_history(channel=QUALITY)["messages"][0]


def test_a_reply_shows_in_the_thread_and_is_counted_on_its_parent(kenpin: WebClient, olga: WebClient) -> None:
    asked = olga.chat_postMessage(channel=QUALITY, text="is this OK?")
    answered = kenpin.chat_postMessage(channel=QUALITY, text="yes", thread_ts=asked["ts"])
    kenpin.chat_postMessage(channel=QUALITY, text="sure", thread_ts=answered["ts"])  # a reply's ts leads to the same thread
    parent, *replies = kenpin.conversations_replies(channel=QUALITY, ts=asked["ts"])["messages"]
    assert (parent["text"], parent["reply_count"], parent["reply_users"]) == ("is this OK?", 2, [KENPIN])
    assert [r["text"] for r in replies] == ["yes", "sure"]
    assert replies[0]["parent_user_id"] == OLGA
    assert [m["text"] for m in olga.conversations_history(channel=QUALITY)["messages"]] == ["is this OK?"]


def test_history_comes_newest_first_in_pages_and_between_two_times(kenpin: WebClient, olga: WebClient) -> None:
    stamps = [olga.chat_postMessage(channel=QUALITY, text=str(n))["ts"] for n in range(5)]
    pages = [[m["text"] for m in page["messages"]] for page in kenpin.conversations_history(channel=QUALITY, limit=2)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between = kenpin.conversations_history(channel=QUALITY, oldest=stamps[1], latest=stamps[3])["messages"]
    assert [m["text"] for m in between] == ["2"]
    with_ends = kenpin.conversations_history(channel=QUALITY, oldest=stamps[1], latest=stamps[3], inclusive=True)["messages"]
    assert [m["text"] for m in with_ends] == ["3", "2", "1"]


def test_update_replaces_text_and_blocks_and_keeps_metadata_unless_told(kenpin: WebClient) -> None:
    metadata = {"event_type": "inspection", "event_payload": {"id": 7}}
    section = [{"type": "section", "text": {"type": "mrkdwn", "text": "looking"}}]
    ts = kenpin.chat_postMessage(channel=QUALITY, text="looking", blocks=section, metadata=metadata)["ts"]
    updated = kenpin.chat_update(channel=QUALITY, ts=ts, text="done")
    assert updated["message"]["blocks"][0]["type"] == "rich_text"
    assert updated["message"]["edited"]["user"] == KENPIN
    assert updated["message"]["metadata"] == metadata
    assert "metadata" not in kenpin.chat_update(channel=QUALITY, ts=ts, text="done", metadata={})["message"]


def test_only_its_author_can_change_or_delete_a_message(kenpin: WebClient, olga: WebClient, akira: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="mine")["ts"]
    for client in (kenpin, akira):
        with pytest.raises(SlackApiError) as changed:
            client.chat_update(channel=QUALITY, ts=ts, text="not mine")
        assert refused(changed) == "cant_update_message"
        with pytest.raises(SlackApiError) as deleted:
            client.chat_delete(channel=QUALITY, ts=ts)
        assert refused(deleted) == "cant_delete_message"
    olga.chat_delete(channel=QUALITY, ts=ts)
    assert olga.conversations_history(channel=QUALITY)["messages"] == []


def test_a_deleted_parent_stays_as_a_tombstone_while_it_has_replies(kenpin: WebClient, olga: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    reply = kenpin.chat_postMessage(channel=QUALITY, text="yes", thread_ts=ts)["ts"]
    olga.chat_delete(channel=QUALITY, ts=ts)
    parent, kept = kenpin.conversations_replies(channel=QUALITY, ts=ts)["messages"]
    assert (parent["subtype"], kept["ts"]) == ("tombstone", reply)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE01", "text": "x"}, "channel_not_found"),
        ({"channel": CANTEEN, "text": "x"}, "not_in_channel"),
        ({"channel": "D0OLGA00001x", "text": "x"}, "channel_not_found"),
        ({"channel": QUALITY, "text": " "}, "no_text"),
        ({"channel": QUALITY, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"channel": QUALITY, "markdown_text": "y" * 12_001}, "msg_blocks_too_long"),
        ({"channel": QUALITY, "blocks": "no json"}, "invalid_blocks_format"),
        ({"channel": QUALITY, "text": "x", "blocks": [{"type": "sction"}]}, "invalid_blocks"),
        ({"channel": QUALITY, "text": "x", "metadata": {"event_type": 3}}, "invalid_metadata_format"),
        ({"channel": QUALITY, "text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
    ],
)
def test_a_message_slack_would_refuse_is_refused_by_the_same_name(standing: Workspace, arguments: dict[str, Any], error: str) -> None:
    assert call(standing, "chat.postMessage", json=arguments)["error"] == error


@pytest.mark.parametrize(
    ("block", "at"),
    [
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}, "/blocks/0/text/text"),
        ({"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}, "/blocks/0/fields"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "/blocks/0/text"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "/blocks/0/text/text"),
        ({"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}, "/blocks/0/elements"),
        ({"type": "image", "image_url": "https://example.com/a.png"}, "/blocks/0/alt_text"),
        ({"type": "image", "slack_file": {"id": "F0NOTHERE01"}, "alt_text": "map"}, "/blocks/0/slack_file"),
        (
            {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}]},
            "/blocks/0/elements/0/text/text",
        ),
        ({"type": "actions", "elements": [{"type": "lever"}]}, "/blocks/0/elements/0"),
    ],
)
def test_a_bad_block_is_refused_with_the_place_that_is_wrong(standing: Workspace, block: dict[str, Any], at: str) -> None:
    answer = call(standing, "chat.postMessage", json={"channel": QUALITY, "text": "x", "blocks": [block]})
    assert answer["error"] == "invalid_blocks"
    assert any(f"[json-pointer:{at}]" in message for message in answer["response_metadata"]["messages"])


def test_more_than_fifty_blocks_are_refused_and_fifty_are_not(standing: Workspace) -> None:
    divider = {"type": "divider"}
    assert call(standing, "chat.postMessage", json={"channel": QUALITY, "text": "x", "blocks": [divider] * 50})["ok"]
    too_many = call(standing, "chat.postMessage", json={"channel": QUALITY, "text": "x", "blocks": [divider] * 51})
    assert too_many["error"] == "invalid_blocks"


def test_blocks_may_be_json_text_in_a_form_field(standing: Workspace) -> None:
    blocks = json.dumps([{"type": "section", "text": {"type": "mrkdwn", "text": "from a form"}}])
    answer = call(standing, "chat.postMessage", data={"channel": QUALITY, "blocks": blocks})
    assert answer["message"]["text"] == "from a form"


def test_reactions_are_kept_with_skin_tone_and_counted(kenpin: WebClient, olga: WebClient, akira: WebClient) -> None:
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?")["ts"]
    olga.reactions_add(channel=QUALITY, timestamp=ts, name="thumbsup")
    akira.reactions_add(channel=QUALITY, timestamp=ts, name="+1")
    akira.reactions_add(channel=QUALITY, timestamp=ts, name=":+1::skin-tone-3:")
    with pytest.raises(SlackApiError) as twice:
        akira.reactions_add(channel=QUALITY, timestamp=ts, name="+1")
    assert refused(twice) == "already_reacted"
    olga.reactions_remove(channel=QUALITY, timestamp=ts, name="+1")
    with pytest.raises(SlackApiError) as gone:
        olga.reactions_remove(channel=QUALITY, timestamp=ts, name="+1")
    assert refused(gone) == "no_reaction"
    assert kenpin.reactions_get(channel=QUALITY, timestamp=ts, full=True)["message"]["reactions"] == [
        {"name": "+1", "users": [AKIRA], "count": 1},
        {"name": "+1::skin-tone-3", "users": [AKIRA], "count": 1},
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "+1"}, "no_item_specified"),
        ({"name": "no such emoji!", "channel": QUALITY, "timestamp": "1.000001"}, "invalid_name"),
        ({"name": "+1", "channel": QUALITY, "timestamp": "yesterday"}, "bad_timestamp"),
        ({"name": "+1", "channel": QUALITY, "timestamp": "1.000001"}, "message_not_found"),
    ],
)
def test_a_reaction_to_nothing_is_refused(standing: Workspace, arguments: dict[str, str], error: str) -> None:
    assert call(standing, "reactions.add", params=arguments, data={})["error"] == error


def test_people_groups_and_channels_can_be_looked_up(kenpin: WebClient) -> None:
    user = kenpin.users_info(user=AKIRA, include_locale=True)["user"]
    assert (user["real_name"], user["profile"]["email"], user["locale"]) == ("Akira Abe", "akira.abe@example.com", "en-US")
    assert kenpin.users_lookupByEmail(email="Olga.Ohara@example.com")["user"]["id"] == OLGA
    assert len(kenpin.users_list()["members"]) == 5
    assert kenpin.usergroups_users_list(usergroup="S0QUALLEADS")["users"] == [SUMI]
    assert kenpin.usergroups_list(include_users=True)["usergroups"][0]["handle"] == "quality-leads"
    assert {c["name"] for c in kenpin.conversations_list()["channels"]} == {"quality", "line-2", "canteen"}
    assert {c["id"] for c in kenpin.users_conversations()["channels"]} == {QUALITY, LINE_2}
    assert kenpin.bots_info(bot="B0KENPIN001")["bot"]["user_id"] == KENPIN
    assert kenpin.team_info()["team"]["domain"] == "kenpin-works"
    members = [m for page in kenpin.conversations_members(channel=QUALITY, limit=2) for m in page["members"]]
    assert len(members) == 5


def test_an_unknown_person_group_or_address_is_named_as_slack_names_it(kenpin: WebClient) -> None:
    for ask, error in (
        (lambda: kenpin.users_info(user="U0NOBODY001"), "user_not_found"),
        (lambda: kenpin.users_lookupByEmail(email="nobody@example.com"), "users_not_found"),
        (lambda: kenpin.usergroups_users_list(usergroup="S0NOBODY001"), "no_such_subteam"),
        (lambda: kenpin.conversations_open(users="U0NOBODY001"), "user_not_found"),
        (lambda: kenpin.conversations_replies(channel=QUALITY, ts="1.000001"), "thread_not_found"),
    ):
        with pytest.raises(SlackApiError) as raised:
            ask()
        assert refused(raised) == error


def test_a_direct_message_is_opened_once_and_hidden_from_others(kenpin: WebClient, olga: WebClient, akira: WebClient) -> None:
    channel = kenpin.conversations_open(users=OLGA)["channel"]["id"]
    assert olga.conversations_open(users=KENPIN)["channel"]["id"] == channel
    kenpin.chat_postMessage(channel=OLGA, text="only for you")
    assert olga.conversations_history(channel=channel)["messages"][0]["text"] == "only for you"
    with pytest.raises(SlackApiError) as other:
        akira.conversations_history(channel=channel)
    assert refused(other) == "channel_not_found"


def test_a_channel_the_bot_is_not_in_stays_closed_until_it_joins(kenpin: WebClient, olga: WebClient) -> None:
    olga.chat_postMessage(channel=CANTEEN, text="soup today")
    with pytest.raises(SlackApiError) as outside:
        kenpin.conversations_history(channel=CANTEEN)
    assert refused(outside) == "not_in_channel"
    kenpin.conversations_join(channel=CANTEEN)
    assert kenpin.conversations_history(channel=CANTEEN)["messages"][0]["text"] == "soup today"


def test_an_ephemeral_message_is_seen_by_one_person_and_by_no_history(workspace: Workspace, kenpin: WebClient, olga: WebClient) -> None:
    kenpin.chat_postEphemeral(channel=QUALITY, user=OLGA, text="you may not approve this")
    seen = http.get(f"{workspace.url}/local/ephemeral", params={"user": OLGA}).json()["messages"]
    assert [m["text"] for m in seen] == ["you may not approve this"]
    assert http.get(f"{workspace.url}/local/ephemeral", params={"user": AKIRA}).json()["messages"] == []
    assert olga.conversations_history(channel=QUALITY)["messages"] == []
    with pytest.raises(SlackApiError) as absent:
        kenpin.chat_postEphemeral(channel=LINE_2, user="U0VICTOR001", text="x")
    assert refused(absent) == "user_not_in_channel"


def test_a_permalink_leads_to_the_page(workspace: Workspace, kenpin: WebClient, olga: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    reply = kenpin.chat_postMessage(channel=QUALITY, text="yes", thread_ts=ts)["ts"]
    link = kenpin.chat_getPermalink(channel=QUALITY, message_ts=reply)["permalink"]
    assert link == f"{workspace.url}/archives/{QUALITY}/p{reply.replace('.', '')}?thread_ts={ts}&cid={QUALITY}"
    assert "text/html" in http.get(link, follow_redirects=True).headers["content-type"]


def test_a_streamed_message_grows_and_ends(kenpin: WebClient, olga: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    stream = kenpin.chat_stream(channel=QUALITY, thread_ts=ts, recipient_team_id="T0KENPIN001", recipient_user_id=OLGA)
    stream.append(chunks=[{"type": "task_update", "id": "look", "title": "Looking", "status": "in_progress"}])
    stream.append(markdown_text="**Not OK**, ")
    stream.append(chunks=[{"type": "task_update", "id": "look", "title": "Looked", "status": "complete"}])
    answer = stream.stop(markdown_text="a scratch.")
    message = kenpin.conversations_replies(channel=QUALITY, ts=ts)["messages"][1]
    assert answer["message"]["text"] == message["text"] == "**Not OK**, a scratch."
    assert [b["type"] for b in message["blocks"]] == ["task_card", "markdown"]
    assert (message["blocks"][0]["title"], message["blocks"][0]["status"]) == ("Looked", "complete")
    with pytest.raises(SlackApiError) as ended:
        kenpin.chat_appendStream(channel=QUALITY, ts=message["ts"], markdown_text="more")
    assert refused(ended) == "message_not_in_streaming_state"


def test_a_stream_in_a_channel_needs_its_recipient(kenpin: WebClient, olga: WebClient) -> None:
    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    with pytest.raises(SlackApiError) as missing:
        kenpin.chat_startStream(channel=QUALITY, thread_ts=ts)
    assert refused(missing) == "missing_recipient_team_id"


def test_the_assistant_status_shows_until_the_bot_posts(workspace: Workspace, kenpin: WebClient, olga: WebClient) -> None:
    def statuses() -> list[str]:
        snapshot = http.get(f"{workspace.url}/local/snapshot", params={"user": OLGA}).json()
        return [s["status"] for s in snapshot["statuses"]]

    ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    kenpin.assistant_threads_setStatus(channel_id=QUALITY, thread_ts=ts, status="is looking at the photo…")
    kenpin.assistant_threads_setTitle(channel_id=QUALITY, thread_ts=ts, title="Cell 12")
    kenpin.assistant_threads_setSuggestedPrompts(channel_id="D0OLGA00001", prompts=[{"title": "Try", "message": "is this OK?"}])
    assert statuses() == ["is looking at the photo…"]
    kenpin.chat_postMessage(channel=QUALITY, thread_ts=ts, text="fine")
    assert statuses() == []


def test_rate_limits_come_as_429_with_retry_after_and_end(workspace: Workspace, kenpin: WebClient) -> None:
    faults = f"{workspace.url}/local/faults"
    http.post(faults, json={"rate_limit": {"method": "team.info", "calls": 1, "retry_after_s": 1}})
    with pytest.raises(SlackApiError) as limited:
        kenpin.team_info()
    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "1"
    http.post(faults, json={"rate_limit": {"method": "team.info", "calls": 1, "retry_after_s": 0}})
    patient = WebClient(token=kenpin.token, base_url=workspace.api_url, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)])
    assert patient.team_info()["ok"]
    assert workspace.calls.counts["team.info"] == 3


def test_faults_take_methods_and_scopes_away_and_give_them_back(workspace: Workspace, kenpin: WebClient) -> None:
    def faults(**switches: Any) -> dict[str, Any]:
        return dict(http.post(f"{workspace.url}/local/faults", json=switches).json())

    faults(unknown_methods=["usergroups.users.list"], revoked_scopes=["files:read"], error={"method": "users.info", "error": "fatal_error"})
    for ask, error in (
        (lambda: kenpin.usergroups_users_list(usergroup="S0QUALLEADS"), "unknown_method"),
        (lambda: kenpin.files_info(file="F1"), "missing_scope"),
        (lambda: kenpin.users_info(user=OLGA), "fatal_error"),
    ):
        with pytest.raises(SlackApiError) as raised:
            ask()
        assert refused(raised) == error
        if error == "missing_scope":
            assert raised.value.response["needed"] == "files:read"
            assert "chat:write" in raised.value.response["provided"]
    assert kenpin.users_info(user=OLGA)["ok"]
    faults(reset=True)
    assert kenpin.usergroups_users_list(usergroup="S0QUALLEADS")["ok"]
    unknown = faults(thunder=True)
    assert "no fault switch is called thunder" in unknown["response_metadata"]["messages"][0]


def test_everybody_is_listed_with_a_working_token(standing: Workspace) -> None:
    listed = http.get(f"{standing.url}/local/people").json()["people"]
    assert {p["role"] for p in listed} == {"operator", "approver", "supervisor", "visitor"}
    for person in listed:
        client = WebClient(token=person["token"], base_url=standing.api_url)
        assert client.auth_test()["user_id"] == person["id"]
        assert client.users_lookupByEmail(email=person["email"])["user"]["name"] == person["name"]


def test_calls_are_recorded_with_their_arguments(workspace: Workspace) -> None:
    as_person(workspace, "sumi").chat_postMessage(channel=QUALITY, text="noted")
    record = http.get(f"{workspace.url}/local/calls", params={"method": "chat.postMessage"}).json()
    assert record["counts"]["chat.postMessage"] == 1
    assert record["calls"][0]["caller"] == SUMI
    assert record["calls"][0]["arguments"]["text"] == "noted"
