"""How often part number and lot are read exactly, by condition, on photos of labels that this script draws; and how long a photo takes.

Every label is drawn with a random part number, lot, serial number and date, in English or Japanese, in one of three layouts (value beside
its caption, in a second column, or below it), with or without a code (QR, Data Matrix or Code 128, plain or GS1), among other lines that
are neither. Then it is photographed: laid on a bench by a homography (every photo is tilted up to 15 degrees), lit unevenly, blurred, made
noisy and saved as JPEG. Nothing is told to the reader but the photo, and no part number is known to it.

    upright   turned by at most 3 degrees, capitals 22 to 34 px high on a photo of 1280 x 960
    turned    by 90, 180 or 270 degrees
    any angle by anything
    small     capitals 9 to 13 px high, at most 3 degrees
    tiny      capitals 5 to 8 px high, at most 3 degrees
    noisy     noise of 16 to 26 grey levels, blur of 1.2 to 2.0 px, a third of the light
    blurred   blur of 3 to 5 px: out of focus
    tilted    the camera 30 to 45 degrees from above, turned by at most 20 degrees

Two fonts with Japanese glyphs, Noto Sans JP and Noto Serif JP, come from the package pylopdf-fonts-jp of the `test` extra; `--font` adds
others. The constants of the reader were chosen on labels of other seeds (from 1,000,000 on) drawn by this same script, which is not
the same as labels that nobody drew: real ones are dirty, curved, and printed by worse printers.

    python bench/labels.py --each 12
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pylopdf_fonts_jp import sans_path, serif_path
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kenpin.tools import label_fields
from kenpin.tools.vision.text import Reader

WIDTH_PX, HEIGHT_PX = 1280, 960
LETTER_PX = 44  # height of a capital on the label as drawn, before it is photographed
CONDITIONS = ("upright", "turned", "any angle", "small", "noisy", "tilted", "tiny", "blurred")
CODES = ("", "QRCode", "DataMatrix", "Code128")
Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Label:
    """What is printed."""

    part: str
    lot: str
    serial: str
    made: date
    language: str
    code: str  # "", or a format of zxing-cpp
    gs1: bool


def invented(rng: np.random.Generator, language: str, code: str) -> Label:
    def letters(count: int) -> str:
        return "".join(rng.choice(list("ABCDEFGHJKLMNPRSTUVWXY"), count))

    def digits(count: int) -> str:
        return "".join(rng.choice(list("0123456789"), count))

    made = date(2024, 1, 1) + timedelta(days=int(rng.integers(0, 1000)))
    part = [
        f"{letters(2)}-{digits(3)}",
        f"{letters(2)}{digits(1)}-{digits(4)}{letters(1)}",
        f"{letters(2)}{digits(5)}",
        f"{digits(4)}-{digits(4)}-{digits(2)}",
        f"{letters(3)}-{digits(4)}-{letters(1)}",
        f"{digits(3)}-{letters(2)}{digits(2)}",
    ][rng.integers(6)]
    lot = [
        f"L{made:%y%m}-{digits(2)}",
        f"{made:%Y%m%d}{letters(1)}",
        f"{letters(1)}{digits(4)}",
        f"{made:%y}{letters(1)}{digits(2)}-{digits(1)}",
        f"{digits(6)}",
    ][rng.integers(5)]
    return Label(part=part, lot=lot, serial=f"{letters(1)}{digits(6)}", made=made, language=language, code=code, gs1=bool(rng.integers(2)))


def _captions(rng: np.random.Generator, language: str) -> tuple[str, str, str, str]:
    """For part number, lot, serial number and date."""
    choices = {
        "en": (
            ("P/N", "Part No.", "PART NO", "Part number", "Model"),
            ("LOT", "Lot No.", "LOT NO.", "Batch"),
            ("S/N", "Serial No.", "SERIAL"),
            ("MFG DATE", "Date", "MFD"),
        ),
        "ja": (
            ("品番", "型番", "部品番号", "品番"),
            ("ロット", "ロット番号", "ロットNo.", "製造ロット"),
            ("シリアル番号", "シリアルNo.", "S/N"),
            ("製造日", "製造年月日", "日付"),
        ),
    }[language]
    part, lot, serial, made = (str(rng.choice(several)) for several in choices)
    return part, lot, serial, made


def _written(rng: np.random.Generator, made: date, language: str) -> str:
    if language == "ja":
        era = f"令和{made.year - 2018}年{made.month}月{made.day}日"
        return str(rng.choice([f"{made.year}年{made.month}月{made.day}日", f"{made:%Y/%m/%d}", f"{made:%y.%m.%d}", era]))
    return str(rng.choice([f"{made:%Y-%m-%d}", f"{made:%Y/%m/%d}", f"{made:%d} {made:%b} {made:%Y}"]))


def content(label: Label) -> str:
    """What the code says. A bar code has room for the two that matter."""
    if label.code == "Code128":
        return f"(241){label.part}(10){label.lot}" if label.gs1 else f"P/N {label.part};LOT {label.lot}"
    if label.gs1:
        return f"(01)04912345678904(11){label.made:%y%m%d}(10){label.lot}(21){label.serial}(241){label.part}"
    return f"P/N {label.part};LOT {label.lot};S/N {label.serial}"


def drawn(label: Label, rng: np.random.Generator, fonts: list[Path]) -> Rgb:
    """The label as printed, flat and clean."""
    face = str(fonts[rng.integers(len(fonts))])
    size = round(LETTER_PX / 0.73)  # of both Noto fonts a capital is 0.73 of the size
    font, less = ImageFont.truetype(face, size), ImageFont.truetype(face, round(size * 0.8))
    captions = _captions(rng, label.language)
    values = (label.part, label.lot, label.serial, _written(rng, label.made, label.language))
    rows = list(zip(captions, values, strict=True))
    rows = [rows[i] for i in (rng.permutation(4) if rng.random() < 0.3 else range(4))]
    others = {
        "en": (("ACME PRECISION CO., LTD.", "Northfield Works", "Delta Components"), ("QTY 50 PCS", "MADE IN JAPAN", "RoHS 2", "REV. C")),
        "ja": (("株式会社山田製作所", "北陸精機 株式会社", "東和電子工業"), ("数量 50 個", "検査済", "日本製", "取扱注意", "RoHS対応")),
    }[label.language]
    layout = ("beside", "column", "below")[rng.integers(3)]
    colon = str(rng.choice(["", ":", "："]) if layout == "beside" else "")
    line = round(size * 1.5)
    sheet = Image.new("RGB", (1500, 1400), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    draw.text((40, 30), str(rng.choice(others[0])), font=less, fill=(20, 20, 20))
    top, right = 30 + line, 0.0
    column = 80 + max(draw.textlength(caption, font=font) for caption in captions)
    for at, (caption, value) in enumerate(rows):
        if layout == "below":
            left = 40 + 560 * (at % 2)
            draw.text((left, top), caption, font=less, fill=(40, 40, 40))
            draw.text((left, top + round(size * 1.1)), value, font=font, fill=(10, 10, 10))
            right = max(right, left + draw.textlength(value, font=font))
            top += round(size * 2.6) * (at % 2)
            continue
        separated = f"{caption}{colon} {value}"
        if layout == "beside":
            draw.text((40, top), separated, font=font, fill=(10, 10, 10))
            right = max(right, 40 + draw.textlength(separated, font=font))
        else:
            draw.text((40, top), caption, font=font, fill=(40, 40, 40))
            draw.text((column, top), value, font=font, fill=(10, 10, 10))
            right = max(right, column + draw.textlength(value, font=font))
        top += line
    draw.text((40, top), str(rng.choice(others[1])), font=less, fill=(20, 20, 20))
    top += line
    if label.code:
        made = zxingcpp.create_barcode(content(label), zxingcpp.barcode_format_from_str(label.code), **({"gs1": True} if label.gs1 else {}))
        scale = 3 if label.code == "Code128" else 7
        code = Image.fromarray(np.array(made.to_image(scale=scale)))
        if label.code == "Code128":
            code = code.resize((code.width, 130), Image.Resampling.NEAREST)
            sheet.paste(code, (40, top))
            top, right = top + code.height + 10, max(right, 40.0 + code.width)
        else:
            sheet.paste(code, (round(right) + 40, 40))
            top, right = max(top, 50 + code.height), right + 40 + code.width
    sheet = sheet.crop((0, 0, min(1500, round(right) + 50), min(1400, top + 20)))
    ImageDraw.Draw(sheet).rectangle((4, 4, sheet.width - 5, sheet.height - 5), outline=(30, 30, 30), width=3)
    return np.asarray(sheet)


def photographed(sheet: Rgb, rng: np.random.Generator, condition: str) -> bytes:
    """A JPEG of the label lying on a bench."""
    tilt = np.deg2rad(rng.uniform(30, 45) if condition == "tilted" else rng.uniform(0, 15))
    turn = {
        "turned": float(rng.choice([90, 180, 270])) + rng.uniform(-3, 3),
        "any angle": rng.uniform(0, 360),
        "tilted": rng.uniform(-20, 20),
    }.get(condition, rng.uniform(-3, 3))
    capitals_px = rng.uniform(*{"small": (9, 13), "tiny": (5, 8)}.get(condition, (22, 34)))
    away = rng.uniform(0, 2 * np.pi)  # the direction in which the camera leans
    height, width = sheet.shape[:2]
    corners = (np.array([[0, 0], [width, 0], [width, height], [0, height]]) - (width / 2, height / 2)) * (capitals_px / LETTER_PX)
    spin, lean = np.deg2rad(turn), np.array([np.cos(away), np.sin(away)])
    turned = corners @ np.array([[np.cos(spin), np.sin(spin)], [-np.sin(spin), np.cos(spin)]])
    along = turned @ lean
    distance = 1800.0  # of the camera, in pixels of the photo
    flat = turned - np.outer(along * (1 - np.cos(tilt)), lean)
    seen = flat / (1 + along * np.sin(tilt) / distance)[:, None]
    room = np.array([WIDTH_PX, HEIGHT_PX]) - (seen.max(axis=0) - seen.min(axis=0))
    if room.min() < 20:  # too large a label for the photo: step back
        seen *= ((np.array([WIDTH_PX, HEIGHT_PX]) - 20) / (seen.max(axis=0) - seen.min(axis=0))).min()
        room = np.array([WIDTH_PX, HEIGHT_PX]) - (seen.max(axis=0) - seen.min(axis=0))
    seen = seen - seen.min(axis=0) + room * rng.uniform(0.1, 0.9, 2)
    finer = 2
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    onto = cv2.getPerspectiveTransform(source, (seen * finer).astype(np.float32))
    shape_wh = (WIDTH_PX * finer, HEIGHT_PX * finer)
    printed = cv2.GaussianBlur(sheet, (0, 0), max(0.3, LETTER_PX / capitals_px / finer / 2))  # no moire where it is made smaller
    ink = cv2.warpPerspective(printed, onto, shape_wh, flags=cv2.INTER_LINEAR)
    there = cv2.warpPerspective(np.full((height, width), 255, np.uint8), onto, shape_wh)
    shrunk, mask = (cv2.resize(a, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA).astype(np.float32) for a in (ink, there))
    paper = shrunk * rng.uniform(0.75, 0.97) * np.array([1, rng.uniform(0.94, 1), rng.uniform(0.85, 1)])
    bench = cv2.resize(rng.normal(rng.uniform(60, 170), 14, (HEIGHT_PX // 8, WIDTH_PX // 8, 3)).astype(np.float32), (WIDTH_PX, HEIGHT_PX))
    share = mask[..., None] / 255
    photo = paper * share + bench * (1 - share)
    down, right = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX] / np.array([HEIGHT_PX, WIDTH_PX])[:, None, None]
    slope = rng.uniform(-0.35, 0.35, 2)
    photo *= (1 + slope[0] * (down - 0.5) + slope[1] * (right - 0.5))[..., None]
    noisy = condition == "noisy"
    photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(*{"noisy": (1.2, 2.0), "blurred": (3, 5)}.get(condition, (0.4, 0.8))))
    photo = photo * (1 / 3 if noisy else rng.uniform(0.7, 1.05)) + rng.normal(0, rng.uniform(16, 26) / 3 if noisy else 3, photo.shape)
    _, jpeg = cv2.imencode(".jpg", np.clip(photo, 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return jpeg.tobytes()


def seed_of(condition: str, language: str, code: str, index: int, first: int) -> int:
    """Every photo has a seed of its own, whatever else is measured in the same run."""
    return first + ((CONDITIONS.index(condition) * 2 + ("en", "ja").index(language)) * 4 + CODES.index(code)) * 1000 + index


@dataclass(frozen=True)
class Result:
    """What was read of one photo."""

    condition: str
    language: str
    code: str
    code_read: bool
    part: bool  # exactly as printed, from everything there is
    lot: bool
    part_by_text: bool  # from the text alone
    lot_by_text: bool
    fields: list[tuple[float, bool]]  # confidence and truth of every part number and lot that was read from the text
    ms: float
    processor_ms: float


def measured(reader: Reader, condition: str, language: str, code: str, seed: int, fonts: list[Path], file: Path) -> Result:
    rng = np.random.default_rng(seed)
    label = invented(rng, language, code)
    file.write_bytes(photographed(drawn(label, rng, fonts), rng, condition))
    started, before = time.perf_counter(), time.process_time()
    texts = reader.read(file)
    found = label_fields.fields(texts, HEIGHT_PX, WIDTH_PX)
    ms, processor_ms = (time.perf_counter() - started) * 1000, (time.process_time() - before) * 1000
    text_alone = label_fields.fields([one for one in texts if one.format == label_fields.TEXT], HEIGHT_PX, WIDTH_PX)
    truth = {label_fields.PART_NUMBER: label.part, label_fields.LOT: label.lot}
    exact = [[next((f.value for f in fields if f.kind == kind), None) == truth[kind] for kind in truth] for fields in (found, text_alone)]
    return Result(
        condition=condition, language=language, code=code, code_read=any(one.format != label_fields.TEXT for one in texts),
        part=exact[0][0], lot=exact[0][1], part_by_text=exact[1][0], lot_by_text=exact[1][1],
        fields=[(f.confidence, f.value == truth[f.kind]) for f in text_alone if f.kind in truth], ms=ms, processor_ms=processor_ms,
    )  # fmt: skip


def percent(several: list[bool]) -> str:
    return f"{100 * np.mean(several):.0f}" if several else "–"


def by_condition(results: list[Result]) -> Table:
    table = Table(title="Read exactly, in % of the photos")
    for column in (
        "condition",
        "language",
        "photos",
        "part",
        "lot",
        "part, text alone",
        "lot, text alone",
        "codes read",
        "ms p50",
        "ms p95",
        "processor ms p50",
    ):
        table.add_column(column)
    for condition in CONDITIONS:
        for language in ("en", "ja"):
            mine = [r for r in results if (r.condition, r.language) == (condition, language)]
            if not mine:
                continue
            shares = ([r.part for r in mine], [r.lot for r in mine], [r.part_by_text for r in mine], [r.lot_by_text for r in mine])
            codes = [r.code_read for r in mine if r.code]
            times = [*np.percentile([r.ms for r in mine], [50, 95]), np.median([r.processor_ms for r in mine])]
            table.add_row(condition, language, str(len(mine)), *map(percent, shares), percent(codes), *(f"{ms:.0f}" for ms in times))
    return table


def by_code(results: list[Result]) -> Table:
    table = Table(title="The same by code, all conditions, in % of the photos")
    for column in ("code", "photos", "code read", "part", "lot"):
        table.add_column(column)
    for code in CODES:
        mine = [r for r in results if r.code == code]
        shares = ([r.code_read for r in mine] if code else [], [r.part for r in mine], [r.lot for r in mine])
        table.add_row(code or "none", str(len(mine)), *map(percent, shares))
    return table


def by_confidence(results: list[Result]) -> Table:
    table = Table(title="Part numbers and lots read from the text alone, by how sure they are said to be")
    for column in ("confidence", "fields", "mean confidence", "right"):
        table.add_column(column)
    fields = [field for result in results for field in result.fields]
    for low, high in ((0.5, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.98), (0.98, 0.995), (0.995, 1.01)):
        mine = [(confidence, right) for confidence, right in fields if low <= confidence < high]
        if mine:
            mean = f"{np.mean([confidence for confidence, _ in mine]):.3f}"
            table.add_row(f"{low:g} to {min(high, 1):g}", str(len(mine)), mean, f"{np.mean([right for _, right in mine]):.3f}")
    return table


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--each", type=int, default=8, help="photos for each condition, language and kind of code (none, and one of three)"
    )
    arguments.add_argument("--conditions", default=",".join(CONDITIONS))
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--first-seed", type=int, default=0)
    arguments.add_argument("--font", type=Path, action="append", default=[], help="another font with Japanese glyphs")
    given = arguments.parse_args()
    fonts = [sans_path(), serif_path(), *given.font]
    reader = Reader(given.threads)
    wanted = [
        (condition, language, code, index)
        for condition in given.conditions.split(",")
        for language in ("en", "ja")
        for index in range(given.each)
        for code in ("", CODES[1 + index % 3])
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "label.jpg"
        measured(reader, "upright", "en", "QRCode", given.first_seed + 999_999, fonts, file)  # loads the networks
        results = [
            measured(reader, condition, language, code, seed_of(condition, language, code, index, given.first_seed), fonts, file)
            for condition, language, code, index in track(wanted, "Reading")
        ]
    console = Console(width=150)
    for table in (by_condition(results), by_code(results), by_confidence(results)):
        console.print(table)
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    console.print(f"{given.threads} threads; the process holds {int(resident.split()[1]) / 1024:.0f} MiB, reader and bench together")


if __name__ == "__main__":
    main()
