"""The door for pixels: what passes, what is refused, and the words of each refusal."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kenpin import prompts
from kenpin.tools import photo


def picture(height: int = 48, width: int = 64) -> Image.Image:
    """Red at the top left, blue at the bottom right: any turn or flip shows."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0] = 255 - 255 * rows // height
    pixels[..., 1] = 90
    pixels[..., 2] = 255 * columns // width
    return Image.fromarray(pixels)


def encoded(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and has no pixels: what a bomb looks like before it is opened."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_photo_passes_as_rgb_in_height_width_channels(format: str) -> None:
    checked = photo.check(encoded(picture(), format))
    assert checked.pixels.shape == (48, 64, 3)
    assert checked.pixels.dtype == np.uint8
    assert (checked.height_px, checked.width_px, checked.format) == (48, 64, format)
    assert checked.pixels[0, 0, 0] > 200 > 60 > checked.pixels[-1, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_taken_with_the_camera_turned_comes_out_upright(orientation: int) -> None:
    # What a camera stores for each orientation is the upright picture turned the other way.
    turn = Image.Transpose
    back = {
        1: None, 2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE, 6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270,
    }[orientation]  # fmt: skip
    upright = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if back is None else upright.transpose(back)
    checked = photo.check(encoded(stored, "PNG", exif=exif))
    assert np.array_equal(checked.pixels, np.asarray(upright))


def test_of_the_camera_make_and_model_are_kept_and_nothing_that_identifies_somebody() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Apple", "iPhone\x00 14 <b>"
    exif[0x013B] = "SecretArtist"
    exif.get_ifd(0x8769)[0xA431] = "SecretSerial"
    exif.get_ifd(0x8825)[1] = "N"
    assert photo.check(encoded(picture(), exif=exif)).camera == "Apple iPhone 14 <b>", "text from a file, shown as such"
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R5" + "x" * 200
    assert photo.check(encoded(picture(), exif=exif)).camera == ("Canon EOS R5" + "x" * 200)[: photo.CAMERA_CHARACTERS]
    assert photo.check(encoded(picture())).camera is None


def test_brightness_is_the_mean_luma_of_the_photo() -> None:
    for colour, luma in (((255, 255, 255), 255), ((200, 100, 50), 124), ((0, 0, 255), 29)):
        assert photo.check(encoded(Image.new("RGB", (90, 60), colour), "PNG")).brightness == pytest.approx(luma, abs=1)


def test_the_shown_copy_keeps_neither_exif_nor_place_nor_what_was_appended() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (35.0, 41.0, 22.0)
    uploaded = encoded(picture(), exif=exif, comment=b"SecretComment") + b"PK\x03\x04SecretArchive"
    assert b"SecretCamera" in uploaded
    shown = photo.check(uploaded).shown_jpeg
    assert b"Secret" not in shown
    assert b"Exif" not in shown
    assert not Image.open(io.BytesIO(shown)).getexif()


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65_535, 64 * 64).astype(np.uint16).reshape(64, 64)
    pixels = photo.check(encoded(Image.fromarray(ramp), "PNG")).pixels
    assert (pixels[0, 0] == 0).all()
    assert (pixels[-1, -1] == 255).all()
    assert abs(int(pixels[32, 0, 0]) - 127) <= 2


def test_cmyk_palette_and_grey_become_rgb() -> None:
    red = Image.new("RGB", (40, 40), (220, 30, 30))
    cmyk = photo.check(encoded(red.convert("CMYK"), "JPEG", quality=95)).pixels
    palette = photo.check(encoded(red.convert("P", palette=Image.Palette.ADAPTIVE), "PNG")).pixels
    grey = photo.check(encoded(Image.new("L", (40, 40), 77), "PNG")).pixels
    assert cmyk[20, 20, 0] > 180 > 90 > cmyk[20, 20, 1]
    assert tuple(palette[20, 20]) == (220, 30, 30)
    assert tuple(grey[20, 20]) == (77, 77, 77)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(mode: str) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    assert (photo.check(encoded(image, "PNG", **options)).pixels == 255).all()


def test_the_second_picture_inside_a_phone_photo_is_no_animation() -> None:
    depth_map = Image.new("RGB", (64, 48), "grey")
    phone_photo = encoded(picture(), "MPO", save_all=True, append_images=[depth_map])
    checked = photo.check(phone_photo)
    assert checked.format == "JPEG"
    assert checked.pixels[0, 0, 0] > 200


def test_a_photo_with_damaged_exif_is_still_a_photo() -> None:
    data = encoded(picture(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert photo.check(data).pixels.shape == (48, 64, 3)


REFUSED = {
    "empty": b"",
    "too_many_bytes": b"\xff\xd8\xff" + bytes(25 << 20),
    "damaged": encoded(picture(600, 800))[:900],
    "not_a_photo": b"hello, is this cell ok?",
    "other_format": b"%PDF-1.7 drawing",
    "svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "web_page": b"\n<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body><svg/></body></html>",
    "animated": encoded(picture(), "PNG", save_all=True, append_images=[Image.new("RGB", (64, 48), "red")]),
    "too_many_pixels": png_header(10_000, 10_000),
    "too_small": encoded(picture(31, 64)),
    "too_long": png_header(20_000, 2_000),
    "too_narrow": png_header(2_000, 50),
    "too_dark": encoded(Image.new("L", (64, 64), 9)),
}
if not photo.HEIF_INSTALLED:
    REFUSED["heic"] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.mark.parametrize("problem", sorted(REFUSED))
def test_each_bad_input_is_refused_with_its_own_sentence_in_both_languages(problem: str) -> None:
    with pytest.raises(photo.PhotoError) as refused:
        photo.check(REFUSED[problem])
    assert refused.value.problem == problem
    english, japanese = photo.words(refused.value, "en"), photo.words(refused.value, "ja")
    assert str(refused.value) == english
    assert english.endswith(".")
    assert japanese.endswith("。")
    assert "{" not in english + japanese


def test_every_problem_has_a_refused_example_here() -> None:
    assert set(REFUSED) | {"heic"} == set(photo.PhotoProblem)


def test_an_animated_webp_is_refused_with_its_number_of_frames() -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    with pytest.raises(photo.AnimatedPhotoError, match="3 frames"):
        photo.check(encoded(picture(), "WEBP", save_all=True, append_images=frames))


def test_a_login_page_names_the_token_and_the_scope() -> None:
    with pytest.raises(photo.WebPageError, match=r"token.*files:read"):
        photo.check(REFUSED["web_page"])


def test_a_bomb_is_refused_by_its_header_with_its_size() -> None:
    with pytest.raises(photo.PhotoSizeError, match=r"50000 × 50000 pixels \(2500 million\)"):
        photo.check(png_header(50_000, 50_000))


@pytest.mark.parametrize(
    ("first", "name"), [(b"GIF89a", "GIF"), (b"II*\0", "TIFF"), (b"\0\0\0\x18ftypavif", "AVIF"), (b"\0\0\0\x18ftypmp42", "video")]
)
def test_a_known_other_kind_of_file_is_named(first: bytes, name: str) -> None:
    with pytest.raises(photo.OtherFormatError, match=f"This is a {name} file"):
        photo.check(first + bytes(64))


@pytest.mark.skipif(not photo.HEIF_INSTALLED, reason="pillow-heif is not installed")
def test_a_heic_photo_passes_where_the_extra_is_installed() -> None:
    assert photo.check(encoded(picture(64, 64), "HEIF")).format == "HEIF"


def pass_or_refuse(data: bytes) -> None:
    """Nothing but PhotoError may come out, and what passes is a whole photo."""
    try:
        checked = photo.check(data)
    except photo.PhotoError as refused:
        assert photo.words(refused, "ja")
    else:
        assert checked.pixels.ndim == 3


@given(st.binary(max_size=512))
@settings(deadline=None)
def test_arbitrary_bytes_never_raise_anything_but_a_refusal(data: bytes) -> None:
    pass_or_refuse(data)


MUTATED = {name: encoded(picture(), name) for name in ("JPEG", "PNG", "WEBP")} | {
    "CMYK": encoded(picture().convert("CMYK")),
    "PALETTE": encoded(picture().convert("P"), "PNG"),
    "MPO": encoded(picture(), "MPO", save_all=True, append_images=[picture()]),
    "EXIF": encoded(picture(), exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
}


@given(
    kind=st.sampled_from(sorted(MUTATED)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=6),
    keep=st.floats(0, 1),
)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_photos_never_raise_anything_but_a_refusal(kind: str, changes: list[tuple[float, bytes]], keep: float) -> None:
    data = bytearray(MUTATED[kind])
    for place, new in changes:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    pass_or_refuse(bytes(data[: max(1, int(keep * len(data)))] if keep < 0.5 else data))


def test_every_refusal_has_the_same_holes_in_both_languages() -> None:
    for problem in photo.PhotoProblem:
        assert prompts.holes(f"photo.{problem}", "en") == prompts.holes(f"photo.{problem}", "ja")
