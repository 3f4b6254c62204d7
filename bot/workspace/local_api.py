"""`/local/…`: what no Slack has. Who is here, what the page draws, and what a person does in it; response addresses too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from . import people
from .arguments import json_body
from .delivery import NoAnswerError
from .errors import SlackError
from .modals import shown_view
from .office import Office, office_of, person_of
from .state import Channel
from .store import Json

_NEWEST = 200  # messages a page starts with, per channel


# -- who and what ----------------------------------------------------------------------------------------------------------


def _people() -> list[Json]:
    return [
        {
            "id": p.id, "name": p.name, "real_name": p.real_name, "real_name_ja": p.real_name_ja, "email": p.email, "role": p.role,
            "role_ja": p.role_ja, "title": p.title, "color": p.color, "dm": p.dm, "token": p.token,
        }
        for p in people.PEOPLE
    ]  # fmt: skip


async def list_people(request: Request) -> Response:
    groups = [{"id": g.id, "handle": g.handle, "name": g.name, "users": list(g.users)} for g in people.USER_GROUPS]
    bot = {"id": people.BOT_USER_ID, "bot_id": people.BOT_ID, "name": people.BOT_NAME}
    channels = [{"id": c.id, "name": c.name} for c in office_of(request).state.channels.values() if not c.is_im]
    return JSONResponse({"ok": True, "people": _people(), "usergroups": groups, "bot": bot, "channels": channels})


async def snapshot(request: Request) -> Response:
    """Everything a page needs to draw itself for one person."""
    office = office_of(request)
    me = person_of(request.query_params.get("user", people.OPERATOR.id))
    channels = [c for c in office.state.channels.values() if me.id in c.members and (not c.is_im or people.BOT_USER_ID in c.members)]
    return JSONResponse(
        {
            "ok": True,
            "team": office.shapes.team(),
            "me": me.id,
            "people": _people(),
            "bot": {"id": people.BOT_USER_ID, "name": people.BOT_NAME},
            "usergroups": [{"id": g.id, "handle": g.handle} for g in people.USER_GROUPS],
            "channels": [_channel(office, c) for c in channels],
            "ephemeral": [office.shapes.message(m) for m in office.state.ephemeral if m["_for"] == me.id],
            "statuses": list(office.state.statuses.values()),
            "titles": [{"channel": c, "thread_ts": t, "title": title} for (c, t), title in office.state.thread_titles.items()],
            "prompts": [office.state.suggested_prompts[c.id] for c in channels if c.id in office.state.suggested_prompts],
            "views": [shown_view(v) for v in office.state.views.values() if v["_user"] == me.id],
            "tray": office.settings.tray is not None,
        }
    )


def _channel(office: Office, channel: Channel) -> Json:
    newest = channel.order[-_NEWEST:]
    parents = {channel.messages[ts].get("thread_ts", ts) for ts in newest}
    wanted = sorted({*newest, *(p for p in parents if p in channel.messages)})
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "topic": channel.topic,
        "has_bot": people.BOT_USER_ID in channel.members,
        "members": channel.members,
        "messages": [office.shapes.message(channel.messages[ts]) for ts in wanted],
    }


async def live(request: Request) -> Response:
    user = person_of(request.query_params.get("user", "")).id
    return StreamingResponse(office_of(request).live.stream(user), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def ephemeral(request: Request) -> Response:
    office = office_of(request)
    user = request.query_params.get("user")
    shown = [office.shapes.message(m) | {"user_shown_to": m["_for"]} for m in office.state.ephemeral if user in (None, m["_for"])]
    return JSONResponse({"ok": True, "messages": shown})


# -- what a person does ----------------------------------------------------------------------------------------------------


async def click(request: Request) -> Response:
    """{user, channel, ts | view_id, action_id, block_id?, value? | selected_…?, state?}"""
    office, body = office_of(request), await json_body(request)
    user = person_of(str(body.get("user", ""))).id
    values = body.get("state") or {}
    if view_id := body.get("view_id"):
        await office.interactions.click_in_view(user, _view(office, user, str(view_id)), body, values)
    else:
        channel = office.state.channel(str(body.get("channel", "")), user)
        await office.interactions.click_in_message(user, channel, _seen(office, channel, user, str(body.get("ts", ""))), body, values)
    return JSONResponse({"ok": True})


def _seen(office: Office, channel: Channel, user: str, ts: str) -> Json:
    """A message this person sees: anybody's, or one whispered to them."""
    whispered = next((m for m in office.state.ephemeral if m["ts"] == ts and m["_for"] == user), None)
    return whispered or office.state.message(channel, ts)


