"""The sheet of photos that a group is approved by."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from kenpin.tools import contact_sheet


def photo(colour: tuple[int, int, int], size_wh: tuple[int, int] = (600, 300)) -> bytes:
    kept, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "a secret place"
    Image.new("RGB", size_wh, colour).save(kept, "JPEG", exif=exif)
    return kept.getvalue()


@pytest.mark.parametrize("count,columns,rows", [(1, 1, 1), (2, 2, 1), (4, 2, 2), (5, 3, 2), (20, 4, 5)])
def test_every_photo_is_on_it_in_rows_that_fit_a_channel(count: int, columns: int, rows: int) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet.drawn([(n, photo((200, 30, 30))) for n in range(1, count + 1)])))
    step = contact_sheet.TILE_PX + contact_sheet.GAP_PX
    assert sheet.size == (columns * step + contact_sheet.GAP_PX, rows * step + contact_sheet.GAP_PX)
    for place in range(count):
        x = contact_sheet.GAP_PX + place % columns * step + contact_sheet.TILE_PX // 2
        y = contact_sheet.GAP_PX + place // columns * step + contact_sheet.TILE_PX // 2
        red, green, blue = sheet.getpixel((x, y))  # type: ignore[misc]
        assert red > 150 and green < 80 and blue < 80
    assert not sheet.getexif(), "nothing that a camera wrote goes along"


def test_a_photo_keeps_its_shape_and_its_number_stands_on_it() -> None:
    sheet = Image.open(io.BytesIO(contact_sheet.drawn([(7, photo((200, 30, 30), (240, 60)))]))).convert("RGB")
    top, middle = sheet.getpixel((128, 60)), sheet.getpixel((128, 128))
    assert max(top) < 60 < middle[0], "ground above, photo in the middle"  # type: ignore[type-var, index]
    plate = sheet.crop((8, 8, 30, 42))
    assert max(high for _, high in plate.getextrema()) > 240  # type: ignore[misc]
    assert (
        plate.tobytes()
        != Image.open(io.BytesIO(contact_sheet.drawn([(8, photo((200, 30, 30), (240, 60)))]))).crop((8, 8, 30, 42)).tobytes()
    )
