"""`/local/…`: what no Slack has. The page's own requests (snapshot, live changes, clicks, the tray), and the switches for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from . import people
from .delivery import NoAnswerError
from .errors import SlackError, invalid_arguments
from .events_api import EventsApi
from .interactions import shown_view
from .office import Office
from .state import Channel
from .store import Json

_NEWEST = 200  # messages a page starts with, per channel
_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
_TRAY_MOST = 400
_PAGE_SIDES_PX = (160, 480, 720, 1024, 2048)


def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def _person(user: str) -> people.Person:
    person = people.person(user)
    if person is None:
        raise invalid_arguments(f"nobody here has the id {user!r}; GET /local/people lists everybody")
    return person


async def _body(request: Request) -> Json:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


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
    channels = [{"id": c.id, "name": c.name} for c in _office(request).state.channels.values() if not c.is_im]
    return JSONResponse({"ok": True, "people": _people(), "usergroups": groups, "bot": bot, "channels": channels})


async def snapshot(request: Request) -> Response:
    """Everything a page needs to draw itself for one person."""
    office = _office(request)
    me = _person(request.query_params.get("user", people.OPERATOR.id))
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
    user = _person(request.query_params.get("user", "")).id
    return StreamingResponse(_office(request).live.stream(user), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def ephemeral(request: Request) -> Response:
    office = _office(request)
    user = request.query_params.get("user")
    shown = [office.shapes.message(m) | {"user_shown_to": m["_for"]} for m in office.state.ephemeral if user in (None, m["_for"])]
    return JSONResponse({"ok": True, "messages": shown})


# -- what a person does ----------------------------------------------------------------------------------------------------


async def click(request: Request) -> Response:
    """{user, channel, ts | view_id, action_id, block_id?, value? | selected_…?, state?}"""
    office, body = _office(request), await _body(request)
    user = _person(str(body.get("user", ""))).id
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
    office, body = _office(request), await _body(request)
    user = _person(str(body.get("user", ""))).id
    outcome = await office.interactions.submit(user, _view(office, user, str(body.get("view_id", ""))), body.get("values") or {})
    return JSONResponse({"ok": not outcome, **outcome})


async def dismiss(request: Request) -> Response:
    """{user, view_id}"""
    office, body = _office(request), await _body(request)
    user = _person(str(body.get("user", ""))).id
    await office.interactions.dismiss(user, _view(office, user, str(body.get("view_id", ""))))
    return JSONResponse({"ok": True})


async def command(request: Request) -> Response:
    """{user, channel, command: "/kenpin", text}"""
    office, body = _office(request), await _body(request)
    user = _person(str(body.get("user", ""))).id
    channel = office.state.channel(str(body.get("channel", "")), user)
    await office.interactions.command(user, channel, str(body.get("command", "")), str(body.get("text", "")))
    return JSONResponse({"ok": True})


async def shortcut(request: Request) -> Response:
    """{user, callback_id, channel?, ts?}"""
    office, body = _office(request), await _body(request)
    user = _person(str(body.get("user", ""))).id
    channel = office.state.channel(str(body["channel"]), user) if body.get("channel") else None
    message = office.state.message(channel, str(body.get("ts", ""))) if channel else None
    await office.interactions.shortcut(user, str(body.get("callback_id", "")), channel, message)
    return JSONResponse({"ok": True})


async def home(request: Request) -> Response:
    """{user, tab: "home" | "messages"}"""
    office, body = _office(request), await _body(request)
    office.timeline.open_home(_person(str(body.get("user", ""))).id, str(body.get("tab", "home")))
    return JSONResponse({"ok": True})


async def invite(request: Request) -> Response:
    """{user, channel, invited}: a member brings somebody, the bot for instance, into a channel."""
    office, body = _office(request), await _body(request)
    channel = office.state.channel(str(body.get("channel", "")), _person(str(body.get("user", ""))).id)
    invited = str(body.get("invited", people.BOT_USER_ID))
    if channel.is_im or not office.state.is_member_of_team(invited):
        raise SlackError("user_not_found")
    if invited not in channel.members:
        office.timeline.join(channel, invited, inviter=str(body["user"]))
    return JSONResponse({"ok": True})


async def respond(request: Request) -> Response:
    """A response_url. Open to whoever has the address, as at Slack."""
    _office(request).interactions.respond(request.path_params["secret"], await _body(request))
    return PlainTextResponse("ok")


# -- pictures for the page -------------------------------------------------------------------------------------------------


async def picture(request: Request) -> Response:
    """A photo, always drawn anew and never the uploaded bytes, so that nothing uploaded can run in the page."""
    office = _office(request)
    file = office.state.file(request.path_params["file"])
    side = int(request.path_params["side"])
    if side not in _PAGE_SIDES_PX or not file.is_image:
        raise SlackError("file_not_found")
    path = await run_in_threadpool(office.files.thumbnail, file, side)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"})


async def download(request: Request) -> Response:
    """A file as it was uploaded, only ever to be saved."""
    office = _office(request)
    file = office.state.file(request.path_params["file"])
    return FileResponse(
        office.files.path(file), filename=file.name, media_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"}
    )


async def avatar(request: Request) -> Response:
    """A person's initials on their colour, for clients that draw `image_48`."""
    person = _person(request.path_params["user"])
    initials = "".join(word[0] for word in person.real_name.split())
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="8" fill="#{person.color}"/>'
        f'<text x="24" y="31" font-family="sans-serif" font-size="19" font-weight="600" fill="#fff" text-anchor="middle">{initials}</text>'
        "</svg>"
    )
    return Response(drawn, media_type="image/svg+xml")


