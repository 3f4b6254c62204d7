"""HTTP mode: signed requests to the bot's address for events, interactions and commands, with Slack's retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from urllib.parse import urlencode

import httpx

from . import people
from .delivery import Delivery, InteractionKind, NoAnswerError
from .store import Json

log = logging.getLogger(__name__)

_MOST_REDIRECTS = 2  # Slack gives up on the third


class EventsApi(Delivery):
    """Posts to `url`. retry_delays_s: the wait before each retry; Slack's own are at once, one minute, five minutes."""

    def __init__(self, url: str, signing_secret: str, retry_delays_s: tuple[float, ...], answer_within_s: float) -> None:
        super().__init__(answer_within_s)
        self._url = url
        self._secret = signing_secret.encode()
        self._retry_delays_s = retry_delays_s
        self._verified = False
        self._tasks: set[asyncio.Task[None]] = set()
        # No proxy from the environment: the bot is on this machine.
        self._client = httpx.AsyncClient(timeout=answer_within_s, follow_redirects=True, max_redirects=_MOST_REDIRECTS, trust_env=False)

    def _signed(self, body: bytes, content_type: str) -> dict[str, str]:
        stamp = str(int(time.time()))
        signature = hmac.new(self._secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }

    async def _post_json(self, payload: Json, more: dict[str, str]) -> httpx.Response:
        body = json.dumps(payload, ensure_ascii=False).encode()
        return await self._client.post(self._url, content=body, headers=self._signed(body, "application/json") | more)

    async def verify(self) -> bool:
        """The handshake Slack makes when an address is entered: the bot must give the challenge back."""
        challenge = secrets.token_urlsafe(32)
        try:
            answer = await self._post_json({"type": "url_verification", "token": people.VERIFICATION_TOKEN, "challenge": challenge}, {})
        except httpx.HTTPError as error:
            log.warning("The bot at %s cannot be reached yet: %s", self._url, error)
            return False
        self._verified = answer.is_success and challenge in answer.text
        return self._verified

    def send_event(self, payload: Json) -> None:
        task = asyncio.ensure_future(self._deliver(payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, payload: Json) -> None:
        if not self._verified:
            await self.verify()
        reason = ""
        for attempt, wait_s in enumerate((0.0, *self._retry_delays_s)):
            await asyncio.sleep(wait_s)
            retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
            try:
                answer = await self._post_json(payload, retry)
            except httpx.HTTPError as error:
                reason = _reason(error)
                continue
            if answer.is_success:
                return
            reason = "http_error"
            if answer.headers.get("X-Slack-No-Retry") == "1":
                break
        self.given_up.append(payload)
        log.warning("Event %s (%s) could not be delivered to %s: %s", payload["event_id"], payload["event"]["type"], self._url, reason)

    async def interact(self, kind: InteractionKind, payload: Json, *, answer_counts: bool) -> Json:
        fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload, ensure_ascii=False)}
        body = urlencode(fields).encode()
        try:
            answer = await self._client.post(self._url, content=body, headers=self._signed(body, "application/x-www-form-urlencoded"))
        except httpx.TimeoutException as error:
            raise NoAnswerError(f"{people.BOT_NAME} did not answer within {self._answer_within_s:g} seconds. Try again.") from error
        except httpx.HTTPError as error:
            raise NoAnswerError(f"{people.BOT_NAME} cannot be reached at {self._url}. Start it, then try again.") from error
        if not answer.is_success:
            raise NoAnswerError(f"{people.BOT_NAME} answered with status {answer.status_code}.")
        if not answer.content:
            return {}
        if "json" not in answer.headers.get("content-type", ""):
            return {"text": answer.text}
        body_json = answer.json()
        return body_json if isinstance(body_json, dict) else {}

    def shown(self) -> Json:
        reached = {"mode": "http", "url": self._url, "verified": self._verified}
        return {**reached, "in_flight": len(self._tasks), "given_up": list(self.given_up)}

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self._client.aclose()


def _reason(error: httpx.HTTPError) -> str:
    """Slack's word for what went wrong with a request."""
    if isinstance(error, httpx.TimeoutException):
        return "http_timeout"
    if isinstance(error, httpx.TooManyRedirects):
        return "too_many_redirects"
    if isinstance(error, httpx.ConnectError):
        return "ssl_error" if "SSL" in str(error) else "connection_failed"
    return "unknown_error"
