"""What the console refuses to those who are in, beside what it allows: over real HTTP, on both databases."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from signed_in import IDS, Running, words
from sqlalchemy.engine import Engine

from kenpin.bot.console.desk import Desk
from kenpin.bot.console.page import CSRF, csrf_of
from kenpin.bot.console.roles import GroupUnknownError, Roles
from kenpin.bot.console.server import Console, listen
from kenpin.bot.settings import SettingError
from kenpin.storage import audit, people, sessions
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.tables import photo_views
from kenpin.storage.tables import sessions as session_rows
from kenpin.storage.vocabulary import Language, Role


@pytest.fixture
def console(bare_desk: Desk) -> Iterator[Running]:
    """Without the queue: nothing here puts anything on it."""
    listener = listen(0)
    running = Running(replace(bare_desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}"))
    with Console(running.desk, listener):
        yield running
        for browser in running.browsers:
            browser.close()


def logged(running: Running, kind: AuditKind) -> list[tuple[str | None, dict[str, Any]]]:
    with reading(running.engine) as conn:
        return [(entry.person_id, entry.payload or {}) for entry in audit.entries(conn, kind=kind)]


def test_a_stranger_is_sent_to_sign_in_and_back_to_where_they_were_going(console: Running) -> None:
    reply = console.stranger().get("/account?tab=1")
    assert (reply.status_code, reply.headers["location"]) == (303, "/sign-in?to=/account%3Ftab%3D1")
    assert console.stranger().get("/account", headers={"hx-request": "true"}).headers["hx-refresh"] == "true"


def test_somebody_signed_in_sees_the_page_with_their_name_and_role(console: Running) -> None:
    reply = console.browser("Vera").get("/account")
    assert reply.status_code == 200
    assert {"Vera", "Viewer"} <= set(words(reply).split())


def test_a_viewer_is_refused_what_an_admin_may_and_the_log_has_it(console: Running) -> None:
    console.token("Sumi")
    viewer, supervisor, admin = (console.browser(name) for name in ("Vera", "Sumi", "Ada"))
    for browser in (viewer, supervisor):
        reply = browser.submit("/account/send-away", {"person_id": IDS["Sumi"]})
        assert (reply.status_code, "This needs: Admin" in words(reply)) == (403, True)
    assert [(who, told["role"], told["path"]) for who, told in logged(console, AuditKind.PAGE_REFUSED)] == [
        (IDS["Vera"], "viewer", "/account/send-away"),
        (IDS["Sumi"], "supervisor", "/account/send-away"),
    ]
    assert supervisor.get("/account").status_code == 200, "nobody was sent away"
    assert admin.submit("/account/send-away", {"person_id": IDS["Sumi"]}).status_code == 303
    assert supervisor.get("/account").status_code == 303, "now somebody was"


def test_a_form_without_the_sessions_secret_is_refused_and_logged(console: Running) -> None:
    browser, other = console.browser("Sumi"), console.token("Ada")
    for fields in ({}, {CSRF: ""}, {CSRF: "guessed"}, {CSRF: csrf_of(other)}):
        assert browser.post("/language", data={"language": "ja", **fields}).status_code == 403
    assert [who for who, _ in logged(console, AuditKind.FORM_REFUSED)] == [IDS["Sumi"]] * 4
    with reading(console.engine) as conn:
        assert people.language_of(conn, IDS["Sumi"]) is Language.EN, "nothing was done"
    assert browser.submit("/language", {"language": "ja"}).status_code == 303
    token = browser.cookies["kenpin_session"]
    by_header = browser.post("/language", data={"language": "en"}, headers={"x-csrf-token": csrf_of(token)})
    assert by_header.status_code == 303, "htmx sends it as a header"


@pytest.mark.parametrize("header", [{"origin": "https://evil.example.com"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
def test_a_form_from_another_site_is_refused_even_with_the_secret(console: Running, header: dict[str, str]) -> None:
    browser = console.browser("Sumi")
    assert browser.submit("/language", {"language": "ja"}, headers=header).status_code == 403
    assert logged(console, AuditKind.FORM_REFUSED)[0][1]["why"] == "another site"
    assert browser.submit("/language", {"language": "ja"}, headers={"origin": console.url, "sec-fetch-site": "same-origin"}).is_redirect


def test_signing_out_ends_the_session_for_whoever_kept_its_secret(console: Running) -> None:
    browser = console.browser("Sumi")
    token = browser.cookies["kenpin_session"]
    assert browser.get("/sign-out").status_code == 405, "a picture on another site must not sign anybody out"
    assert browser.submit("/sign-out").status_code == 303
    kept = console.stranger()
    kept.cookies.set("kenpin_session", token, domain="127.0.0.1")
    assert kept.get("/account").headers["location"].startswith("/sign-in")
    assert logged(console, AuditKind.SIGNED_OUT) == [(IDS["Sumi"], {"why": "signed_out"})]


def test_a_session_ends_by_itself_when_it_lies_idle_and_in_any_case_after_its_hours(console: Running) -> None:
    idle = console.browser("Sumi")
    with writing(console.engine) as conn:
        idle_one = session_rows.c.token_sha256 == sessions.digest(idle.cookies["kenpin_session"])
        conn.execute(session_rows.update().where(idle_one).values(seen_at="2026-01-01T00:00:00.000Z"))
        over = sessions.start(conn, IDS["Sumi"], Role.SUPERVISOR, hours=-0.001)
    old = console.stranger()
    old.cookies.set("kenpin_session", over, domain="127.0.0.1")
    assert [browser.get("/account").status_code for browser in (idle, old, console.browser("Sumi"))] == [303, 303, 200]


def test_a_role_that_is_taken_away_is_gone_at_the_next_click(bare_desk: Desk) -> None:
    leads = {IDS["Sumi"]}
    roles = Roles(["S-LEADS=supervisor"], lambda group: leads)
    listener = listen(0)
    running = Running(replace(bare_desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}", roles=roles))
    with Console(running.desk, listener):
        browser = running.browser("Sumi")
        assert browser.get("/account").status_code == 200
        leads.clear()
        roles._members.clear()  # a minute later
        reply = browser.get("/account")
        assert (reply.status_code, "no longer have a role" in words(reply)) == (403, True)
        leads.add(IDS["Sumi"])
        roles._members.clear()
        assert browser.get("/account").status_code == 303, "the session has ended for good; signing in again helps"
    assert logged(running, AuditKind.SIGNED_OUT) == [(IDS["Sumi"], {"why": "role_lost"})]


def test_while_slack_is_away_its_last_word_on_a_group_counts_for_a_while_and_then_nobodys_does() -> None:
    answers: list[set[str] | None] = [{"U-SUMI"}, None, None]

    def members_of(group: str) -> set[str]:
        if (answer := answers.pop(0)) is None:
            raise GroupUnknownError("Slack does not answer.")
        return answer

    roles = Roles(["S-LEADS=supervisor", "U-ADA=admin"], members_of)
    assert roles.of("U-SUMI", None) is Role.SUPERVISOR
    kept = roles._members["S-LEADS"]
    roles._members["S-LEADS"] = replace(kept, asked_at=kept.asked_at - 120)
    assert roles.of("U-SUMI", None) is Role.SUPERVISOR
    roles._members["S-LEADS"] = replace(kept, asked_at=kept.asked_at - 1000)
    with pytest.raises(GroupUnknownError):
        roles.of("U-SUMI", None)
    assert roles.of("U-ADA", None) is Role.ADMIN, "who is named in the setting needs no group"


@pytest.mark.parametrize(
    ("named", "person", "email", "role"),
    [
        (["U-SUMI=viewer", "U-SUMI=supervisor"], "U-SUMI", None, Role.SUPERVISOR),
        (["Sumi@Example.com=admin"], "U-SUMI", "sumi@example.com", Role.ADMIN),
        (["*=viewer"], "U-NILS", None, Role.VIEWER),
        (["*=viewer", "S-LEADS=admin"], "U-SUMI", None, Role.ADMIN),
        (["U-SUMI=admin"], "U-NILS", "nils@example.com", None),
        ([], "U-SUMI", None, None),
    ],
)
def test_the_highest_role_that_fits_counts_and_nobody_has_one_unsaid(
    named: list[str], person: str, email: str | None, role: Role | None
) -> None:
    assert Roles(named, lambda group: ["U-SUMI"]).of(person, email) is role


@pytest.mark.parametrize("word", ["U-SUMI", "U-SUMI=boss", "=admin", "sumi=admin", "*"])
def test_a_role_that_cannot_be_given_stops_the_start(word: str) -> None:
    with pytest.raises(SettingError, match="KENPIN_CONSOLE_ROLES"):
        Roles([word], lambda group: [])


def test_every_answer_forbids_script_frames_and_keeping(console: Running) -> None:
    browser = console.browser()
    for path in ("/account", "/sign-in", "/no-such-page", "/static/console.css", "/static/no-such-file"):
        headers = browser.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY"), path
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store"), path


def test_the_console_answers_to_its_own_name_only(console: Running) -> None:
    browser = console.browser()
    assert browser.get("/account", headers={"host": "evil.example.com"}).status_code == 400
    assert browser.get("/account", headers={"host": console.url.removeprefix("http://")}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2f..%2fsettings.py", "/static//etc/passwd"]
)
def test_the_styles_folder_leads_nowhere_else(console: Running, path: str) -> None:
    answer = raw(console, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"import" not in answer


def test_an_unknown_page_says_what_to_do_with_a_number_that_is_in_the_log(console: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kenpin"):
        reply = console.browser().get("/no/such<script>alert(1)</script>")
    assert reply.status_code == 404
    assert "<script>alert" not in reply.text
    number = next(word for word in words(reply).replace(":", " ").split() if word.startswith("E-"))
    assert number in caplog.text


def test_what_was_typed_is_not_lost_when_the_session_has_ended(console: Running) -> None:
    browser = console.browser()
    token = browser.cookies["kenpin_session"]
    with writing(console.engine) as conn:
        sessions.end(conn, sessions.digest(token), sessions.SessionEnd.SENT_AWAY)
    reply = browser.post("/language", data={CSRF: csrf_of(token), "note": "a <b>long</b> explanation"})
    assert (reply.status_code, "a <b>long</b> explanation" in words(reply)) == (401, True)
    assert "<b>long" not in reply.text


@contextmanager
def away(engine: Engine) -> Iterator[None]:
    """The database cuts its connections off and takes no new ones; SQLite's file cannot be opened."""
    where = engine.url
    if engine.dialect.name == "sqlite":
        engine.dispose()
        file = Path(where.database or "")
        hidden = file.with_suffix(".away")
        file.rename(hidden)
        file.mkdir()
        yield
        file.rmdir()
        hidden.rename(file)
        return
    with psycopg.connect(where.set(drivername="postgresql", database="postgres").render_as_string(False), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{where.database}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (where.database,))
        yield
        admin.execute(f'ALTER DATABASE "{where.database}" ALLOW_CONNECTIONS true')


