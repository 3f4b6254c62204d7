"""Many photos on one sheet, each with a number: what a person looks at before approving them together."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TILE_PX = 240  # long side of a photo on the sheet: four in a row fill a channel's width, and a tap enlarges it to full size
GAP_PX = 8
MOST_COLUMNS = 4
GROUND, PLATE, INK = (32, 36, 42), (255, 255, 255), (20, 24, 28)
QUALITY = 85


def drawn(numbered: Sequence[tuple[int, bytes]]) -> bytes:
    """A JPEG without EXIF. numbered: each photo's number, and the bytes of its checked copy in the photo store; at least one, in order."""
    columns = min(MOST_COLUMNS, math.ceil(math.sqrt(len(numbered))))  # a few fill a square, not a thin row
    rows = math.ceil(len(numbered) / columns)
    step = TILE_PX + GAP_PX
    sheet = Image.new("RGB", (columns * step + GAP_PX, rows * step + GAP_PX), GROUND)
    pen, letters = ImageDraw.Draw(sheet), ImageFont.load_default(size=26)
    for place, (number, data) in enumerate(numbered):
        left, top = GAP_PX + place % columns * step, GAP_PX + place // columns * step
        with Image.open(io.BytesIO(data)) as opened:
            photo = opened.convert("RGB")
        photo.thumbnail((TILE_PX, TILE_PX))
        sheet.paste(photo, (left + (TILE_PX - photo.width) // 2, top + (TILE_PX - photo.height) // 2))
        width = round(pen.textlength(str(number), font=letters)) + 16
        pen.rectangle((left, top, left + width, top + 34), fill=PLATE)
        pen.text((left + 8, top + 2), str(number), fill=INK, font=letters)
    kept = io.BytesIO()
    sheet.save(kept, format="JPEG", quality=QUALITY)
    return kept.getvalue()
