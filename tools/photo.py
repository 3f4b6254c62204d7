"""The only door for pixels: bytes from anywhere -> an upright RGB photo and the copy of it that is shown and looked at.

Nothing else in Kenpin opens an uploaded file. Formats come from an allow-list, sizes are read from the header before anything is decoded,
and the copy is encoded afresh, so that EXIF, GPS positions and whatever else was appended to the file stay behind. Every refusal is a
PhotoError with a code and its values; the sentence a person reads is made from them by `words` (prompts/photo.*.txt).

    PhotoError
    ├── EmptyPhotoError, DamagedPhotoError, TooManyBytesError
    ├── NotAPhotoError
    │   ├── OtherFormatError, SvgError, HeicError, AnimatedPhotoError
    │   └── WebPageError                 the download, not the photo, is at fault
    ├── PhotoSizeError                   too many pixels, too small, too long, too narrow
    └── TooDarkError
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from kenpin import prompts

try:
    import pillow_heif
except ImportError:  # an extra: its wheels are GPLv2
    HEIF_INSTALLED = False
else:
    pillow_heif.register_heif_opener(thumbnails=False)
    HEIF_INSTALLED = True

# The limits are those of the findings' photo intake: far above what a phone takes, far below what hurts a two-core machine.
MAX_BYTES = 25 << 20
MAX_PIXELS = 60_000_000
MIN_SIDE_PX, MAX_SIDE_PX = 32, 16_384
MAX_ASPECT = 20
DARK_P99 = 24  # of 255: when 99 of 100 pixels are darker than this, the lens was covered or the light was off; chosen, see tests
SHOWN_QUALITY = 92  # of the JPEG copy, without chroma subsampling: fine scratches survive, the file stays a fifth of a PNG's

# For the whole process, whoever opens a picture: Pillow's warning above this many pixels is an error, and half a photo is none.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
ImageFile.LOAD_TRUNCATED_IMAGES = False

Pixels = NDArray[np.uint8]  # (H, W, 3), RGB, 0 to 255, upright

# What Pillow's decoders raise on damaged bytes; found by feeding them damaged bytes (tests/tools/test_photo.py).
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError, LookupError, ArithmeticError, TypeError, AttributeError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
_EXIF_ORIENTATION, _EXIF_MAKE, _EXIF_MODEL = 0x0112, 0x010F, 0x0110
CAMERA_CHARACTERS = 60  # of a camera's name that are kept; the longest that are sold have about forty
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601, as OpenCV has it
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_OTHER_FORMATS = (  # first bytes of what people upload by mistake
    (b"%PDF", "PDF"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"PK\x03\x04", "ZIP"),
    (b"8BPS", "Photoshop"),
    (b"%!PS", "PostScript"),
    (b"\x1aE\xdf\xa3", "video"),
)


class PhotoProblem(StrEnum):
    """Why a photo was refused; each has a sentence in prompts/photo.*.txt."""

    EMPTY = "empty"
    TOO_MANY_BYTES = "too_many_bytes"
    DAMAGED = "damaged"  # a photo by its first bytes, but it does not decode to the end
    NOT_A_PHOTO = "not_a_photo"
    OTHER_FORMAT = "other_format"  # something known that is not on the allow-list
    SVG = "svg"
    WEB_PAGE = "web_page"  # what Slack sends for a wrong token or a missing scope
    ANIMATED = "animated"
    HEIC = "heic"  # HEIC, and the extra is not installed
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"
    TOO_NARROW = "too_narrow"
    TOO_DARK = "too_dark"


class PhotoError(ValueError):
    """A photo was refused. `problem` says why, `values` fill the sentence that `words` makes of it."""

    problem: PhotoProblem
    retryable: ClassVar[bool] = False  # fetching the same bytes again gives the same answer

    def __init__(self, problem: PhotoProblem, **values: str) -> None:
        self.problem = problem
        self.values = values
        super().__init__(words(self, "en"))


class EmptyPhotoError(PhotoError):
    """No bytes at all."""


class TooManyBytesError(PhotoError):
    """More bytes than MAX_BYTES."""


class DamagedPhotoError(PhotoError):
    """Starts like a photo and cannot be decoded to its end."""


class NotAPhotoError(PhotoError):
    """Something else than a photo on the allow-list."""


class OtherFormatError(NotAPhotoError):
    """A known kind of file that is not on the allow-list."""


class SvgError(NotAPhotoError):
    """A drawing, which could also carry scripts."""


class WebPageError(NotAPhotoError):
    """HTML came instead of the photo: the token or its scope is at fault."""


class AnimatedPhotoError(NotAPhotoError):
    """More than one frame."""


class HeicError(NotAPhotoError):
    """HEIC without the extra that reads it."""


class PhotoSizeError(PhotoError):
    """Too many pixels, or a side too short or too long."""


class TooDarkError(PhotoError):
    """Nothing can be seen on it."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A photo that passed the door."""

    pixels: Pixels  # (H, W, 3) uint8 RGB, upright
    shown_jpeg: bytes  # the same photo encoded afresh: no EXIF, no GPS, nothing appended
    format: str  # what was uploaded: JPEG, PNG, WEBP or HEIF
    # How it was taken. No more is taken from EXIF than the kind of camera: a serial number or a place would identify somebody.
    camera: str | None  # make and model; None when the file does not say
    brightness: float  # mean luma, 0 to 255

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])


