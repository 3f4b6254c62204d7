"""What is written on a photo: lines of text at any angle, bar codes and 2-D codes.

Text is looked for twice. The first look, at a small copy of the whole photo, tells where there is text, how it lies and how large it is.
The second is a view of each such place, turned upright and brought to the size that the network reads best; only there are lines found for
good and read. Upside down is told from upright by reading the longest lines both ways.

The networks are PP-OCRv6's small ones from rapidocr's own wheel, run by ONNX Runtime; codes are read by zxing-cpp. Nothing is downloaded,
and neither library is loaded before the first photo is read. Text in columns from top to bottom is not read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import LabelText
from kenpin.tools.vision import photo

if TYPE_CHECKING:
    from rapidocr import RapidOCR

Bgr = NDArray[np.uint8]  # (H, W, 3), as the networks were trained
Quad = NDArray[np.float64]  # (4, 2): x and y in pixels of the corners, clockwise from the one above the text's beginning

TEXT = "text"  # the format of what is no code
LONG_SIDE_PX = 4096  # decoded at most
OVERVIEW_PX = 736  # long side of the first look: a capital of 4 px there is enough to be found, and it takes a quarter of the time of 1472
CLOSER_PX = 1472  # of another, when nothing was found
MOST_TILES, TILE_PX = 2, 1104  # of half the photo's sides, looked at as large as this when still nothing was found
MOST_ENLARGED = 4.0  # beyond, there is nothing more to see
LINE_PX = 46  # height of a line in the view; as found, a line is about 1.5 times as high as its capitals. The network reads 48
VIEW_PX = 1800  # long side of a view at most
MARGIN_LINES = 4.0  # around what was found, for what the first look missed
MOST_PLACES = 8  # looked at closely, largest first
ELONGATED = 1.8  # times as long as high: such a line shows how the text lies
FEW_LINES = 2  # a place with no more, or with nothing that is clearly longer than high, is looked at once more ...
BLOCK_PX = 640  # ... as large as this
NEAR_LINES = 4.0  # lines of one place lie no further apart
TURNED_DEG = 20.0  # nor are they turned further against each other
READ_BOTH_WAYS = 2  # lines of a place, the longest
LEAST_CONFIDENCE = 0.5  # of a line; what reads worse is mostly no text

# What an error-correcting code says is as good as certain; a check digit lets one misreading in 10 to 100 through; the others have none
# that they must use. Chosen from the codes' definitions, not measured.
_CERTAIN = {
    "QRCode": 0.999, "DataMatrix": 0.999, "Aztec": 0.999, "PDF417": 0.999,
    "Code128": 0.99, "Code93": 0.99, "EANUPC": 0.99, "DataBar": 0.99,
    "Code39": 0.9, "ITF": 0.9, "Codabar": 0.9,
}  # fmt: skip
_UNCHECKED = {"Code39", "ITF", "Codabar"}
# The network reads Chinese and Japanese and mixes their forms of one character; here it is Japanese.
_JAPANESE_FORM = str.maketrans(
    "查检验编对应极气书图单价实产权处层级线质转进达话语读设试认记计车东门间关开长电团归总续绿红纸约终组织给结经",
    "査検験編対応極気書図単価実産権処層級線質転進達話語読設試認記計車東門間関開長電団帰総続緑紅紙約終組織給結経",
)
SLANTS_DEG = (30.0, 60.0)  # at which codes are looked for, and from there along both axes; bars a third as high as wide allow 18 degrees
LEAST_UNCHECKED = 5  # characters; a shorter one without a check digit is as likely a pattern of the surface


class Reader:
    """Reads photos; loads its networks (200 MiB) with the first one. Not for use from several threads at once."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def read(self, path: Path) -> tuple[LabelText, ...]:
        """Lines of text, each place's in reading order, then codes; empty when there are none. Raises PhotoUnreadableError."""
        bgr = np.ascontiguousarray(photo.read(path, LONG_SIDE_PX).rgb[..., ::-1])
        codes = _codes(bgr)
        lines: list[_Written] = []
        for place in self._places(bgr):
            view = _View.of_place(bgr, place)
            codes = codes or [view.onto_photo(code) for code in _codes(view.bgr)]
            for line in self._lines(view.bgr):
                _keep_better(lines, view.onto_photo(line))
        if not codes:
            codes = _slanting_codes(bgr)
        lines = [line for line in lines if not any(_holds(code.quad, line.quad) for code in codes)]  # a code's pattern is no text
        height, width = bgr.shape[:2]
        return tuple(one.as_label_text(height, width) for one in (*lines, *codes))

    @cached_property
    def _networks(self) -> RapidOCR:
        from rapidocr import RapidOCR

        models = Path(str(files("rapidocr"))) / "models"
        settings: dict[str, object] = {
            "Global.log_level": "critical",
            "Global.max_side_len": 2 * VIEW_PX,  # sizes are chosen here
            "Global.min_side_len": 1,
            "Global.use_vertical_padding": False,
            "Global.return_word_box": True,  # brings each letter's probability
            "Det.limit_type": "max",
            "Det.limit_side_len": 2 * VIEW_PX,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),  # named: a missing file is then an error, not a download
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
        }
        if self._threads is not None:
            settings["EngineConfig.onnxruntime.intra_op_num_threads"] = self._threads
        return RapidOCR(params=settings)

    def _places(self, bgr: Bgr) -> list[_Place]:
        """Where there is text on the photo, largest first; looked for more closely as long as nothing is found."""
        for long_side_px in (OVERVIEW_PX, CLOSER_PX):
            if quads := self._found(bgr, min(long_side_px / max(bgr.shape[:2]), MOST_ENLARGED)):
                break
        else:
            for tile, corner in _busiest_tiles(bgr):
                if quads := [quad + corner for quad in self._found(tile, min(TILE_PX / max(tile.shape[:2]), MOST_ENLARGED))]:
                    break
        places = [finer for place in _largest(_places(quads)) for finer in self._resolved(bgr, place)]
        return _largest(places)

    def _resolved(self, bgr: Bgr, place: _Place) -> list[_Place]:
        """The places of the lines within a place that may be a block of them, as a whole small label looks like one line from afar."""
        if place.lines and len(place.quads) > FEW_LINES:
            return [place]
        corners = np.concatenate(place.quads)
        extent = float(np.ptp(corners, axis=0).max())
        around = np.array([[-1, -1], [1, 1]]) * extent / 4
        view = _View(bgr, (corners[:, None] + around[None]).reshape(-1, 2), 0.0, min(MOST_ENLARGED, BLOCK_PX / extent))
        finer = list(_places([view.quad_onto_photo(quad) for quad in self._found(view.bgr)]))
        return finer if any(one.lines for one in finer) else [place]

    def _found(self, bgr: Bgr, factor: float = 1.0) -> list[Quad]:
        """Where there are lines, looked at `factor` times as large; the corner first that comes first if the text is upright."""
        boxes = getattr(self._networks(_resized(bgr, factor), use_det=True, use_cls=False, use_rec=False), "boxes", None)
        return [] if boxes is None else [quad.astype(np.float64) / factor for quad in boxes]

    def _lines(self, bgr: Bgr) -> list[_Written]:
        """The lines of a view that is upright or upside down, in reading order."""
        quads = [quad for quad in self._found(bgr) if _within(quad, bgr)]
        longest = sorted(range(len(quads)), key=lambda at: -_length(quads[at]))[:READ_BOTH_WAYS]
        upright = {at: self._line(bgr, quads[at]) for at in longest}
        upside_down = {at: self._line(bgr, _turned(quads[at])) for at in longest}
        turned = _sense(upside_down.values()) > _sense(upright.values())
        read = upside_down if turned else upright
        for at, quad in enumerate(quads):
            if at not in read:
                read[at] = self._line(bgr, _turned(quad) if turned else quad)
        return _in_reading_order([line for line in read.values() if line.text and line.confidence >= LEAST_CONFIDENCE])

    def _line(self, bgr: Bgr, quad: Quad) -> _Written:
        read = self._networks(_straightened(bgr, quad), use_det=False, use_cls=False, use_rec=True)
        texts, words = getattr(read, "txts", None), getattr(read, "word_results", None)  # its type depends on what was asked for
        letters = words[0].confs if words and words[0] is not None else None
        text, confidence = (str(texts[0]), _confidence(letters)) if texts and letters else ("", 0.0)
        return _Written(text=_plain(text).translate(_JAPANESE_FORM), format=TEXT, confidence=confidence, quad=quad)


