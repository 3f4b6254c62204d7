"""Sign in with Slack: OpenID Connect's authorization code flow, as Slack speaks it, for web applications that know people by it.

    authorize    a page on which whoever sits at the browser picks who they are; Slack would know, here nobody has a password
    token        code, client id and secret for an identity token, signed with a key made for this run
    userInfo     the same claims for an access token
    keys         the public half of the key

A code works once, for ten minutes, for the address it was made for. Browsers are sent back to this machine only.
"""

from __future__ import annotations

import base64
import binascii
import html
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jwt
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from . import people
from .arguments import Arguments
from .errors import SlackError
from .office import caller_with, office_of
from .settings import is_loopback
from .store import Json
from .web_api import bearer

TOKEN_FOR_S = 300  # as Slack's: an identity token is looked at once, at once
CLAIM = "https://slack.com/"
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


async def configuration(request: Request) -> Response:
    """Where everything is."""
    issuer = office_of(request).shapes.base_url
    return JSONResponse(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/openid/connect/authorize",
            "token_endpoint": f"{issuer}/api/openid.connect.token",
            "userinfo_endpoint": f"{issuer}/api/openid.connect.userInfo",
            "jwks_uri": f"{issuer}/openid/connect/keys",
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }
    )


async def keys(request: Request) -> Response:
    return JSONResponse(office_of(request).openid.jwks())


async def authorize(request: Request) -> Response:
    """The page; with `user`, which its links have, straight back to whoever asked."""
    asked = request.query_params
    if why := _wrong(asked):
        return HTMLResponse(_page(f"<p>{html.escape(why)}</p>"), status_code=400, headers=_PAGE_HEADERS)
    if asked.get("cancel"):
        return _back(asked["redirect_uri"], {"error": "access_denied", "state": asked.get("state", "")})
    person = people.person(asked.get("user", ""))
    if person is None:
        return HTMLResponse(_page(_choice(request)), headers=_PAGE_HEADERS)
    code = office_of(request).openid.give(person.id, asked["redirect_uri"], asked.get("nonce", ""))
    return _back(asked["redirect_uri"], {"code": code, "state": asked.get("state", "")})


async def token(request: Request) -> Response:
    """`/api/openid.connect.token`: no token is needed, but the client's id and secret, as Basic authorization or among the arguments."""
    office = office_of(request)
    args = Arguments({})
    try:
        args = await Arguments.of(request)
        office.faults.check("openid.connect.token")
        client_id, client_secret = _client(request, args)
        if client_id != people.CLIENT_ID:
            raise SlackError("invalid_client_id")
        if client_secret != people.CLIENT_SECRET:
            raise SlackError("bad_client_secret")
        about = office.openid.take(args.text("code"), args.text("redirect_uri"))
        person = people.person(about.user)
        assert person is not None, "codes are given to people of the workspace only"
        now = int(time.time())
        claims = {
            "iss": office.shapes.base_url,
            "aud": people.CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_FOR_S,
            "auth_time": now,
            "nonce": about.nonce,
            **_claims(person),
        }
        identity = jwt.encode(claims, office.openid.key, algorithm="RS256", headers={"kid": office.openid.key_id})
        body: Json = {"ok": True, "access_token": person.token, "token_type": "Bearer", "id_token": identity}
    except SlackError as error:
        body = error.reply()
    office.calls.add(
        "openid.connect.token", "", {k: v for k, v in args.values.items() if k != "client_secret"}, str(body.get("error", "ok"))
    )
    return JSONResponse(body)


async def user_info(request: Request) -> Response:
    """`/api/openid.connect.userInfo`: who a token belongs to."""
    caller = caller_with(bearer(request), office_of(request))
    person = people.person(caller.user) if caller and caller.kind == "user" else None
    if person is None:
        return JSONResponse(SlackError("invalid_auth").reply())
    return JSONResponse({"ok": True, **_claims(person)})


def _claims(person: people.Person) -> Json:
    first, _, last = person.real_name.partition(" ")
    return {
        "sub": person.id,
        f"{CLAIM}user_id": person.id,
        f"{CLAIM}team_id": people.TEAM_ID,
        "email": person.email,
        "email_verified": True,
        "date_email_verified": people.FOUNDED,
        "name": person.real_name,
        "given_name": first,
        "family_name": last,
        "locale": "en-US",
        f"{CLAIM}team_name": people.TEAM_NAME,
        f"{CLAIM}team_domain": people.TEAM_DOMAIN,
    }


def _client(request: Request, args: Arguments) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SlackError("invalid_client_id") from error
        return id, secret
    return args.text("client_id"), args.text("client_secret")


def _wrong(asked: Any) -> str:
    """Why nobody can be sent back from here; "" when all is well."""
    back = urlsplit(asked.get("redirect_uri", ""))
    if asked.get("client_id") != people.CLIENT_ID:
        return f"No app here has the client id {asked.get('client_id')!r}; this workspace's is {people.CLIENT_ID}."
    if back.scheme not in ("http", "https") or not is_loopback(back.hostname or ""):
        return "The address to go back to is not on this machine."
    if asked.get("response_type") != "code":
        return "The response_type must be code."
    if "openid" not in asked.get("scope", "").replace(",", " ").split():
        return "The scope must have openid."
    if asked.get("team", people.TEAM_ID) != people.TEAM_ID:
        return f"This is the workspace {people.TEAM_ID}."
    return ""


def _back(redirect_uri: str, more: dict[str, str]) -> Response:
    parts = urlsplit(redirect_uri)
    query = [*parse_qsl(parts.query), *more.items()]
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), status_code=302, headers={"Cache-Control": "no-store"})


def _choice(request: Request) -> str:
    query = request.url.query
    links = "".join(
        f'<li><a href="?{html.escape(query)}&amp;user={person.id}"><img src="/local/avatar/{person.id}.svg" alt="" width="40" height="40">'
        f'<span><b>{html.escape(person.real_name)}</b> <span lang="ja">{html.escape(person.real_name_ja)}</span><br>'
        f'<small>{html.escape(person.role)} · <span lang="ja">{html.escape(person.role_ja)}</span></small></span></a></li>'
        for person in people.PEOPLE
    )
    return (
        "<p>Kenpin’s console wants to know who you are. In Slack you would be signed in; here, choose.<br>"
        '<span lang="ja">Kenpinのコンソールが本人確認を求めています。ここでは、誰としてサインインするかを選んでください。</span></p>'
        f'<ul>{links}</ul><p><a href="?{html.escape(query)}&amp;cancel=1">Cancel · <span lang="ja">キャンセル</span></a></p>'
    )


def _page(inner: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Sign in to {people.TEAM_NAME}</title>"
        '<link rel="icon" href="/page/kenpin.svg"><link rel="stylesheet" href="/page/openid.css"></head>'
        f"<body><main><h1>{people.TEAM_NAME}</h1>{inner}</main></body></html>"
    )


ROUTES = [
    Route("/.well-known/openid-configuration", configuration),
    Route("/openid/connect/keys", keys),
    Route("/openid/connect/authorize", authorize),
    Route("/api/openid.connect.token", token, methods=["POST"]),
    Route("/api/openid.connect.userInfo", user_info, methods=["GET", "POST"]),
]
