"""Photos of a part that exists only here: a woven filter mat, number DP-10, drawn anew for every photo; and files that are no photos.

The light, the weave's place and its grain differ from photo to photo, as they would on a bench. A torn mat shows a dark tear with a
bright fold at its upper left.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

PART = "DP-10"
SIDE_PX = 448
TURNED = 0x0112  # EXIF: how the camera was held


def mat(seed: int, *, torn: bool = False) -> bytes:
    """A JPEG; another seed is another photo."""
    return encoded(drawn(seed, torn=torn), "JPEG", quality=90)


def drawn(seed: int, *, torn: bool = False) -> Image.Image:
    chance = np.random.default_rng(seed)
    down, right = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float64)
    bend = chance.normal(0, 1.5, (2, 8, 8))
    wave = [np.asarray(Image.fromarray(b).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)) for b in bend]
    threads = [35 * np.sin(2 * np.pi * (axis + w + chance.uniform(0, 14)) / 14) for axis, w in zip((down, right), wave, strict=True)]
    light = chance.uniform(110, 140) + chance.uniform(-20, 20) * down / SIDE_PX + chance.uniform(-20, 20) * right / SIDE_PX
    grey = light + threads[0] + threads[1] + chance.normal(0, 12, (SIDE_PX, SIDE_PX))
    photo = Image.fromarray(np.clip(np.stack([grey, 0.95 * grey, 0.85 * grey], axis=-1), 0, 255).astype(np.uint8))
    if torn:
        pen, x, y = ImageDraw.Draw(photo), chance.integers(70, 100), chance.integers(70, 100)
        pen.line([(x, y), (x + 45, y + 25), (x + 70, y + 70)], fill=(25, 20, 20), width=14)
        pen.ellipse([x + 15, y - 25, x + 55, y + 5], fill=(235, 235, 225))
    return photo


def encoded(photo: Image.Image, format: str, **how: Any) -> bytes:
    out = io.BytesIO()
    photo.save(out, format, **how)
    return out.getvalue()


# --- unusual photos that can be judged all the same ---------------------------------------------------------------------------------


def sixteen_bit(seed: int) -> bytes:
    """Grey with 16 bits a pixel, as industrial cameras write it."""
    grey = np.asarray(drawn(seed).convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def for_print(seed: int) -> bytes:
    """A CMYK JPEG."""
    return encoded(drawn(seed).convert("CMYK"), "JPEG", quality=90)


def held_sideways(seed: int) -> bytes:
    """A JPEG a little wider than high, stored lying on its side with the note in its EXIF that says so."""
    exif = Image.Exif()
    exif[TURNED] = 6
    upright = drawn(seed).crop((0, 0, SIDE_PX, SIDE_PX * 15 // 16))
    return encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)


# --- files that cannot be judged --------------------------------------------------------------------------------------------------------


def cut_off() -> bytes:
    whole = mat(900)
    return whole[: len(whole) // 2]


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it is 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


def moving() -> bytes:
    frames = [drawn(seed).resize((64, 64)) for seed in (901, 902)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)


def drawing() -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="20"/></svg>'


def spreadsheet() -> bytes:
    return b"part;state\nDP-10;good\n"


def heic() -> bytes:
    """The first bytes of an iPhone's photo; enough to be told from a JPEG, not enough to be opened."""
    return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + bytes(256)