def check(data: bytes) -> Checked:
    """Bytes as uploaded -> an upright RGB photo and its shown copy. Raises PhotoError, and nothing else, for anything that is not one."""
    picture, format_name = _open(data)
    try:
        picture.load()
        upright, camera = _to_rgb(_turn_upright(picture)), _camera(picture)
    except _DECODER_ERRORS:
        raise DamagedPhotoError(PhotoProblem.DAMAGED, kib=_kib(data)) from None
    pixels = np.asarray(upright, dtype=np.uint8)
    coarse = _coarse(pixels)
    _refuse_dark(coarse)
    brightness = float((coarse @ np.array(LUMA)).mean())
    return Checked(pixels=pixels, shown_jpeg=_encode(pixels), format=format_name, camera=camera, brightness=round(brightness, 1))


def words(error: PhotoError, language: str) -> str:
    """The refusal as a sentence for the person who sent the photo."""
    name, values = f"photo.{error.problem}", dict(error.values)
    if "formats" in prompts.holes(name, language):
        values["formats"] = prompts.render("photo.formats_with_heic" if HEIF_INSTALLED else "photo.formats", language)
    return prompts.render(name, language, **values)


def _open(data: bytes) -> tuple[ImageFile.ImageFile, str]:
    """Choose the decoder by the first bytes, read the header and hold it against the limits; no pixel is decoded yet."""
    if not data:
        raise EmptyPhotoError(PhotoProblem.EMPTY)
    if len(data) > MAX_BYTES:
        raise TooManyBytesError(PhotoProblem.TOO_MANY_BYTES, mib=f"{len(data) / 2**20:.1f}", most_mib=str(MAX_BYTES >> 20))
    decoder, name = _decoder_for(data)
    try:
        # The decoder's own class instead of Image.open: it says the size before anything judges it, so the refusal can name it.
        picture = decoder(io.BytesIO(data))
        frames = int(getattr(picture, "n_frames", 1))
    except _DECODER_ERRORS:
        raise DamagedPhotoError(PhotoProblem.DAMAGED, kib=_kib(data)) from None
    _refuse_size(*picture.size)
    # Only these two are animations: more pictures inside a JPEG (format MPO) or a HEIC are a phone's depth map, and the first is the photo.
    if frames > 1 and name in ("PNG", "WEBP"):
        raise AnimatedPhotoError(PhotoProblem.ANIMATED, frames=str(frames))
    return picture, name


