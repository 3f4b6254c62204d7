"""Uploaded bytes on disk: what kind of file they are, and smaller pictures of photos, made when first asked for.

A photo is only ever decoded here to be measured and shrunk. Bytes that claim to be a photo and are not stay a file without
dimensions, as at Slack; judging them is the bot's business.
"""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

from PIL import Image, ImageOps

from .errors import SlackError
from .shapes import THUMBNAIL_SIDES_PX
from .state import File

MOST_BYTES = 1_000_000_000  # Slack's limit for one file
_TRAY_SIDE_PX = 160
_MOST_PIXELS = 60_000_000  # larger ones get no thumbnails; chosen so that shrinking stays under a second

# The first bytes that tell a type: (prefix, offset, mimetype, filetype, Slack's name for people).
_MAGIC: tuple[tuple[bytes, int, str, str, str], ...] = (
    (b"\xff\xd8\xff", 0, "image/jpeg", "jpg", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", "png", "PNG"),
    (b"GIF8", 0, "image/gif", "gif", "GIF"),
    (b"WEBP", 8, "image/webp", "webp", "WebP"),
    (b"BM", 0, "image/bmp", "bmp", "Bitmap"),
    (b"II*\x00", 0, "image/tiff", "tiff", "TIFF"),
    (b"MM\x00*", 0, "image/tiff", "tiff", "TIFF"),
    (b"ftypheic", 4, "image/heic", "heic", "HEIC"),
    (b"ftypmif1", 4, "image/heic", "heic", "HEIC"),
    (b"%PDF", 0, "application/pdf", "pdf", "PDF"),
    (b"PK\x03\x04", 0, "application/zip", "zip", "Zip"),
)
_DRAWN = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff")
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")


def kind_of(name: str, head: bytes) -> tuple[str, str, str]:
    """(mimetype, filetype, pretty type) of a file by its first bytes, else by its name's ending."""
    for prefix, offset, mimetype, filetype, pretty in _MAGIC:
        if head[offset : offset + len(prefix)] == prefix:
            return mimetype, filetype, pretty
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    guessed = mimetypes.guess_type(name)[0]
    if guessed and ending:
        return guessed, ending, ending.upper()
    return ("text/plain", "text", "Plain Text") if _is_text(head) else ("application/octet-stream", "binary", "Binary")


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in head and bool(head)


class FileStore:
    """The bytes of every uploaded file, by id, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secrets: dict[str, str] = {}  # file id -> the unguessable part of its upload address

    def upload_secret(self, file_id: str) -> str:
        return self._secrets.setdefault(file_id, secrets.token_urlsafe(24))

    def may_upload(self, file_id: str, secret: str) -> bool:
        return secrets.compare_digest(self._secrets.get(file_id, ""), secret) and file_id in self._secrets

    def path(self, file: File) -> Path:
        return self._folder / file.id

    def is_uploaded(self, file: File) -> bool:
        return self.path(file).exists()

    async def receive(self, file: File, chunks: AsyncIterator[bytes]) -> int:
        """Write an upload to disk as it comes; returns its size. Raises SlackError file_upload_size_restricted."""
        size = 0
        partial = self.path(file).with_suffix(".partial")
        with partial.open("wb") as out:
            async for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    break
                out.write(chunk)
        if size > MOST_BYTES:
            partial.unlink()
            raise SlackError("file_upload_size_restricted")
        partial.replace(self.path(file))
        return size

    def measure(self, file: File, size: int) -> None:
        """Fill in what the bytes say about themselves."""
        with self.path(file).open("rb") as stored:
            head = stored.read(512)
        file.size = size
        file.mimetype, file.filetype, file.pretty_type = kind_of(file.name, head)
        file.width_px = file.height_px = 0
        if file.mimetype in _DRAWN:
            try:
                with _opened(self.path(file)) as image:
                    width, height = image.size
                    upright = image.getexif().get(0x0112, 1) < 5  # EXIF orientation: 5 to 8 lie on their side
                    file.width_px, file.height_px = (width, height) if upright else (height, width)
            except _UNDRAWABLE:
                return

    def thumbnail(self, file: File, side_px: int) -> Path:
        """A PNG (JPEG when larger than any of Slack's thumbnails) no larger than `side_px`. Raises SlackError file_not_found."""
        large = side_px > max(THUMBNAIL_SIDES_PX)
        made = self._folder / f"{file.id}.{side_px}.{'jpg' if large else 'png'}"
        _shrink(self.path(file), made, side_px)
        return made

    def small_copy(self, photo: Path) -> Path:
        """A small picture of a photo that lies elsewhere, for the tray. Raises SlackError file_not_found."""
        name = hashlib.sha256(f"{photo} {photo.stat().st_mtime_ns}".encode()).hexdigest()[:24]
        made = self._folder / f"tray-{name}.png"
        _shrink(photo, made, _TRAY_SIDE_PX)
        return made

    def remove(self, file: File) -> None:
        for path in self._folder.glob(f"{file.id}*"):
            path.unlink()


# What Pillow raises on bytes that are no sound picture of a sensible size.
_UNDRAWABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def _shrink(photo: Path, made: Path, side_px: int) -> None:
    if made.exists():
        return
    partial = made.with_name(f"{secrets.token_hex(4)}-{made.name}")  # two pages may ask at once
    try:
        with _opened(photo) as image:
            small = ImageOps.exif_transpose(_eight_bits(image))
            small.thumbnail((side_px, side_px))
            small.convert("RGB").save(partial, quality=88)
    except _UNDRAWABLE as error:
        partial.unlink(missing_ok=True)
        raise SlackError("file_not_found") from error
    partial.replace(made)


def _opened(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(path, formats=_FORMATS)
    if image.width * image.height > _MOST_PIXELS:
        image.close()
        raise ValueError("too many pixels")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey is scaled; Pillow's own conversion would clip nearly all of it to white."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L")
    return image
