"""The door of the Web API: who calls which method with what, the errors every method shares, and the record of it all."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .arguments import Arguments
from .errors import SlackError
from .office import Caller, Method, Office, caller_with, office_of
from .store import Json
from .web_assistant import assistant
from .web_chat import chat
from .web_conversations import conversations
from .web_directory import directory
from .web_files import files
from .web_reactions import reactions
from .web_streams import streams
from .web_views import views

METHODS: dict[str, Method] = {
    name: method
    for module in (assistant, chat, conversations, directory, files, reactions, streams, views)
    for name, method in module.table.items()
}


async def call(request: Request) -> Response:
    """`/api/<method>`, with any verb."""
    office = office_of(request)
    name = request.path_params["method"]
    if (delay_s := office.faults.delay_s(name)) > 0:
        await asyncio.sleep(delay_s)
    args, caller = Arguments({}), None
    if (retry_after_s := office.faults.rate_limited(name)) is not None:
        office.calls.add(name, "", {}, "ratelimited")
        return JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers={"Retry-After": str(retry_after_s)})
    try:
        args = await Arguments.of(request)
        caller = _caller(office, request, args)
        body: Json = {"ok": True, **_method(office, name, caller).handler(office, caller, args)}
    except SlackError as error:
        body = error.reply()
    office.calls.add(name, caller.user or caller.kind if caller else "", args.values, str(body.get("error", "ok")))
    return JSONResponse(body, headers=_headers(caller, METHODS.get(name)))


def _caller(office: Office, request: Request, args: Arguments) -> Caller:
    token = bearer(request) or args.text("token")
    if not token:
        raise SlackError("not_authed")
    caller = caller_with(token, office)
    if caller is None:
        raise SlackError("invalid_auth")
    return caller


def bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _method(office: Office, name: str, caller: Caller) -> Method:
    method = METHODS.get(name)
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    office.faults.check(name)
    if caller.kind not in method.tokens:
        raise SlackError("not_allowed_token_type")
    if method.scopes and not caller.scopes.intersection(method.scopes):
        raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(sorted(caller.scopes)))
    return method


def _headers(caller: Caller | None, method: Method | None) -> dict[str, str]:
    """Bolt reads the bot's scopes from here."""
    if caller is None:
        return {}
    accepted = {"x-accepted-oauth-scopes": ",".join(method.scopes)} if method and method.scopes else {}
    return {"x-oauth-scopes": ",".join(sorted(caller.scopes)), **accepted}
