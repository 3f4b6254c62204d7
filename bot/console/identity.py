"""Sign in with Slack: who somebody is, by OpenID Connect's authorization code flow, each answer checked before it is believed.

The addresses follow from SLACK_API_URL, so that the local workspace signs its people in the same way. An identity token counts only when
Slack's own key signed it (RS256, whatever the token says of itself), it was made for this app, by this issuer, for this sign-in (the
nonce), lately, and for a member of the bot's own workspace (the team).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.storage import sessions

SCOPES = "openid profile email"
CLOCKS_APART_S = 30  # chosen: servers that keep time by NTP are closer
KEYS_WITHIN_S = 10
_NEEDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]


class IdentityRefusedError(Exception):
    """What came from the browser or from Slack proves nobody's identity. reason: one word, for the audit log."""

    def __init__(self, reason: str, words: str) -> None:
        self.reason = reason
        super().__init__(words)


class IdentityUnavailableError(Exception):
    """Slack does not answer; trying again can help."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    person_id: str
    name: str | None
    email: str | None  # only one that Slack has verified
    locale: str | None


class SlackIdentity:
    def __init__(self, *, client_id: str, client_secret: str, api_url: str, team_id: str, back: str) -> None:
        """back: the console's own address that Slack sends people back to."""
        address = urlsplit(api_url)
        self.issuer = f"{address.scheme}://{address.netloc}"
        self._client_id, self._client_secret, self._team_id, self._back = client_id, client_secret, team_id, back
        self._client = WebClient(base_url=api_url)
        self._keys = jwt.PyJWKClient(f"{self.issuer}/openid/connect/keys", timeout=KEYS_WITHIN_S)

    def address(self, state: str, nonce: str) -> str:
        """Where to send the browser."""
        query = {
            "response_type": "code",
            "scope": SCOPES,
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "state": state,
            "nonce": nonce,
            "team": self._team_id,
        }
        return f"{self.issuer}/openid/connect/authorize?{urlencode(query)}"

    def of(self, code: str, nonce_sha256: str) -> Identity:
        """Who came back with this code. Raises IdentityRefusedError, IdentityUnavailableError."""
        return self._checked(self._token_for(code), nonce_sha256)

    def _token_for(self, code: str) -> str:
        try:
            reply = self._client.openid_connect_token(
                client_id=self._client_id, client_secret=self._client_secret, code=code, redirect_uri=self._back
            )
        except SlackApiError as error:
            if error.response.status_code != 200:  # Slack says no with status 200
                raise IdentityUnavailableError(f"Slack answers with status {error.response.status_code}.") from error
            raise IdentityRefusedError("code", f"Slack does not take the code: {error.response['error']}.") from error
        except OSError as error:
            raise IdentityUnavailableError(f"Slack does not answer at {self.issuer}: {error}") from error
        return str(reply.get("id_token") or "")

    def _checked(self, token: str, nonce_sha256: str) -> Identity:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._client_id,
                issuer=self.issuer,
                leeway=CLOCKS_APART_S,
                options={"require": _NEEDED},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise IdentityUnavailableError(f"Slack's keys cannot be read: {error}") from error
        except (jwt.InvalidTokenError, jwt.PyJWKClientError, jwt.PyJWKError) as error:
            raise IdentityRefusedError("token", f"Slack's identity token does not hold: {error}.") from error
        if not secrets.compare_digest(sessions.digest(str(claims["nonce"])), nonce_sha256):
            raise IdentityRefusedError("nonce", "The identity token was made for another sign-in.")
        if claims.get("https://slack.com/team_id") != self._team_id:
            raise IdentityRefusedError("team", "The identity token is of another Slack workspace.")
        person_id = claims.get("https://slack.com/user_id") or claims["sub"]
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(person_id=str(person_id), name=claims.get("name"), email=email, locale=claims.get("locale"))
