"""How a photo leaves for a browser: never as it was uploaded, only by a digest on record, and not unseen."""

from __future__ import annotations

import http.client
import io
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa
from inspected import MARKED, TELEPHONE, Floor, photographed, plate
from PIL import Image
from signed_in import IDS, Running

from kenpin.bot.console.photos import SMALL_PX, address
from kenpin.storage import parts, second_looks
from kenpin.storage.database import reading, writing
from kenpin.storage.tables import photo_views


def picture(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/jpeg"
    return Image.open(io.BytesIO(response.content))


def views(floor: Floor) -> list[tuple[str, str]]:
    with reading(floor.engine) as conn:
        return [(row.person_id, row.photo_sha256) for row in conn.execute(sa.select(photo_views).order_by(photo_views.c.at))]


def test_a_photo_leaves_without_where_and_by_what_it_was_taken(console: Running, floor: Floor) -> None:
    photo = floor.photo("K-MARK")
    uploaded = floor.bench.store.get(photo.sha256)
    assert TELEPHONE.encode() in uploaded, "the upload says it"
    browser = console.browser()
    for size in ("shown", "thumb", "map", "map_thumb"):
        response = browser.get(address(photo.sha256, size, "K-MARK"))
        seen = picture(response)
        assert not seen.getexif() and TELEPHONE.encode() not in response.content, size
        assert response.content != uploaded
        assert response.headers["cache-control"].startswith("private")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_map_is_another_picture_than_the_photo_and_belongs_to_one_inspection(console: Running, floor: Floor) -> None:
    floor.ask("K-OPEN", photographed(MARKED), question="is SC-200 OK?")
    photo, browser = floor.photo("K-MARK"), console.browser()
    shown, drawn = (picture(browser.get(address(photo.sha256, size, "K-MARK"))) for size in ("shown", "map"))
    assert shown.size == drawn.size
    assert drawn.getpixel((10, 10))[0] > shown.getpixel((10, 10))[0], "drawn over"
    for inspection in ("K-OPEN", "K-GOOD", "K-NEVER", ""):
        assert browser.get(address(photo.sha256, "map", inspection)).status_code == 404, inspection


def test_a_small_picture_is_small(console: Running, floor: Floor) -> None:
    out = io.BytesIO()
    Image.new("RGB", (1200, 600), (200, 200, 200)).save(out, "PNG")
    floor.ask("K-WIDE", out.getvalue(), question="?")
    small = picture(console.browser().get(address(floor.photo("K-WIDE").sha256, "thumb")))
    assert small.size == (SMALL_PX, SMALL_PX // 2)


def test_a_reference_can_be_shown_too(console: Running, floor: Floor) -> None:
    with reading(floor.engine) as conn:
        part = parts.find(conn, "SC-200")
    assert part is not None
    picture(console.browser().get(address(part.good[0].photo_sha256, "shown")))


NOT_ON_RECORD = (
    "/photos/" + "a" * 64,
    "/photos/" + "A" * 64,
    "/photos/" + "a" * 63,
    "/photos/..%2f..%2fkenpin.sqlite",
    "/photos/../../kenpin.sqlite",
    "/photos/%2e%2e/%2e%2e/etc/passwd",
    "/photos/..",
    "/photos/",
    "/photos/%00",
    "/photos/{sha256}%2f..",
    "/photos/{sha256}%00",
    "/photos/{sha256}?size=original",
    "/photos/{sha256}?size=../shown",
    "/photos/{unknown}?size=shown",  # in the store, and in no record
    "/photos/{copy}?size=shown",  # the copy's own name leads nowhere
    "/photos/'%20OR%20'1'='1",
)


def test_nothing_but_a_photo_on_record_can_be_asked_for(console: Running, floor: Floor) -> None:
    photo, unknown = floor.photo("K-MARK"), floor.bench.store.put(plate(seed=77))
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in console.browser().cookies.items())}
    for path in NOT_ON_RECORD:
        raw = http.client.HTTPConnection(urlsplit(console.url).netloc, timeout=20)  # sends a path as it is, dots and all
        raw.request("GET", path.format(sha256=photo.sha256, unknown=unknown, copy=photo.shown_sha256), headers=cookie)
        response = raw.getresponse()
        assert response.status in (404, 400), path
        assert "image" not in (response.headers["content-type"] or ""), path
        raw.close()


def test_each_look_is_kept_and_small_pictures_are_left_to_their_list(console: Running, floor: Floor) -> None:
    photo, browser = floor.photo("K-MARK"), console.browser()
    first = browser.get(address(photo.sha256, "shown"))
    again = browser.get(address(photo.sha256, "shown"), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    browser.get(address(photo.sha256, "map", "K-MARK"))
    browser.get(address(photo.sha256, "thumb"))
    looked = [(IDS["Sumi"], photo.shown_sha256)] * 2 + [(IDS["Sumi"], floor.map_sha256("K-MARK"))]
    assert views(floor) == looked


def test_somebody_who_is_not_signed_in_gets_no_photo(console: Running, floor: Floor) -> None:
    response = console.stranger().get(address(floor.photo("K-MARK").sha256, "shown"))
    assert response.status_code == 303 and response.headers["location"].startswith("/sign-in")
    assert views(floor) == []


def test_what_is_erased_is_gone_at_once_though_it_was_shown_before(console: Running, floor: Floor) -> None:
    photo, browser = floor.photo("K-MARK"), console.browser()
    for size in ("thumb", "map_thumb"):
        picture(browser.get(address(photo.sha256, size, "K-MARK")))
    for sha256 in (photo.sha256, photo.shown_sha256, floor.map_sha256("K-MARK")):
        floor.bench.store.erase(sha256)
    for size in ("thumb", "shown", "map", "map_thumb"):
        assert browser.get(address(photo.sha256, size, "K-MARK")).status_code == 410, size
    assert "This photo is no longer kept" in browser.get("/inspections/K-MARK").text


def test_a_file_that_is_no_longer_the_picture_it_was_is_not_shown(console: Running, floor: Floor) -> None:
    floor.ask("K-BENT", plate(seed=31), question="is SC-200 OK?")
    photo = floor.photo("K-BENT")
    floor.bench.store.path(photo.shown_sha256).write_bytes(b"<script>alert(1)</script>")
    for size in ("shown", "thumb"):
        response = console.browser().get(address(photo.sha256, size))
        assert response.status_code == 410 and "<script>alert" not in response.text, size


def test_the_map_is_not_shown_to_who_is_asked_to_look_without_it(console: Running, floor: Floor) -> None:
    photo, browser = floor.photo("K-MARK"), console.browser()
    with writing(floor.engine) as conn:
        second_looks.draw(conn, "K-MARK", IDS["Sumi"])
    assert [browser.get(address(photo.sha256, size, "K-MARK")).status_code for size in ("shown", "map", "map_thumb")] == [200, 403, 403]