@dataclass(frozen=True)
class _Written:
    """A line or a code, on the photo or on a view of it."""

    text: str
    format: str
    confidence: float
    quad: Quad

    @property
    def middle(self) -> tuple[float, float]:
        x, y = self.quad.mean(axis=0)
        return float(x), float(y)

    def as_label_text(self, height: int, width: int) -> LabelText:
        quad_xy = tuple((round(float(x) / width, 5), round(float(y) / height, 5)) for x, y in self.quad)
        return LabelText(text=self.text, format=self.format, confidence=min(1.0, self.confidence), quad_xy=quad_xy)


@dataclass(frozen=True)
class _Place:
    """Lines that lie together."""

    quads: list[Quad]

    @cached_property
    def lines(self) -> list[Quad]:
        """Those that are clearly longer than high."""
        return [quad for quad in self.quads if _length(quad) >= ELONGATED * _height(quad)]

    @cached_property
    def angle(self) -> float:
        """How the lines lie, in radians, clockwise from left to right, -pi/2 to pi/2. Longer lines count more."""
        telling = self.lines or self.quads
        weights = np.array([_length(quad) for quad in telling])
        twice = 2 * np.array([_angle(quad) for quad in telling])  # a line has no beginning yet: 1 and 181 degrees are the same
        return float(np.arctan2((weights * np.sin(twice)).sum(), (weights * np.cos(twice)).sum()) / 2)

    @cached_property
    def line_px(self) -> float:
        """The height of its smaller lines."""
        return float(np.percentile([_height(quad) for quad in self.quads], 25))

    @property
    def area(self) -> float:
        return sum(_length(quad) * _height(quad) for quad in self.quads)


