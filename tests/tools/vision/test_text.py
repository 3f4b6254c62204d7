"""The reader on labels drawn here, with the true networks: text at every angle, both languages, small text, several labels, codes."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFont
from pylopdf_fonts_jp import sans_path

from kenpin.storage.vocabulary import LabelText
from kenpin.tools.vision.errors import PhotoUnreadableError
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.process import EyeProcess
from kenpin.tools.vision.text import TEXT, Reader

BENCH = (120, 126, 122)  # the grey that labels lie on
ENGLISH = ("PART NO. SC-200", "LOT L2411-07", "QTY 50 PCS")
JAPANESE = ("品番 SC-200", "ロット L2411-07", "検査済 2026年11月23日")  # 査 comes from the network as the Chinese 查, too


def label(*lines: str, capital_px: int = 26) -> Image.Image:
    """White, one line under the other."""
    font = ImageFont.truetype(str(sans_path()), round(capital_px / 0.73))
    step = round(capital_px * 2.1)
    width = max(round(font.getlength(line)) for line in lines) + 2 * step
    sheet = Image.new("RGB", (width, step * (len(lines) + 1)), (240, 240, 236))
    for at, line in enumerate(lines):
        ImageDraw.Draw(sheet).text((step, step * at + step // 2), line, font=font, fill=(15, 15, 15))
    return sheet


def code(text: str, kind: str, **more: object) -> Image.Image:
    return Image.fromarray(np.array(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[kind], **more).to_image(scale=4))).convert("RGB")


def laid(*things: tuple[Image.Image, tuple[int, int], float], size_wh: tuple[int, int] = (800, 600)) -> Image.Image:
    """Each thing with its middle at a place of the bench, turned by so many degrees anticlockwise."""
    photo = Image.new("RGB", size_wh, BENCH)
    for thing, (x, y), degrees in things:
        mask = Image.new("L", thing.size, 255).rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
        turned = thing.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=BENCH)
        photo.paste(turned, (x - turned.width // 2, y - turned.height // 2), mask)
    noisy = np.asarray(photo) + np.random.default_rng(7).normal(0, 4, (size_wh[1], size_wh[0], 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture
def read(reader: Reader, tmp_path: Path):
    def run(photo: Image.Image) -> tuple[LabelText, ...]:
        photo.save(tmp_path / "label.jpg", quality=90)
        return reader.read(tmp_path / "label.jpg")

    return run


def squeezed(texts: tuple[LabelText, ...]) -> list[str]:
    """Without blanks, which the network drops or not as it likes."""
    return [one.text.replace(" ", "") for one in texts]


def as_printed(lines: tuple[str, ...]) -> list[str]:
    return [line.replace(" ", "") for line in lines]


def test_lines_come_in_reading_order_with_their_places(read) -> None:
    texts = read(laid((label(*ENGLISH), (350, 250), 0)))
    assert squeezed(texts) == as_printed(ENGLISH)
    assert all(one.format == TEXT and one.confidence > 0.9 for one in texts)
    middles = [np.mean(one.quad_xy, axis=0) * (800, 600) for one in texts]
    assert [round(x / 60) for x, _ in middles] == pytest.approx([round(350 / 60)] * 3, abs=2)
    assert [y for _, y in middles] == pytest.approx([195, 250, 305], abs=15)
    (left, top), (right, _), (_, bottom), _ = texts[0].quad_xy
    assert left < right
    assert top < bottom, "the corners run clockwise from the beginning"


@pytest.mark.parametrize("degrees", [90, 180, 270, 37])
def test_a_label_may_lie_at_any_angle(read, degrees: int) -> None:
    texts = read(laid((label(*JAPANESE), (400, 300), degrees)))
    assert squeezed(texts) == as_printed(JAPANESE)
    (x0, y0), (x1, y1), *_ = (np.array(corner) * (800, 600) for corner in texts[0].quad_xy)
    along = math.degrees(math.atan2(y0 - y1, x1 - x0)) % 360
    assert along == pytest.approx(degrees, abs=4), "the first corner is where the line begins"


@pytest.mark.parametrize("capital_px", [10, 7])
def test_small_letters_are_read(read, capital_px: int) -> None:
    """At 7 px the whole label looks like one block on the small copy that is looked at first."""
    assert squeezed(read(laid((label(*ENGLISH, capital_px=capital_px), (900, 200), 4), size_wh=(1280, 960)))) == as_printed(ENGLISH)


def test_two_labels_that_lie_differently_are_read_each_its_own_way(read) -> None:
    texts = read(laid((label("LOT A-77"), (220, 120), 0), (label("S/N 004512"), (680, 350), 90)))
    assert sorted(squeezed(texts)) == ["LOTA-77", "S/N004512"]


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix", "Code128"])
def test_codes_are_read_with_their_format(read, kind: str) -> None:
    (found,) = read(laid((code("SC-200;L2411", kind), (400, 300), 20)))
    assert (found.text, found.format) == ("SC-200;L2411", kind)
    middle = np.mean(found.quad_xy, axis=0) * (800, 600)
    assert middle == pytest.approx([400, 300], abs=60)


def test_a_gs1_code_comes_with_its_identifiers_in_brackets(read) -> None:
    (found,) = read(laid((code("(10)L2411(21)C0045", "DataMatrix", gs1=True), (400, 300), 0)))
    assert found.text == "(10)L2411(21)C0045"


def test_control_characters_of_a_code_reach_nobody(read) -> None:
    (found,) = read(laid((code("SC-200\n\x1b[31mL2411\u202eabc", "QRCode"), (400, 300), 0)))
    assert found.text == "SC-200 [31mL2411 abc"


def test_full_width_letters_become_plain_ones(read) -> None:
    assert squeezed(read(laid((label("ＬＯＴ　Ａ７７"), (400, 300), 0)))) == ["LOTA77"]


def test_a_photo_without_writing_gives_nothing(read) -> None:
    assert read(laid()) == ()


def test_a_photo_that_is_gone_is_said_so(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(PhotoUnreadableError, match="no longer in the photo store"):
        reader.read(tmp_path / "gone")


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked for something")

    monkeypatch.setattr(socket.socket, "connect", refuse)  # the real network may be missing anyway; then a try would hide in a log
    laid((label("LOT A-77"), (400, 300), 0)).save(tmp_path / "label.jpg")
    assert squeezed(Reader(threads=1).read(tmp_path / "label.jpg")) == ["LOTA-77"]


def test_the_eye_loads_no_reader_before_it_is_asked_to_read() -> None:
    program = "import sys; from kenpin.tools.vision.eye import Eye; print(sorted({'rapidocr', 'zxingcpp'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_only_the_headless_build_of_opencv_is_installed() -> None:
    builds = {dist.metadata["Name"].lower() for dist in distributions() if (dist.metadata["Name"] or "").lower().startswith("opencv")}
    assert builds == {"opencv-python-headless"}, "another build writes the same cv2 folder and needs libGL"


def test_the_eye_reads_in_its_own_process_too(eye: Eye, cache: Path, tmp_path: Path) -> None:
    laid((label("LOT A-77"), (400, 300), 0)).save(tmp_path / "label.jpg")
    with EyeProcess(cache=cache, threads=1) as away:
        (found,) = away.read(tmp_path / "label.jpg")
        assert (found.text.replace(" ", ""), found.format) == ("LOTA-77", TEXT)
        with pytest.raises(PhotoUnreadableError):
            away.read(tmp_path / "gone")
    assert [one.text for one in eye.read(tmp_path / "label.jpg")] == [found.text]