def _view(office: Office, user: str, view_id: str) -> Json:
    view = office.state.views.get(view_id)
    if view is None or view["_user"] != user:
        raise SlackError("not_found")
    return view


async def submit(request: Request) -> Response:
    """{user, view_id, values: {block_id: {action_id: …}}}"""
    office, body = office_of(request), await json_body(request)
    user = person_of(str(body.get("user", ""))).id
    outcome = await office.interactions.submit(user, _view(office, user, str(body.get("view_id", ""))), body.get("values") or {})
    return JSONResponse({"ok": not outcome, **outcome})


async def dismiss(request: Request) -> Response:
    """{user, view_id}"""
    office, body = office_of(request), await json_body(request)
    user = person_of(str(body.get("user", ""))).id
    await office.interactions.dismiss(user, _view(office, user, str(body.get("view_id", ""))))
    return JSONResponse({"ok": True})


async def command(request: Request) -> Response:
    """{user, channel, command: "/kenpin", text}"""
    office, body = office_of(request), await json_body(request)
    user = person_of(str(body.get("user", ""))).id
    channel = office.state.channel(str(body.get("channel", "")), user)
    await office.interactions.command(user, channel, str(body.get("command", "")), str(body.get("text", "")))
    return JSONResponse({"ok": True})


async def shortcut(request: Request) -> Response:
    """{user, callback_id, channel?, ts?}"""
    office, body = office_of(request), await json_body(request)
    user = person_of(str(body.get("user", ""))).id
    channel = office.state.channel(str(body["channel"]), user) if body.get("channel") else None
    message = office.state.message(channel, str(body.get("ts", ""))) if channel else None
    await office.interactions.shortcut(user, str(body.get("callback_id", "")), channel, message)
    return JSONResponse({"ok": True})


async def home(request: Request) -> Response:
    """{user, tab: "home" | "messages"}"""
    office, body = office_of(request), await json_body(request)
    office.timeline.open_home(person_of(str(body.get("user", ""))).id, str(body.get("tab", "home")))
    return JSONResponse({"ok": True})


async def invite(request: Request) -> Response:
    """{user, channel, invited}: a member brings somebody, the bot for instance, into a channel."""
    office, body = office_of(request), await json_body(request)
    channel = office.state.channel(str(body.get("channel", "")), person_of(str(body.get("user", ""))).id)
    invited = str(body.get("invited", people.BOT_USER_ID))
    if channel.is_im or not office.state.is_member_of_team(invited):
        raise SlackError("user_not_found")
    if invited not in channel.members:
        office.timeline.join(channel, invited, inviter=str(body["user"]))
    return JSONResponse({"ok": True})


async def respond(request: Request) -> Response:
    """A response_url. Open to whoever has the address, as at Slack."""
    office_of(request).interactions.respond(request.path_params["secret"], await json_body(request))
    return PlainTextResponse("ok")


# -- errors ----------------------------------------------------------------------------------------------------------------


async def slack_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SlackError)
    return JSONResponse(error.reply(), status_code=404 if error.error.endswith("not_found") else 400)


async def no_answer(request: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "error": "no_answer", "message": str(error)}, status_code=504)


ERRORS = {SlackError: slack_error, NoAnswerError: no_answer}

ROUTES = [
    Route("/response/{team}/{secret}", respond, methods=["POST"]),
    Route("/local/people", list_people),
    Route("/local/snapshot", snapshot),
    Route("/local/live", live),
    Route("/local/ephemeral", ephemeral),
    Route("/local/actions", click, methods=["POST"]),
    Route("/local/views/submit", submit, methods=["POST"]),
    Route("/local/views/close", dismiss, methods=["POST"]),
    Route("/local/commands", command, methods=["POST"]),
    Route("/local/shortcuts", shortcut, methods=["POST"]),
    Route("/local/home", home, methods=["POST"]),
    Route("/local/invite", invite, methods=["POST"]),
]