class _View:
    """A piece of the photo, turned by `angle` so that what lies at this angle is level, and enlarged or reduced."""

    def __init__(self, photo: Bgr, corners: NDArray[np.float64], angle: float, factor: float) -> None:
        """corners: (N, 2) points of the photo that the view is to hold; factor: 1 keeps the size."""
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        levelled = corners @ turn.T
        low, high = levelled.min(axis=0), levelled.max(axis=0)
        self._onto_view = np.hstack([factor * turn, -factor * low[:, None]])  # (2, 3)
        width, height = (max(1, round(factor * side)) for side in high - low)
        how = cv2.INTER_CUBIC if factor > 0.7 else cv2.INTER_AREA
        self.bgr: Bgr = np.asarray(cv2.warpAffine(photo, self._onto_view, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE))

    @classmethod
    def of_place(cls, photo: Bgr, place: _Place) -> _View:
        """A place with its surroundings, its lines of the height that the network reads best."""
        around = MARGIN_LINES * place.line_px * np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])
        corners = (np.concatenate(place.quads)[:, None] + np.sqrt(2) * around[None]).reshape(-1, 2)
        extent = float(np.ptp(corners, axis=0).max())
        factor = min(LINE_PX / place.line_px, MOST_ENLARGED, VIEW_PX / extent)
        return cls(photo, corners, place.angle, factor)

    def onto_photo(self, written: _Written) -> _Written:
        return replace(written, quad=self.quad_onto_photo(written.quad))

    def quad_onto_photo(self, quad: Quad) -> Quad:
        back = cv2.invertAffineTransform(self._onto_view)
        return np.asarray(quad @ back[:, :2].T + back[:, 2])


# --- where lines lie -------------------------------------------------------------------------------------------------------------------


def _places(quads: list[Quad]) -> Iterator[_Place]:
    """Lines that lie near each other and alike, together."""
    left = list(quads)
    while left:
        place = [left.pop()]
        for mine in place:  # grows while it is walked through
            near = [other for other in left if _together(mine, other)]
            left = [other for other in left if not any(other is one for one in near)]
            place += near
        yield _Place(place)


def _largest(places: Iterable[_Place]) -> list[_Place]:
    return sorted(places, key=lambda place: -place.area)[:MOST_PLACES]


def _together(a: Quad, b: Quad) -> bool:
    if all(_length(quad) >= ELONGATED * _height(quad) for quad in (a, b)):
        apart = abs(_angle(a) - _angle(b)) % np.pi
        if min(apart, np.pi - apart) > np.deg2rad(TURNED_DEG):
            return False
    rims = [np.concatenate([quad, (quad + np.roll(quad, -1, axis=0)) / 2]) for quad in (a, b)]  # corners and middles of sides
    gap = float(np.linalg.norm(rims[0][:, None] - rims[1][None], axis=2).min())
    return gap <= NEAR_LINES * max(_height(a), _height(b))