def test_while_the_database_is_away_a_page_says_so_and_what_was_typed_can_be_sent_again(console: Running) -> None:
    browser = console.browser()
    assert browser.get("/account").status_code == 200
    with away(console.engine):
        reply = browser.submit("/language", {"language": "ja", "note": "typed with care"})
        assert (reply.status_code, browser.get("/account").status_code) == (503, 503)
    assert "The database does not answer" in words(reply)
    assert "Traceback" not in reply.text
    assert "OperationalError" not in reply.text
    assert "typed with care" in words(reply)
    assert 'action="/language"' in reply.text
    assert csrf_of(browser.cookies["kenpin_session"]) in reply.text
    assert browser.get("/account").status_code == 200, "it goes on when the database is back"


def test_a_mistake_of_ours_shows_a_number_and_no_traceback(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("the inside of Kenpin")

    browser = console.browser()
    monkeypatch.setattr(sessions, "live", broken)  # no page has a mistake on purpose
    reply = browser.get("/account")
    assert (reply.status_code, "inside of Kenpin" in reply.text, "E-" in words(reply)) == (500, False, True)
    assert "script-src 'self'" in reply.headers["content-security-policy"]


def test_a_request_larger_than_any_form_is_refused_unread(console: Running) -> None:
    for length in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        assert raw(console, f"POST /language HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\nConnection: close\r\n\r\n").startswith(
            b"HTTP/1.1 413"
        )


def raw(console: Running, request: str) -> bytes:
    """Sent as it is; httpx would tidy it up."""
    host, port = console.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(request.encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_the_language_is_kept_for_the_person_and_for_the_browser(console: Running) -> None:
    browser = console.browser("Sumi")
    reply = browser.submit("/language", {"language": "ja", "to": "/account"})
    assert reply.headers["location"] == "/account"
    assert "監督者" in words(browser.get("/account"))
    assert "Slackでサインイン" in words(browser.get("/sign-in")), "and before signing in, on this browser"
    with reading(console.engine) as conn:
        assert people.language_of(conn, IDS["Sumi"]) is Language.JA


def test_who_was_shown_which_photo_is_on_record_for_good(console: Running) -> None:
    console.token("Vera")
    with writing(console.engine) as conn:
        sessions.log_view(conn, IDS["Vera"], "a" * 64)
    with reading(console.engine) as conn:
        assert [(row.person_id, row.photo_sha256) for row in conn.execute(sa.select(photo_views))] == [(IDS["Vera"], "a" * 64)]
    for change in (photo_views.delete(), photo_views.update().values(person_id=IDS["Vera"], at="2026-01-01T00:00:00.000Z")):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(console.engine) as conn:
            conn.execute(change)
