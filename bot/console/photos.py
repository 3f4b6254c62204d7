"""Pictures for the console's pages: `/photos/{sha256}?size=…`, the one way by which a photo leaves for a browser.

A photo is asked for by the digest it was uploaded with, and what leaves is never that upload: it is the upright copy made of its pixels,
without EXIF and so without the place it was taken at, a small picture of that copy, or the anomaly map drawn over it. Only what the
records name can be asked for, by somebody who is signed in; each look at more than a small picture is kept (`photo_views`), and the
small pictures of a list are kept by the list's own page, once.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot.console.page import desk, problem, visitor
from kenpin.bot.console.story import is_hidden
from kenpin.storage import inspections, sessions
from kenpin.storage.canonical import storable
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import PhotoDamagedError, PhotoMissingError
from kenpin.storage.tables import part_references, photos
from kenpin.storage.vocabulary import Photo
from kenpin.tools.larger_model import sendable

SMALL_PX = 320  # the long side of a small picture: sharp at twice the 160 that lists draw it
MOST_SMALL = 1500  # kept in memory; 20 kB each, so 30 MB
_JPEG = b"\xff\xd8\xff"


class Size(StrEnum):
    """What is shown of a photo."""

    THUMB = "thumb"  # small, for lists; looking at it is kept by the list's page
    SHOWN = "shown"  # the upright copy
    MAP = "map"  # the copy with the anomaly map of one inspection drawn over it
    MAP_THUMB = "map_thumb"  # the same, small


OF_AN_ANSWER = (Size.MAP, Size.MAP_THUMB)


class SmallPictures:
    """Small pictures made before. In memory alone: what is erased from the photo store must lie nowhere else."""

    def __init__(self, most: int = MOST_SMALL) -> None:
        self._most = most
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def of(self, path: Path) -> bytes:
        """path: of a copy or a map in the photo store, whose name is its digest."""
        with self._lock:
            if path.name in self._held:
                self._held.move_to_end(path.name)
                return self._held[path.name]
        small = sendable(path, SMALL_PX)
        with self._lock:
            self._held[path.name] = small
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return small


_small = SmallPictures()


def address(sha256: str, size: str, inspection_id: str | None = None) -> str:
    """Where a picture is. sha256: of the photo as uploaded. inspection_id: whose anomaly map, for the sizes that show one."""
    asked = {"size": size} | ({"inspection": inspection_id} if inspection_id is not None else {})
    return f"/photos/{sha256}?{urlencode(asked)}"


def picture(request: Request) -> Response:
    here, at = visitor(request), desk(request)
    sha256, asked = storable(request.path_params["sha256"]), request.query_params.get("size", Size.SHOWN)
    if asked not in list(Size):
        return problem(request, 404, "console_inspection.no_such_size")
    size, inspection_id = Size(asked), storable(request.query_params.get("inspection", ""))
    with reading(at.engine) as conn:
        if size in OF_AN_ANSWER and is_hidden(conn, inspection_id, here.person_id):
            return problem(request, 403, "console_inspection.map_hidden")
        digest = _map_of(conn, inspection_id, sha256) if size in OF_AN_ANSWER else _copy_of(conn, sha256)
    if digest is None:
        return problem(request, 404, "console_inspection.no_such_photo")
    if not at.photos.has(digest):
        return problem(request, 410, "console_inspection.photo_gone_page")
    if size in (Size.SHOWN, Size.MAP):
        with writing(at.engine) as conn:
            sessions.log_view(conn, here.person_id, digest)
    tag = f'"{digest}-{size}"'
    headers = {
        "Cache-Control": "private, max-age=3600"
        if size in (Size.THUMB, Size.MAP_THUMB)
        else "private, no-cache",  # asked again: kept again
        "ETag": tag,
        "Content-Disposition": f'inline; filename="{digest[:12]}-{size}.jpg"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    try:
        data = _small.of(at.photos.path(digest)) if size in (Size.THUMB, Size.MAP_THUMB) else at.photos.get(digest)
    except (PhotoMissingError, PhotoDamagedError, OSError):  # the last: it is no picture after all
        return problem(request, 410, "console_inspection.photo_gone_page")
    if not data.startswith(_JPEG):
        return problem(request, 410, "console_inspection.photo_gone_page")
    return Response(data, media_type="image/jpeg", headers=headers)


def _copy_of(conn: Connection, sha256: str) -> str | None:
    """The digest of the copy that may be shown of an inspection's photo, or of a reference's."""
    asked: str | None = conn.execute(sa.select(photos.c.shown_sha256).where(photos.c.sha256 == sha256)).scalar_one_or_none()
    if asked is not None:
        return asked
    reference = sa.select(part_references.c.shown_sha256).where(part_references.c.photo_sha256 == sha256).limit(1)
    return conn.execute(reference).scalar_one_or_none()


def _map_of(conn: Connection, inspection_id: str, sha256: str) -> str | None:
    """The digest of the anomaly map that this inspection's answer has for the photo."""
    answer = inspections.answer_of(conn, inspection_id)
    if answer is None:
        return None
    sent = [photo for photo in inspections.photos_of(conn, inspection_id) if isinstance(photo, Photo)]
    maps = {sent[found.photo].sha256: found.map_sha256 for found in answer.comparisons if found.photo < len(sent)}
    return maps.get(sha256)


ROUTES = [Route("/photos/{sha256:str}", picture)]