def _sides(quad: Quad) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Along the first side and along the second, as mean vectors."""
    return (quad[1] - quad[0] + quad[2] - quad[3]) / 2, (quad[3] - quad[0] + quad[2] - quad[1]) / 2


def _length(quad: Quad) -> float:
    return max(float(np.linalg.norm(side)) for side in _sides(quad))


def _height(quad: Quad) -> float:
    return max(1.0, min(float(np.linalg.norm(side)) for side in _sides(quad)))


def _angle(quad: Quad) -> float:
    """Of the longer side; of the first one, where they hardly differ."""
    first, second = _sides(quad)
    along = second if np.linalg.norm(second) > 1.3 * np.linalg.norm(first) else first
    return float(np.arctan2(along[1], along[0]))


def _turned(quad: Quad) -> Quad:
    """The same place for text that is upside down."""
    return quad[[2, 3, 0, 1]]


def _within(quad: Quad, bgr: Bgr) -> bool:
    """Not cut off by the edge of the view."""
    height, width = bgr.shape[:2]
    return bool((quad > 1).all() and (quad[:, 0] < width - 2).all() and (quad[:, 1] < height - 2).all())


def _in_reading_order(lines: Sequence[_Written]) -> list[_Written]:
    """Row by row, for level lines that are upright or, all of them, upside down."""
    way = -1.0 if sum(float(line.quad[1][0] - line.quad[0][0]) for line in lines) < 0 else 1.0
    rows: list[list[_Written]] = []
    for line in sorted(lines, key=lambda line: way * line.middle[1]):
        if rows and abs(line.middle[1] - rows[-1][0].middle[1]) < _height(line.quad) / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: way * line.middle[0])]


def _confidence(letters: Sequence[float]) -> float:
    """That all of a line is right, from each letter's probability: halfway between their mean and the least.

    Chosen on 118 part numbers, lots, serial numbers and dates of drawn labels (capitals of 5 to 10 px, or blurred by up to 3 px): of the 24
    least sure this says 0.82, and 21 were right; of the others 0.99, and all were. The mean alone says 0.97 of those 24.
    """
    return float((np.mean(letters) + np.min(letters)) / 2)


def _sense(lines: Iterable[_Written]) -> float:
    """How much was read, and how surely."""
    return sum(line.confidence * len(line.text) for line in lines)


def _keep_better(lines: list[_Written], line: _Written) -> None:
    """Add a line, unless the same one was read better on another view."""
    for at, other in enumerate(lines):
        if _holds(other.quad, line.quad) or _holds(line.quad, other.quad):
            if _sense([line]) > _sense([other]):
                lines[at] = line
            return
    lines.append(line)


def _holds(quad: Quad, other: Quad) -> bool:
    x, y = other.mean(axis=0)
    return bool(cv2.pointPolygonTest(quad.astype(np.float32), (float(x), float(y)), False) >= 0)


# --- pixels ----------------------------------------------------------------------------------------------------------------------------


def _resized(bgr: Bgr, factor: float) -> Bgr:
    height, width = bgr.shape[:2]
    size_wh = (max(32, round(width * factor)), max(32, round(height * factor)))
    return np.asarray(cv2.resize(bgr, size_wh, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))


def _busiest_tiles(bgr: Bgr) -> list[tuple[Bgr, NDArray[np.float64]]]:
    """Pieces half as long and wide as the photo, with the place of their first corner: those with the most fine detail."""
    height, width = bgr.shape[0] // 2, bgr.shape[1] // 2
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), (0, 0), 1.0), cv2.CV_32F))
    corners = [(top, left) for top in (0, height // 2, height) for left in (0, width // 2, width)]
    busiest = sorted(corners, key=lambda at: -float(detail[at[0] : at[0] + height, at[1] : at[1] + width].mean()))[:MOST_TILES]
    return [(bgr[top : top + height, left : left + width], np.array([left, top], np.float64)) for top, left in busiest]


def _straightened(bgr: Bgr, quad: Quad) -> Bgr:
    along, down = (max(4, round(float(np.linalg.norm(side)))) for side in _sides(quad))
    onto = np.array([[0, 0], [along, 0], [along, down], [0, down]], np.float32)
    transform = cv2.getPerspectiveTransform(quad.astype(np.float32), onto)
    return np.asarray(cv2.warpPerspective(bgr, transform, (along, down), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


# --- codes -----------------------------------------------------------------------------------------------------------------------------


def _slanting_codes(bgr: Bgr) -> list[_Written]:
    """Codes that are found on the photo turned: bars are looked for along rows and columns only."""
    height, width = bgr.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    for degrees in SLANTS_DEG:
        view = _View(bgr, corners, np.deg2rad(degrees), min(1.0, VIEW_PX / max(height, width)))
        if found := _codes(view.bgr):
            return [view.onto_photo(code) for code in found]
    return []


def _codes(bgr: Bgr) -> list[_Written]:
    """Every bar code and 2-D code of the formats that labels carry; those of GS1 with their identifiers in brackets."""
    import zxingcpp

    wanted = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat[name] for name in _CERTAIN])
    found = []
    for code in zxingcpp.read_barcodes(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), formats=wanted):
        name = code.symbology.name
        # Control characters come as names in angle brackets, "<LF>"; GS1's identifiers come in round ones, which are wanted.
        text = _plain(re.sub(r"<[A-Z][A-Z0-9]{1,2}>", " ", code.text) if any(byte < 32 for byte in code.bytes) else code.text)
        if not text or (name in _UNCHECKED and len(text) < LEAST_UNCHECKED):
            continue
        at = code.position
        corners = np.array([[p.x, p.y] for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], np.float64)
        found.append(_Written(text=text, format=name, confidence=_CERTAIN[name], quad=corners))
    return found


def _plain(text: str) -> str:
    """NFKC; what moves no pen (control characters, marks of direction) is a blank, and blanks do not pile up."""
    normal = unicodedata.normalize("NFKC", text)
    return " ".join("".join(" " if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"} else letter for letter in normal).split())