def _decoder_for(data: bytes) -> tuple[Callable[[io.BytesIO], ImageFile.ImageFile], str]:
    """The allow-list. Raises NotAPhotoError with the best guess at what was sent instead."""
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile, "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile, "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile, "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        if not HEIF_INSTALLED:
            raise HeicError(PhotoProblem.HEIC)
        return _open_heif, "HEIF"
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<"):
        page, drawing = head.find(b"<html"), head.find(b"<svg")
        if head.startswith(b"<!doctype html") or (page >= 0 and (drawing < 0 or page < drawing)):
            raise WebPageError(PhotoProblem.WEB_PAGE)
        if drawing >= 0:
            raise SvgError(PhotoProblem.SVG)
    for first_bytes, format_name in _OTHER_FORMATS:
        if data.startswith(first_bytes):
            raise OtherFormatError(PhotoProblem.OTHER_FORMAT, format=format_name)
    if data[4:8] == b"ftyp":
        format_name = "AVIF" if data[8:12] in (b"avif", b"avis") else "video"
        raise OtherFormatError(PhotoProblem.OTHER_FORMAT, format=format_name)
    raise NotAPhotoError(PhotoProblem.NOT_A_PHOTO)


def _open_heif(file: io.BytesIO) -> ImageFile.ImageFile:
    return Image.open(file, formats=("HEIF",))


def _refuse_size(width: int, height: int) -> None:
    size = {"width": str(width), "height": str(height)}
    if width * height > MAX_PIXELS:
        megapixels = {"megapixels": f"{width * height / 1e6:.0f}", "most_megapixels": str(MAX_PIXELS // 1_000_000)}
        raise PhotoSizeError(PhotoProblem.TOO_MANY_PIXELS, **size, **megapixels)
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoSizeError(PhotoProblem.TOO_SMALL, **size, least=str(MIN_SIDE_PX))
    if max(width, height) > MAX_SIDE_PX:
        raise PhotoSizeError(PhotoProblem.TOO_LONG, **size, most=str(MAX_SIDE_PX))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoSizeError(PhotoProblem.TOO_NARROW, **size, most=str(MAX_ASPECT))


def _turn_upright(picture: Image.Image) -> Image.Image:
    """Turn as the camera says it was held. Damaged EXIF is no reason to refuse a photo: it then stays as it is."""
    try:
        orientation = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except _DECODER_ERRORS:
        return picture
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode -> RGB: 16 bits scaled to 8 (`convert` would clip them), transparency on white, CMYK and palettes converted."""
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.uint32)
        return Image.fromarray((np.minimum(grey, 65_535) * 255 // 65_535).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        on_white = Image.new("RGBA", picture.size, "white")
        on_white.alpha_composite(picture.convert("RGBA"))
        return on_white.convert("RGB")
    return picture.convert("RGB")


def _coarse(pixels: Pixels) -> Pixels:
    """Every so many-th pixel: enough to tell how bright a photo is, and a large one costs no more than a small one."""
    step = max(1, min(pixels.shape[:2]) // 256)
    return pixels[::step, ::step]


def _camera(picture: Image.Image) -> str | None:
    """Make and model, without what cannot be printed. They are text from a file: kept and shown as such, nothing else."""
    try:
        written = picture.getexif()
    except _DECODER_ERRORS:
        return None
    said = (written.get(tag) for tag in (_EXIF_MAKE, _EXIF_MODEL))
    make, model = (" ".join(re.sub(r"[^ -~]", " ", one).split()) if isinstance(one, str) else "" for one in said)
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return name[:CAMERA_CHARACTERS].strip() or None


def _refuse_dark(coarse: Pixels) -> None:
    brightness = coarse.mean(axis=2)
    if np.percentile(brightness, 99) < DARK_P99:
        raise TooDarkError(PhotoProblem.TOO_DARK, brightness=f"{brightness.mean():.0f}")


def _encode(pixels: Pixels) -> bytes:
    # From bare pixels: the decoded image still carries EXIF and profile in its `info`, and saving it would pass them on.
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=SHOWN_QUALITY, subsampling=0)
    return out.getvalue()


def _kib(data: bytes) -> str:
    return f"{max(1, round(len(data) / 1024)):,}"
