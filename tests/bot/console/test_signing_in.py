"""Getting in to the console, and not getting in: over real HTTP, with a Slack that can be made to lie, on both databases."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from crooked_slack import CLIENT_ID, TEAM, CrookedSlack
from signed_in import Browser, Running, words

from kenpin.bot.console import page, sign_in
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.identity import SlackIdentity
from kenpin.bot.console.server import Console, listen
from kenpin.storage import audit, sessions
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.tables import sessions as session_rows
from kenpin.storage.tables import sign_ins


@pytest.fixture(scope="module")
def crooked() -> Iterator[CrookedSlack]:
    slack = CrookedSlack()
    yield slack
    slack.close()


@pytest.fixture
def slack(crooked: CrookedSlack) -> CrookedSlack:
    crooked.away, crooked.id_token = False, ""
    return crooked


@pytest.fixture
def door(bare_desk: Desk, slack: CrookedSlack) -> Iterator[Running]:
    """A console that signs people in with this Slack."""
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    identity = SlackIdentity(
        client_id=CLIENT_ID, client_secret="its secret", api_url=f"{slack.url}/api/", team_id=TEAM, back=url + sign_in.BACK
    )
    running = Running(replace(bare_desk, url=url, identity=identity))
    with Console(running.desk, listener):
        yield running
        for browser in running.browsers:
            browser.close()


def begin(browser: Browser, to: str = "/account") -> dict[str, str]:
    """The state and nonce that the console sends to Slack."""
    reply = browser.get("/sign-in/leave", params={"to": to})
    assert reply.status_code == 303
    query = parse_qs(urlsplit(reply.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def come_back(browser: Browser, **query: str) -> httpx.Response:
    return browser.get(sign_in.BACK, params={"code": "a code", **query})


def logged(running: Running, kind: AuditKind) -> list[tuple[str | None, dict[str, Any]]]:
    with reading(running.engine) as conn:
        return [(entry.person_id, entry.payload or {}) for entry in audit.entries(conn, kind=kind)]


def nobody_is_in(running: Running) -> bool:
    with reading(running.engine) as conn:
        return not sessions.live(conn, idle_min=60)


def test_a_true_token_lets_its_person_in_and_back_to_where_they_were_going(door: Running, slack: CrookedSlack) -> None:
    browser = door.stranger()
    sent = begin(browser, "/account?from=slack")
    assert (sent["client_id"], sent["team"], sent["redirect_uri"]) == (CLIENT_ID, TEAM, f"{door.url}/sign-in/back")
    slack.id_token = slack.signed(slack.claims(sent["nonce"]))
    reply = come_back(browser, state=sent["state"])
    assert (reply.status_code, reply.headers["location"]) == (303, "/account?from=slack")
    cookie = next(c for c in reply.headers.get_list("set-cookie") if c.startswith("kenpin_session="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Supervisor" in words(browser.get("/account"))
    assert logged(door, AuditKind.SIGNED_IN) == [("U-SUMI", {"role": "supervisor", "address": "127.0.0.1"})]


CROOKED: dict[str, Callable[[CrookedSlack, str], str]] = {
    "nonce": lambda slack, nonce: slack.signed(slack.claims("another sign-in's")),
    "no nonce": lambda slack, nonce: slack.signed(slack.claims(nonce) | {"nonce": ""}),
    "team": lambda slack, nonce: slack.signed(slack.claims(nonce, **{"https://slack.com/team_id": "T-ELSEWHERE"})),
    "no team": lambda slack, nonce: slack.signed(slack.claims(nonce, **{"https://slack.com/team_id": None})),
    "audience": lambda slack, nonce: slack.signed(slack.claims(nonce, aud="another app")),
    "issuer": lambda slack, nonce: slack.signed(slack.claims(nonce, iss="https://slack.example.com")),
    "expired": lambda slack, nonce: slack.signed(slack.claims(nonce, iat=int(time.time()) - 900, exp=int(time.time()) - 600)),
    "never expires": lambda slack, nonce: slack.signed(slack.claims(nonce, exp=None)),
    "unsigned": lambda slack, nonce: unsigned(slack.claims(nonce)),
    "signed with the public key as a password": lambda slack, nonce: slack.signed(
        slack.claims(nonce), algorithm="HS256", key="the public key, which everybody knows, taken for a password"
    ),
    "another key": lambda slack, nonce: slack.signed(slack.claims(nonce), key=slack.other_key),
    "a key nobody published": lambda slack, nonce: slack.signed(slack.claims(nonce), key=slack.other_key, kid="k2"),
    "no token": lambda slack, nonce: "",
    "no token at all": lambda slack, nonce: "<html>sign in</html>",
}


def unsigned(claims: dict[str, Any]) -> str:
    """alg none: what its maker says is all there is."""
    pieces = ({"alg": "none", "kid": "k1", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(piece).encode()).rstrip(b"=").decode() for piece in pieces) + "."


@pytest.mark.parametrize("some", [tuple(CROOKED)[:7], tuple(CROOKED)[7:]], ids=["made for somebody else", "not signed by slack"])
def test_a_crooked_token_lets_nobody_in_and_is_logged(door: Running, slack: CrookedSlack, some: tuple[str, ...]) -> None:
    reasons = []
    for how in some:
        browser = door.stranger()
        sent = begin(browser)
        slack.id_token = CROOKED[how](slack, sent["nonce"])
        reply = come_back(browser, state=sent["state"])
        assert (reply.status_code, page.session_cookie(False) in browser.cookies) == (403, False), how
        assert nobody_is_in(door), how
        reasons.append(how.removeprefix("no ") if how in ("nonce", "no nonce", "team", "no team") else "token")
    assert [told["why"] for _, told in logged(door, AuditKind.SIGN_IN_REFUSED)] == reasons
    browser = door.stranger()
    sent = begin(browser)
    slack.id_token = slack.signed(slack.claims(sent["nonce"]))
    assert come_back(browser, state=sent["state"]).status_code == 303, "the true one is taken by the same console"


def test_a_state_that_was_never_given_out_is_refused(door: Running) -> None:
    reply = come_back(door.stranger(), state="made up")
    assert reply.status_code == 403
    assert "could not be proven" in words(reply)
    assert logged(door, AuditKind.SIGN_IN_REFUSED) == [(None, {"why": "forged", "address": "127.0.0.1"})]


def test_a_way_back_works_once(door: Running, slack: CrookedSlack) -> None:
    browser = door.stranger()
    sent = begin(browser)
    cookie = browser.cookies["kenpin_sign_in"]
    slack.id_token = slack.signed(slack.claims(sent["nonce"]))
    assert come_back(browser, state=sent["state"]).status_code == 303
    thief = door.stranger()
    thief.cookies.set("kenpin_sign_in", cookie, domain="127.0.0.1")
    reply = come_back(thief, state=sent["state"])
    assert (reply.status_code, "used already" in words(reply)) == (403, True)
    assert [told["why"] for _, told in logged(door, AuditKind.SIGN_IN_REFUSED)] == ["replayed"]


def test_a_way_back_begun_in_another_browser_is_refused(door: Running, slack: CrookedSlack) -> None:
    """Somebody sends their own way back to a supervisor, who would then work under the wrong name."""
    attacker, victim = door.stranger(), door.stranger()
    sent = begin(attacker)
    begin(victim)
    slack.id_token = slack.signed(slack.claims(sent["nonce"]))
    assert come_back(victim, state=sent["state"]).status_code == 403
    assert nobody_is_in(door)
    assert [told["why"] for _, told in logged(door, AuditKind.SIGN_IN_REFUSED)] == ["forged"]


def test_a_way_back_that_took_too_long_says_so(door: Running, slack: CrookedSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = door.stranger()
    sent = begin(browser)
    monkeypatch.setattr(sessions, "SIGN_IN_WITHIN_MIN", -1)  # the clock is the database's rows'; eleven minutes are not waited for
    reply = come_back(browser, state=sent["state"])
    assert (reply.status_code, "expired" in words(reply)) == (403, True)


def test_the_database_itself_refuses_to_use_a_sign_in_twice_or_to_revive_a_session(door: Running) -> None:
    token = door.token("Sumi")
    with writing(door.engine) as conn:
        begun = sessions.begin(conn, "/")
        assert sessions.finish(conn, begun.state, begun.browser).problem is None
        assert sessions.end(conn, sessions.digest(token), sessions.SessionEnd.SIGNED_OUT)
    for statement in (
        sign_ins.update().values(used_at="2026-11-23T00:00:00.000Z"),
        session_rows.update().values(ended_at=None, ended_why=None),
        session_rows.delete(),
    ):
        with pytest.raises(sa.exc.DBAPIError, match=r"once|nothing else"), writing(door.engine) as conn:
            conn.execute(statement)


def test_somebody_without_a_role_is_told_so_and_logged_by_name(door: Running, slack: CrookedSlack) -> None:
    browser = door.stranger()
    sent = begin(browser)
    slack.id_token = slack.signed(slack.claims(sent["nonce"], **{"https://slack.com/user_id": "U-NILS", "sub": "U-NILS", "name": "Nils"}))
    reply = come_back(browser, state=sent["state"])
    assert (reply.status_code, "no role" in words(reply)) == (403, True)
    assert logged(door, AuditKind.SIGN_IN_REFUSED) == [("U-NILS", {"why": "no_role", "address": "127.0.0.1"})]


def test_pressing_cancel_in_slack_is_no_error(door: Running) -> None:
    browser = door.stranger()
    sent = begin(browser)
    reply = browser.get(sign_in.BACK, params={"error": "access_denied", "state": sent["state"]})
    assert (reply.status_code, "Start again" in words(reply)) == (403, True)


def test_slack_being_away_is_said_and_nobody_gets_in(door: Running, slack: CrookedSlack) -> None:
    browser = door.stranger()
    sent = begin(browser)
    slack.away = True
    reply = come_back(browser, state=sent["state"])
    assert (reply.status_code, "Slack does not answer" in words(reply)) == (503, True)
    assert nobody_is_in(door)


def test_a_session_planted_in_the_browser_beforehand_is_not_the_one_that_signs_in(door: Running, slack: CrookedSlack) -> None:
    planted = door.token("Vera")
    browser = door.stranger()
    browser.cookies.set("kenpin_session", planted, domain="127.0.0.1")
    sent = begin(browser)
    slack.id_token = slack.signed(slack.claims(sent["nonce"]))
    come_back(browser, state=sent["state"])
    assert browser.cookies["kenpin_session"] != planted
    attacker = door.stranger()
    attacker.cookies.set("kenpin_session", planted, domain="127.0.0.1")
    assert attacker.get("/account").headers["location"].startswith("/sign-in"), "the planted session has ended"


def test_too_many_tries_have_to_wait_and_the_log_has_that_once(door: Running) -> None:
    browser = door.stranger()
    for _ in range(sign_in.MOST_ATTEMPTS):
        assert browser.get("/sign-in/leave").status_code == 303
    replies = [browser.get("/sign-in/leave") for _ in range(3)]
    assert [(reply.status_code, "retry-after" in reply.headers) for reply in replies] == [(429, True)] * 3
    assert come_back(browser, state="made up").status_code == 429, "the way back counts too"
    assert [told["why"] for _, told in logged(door, AuditKind.SIGN_IN_REFUSED)] == ["too_often"]
    listener = listen(0)
    beside = replace(door.desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with Console(beside, listener), httpx.Client(trust_env=False) as client:
        assert client.get(f"{beside.url}/sign-in/leave").status_code == 429, "another process counts them as well"


def test_nobody_is_sent_anywhere_but_into_the_console(door: Running, slack: CrookedSlack) -> None:
    for to in ("https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "/a\r\nX: 1", "\t//evil"):
        browser = door.stranger()
        sent = begin(browser, to)
        slack.id_token = slack.signed(slack.claims(sent["nonce"]))
        assert come_back(browser, state=sent["state"]).headers["location"] == "/", to


def test_what_lies_in_the_database_signs_nobody_in(door: Running) -> None:
    token = door.token("Ada")
    with reading(door.engine) as conn:
        kept = [str(value) for row in conn.execute(sa.select(session_rows)) for value in row]
    assert token not in kept
    for value in kept:
        browser = door.stranger()
        browser.cookies.set("kenpin_session", value.encode("ascii", "ignore").decode(), domain="127.0.0.1")
        assert browser.get("/account").status_code == 303
