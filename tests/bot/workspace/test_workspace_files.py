"""Photos in and out: the three steps of an upload, downloads with and without a token, thumbnails, what is no photo."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image
from slack_clients import KENPIN, LINE_2, OLGA, QUALITY, as_person, http
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.workspace.server import Workspace


def get(url: str, token: str | None = None) -> httpx.Response:
    return http.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})


def share(client: WebClient, content: bytes, name: str, channel: str = QUALITY, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.files_upload_v2(content=content, filename=name, channel=channel, **more)["file"]
    return found


def test_a_photo_is_downloaded_as_it_was_uploaded(workspace: Workspace, olga: WebClient, photo: bytes) -> None:
    file = share(olga, photo, "セル 12.png", title="Cell 12", alt_txt="a cell")
    answer = get(file["url_private_download"], workspace.bot_token)
    assert answer.content == photo
    assert answer.headers["content-type"] == "image/png"
    assert (file["original_w"], file["original_h"], file["size"], file["alt_txt"]) == (900, 600, len(photo), "a cell")


@pytest.mark.parametrize("token", [None, "xoxb-wrong", "xapp-1-A0KENPIN001-local"])
def test_a_download_without_the_right_token_is_a_login_page_with_status_200(
    workspace: Workspace, olga: WebClient, photo: bytes, token: str | None
) -> None:
    file = share(olga, photo, "cell.png")
    answer = get(file["url_private_download"], token)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert b"Sign in" in answer.content


def test_a_download_without_the_scope_or_from_a_channel_of_others_is_a_login_page(
    workspace: Workspace, olga: WebClient, photo: bytes
) -> None:
    private = share(olga, photo, "mine.png", channel="C0CANTEEN01")
    assert get(private["url_private"], workspace.bot_token).headers["content-type"].startswith("text/html")
    file = share(olga, photo, "cell.png")
    http.post(f"{workspace.url}/local/faults", json={"revoked_scopes": ["files:read"]})
    assert get(file["url_private"], workspace.bot_token).headers["content-type"].startswith("text/html")


def test_a_download_can_break_off_half_way(workspace: Workspace, olga: WebClient, photo: bytes) -> None:
    file = share(olga, photo, "cell.png")
    http.post(f"{workspace.url}/local/faults", json={"drop_downloads": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        get(file["url_private_download"], workspace.bot_token)
    assert get(file["url_private_download"], workspace.bot_token).content == photo


def test_thumbnails_are_made_and_stay_behind_the_token(workspace: Workspace, olga: WebClient, photo: bytes) -> None:
    file = share(olga, photo, "cell.png")
    assert (file["thumb_360_w"], file["thumb_360_h"]) == (360, 240)
    assert "thumb_1024" not in file
    small = Image.open(io.BytesIO(get(file["thumb_360"], workspace.bot_token).content))
    assert small.size == (360, 240)
    assert get(file["thumb_360"]).headers["content-type"].startswith("text/html")


def test_a_photo_lying_on_its_side_is_measured_and_shown_upright(workspace: Workspace, olga: WebClient) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (400, 300)).save(out, "JPEG", exif=exif)
    file = share(olga, out.getvalue(), "turned.jpg")
    assert (file["original_w"], file["original_h"]) == (300, 400)
    shown = http.get(f"{workspace.url}/local/picture/{file['id']}/160")
    assert Image.open(io.BytesIO(shown.content)).size == (120, 160)


@pytest.mark.parametrize(
    ("content", "name", "mimetype"),
    [
        (b"<!DOCTYPE html><p>sign in", "cell.html", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cell.svg", "image/svg+xml"),
        (b"\x89PNG\r\n\x1a\nnot really", "cell.png", "image/png"),
        (b"\0\0\0\x18ftypheic", "cell.heic", "image/heic"),
        (b"plain words", "notes", "text/plain"),
        (b"\0\1\2\xff", "blob", "application/octet-stream"),
    ],
)
def test_what_is_no_sound_photo_is_kept_without_dimensions(standing: Workspace, content: bytes, name: str, mimetype: str) -> None:
    file = share(as_person(standing, "olga"), content, name)
    assert file["mimetype"] == mimetype
    assert "original_w" not in file
    assert get(file["url_private"], standing.bot_token).content == content
    assert http.get(f"{standing.url}/local/picture/{file['id']}/160").status_code == 404


def test_files_info_says_where_a_file_was_shared(kenpin: WebClient, olga: WebClient, photo: bytes) -> None:
    parent = olga.chat_postMessage(channel=QUALITY, text="see below")["ts"]
    file = share(olga, photo, "cell.png", thread_ts=parent)
    shared = kenpin.files_info(file=file["id"])["file"]["shares"]["public"][QUALITY][0]
    reply = kenpin.conversations_replies(channel=QUALITY, ts=parent)["messages"][1]
    assert (shared["ts"], shared["thread_ts"]) == (reply["ts"], parent)
    assert reply["files"][0]["id"] == file["id"]


def test_several_photos_make_one_message(kenpin: WebClient, olga: WebClient, photo: bytes) -> None:
    uploads = [{"content": photo, "filename": f"{n}.png"} for n in range(3)]
    olga.files_upload_v2(file_uploads=uploads, channel=QUALITY, initial_comment="three of a lot")
    message = kenpin.conversations_history(channel=QUALITY)["messages"][0]
    assert [f["name"] for f in message["files"]] == ["0.png", "1.png", "2.png"]


def test_an_uploaded_map_can_stand_in_an_image_block(kenpin: WebClient, photo: bytes) -> None:
    upload = kenpin.files_getUploadURLExternal(filename="map.png", length=len(photo), alt_txt="anomaly map")
    picture = [{"type": "image", "slack_file": {"id": upload["file_id"]}, "alt_text": "anomaly map"}]
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        kenpin.chat_postMessage(channel=QUALITY, text="x", blocks=picture)
    http.post(upload["upload_url"], content=photo, headers={"Content-Type": "application/x-www-form-urlencoded"})
    kenpin.files_completeUploadExternal(files=[{"id": upload["file_id"], "title": "Map"}])
    assert kenpin.chat_postMessage(channel=QUALITY, text="x", blocks=picture)["ok"]


def test_an_upload_is_refused_without_its_bytes_its_secret_or_its_channel(workspace: Workspace, kenpin: WebClient, photo: bytes) -> None:
    upload = kenpin.files_getUploadURLExternal(filename="map.png", length=len(photo))
    with pytest.raises(SlackApiError, match="file_not_found"):
        kenpin.files_completeUploadExternal(files=[{"id": upload["file_id"]}], channel_id=QUALITY)
    assert http.post(upload["upload_url"] + "x", content=photo).status_code == 404
    http.post(upload["upload_url"], content=photo)
    with pytest.raises(SlackApiError, match="not_in_channel"):
        kenpin.files_completeUploadExternal(files=[{"id": upload["file_id"]}], channel_id="C0CANTEEN01")
    with pytest.raises(SlackApiError, match="missing_argument"):
        kenpin.files_getUploadURLExternal(filename="map.png", length=0)


def test_a_deleted_file_leaves_a_tombstone(workspace: Workspace, kenpin: WebClient, olga: WebClient, photo: bytes) -> None:
    file = share(olga, photo, "cell.png")
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        kenpin.files_delete(file=file["id"])
    olga.files_delete(file=file["id"])
    with pytest.raises(SlackApiError, match="file_deleted"):
        kenpin.files_info(file=file["id"])
    assert kenpin.conversations_history(channel=QUALITY)["messages"][0]["files"] == [{"id": file["id"], "mode": "tombstone"}]
    assert get(file["url_private"], workspace.bot_token).headers["content-type"].startswith("text/html")


def test_files_are_listed_by_channel_and_person(kenpin: WebClient, olga: WebClient, photo: bytes) -> None:
    share(olga, photo, "one.png")
    share(olga, photo, "two.png", channel=LINE_2)
    share(kenpin, photo, "map.png")
    assert {f["name"] for f in kenpin.files_list(channel=QUALITY)["files"]} == {"one.png", "map.png"}
    assert {f["name"] for f in kenpin.files_list(user=KENPIN)["files"]} == {"map.png"}
    assert {f["name"] for f in kenpin.files_list(user=OLGA)["files"]} == {"one.png", "two.png"}
