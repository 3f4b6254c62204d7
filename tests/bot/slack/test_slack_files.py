"""Fetching files over real HTTP from servers on this machine: where the token goes, and where it never goes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenpin.bot.messenger import PhotoUnavailableError
from kenpin.bot.slack.files import MAX_BYTES, MAX_REDIRECTS, FileGoneError, FileHostError, HostNotAllowedError, check_host, download

TOKEN = "xoxb-only-for-friends"
LOGIN_PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


@dataclass
class FileHost:
    """A web server that remembers what it was asked, and by which token."""

    port: int
    replies: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)  # path -> status, headers, body
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Authorization

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"


@contextmanager
def file_host() -> Iterator[FileHost]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = running.replies.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the reader had enough
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = FileHost(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def friend() -> Iterator[FileHost]:
    with file_host() as running:
        yield running


@pytest.fixture
def stranger() -> Iterator[FileHost]:
    with file_host() as running:
        yield running


def test_a_file_on_an_allowed_host_comes_with_the_token(friend: FileHost) -> None:
    friend.replies["/photo.jpg"] = (200, {"Content-Type": "image/jpeg"}, b"\xff\xd8 pixels")
    assert download(friend.url("/photo.jpg"), TOKEN, [friend.host]) == b"\xff\xd8 pixels"
    assert friend.asked == [("/photo.jpg", f"Bearer {TOKEN}")]


def test_a_file_on_another_port_of_an_allowed_machine_is_never_asked_for(friend: FileHost, stranger: FileHost) -> None:
    with pytest.raises(HostNotAllowedError, match=re.escape(stranger.host) + r".*KENPIN_FILE_HOSTS.*token was not sent"):
        download(stranger.url("/photo.jpg"), TOKEN, [friend.host])
    assert stranger.asked == []


def test_a_redirect_to_an_allowed_host_is_followed(friend: FileHost, stranger: FileHost) -> None:
    friend.replies["/old"] = (302, {"Location": "/new"}, b"")
    friend.replies["/new"] = (301, {"Location": stranger.url("/photo")}, b"")
    stranger.replies["/photo"] = (200, {}, b"pixels")
    assert download(friend.url("/old"), TOKEN, [friend.host, stranger.host]) == b"pixels"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_is_refused_before_anything_is_sent_there(friend: FileHost, stranger: FileHost, status: int) -> None:
    friend.replies["/photo"] = (status, {"Location": stranger.url("/steal")}, b"")
    with pytest.raises(HostNotAllowedError):
        download(friend.url("/photo"), TOKEN, [friend.host])
    assert stranger.asked == []


def test_going_round_in_redirects_ends(friend: FileHost) -> None:
    friend.replies["/round"] = (302, {"Location": "/round"}, b"")
    with pytest.raises(FileHostError, match=f"more than {MAX_REDIRECTS} times"):
        download(friend.url("/round"), TOKEN, [friend.host])
    assert len(friend.asked) == MAX_REDIRECTS + 1


def test_reading_stops_one_byte_past_the_bound(friend: FileHost) -> None:
    friend.replies["/just"] = (200, {}, b"x" * MAX_BYTES)
    friend.replies["/huge"] = (200, {}, b"x" * (MAX_BYTES + 2**20))
    assert len(download(friend.url("/just"), TOKEN, [friend.host])) == MAX_BYTES
    assert len(download(friend.url("/huge"), TOKEN, [friend.host])) == MAX_BYTES + 1


def test_a_login_page_is_passed_on_for_the_photo_check_to_name(friend: FileHost) -> None:
    friend.replies["/photo.jpg"] = (200, {"Content-Type": "text/html"}, LOGIN_PAGE)
    assert download(friend.url("/photo.jpg"), TOKEN, [friend.host]) == LOGIN_PAGE


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_deleted_file_is_gone_for_good(friend: FileHost, status: int) -> None:
    friend.replies["/photo"] = (status, {}, b"")
    with pytest.raises(FileGoneError, match=str(status)) as gone:
        download(friend.url("/photo"), TOKEN, [friend.host])
    assert not gone.value.retryable
    assert isinstance(gone.value, PhotoUnavailableError), "the main path tells the person; it does not try again"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_in_trouble_is_worth_another_try(friend: FileHost, status: int) -> None:
    friend.replies["/photo"] = (status, {}, b"")
    with pytest.raises(FileHostError, match=str(status)) as trouble:
        download(friend.url("/photo"), TOKEN, [friend.host])
    assert trouble.value.retryable


def test_a_host_that_is_away_or_breaks_off_is_worth_another_try(friend: FileHost) -> None:
    friend.replies["/half"] = (200, {"Content-Length": "1000"}, b"half")
    with pytest.raises(FileHostError, match="did not deliver"):
        download(friend.url("/half"), TOKEN, [friend.host])
    with file_host() as gone:
        pass
    with pytest.raises(FileHostError, match="did not deliver"):
        download(gone.url("/photo"), TOKEN, [gone.host])


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com/files-pri/T1-F1/photo.jpg",
        "https://FILES.slack.com:443/photo.jpg",
        "https://files.slack.com:8443/photo.jpg",
        "http://127.0.0.1:8321/photo.jpg",
        "http://localhost:8321/photo.jpg",
        "http://[::1]:8321/photo.jpg",
    ],
)
def test_addresses_the_token_may_go_to(url: str) -> None:
    check_host(url, ["files.slack.com", "files.slack.com:8443", "127.0.0.1:8321", "localhost:8321", "::1:8321"])


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/photo.jpg",
        "http://files.slack.com:80/photo.jpg",
        "https://files.slack.com:444/photo.jpg",
        "https://files.slack.com.example.com/photo.jpg",
        "https://example.com/files.slack.com",
        "https://files.slack.com@example.com/photo.jpg",
        "https://files.slack.com%2eexample.com/",
        "http://127.0.0.1:9999/photo.jpg",
        "http://10.0.0.5:8321/photo.jpg",
        "ftp://files.slack.com/photo.jpg",
        "file:///etc/passwd",
        "//files.slack.com/photo.jpg",
        "https://files.slack.com:99999999/",
        "https://[::1/",
        "https://files.slack.com\n.example.com/",
        "",
    ],
)
def test_addresses_the_token_never_goes_to(url: str) -> None:
    with pytest.raises(HostNotAllowedError):
        check_host(url, ["files.slack.com", "files.slack.com:80", "127.0.0.1:8321", "10.0.0.5:8321"])


@given(st.one_of(st.text(), st.text(alphabet="htps:/@.[]%\\#?files-slack.com\t1234567890")))
def test_no_text_in_place_of_an_address_does_anything_but_refuse(text: str) -> None:
    try:
        allowed = check_host(text, ["files.slack.com"])
    except HostNotAllowedError:
        return
    assert (allowed.scheme, allowed.host) == ("https", "files.slack.com")