async def tray(request: Request) -> Response:
    """The photos of the tray folder, by sub-folder, which is their caption."""
    root = _office(request).settings.tray
    return JSONResponse({"ok": True, "photos": await run_in_threadpool(_tray_photos, root) if root and root.is_dir() else []})


def _tray_photos(root: Path) -> list[Json]:
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in _PICTURES and p.is_file())[:_TRAY_MOST]
    return [{"path": p.relative_to(root).as_posix(), "caption": p.parent.relative_to(root).as_posix().strip(".")} for p in found]


async def tray_photo(request: Request) -> Response:
    """A photo of the tray as it is, or with `?side=160` a small picture of it."""
    office = _office(request)
    wanted = _in_tray(office.settings.tray, request.path_params["path"])
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
    if "side" in request.query_params:
        return FileResponse(await run_in_threadpool(office.files.small_copy, wanted), media_type="image/png", headers=headers)
    return FileResponse(wanted, headers=headers)


def _in_tray(root: Path | None, path: str) -> Path:
    """Raises SlackError file_not_found for anything that is no photo inside the tray folder."""
    if root is None:
        raise SlackError("file_not_found")
    wanted = (root / path).resolve()
    if not wanted.is_relative_to(root.resolve()) or wanted.suffix.lower() not in _PICTURES or not wanted.is_file():
        raise SlackError("file_not_found")
    return wanted


# -- for tests -------------------------------------------------------------------------------------------------------------


async def faults(request: Request) -> Response:
    office = _office(request)
    if request.method == "POST":
        office.faults.set(await _body(request))
    return JSONResponse({"ok": True, "faults": office.faults.shown()})


async def calls(request: Request) -> Response:
    office = _office(request)
    if request.method == "DELETE":
        office.calls.clear()
    latest = office.calls.latest(request.query_params.get("method"))
    return JSONResponse({"ok": True, "counts": dict(office.calls.counts), "calls": latest})


async def connections(request: Request) -> Response:
    """GET shows how the bot is reached; POST {"do": "rotate" | "warn" | "link_disabled" | "cut" | "verify"}."""
    office = _office(request)
    done: Any = None
    if request.method == "POST":
        wanted = (await _body(request)).get("do")
        if wanted == "verify" and isinstance(office.delivery, EventsApi):
            done = await office.delivery.verify()
        elif wanted == "cut":
            done = await office.socket.cut()
        elif reason := {"rotate": "refresh_requested", "warn": "warning", "link_disabled": "link_disabled"}.get(str(wanted)):
            done = await office.socket.rotate(reason)
        else:
            raise invalid_arguments(f"do must be rotate, warn, link_disabled, cut, or verify in HTTP mode; it is {wanted!r}")
    return JSONResponse({"ok": True, "done": done, **office.delivery.shown()})


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
    Route("/local/picture/{file}/{side:int}", picture),
    Route("/local/download/{file}", download),
    Route("/local/avatar/{user}.svg", avatar),
    Route("/local/tray", tray),
    Route("/local/tray/{path:path}", tray_photo),
    Route("/local/faults", faults, methods=["GET", "POST"]),
    Route("/local/calls", calls, methods=["GET", "DELETE"]),
    Route("/local/connections", connections, methods=["GET", "POST"]),
]
