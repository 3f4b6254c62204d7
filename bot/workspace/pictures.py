"""`/local/…` for the eyes: photos and avatars for the page, and the tray folder's photos."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .errors import SlackError
from .office import office_of, person_of
from .store import Json

_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
_TRAY_MOST = 400
_PAGE_SIDES_PX = (160, 480, 720, 1024, 2048)


async def picture(request: Request) -> Response:
    """A photo, always drawn anew and never the uploaded bytes, so that nothing uploaded can run in the page."""
    office = office_of(request)
    file = office.state.file(request.path_params["file"])
    side = int(request.path_params["side"])
    if side not in _PAGE_SIDES_PX or not file.is_image:
        raise SlackError("file_not_found")
    path = await run_in_threadpool(office.files.thumbnail, file, side)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"})


async def download(request: Request) -> Response:
    """A file as it was uploaded, only ever to be saved."""
    office = office_of(request)
    file = office.state.file(request.path_params["file"])
    return FileResponse(
        office.files.path(file), filename=file.name, media_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"}
    )


async def avatar(request: Request) -> Response:
    """A person's initials on their colour, for clients that draw `image_48`."""
    person = person_of(request.path_params["user"])
    initials = "".join(word[0] for word in person.real_name.split())
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="8" fill="#{person.color}"/>'
        f'<text x="24" y="31" font-family="sans-serif" font-size="19" font-weight="600" fill="#fff" text-anchor="middle">{initials}</text>'
        "</svg>"
    )
    return Response(drawn, media_type="image/svg+xml")


async def tray(request: Request) -> Response:
    """The photos of the tray folder, by sub-folder, which is their caption."""
    root = office_of(request).settings.tray
    return JSONResponse({"ok": True, "photos": await run_in_threadpool(_tray_photos, root) if root and root.is_dir() else []})


def _tray_photos(root: Path) -> list[Json]:
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in _PICTURES and p.is_file())[:_TRAY_MOST]
    return [{"path": p.relative_to(root).as_posix(), "caption": p.parent.relative_to(root).as_posix().strip(".")} for p in found]


async def tray_photo(request: Request) -> Response:
    """A photo of the tray as it is, or with `?side=160` a small picture of it."""
    office = office_of(request)
    wanted = _in_tray(office.settings.tray, request.path_params["path"])
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
    if "side" in request.query_params:
        return FileResponse(await run_in_threadpool(office.files.small_copy, wanted), media_type="image/png", headers=headers)
    return FileResponse(wanted, headers=headers)


def _in_tray(root: Path | None, path: str) -> Path:
    """Raises SlackError file_not_found for anything that is no photo inside the tray folder."""
    if root is None:
        raise SlackError("file_not_found")
    wanted = (root / path).resolve()
    if not wanted.is_relative_to(root.resolve()) or wanted.suffix.lower() not in _PICTURES or not wanted.is_file():
        raise SlackError("file_not_found")
    return wanted


ROUTES = [
    Route("/local/picture/{file}/{side:int}", picture),
    Route("/local/download/{file}", download),
    Route("/local/avatar/{user}.svg", avatar),
    Route("/local/tray", tray),
    Route("/local/tray/{path:path}", tray_photo),
]
