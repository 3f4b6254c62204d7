"""Who can reach the workspace, and what it keeps: loopback only, no other web site, clear words at start, memory across restarts."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image
from slack_clients import KENPIN, OLGA, QUALITY, as_person, eventually, http

from kenpin.bot.workspace.errors import FolderTakenError, NotLoopbackError, PortTakenError
from kenpin.bot.workspace.server import Workspace, WorkspaceSettings


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "shopfloor.example.com"])
def test_another_host_is_refused_unless_it_is_allowed_in_so_many_words(host: str) -> None:
    with pytest.raises(NotLoopbackError, match="allow_remote=True"):
        Workspace(WorkspaceSettings(host=host)).start()


def test_an_allowed_host_answers_to_addresses_but_not_to_names() -> None:
    with Workspace(WorkspaceSettings(host="0.0.0.0", allow_remote=True)) as workspace:
        assert http.get(f"{workspace.url}/local/people").status_code == 200
        rebound = http.get(f"{workspace.url}/local/people", headers={"Host": "evil.example.com"})
        assert rebound.status_code == 403


def test_a_taken_port_is_said_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} on 127.0.0.1 is taken by another program. Stop it, or choose another"):
            Workspace(WorkspaceSettings(port=port)).start()


def test_two_workspaces_cannot_keep_their_data_in_one_folder(tmp_path: Path) -> None:
    with Workspace(WorkspaceSettings(data=tmp_path)), pytest.raises(FolderTakenError, match="Stop it, or choose another folder"):
        Workspace(WorkspaceSettings(data=tmp_path)).start()
    with Workspace(WorkspaceSettings(data=tmp_path)) as free_again:
        assert free_again.url


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/local/people", "/api/auth.test", "/link/?ticket=x", "/local/tray"])
def test_another_web_site_is_kept_out(standing: Workspace, headers: dict[str, str], path: str) -> None:
    answer = http.get(standing.url + path, headers=headers)
    assert answer.status_code == 403
    assert "xoxp" not in answer.text


def test_a_link_from_another_site_opens_the_page_and_nothing_else(standing: Workspace) -> None:
    clicked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http.get(standing.url + "/", headers=clicked).status_code == 200
    assert http.get(standing.url + "/local/people", headers=clicked).status_code == 403


def test_the_page_runs_only_its_own_code_and_stands_in_no_frame(standing: Workspace) -> None:
    policy = http.get(standing.url + "/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_host_header_may_come_without_a_port_or_as_localhost(standing: Workspace) -> None:
    for host in ("127.0.0.1", "localhost", f"localhost:{standing.url.rpartition(':')[2]}"):
        assert http.get(standing.url + "/local/people", headers={"Host": host}).status_code == 200


def test_the_tray_gives_photos_and_nothing_beside_them(tmp_path: Path) -> None:
    tray = tmp_path / "tray"
    (tray / "good cells").mkdir(parents=True)
    Image.new("RGB", (400, 300)).save(tray / "good cells" / "a b.png")
    (tray / "notes.txt").write_text("secret")
    (tmp_path / "outside.png").write_bytes(b"secret")
    with Workspace(WorkspaceSettings(tray=tray)) as workspace, httpx.Client(base_url=workspace.url) as client:
        assert client.get("/local/tray").json()["photos"] == [{"path": "good cells/a b.png", "caption": "good cells"}]
        assert client.get("/local/tray/good cells/a b.png").headers["content-type"] == "image/png"
        assert len(client.get("/local/tray/good cells/a b.png?side=160").content) < 1000
        for path in ("notes.txt", "..%2Foutside.png", "%2e%2e/outside.png", "nothing.png"):
            assert client.get(f"/local/tray/{path}").status_code == 404


def test_everything_said_is_there_after_a_restart_on_another_port(tmp_path: Path, photo: bytes) -> None:
    settings = WorkspaceSettings(data=tmp_path / "workspace")
    with Workspace(settings) as first:
        olga, kenpin = as_person(first, "olga"), first.bot_token
        file = olga.files_upload_v2(content=photo, filename="cell.png", channel=QUALITY, initial_comment="is this OK?")["file"]
        asked = olga.conversations_history(channel=QUALITY)["messages"][0]["ts"]
        akira = as_person(first, "akira")
        akira.chat_postMessage(channel=QUALITY, thread_ts=asked, text="no")
        akira.reactions_add(channel=QUALITY, timestamp=asked, name="-1")
        akira.conversations_join(channel="C0CANTEEN01")
    with Workspace(settings) as second:
        olga = as_person(second, "olga")
        message, reply = olga.conversations_replies(channel=QUALITY, ts=asked)["messages"]
        assert (message["text"], message["reactions"][0]["name"], reply["text"]) == ("is this OK?", "-1", "no")
        assert message["files"][0]["id"] == file["id"]
        url = message["files"][0]["url_private_download"]
        assert url.startswith(second.url)
        assert http.get(url, headers={"Authorization": f"Bearer {kenpin}"}).content == photo
        assert olga.chat_postMessage(channel=QUALITY, text="later")["ts"] > reply["ts"]


def test_an_open_page_is_told_what_happens_and_does_not_hold_up_the_end() -> None:
    workspace = Workspace()
    workspace.start()
    heard: list[str] = []
    with http.stream("GET", f"{workspace.url}/local/live?user={OLGA}") as page:
        lines = page.iter_lines()
        next(lines)
        ts = as_person(workspace, "akira").chat_postMessage(channel=QUALITY, text=f"<@{KENPIN}> hello")["ts"]
        as_person(workspace, "akira").chat_postMessage(channel="D0AKIRA0001", text="private")
        as_person(workspace, "akira").reactions_add(channel=QUALITY, timestamp=ts, name="eyes")
        eventually(lambda: heard.append(next(lines)) or any("eyes" in line for line in heard))
        began = time.monotonic()
        workspace.stop()
        assert time.monotonic() - began < 3
    assert any("hello" in line for line in heard)
    assert not any("private" in line for line in heard)
