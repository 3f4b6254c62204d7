"""Sign in with Slack at the local workspace: what a web application that knows only Slack's documentation would do."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace

BACK = "http://127.0.0.1:1/back"


def asked(**other: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "scope": "openid profile email",
        "client_id": people.CLIENT_ID,
        "redirect_uri": BACK,
        "state": "the state",
        "nonce": "the nonce",
        **other,
    }


def authorize(workspace: Workspace, **other: str) -> httpx.Response:
    return httpx.get(f"{workspace.url}/openid/connect/authorize", params=asked(**other), trust_env=False)


def code_for(workspace: Workspace, user: str) -> str:
    reply = authorize(workspace, user=user)
    assert reply.status_code == 302
    back = urlsplit(reply.headers["location"])
    query = parse_qs(back.query)
    assert (f"{back.scheme}://{back.netloc}{back.path}", query["state"]) == (BACK, ["the state"])
    return query["code"][0]


def exchanged(workspace: Workspace, code: str, **other: str) -> object:
    given = {"client_id": people.CLIENT_ID, "client_secret": people.CLIENT_SECRET, "redirect_uri": BACK, **other}
    return WebClient(base_url=workspace.api_url).openid_connect_token(code=code, **given)


def test_a_code_becomes_a_token_that_the_published_key_signed(standing: Workspace) -> None:
    reply = exchanged(standing, code_for(standing, people.SUPERVISOR.id))
    known = httpx.get(f"{standing.url}/.well-known/openid-configuration", trust_env=False).json()
    key = jwt.PyJWKClient(known["jwks_uri"]).get_signing_key_from_jwt(reply["id_token"])
    claims = jwt.decode(reply["id_token"], key, algorithms=["RS256"], audience=people.CLIENT_ID, issuer=known["issuer"])
    assert (claims["sub"], claims["nonce"], claims["email"]) == (people.SUPERVISOR.id, "the nonce", "sumi.sato@example.com")
    assert claims["https://slack.com/team_id"] == people.TEAM_ID
    told = WebClient(base_url=standing.api_url, token=reply["access_token"]).openid_connect_userInfo()
    assert (told["sub"], told["name"]) == (people.SUPERVISOR.id, "Sumi Sato")


def test_the_page_offers_everybody_in_both_languages(standing: Workspace) -> None:
    page = authorize(standing)
    assert page.status_code == 200
    assert all(person.real_name in page.text and person.real_name_ja in page.text for person in people.PEOPLE)
    assert "access_denied" in authorize(standing, cancel="1").headers["location"]


@pytest.mark.parametrize(
    "other",
    [
        {"client_id": "another app"},
        {"redirect_uri": "https://elsewhere.example.com/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"response_type": "token"},
        {"scope": "profile"},
        {"team": "T0ELSEWHERE"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_nobody_is_sent_back_for_a_request_that_slack_would_refuse(standing: Workspace, other: dict[str, str]) -> None:
    assert authorize(standing, user=people.OPERATOR.id, **other).status_code == 400


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"client_id": "another app"}, "invalid_client_id"),
        ({"client_secret": "guessed"}, "bad_client_secret"),
        ({"redirect_uri": "http://127.0.0.1:1/elsewhere"}, "bad_redirect_uri"),
        ({"code": "guessed"}, "invalid_code"),
    ],
    ids=lambda other: next(iter(other)) if isinstance(other, dict) else "",
)
def test_a_code_is_worth_nothing_to_anybody_else(standing: Workspace, other: dict[str, str], error: str) -> None:
    code = code_for(standing, people.OPERATOR.id)
    with pytest.raises(SlackApiError, match=error):
        exchanged(standing, **{"code": code, **other})


def test_a_code_works_once(standing: Workspace) -> None:
    code = code_for(standing, people.OPERATOR.id)
    assert exchanged(standing, code)["ok"]  # type: ignore[index]
    with pytest.raises(SlackApiError, match="invalid_code"):
        exchanged(standing, code)


def test_a_page_elsewhere_can_send_a_browser_to_the_choice_and_nowhere_else(standing: Workspace) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    here = f"{standing.url}/openid/connect/authorize"
    assert httpx.get(here, params=asked(), headers=headers, trust_env=False).status_code == 200
    assert httpx.get(f"{standing.url}/local/people", headers=headers, trust_env=False).status_code == 403
