"""Files over HTTP: raw uploads in, and downloads as Slack gives them: with a token the bytes, without one a login page and status 200."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from .errors import SlackError
from .office import caller_with, office_of
from .shapes import THUMBNAIL_SIDES_PX
from .state import File
from .web_api import bearer
from .web_files import may_see

_LOGIN_PAGE = (
    "<!DOCTYPE html><html lang='en'><head><title>Sign in | Local workspace</title></head>"
    "<body><h1>Sign in to Kenpin Works</h1><p>This file needs a token with the scope files:read.</p></body></html>"
)
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, max-age=3600",
}


async def upload(request: Request) -> Response:
    """The second step of an upload: the file's bytes as they are, whatever the content type says."""
    office = office_of(request)
    file = office.state.files.get(request.path_params["file"])
    if file is None or file.complete or not office.files.may_upload(file.id, request.path_params["secret"]):
        return PlainTextResponse("Not found", status_code=404)
    try:
        size = await office.files.receive(file, request.stream())
    except SlackError as error:
        return PlainTextResponse(error.error, status_code=413)
    await run_in_threadpool(office.files.measure, file, size)
    office.state.save_file(file)
    return PlainTextResponse(f"OK - {size}")


async def private(request: Request) -> Response:
    """url_private and url_private_download."""
    file = _permitted(request)
    if file is None:
        return HTMLResponse(_LOGIN_PAGE)
    office = office_of(request)
    headers = dict(_HARMLESS)
    if request.path_params.get("download"):
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name)}"
    path = office.files.path(file)
    if office.faults.take("drop_downloads"):
        return StreamingResponse(_first_half(path), media_type=file.mimetype, headers=headers | {"Content-Length": str(file.size)})
    return FileResponse(path, media_type=file.mimetype, headers=headers)


async def _first_half(path: Path) -> AsyncIterator[bytes]:
    """A download that breaks off: the length was promised, half of it comes, then the connection ends."""
    yield path.read_bytes()[: path.stat().st_size // 2]


async def thumbnail(request: Request) -> Response:
    """thumb_<side> of a photo."""
    office = office_of(request)
    file = _permitted(request)
    side = request.path_params["name"].rpartition("_")[2].removesuffix(".png")
    if file is None or not file.is_image or side not in map(str, THUMBNAIL_SIDES_PX):
        return HTMLResponse(_LOGIN_PAGE)
    return FileResponse(await run_in_threadpool(office.files.thumbnail, file, int(side)), media_type="image/png", headers=_HARMLESS)


def _permitted(request: Request) -> File | None:
    """The file, if the token that came along may read it."""
    office = office_of(request)
    caller = caller_with(bearer(request), office)
    file = office.state.files.get(request.path_params["file"])
    if caller is None or file is None or file.deleted or not file.complete:
        return None
    return file if "files:read" in caller.scopes and may_see(office, caller, file) else None


ROUTES = [
    Route("/upload/v1/{file}/{secret}", upload, methods=["POST"]),
    Route("/files-pri/{team}-{file}/{download}/{name}", private),
    Route("/files-pri/{team}-{file}/{name}", private),
    Route("/files-tmb/{team}-{file}-{hash}/{name}", thumbnail),
]
