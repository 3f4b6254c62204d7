"""What the writing on a label says of the part: part number, lot, serial number and date, from lines of text and codes.

A value is known by its caption (P/N, ロット, 製造日 ...) on the same line, to its left or above it; by a GS1 application identifier or an
ISO 15434 data identifier; or because it is a known part number. Where a code and the text say the same, both count for more; where they do
not, `conflicts` tells. Pure functions: known part numbers are handed in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.parts import folded
from kenpin.storage.vocabulary import LabelField, LabelText

TEXT = "text"  # the format of what is no code
PART_NUMBER, LOT, SERIAL, DATE = KINDS = ("part_number", "lot", "serial", "date")
GTIN = "(01)"  # how a GS1 article number is written: it names the article, but not as a site's own part numbers do

# A value is less sure than the line it stands on: a neighbouring line may belong to something else, a value without a caption may be
# anything, a part number that fits only after letters and digits were exchanged may be another one, and a caption that was misread may be
# another caption. Chosen, not measured.
NEXT_LINE, NO_CAPTION, EXCHANGED, MISREAD_CAPTION = 0.98, 0.85, 0.9, 0.9

SHORT = 4  # letters and digits: below, a known number is looked for only on a line of its own ("50" is a quantity); up to it, only exactly
FAR_RIGHT = 16.0  # line heights between a caption and its value in a table
FAR_BELOW = 1.3  # line heights between a caption and the value under it

# One letter for one letter, so that places in the text stay the same. Chinese forms of kanji come from a network that reads both
# languages, kanji for katakana from their likeness.
_CAPTION_LETTERS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ查检验编號制数口卜工二夕力", "abcdefghijklmnopqrstuvwxyz査検験編号製数ロトエニタカ"
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_ALIKE = str.maketrans("oqil|!szbg查检验编號制", "0011115286査検験編号製")  # what eyes, networks and typists take for one another

_NO = r"(?:\s*[.:]?\s*(?:n[o0]\.|(?:n[o0]|number|num)(?![a-z])|番号|コード|ナンバー)|\s*#)"
_THEN = r"(?=[^a-z]|[a-z]\d|\Z)"  # no longer word begins here, though a value may follow without a blank
_BEGINS = r"(?<![a-z0-9])"
_CAPTIONS = {
    PART_NUMBER: rf"品番|型番|部番|型式|(?:部品|品目|製品|商品){_NO}"
    rf"|{_BEGINS}(?:p\s*/\s*n{_NO}?|(?:parts?|item|cat){_NO}|parts?(?=\s*(?:[:=]|\Z))|pn(?=\s*[:=#]|\s*\Z|\s+\S*\d)|model{_NO}?{_THEN})",
    LOT: rf"(?:製造)?ロット{_NO}?|製造番号|{_BEGINS}(?:l[o0]t|batch){_NO}?{_THEN}",
    SERIAL: rf"シリアル{_NO}?|機番|個体番号|{_BEGINS}(?:s\s*/\s*n{_NO}?|serial{_NO}?{_THEN}|sn(?=\s*[:=#]|\s*\Z|\s+\S*\d))",
    DATE: r"(?:製造|検査|出荷|生産|使用|有効|賞味)(?:年月日|年月|日|期限)|日付|年月日"
    rf"|{_BEGINS}(?:(?:mfg|mfd|manufactur\w+|prod\w*|exp\w*|pack\w*)(?:\.?\s*date)?|date(?:\s*of\s*\w+)?)(?=[\s:.=\d]|\Z)",
}
_CAPTION = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in _CAPTIONS.items()))
# Captions that are long enough to be known with a letter misread, as on a blurred photo; what looks like one by this much counts as it.
_LONG_CAPTIONS = {
    "部品番号": PART_NUMBER, "ロット": LOT, "ロット番号": LOT, "製造ロット": LOT, "シリアル番号": SERIAL, "シリアル": SERIAL,
    "製造日": DATE, "製造年月日": DATE,
}  # fmt: skip
# 品番, 型番 or 部番 with one of the two misread, but not 品名 (name), 部署 (department), 順番 (order) and the like.
_SHORT_CAPTION = re.compile(r"[品型部][^名質目種数位式署門長]|[^順連地整局一二三四五六七八九]番")
ALIKE_CAPTION = 0.66  # difflib's ratio: one letter in three
_OPENING = re.compile(r"([\u3041-\u30ff\u3400-\u9fff]{2,6})(?=[\s:.=a-z\d]|\Z)")
_LOT_OR_SERIAL = "製造番号"  # a lot on medicines and materials, a serial number on machines

_VALUE = re.compile(r"[\s:=#.\-_]*((?:[A-Za-z]{1,5} (?=[A-Za-z0-9\-]*\d))?[A-Za-z0-9][A-Za-z0-9\-_/.+]*)")
_CUT = re.compile(r"[;,|、。\n]")
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]")

# GS1 General Specifications, table of application identifiers; ANSI MH10.8.2, data identifiers.
_GS1 = {"01": PART_NUMBER, "240": PART_NUMBER, "241": PART_NUMBER, "10": LOT, "21": SERIAL, "11": DATE, "13": DATE, "15": DATE, "17": DATE}
_GS1_FIELD = re.compile(r"\((\d{2,4})\)\s*([^()]+)")
_MH10 = {"P": PART_NUMBER, "1P": PART_NUMBER, "T": LOT, "1T": LOT, "S": SERIAL, "9D": DATE, "16D": DATE}
_MH10_HEAD = re.compile(r"\[\)>\W*06\W*")
_MH10_FIELD = re.compile(r"(\d{0,2}[A-Z])(.+)")


@dataclass(frozen=True, kw_only=True)
class Match:
    """A known part number that something written stands for."""

    number: str  # as the records hold it
    written: str
    exact: bool  # but for width, case, dashes and blanks


def known_number(written: str, known: Collection[str]) -> Match | None:
    """The known part number that `written` is. Letters and digits that look alike count as one, unless two known numbers then fit."""
    mine = folded(written)
    for number in known:
        if folded(number) == mine:
            return Match(number=number, written=written, exact=True)
    alike = [number for number in known if _alike(number) == _alike(written)]
    return Match(number=alike[0], written=written, exact=False) if len(alike) == 1 else None


def known_in(text: str, known: Collection[str]) -> tuple[Match, ...]:
    """Where known part numbers stand in a text by themselves, longest first; not those inside a longer number."""
    rest, found = text.translate(_DASHES), []
    for number in sorted(known, key=lambda one: (-len(folded(one)), one)):
        if _alike(number) not in _alike(rest) or (len(folded(number)) < SHORT and folded(number) != folded(text)):
            continue
        for at in reversed(list(_standing(number).finditer(rest))):
            match = known_number(at.group(), known)
            if match is not None and match.number == number and (match.exact or len(folded(number)) > SHORT):
                found.append(match)
                rest = rest[: at.start()] + "\n" + rest[at.end() :]  # taken out, so that no shorter number is found within
    return tuple(found)


def fields(texts: Sequence[LabelText], height_px: int, width_px: int, known: Collection[str] = ()) -> tuple[LabelField, ...]:
    """Part numbers, lots, serial numbers and dates; of each kind the surest first.

    height_px, width_px: of the photo, whose sides the quads are shares of. A part number that is known comes as the records hold it.
    """
    texts = [replace(one, text=unicodedata.normalize("NFKC", one.text)) for one in texts]
    japanese = any(_JAPANESE.search(one.text) for one in texts)
    found = [field for one in texts for field in _of_identifiers(one)]
    named = [one for one in texts if not _identifiers(one)]
    found += _of_captions(named, np.array([width_px, height_px]), japanese=japanese)
    if not any(field.kind == DATE for field in found):
        found += [_field(DATE, day, one, factor=NO_CAPTION) for one in named if (day := _lone_day(one.text)) is not None]
    found = [_as_known(field, known) for field in found]
    taken = {field.value for field in found if field.kind == PART_NUMBER}
    for one in texts:
        for match in known_in(one.text, known):
            if match.number not in taken:
                found.append(_field(PART_NUMBER, match.number, one, written=match.written, factor=1.0 if match.exact else EXCHANGED))
    return _agreed(_best(found))


def conflicts(found: Sequence[LabelField]) -> tuple[tuple[LabelField, LabelField], ...]:
    """Pairs of a code's field and the text's that are of one kind and say different things."""
    pairs = []
    for kind in KINDS:
        mine = [field for field in found if field.kind == kind and not field.written.startswith(GTIN)]
        codes, written = ([field for field in mine if (field.format == TEXT) is is_text] for is_text in (False, True))
        if codes and written and not any(_says_same(code, text) for code in codes for text in written):
            pairs.append((codes[0], written[0]))
    return tuple(pairs)


def same_kind_of_number(one: str, other: str) -> bool:
    """Whether two different part numbers are built alike: they differ in nothing but digits, as SC-200 and SC-250 do."""
    return folded(one) != folded(other) and re.sub(r"\d", "9", folded(one)) == re.sub(r"\d", "9", folded(other))


# --- captions --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Caption:
    kind: str
    line: LabelText
    written: str
    rest: str  # what follows it on its line, up to the next caption
    misread: bool = False


def _captions(line: LabelText) -> tuple[_Caption, ...]:
    text = line.text.translate(_DASHES)
    plain = text.translate(_CAPTION_LETTERS)
    found = list(_CAPTION.finditer(plain))
    if not found:
        return _misread_caption(line, text, plain)
    cuts = [at.start() for at in found] + [len(text)]
    return tuple(
        _Caption(str(at.lastgroup), line, text[at.start() : at.end()], text[at.end() : cut])
        for at, cut in zip(found, cuts[1:], strict=True)
    )


def _misread_caption(line: LabelText, text: str, plain: str) -> tuple[_Caption, ...]:
    """What the line begins with, if it is nearly a caption."""
    if (opening := _OPENING.match(plain)) is None:
        return ()
    if _SHORT_CAPTION.fullmatch(opening.group(1)):
        return (_Caption(PART_NUMBER, line, text[: opening.end()], text[opening.end() :], misread=True),)
    likeness = {words: SequenceMatcher(None, words, opening.group(1)).ratio() for words in _LONG_CAPTIONS}
    words = max(likeness, key=likeness.__getitem__)
    if likeness[words] < ALIKE_CAPTION:
        return ()
    return (_Caption(_LONG_CAPTIONS[words], line, text[: opening.end()], text[opening.end() :], misread=True),)


def _of_captions(texts: Sequence[LabelText], size_wh: NDArray[np.int_], *, japanese: bool) -> Iterator[LabelField]:
    by_line = [(line, _captions(line)) for line in texts]
    captions = [caption for _, several in by_line for caption in several]
    written = [(line, bool(several) and not several[0].misread) for line, several in by_line if line.format == TEXT]
    has_lot = any(c.kind == LOT and c.written != _LOT_OR_SERIAL for c in captions)
    for caption in captions:
        kind = SERIAL if caption.written == _LOT_OR_SERIAL and has_lot else caption.kind
        factor = MISREAD_CAPTION if caption.misread else 1.0
        if (value := _value(kind, caption.rest, japanese=japanese)) is not None:
            yield _field(kind, value[0], caption.line, written=caption.written + caption.rest[: value[1]], factor=factor)
        elif caption.line.format == TEXT and len(caption.rest.strip(" :.=#-_")) <= 1:  # a letter of the next line may cling to it
            for line in _neighbours(caption.line, written, size_wh):
                if (value := _value(kind, line.text.translate(_DASHES), japanese=japanese)) is not None:
                    both = f"{caption.written} {line.text[: value[1]]}"
                    yield _field(kind, value[0], line, written=both, factor=factor * NEXT_LINE)
                    break


def _value(kind: str, text: str, *, japanese: bool) -> tuple[str, int] | None:
    """The value that `text` begins with, and where it ends."""
    if kind == DATE:
        return _day(text, japanese=japanese)
    text = re.sub(r"(?<=[0-9A-Za-z])[ー一](?=[0-9A-Za-z])", "-", text)  # the long-vowel mark and the numeral, read for a dash
    found = _VALUE.match(_CUT.split(text)[0])
    if found is None or not re.search(r"\d", found.group(1)) or re.match(r"\s*年", text[found.end() :]):
        return None
    return found.group(1).rstrip("-_/.+"), found.end()


def _neighbours(caption: LabelText, lines: Sequence[tuple[LabelText, bool]], size_wh: NDArray[np.int_]) -> list[LabelText]:
    """Lines to the right of a caption, nearest first, then those right below it; nothing beyond the next caption, which has its own.

    lines: each with whether it has a caption.
    """
    mine = np.array(caption.quad_xy) * size_wh
    along = (mine[1] - mine[0] + mine[2] - mine[3]) / 2
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    frame = np.stack([along, [-along[1], along[0]]])  # to the right and down, as the caption is read
    at = mine @ frame.T
    height = max(1.0, float(np.linalg.norm(at[3] - at[0]) + np.linalg.norm(at[2] - at[1])) / 2)
    right: list[tuple[float, LabelText, bool]] = []
    below: list[tuple[float, LabelText, bool]] = []
    for line, has_caption in lines:
        other = np.array(line.quad_xy) * size_wh @ frame.T
        if line is caption or (other[1] - other[0])[0] <= 0:  # lies the other way
            continue
        gap, drop = ((other[0] + other[3]) - (at[1] + at[2])) / 2 / height
        if -0.5 <= gap <= FAR_RIGHT and abs(drop) <= 0.5 + min(0.4, 0.04 * max(0.0, float(gap))):  # the photo may be tilted
            right.append((float(gap), line, has_caption))
        inset, under = (other[0] - at[3]) / height
        if -0.5 <= under <= FAR_BELOW and abs(inset) <= 2:
            below.append((float(under), line, has_caption))
    found = []
    for side in (right, below):
        ordered = sorted(side, key=lambda one: one[0])
        found += [line for _, line, _ in takewhile(lambda one: not one[2], ordered)]
    return found


# --- identifiers in codes ----------------------------------------------------------------------------------------------------------------


def _identifiers(one: LabelText) -> list[tuple[str, str, str]]:
    """(kind, value, as written) of every identifier that a label's field has."""
    if one.format != TEXT and (head := _MH10_HEAD.match(one.text)):
        pieces = (_MH10_FIELD.fullmatch(piece) for piece in re.split(r"[\s\u241d\u241e]+", one.text[head.end() :]))
        return [(_MH10[p.group(1)], p.group(2), p.group()) for p in pieces if p is not None and p.group(1) in _MH10]
    return [
        (_GS1[at.group(1)], at.group(2).strip(), f"({at.group(1)}){at.group(2).strip()}")
        for at in _GS1_FIELD.finditer(one.text)
        if at.group(1) in _GS1 and at.group(2).strip()
    ]


def _of_identifiers(one: LabelText) -> Iterator[LabelField]:
    for kind, value, written in _identifiers(one):
        if kind == DATE:
            value = _gs1_day(value) or value
        yield _field(kind, value, one, written=written)


def _gs1_day(digits: str) -> str | None:
    """YYMMDD of GS1, whose day 00 means the whole month; or YYYYMMDD."""
    if not re.fullmatch(r"\d{6}|\d{8}", digits):
        return None
    year, month, day = int(digits[:-4]), int(digits[-4:-2]), int(digits[-2:])
    if len(digits) == 6:
        year += 2000 if year <= 50 else 1900  # GS1 General Specifications 7.12, for years near ours
    return _month(year, month) if day == 0 else _iso(year, month, day)


# --- dates -----------------------------------------------------------------------------------------------------------------------------

_BEFORE_ERA = {"令和": 2018, "平成": 1988, "昭和": 1925, "R": 2018, "H": 1988, "S": 1925}  # year 1 of the era is the next
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = "|".join(_MONTHS)
_START = r"[\s:.=]*"
_ERA = re.compile(_START + r"([令合今]和|平成|昭和|[RHS](?=[\d.]))\.?\s*(元|\d{1,2})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})\s*日?")
_YMD = re.compile(_START + r"(\d{4})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})(?!\d)\s*日?")
_YYYYMMDD = re.compile(_START + r"((?:19|20)\d{2})(\d{2})(\d{2})(?!\d)")
_DMY = re.compile(_START + r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_MONTH = re.compile(_START + rf"(\d{{1,2}})[\s.-]*({_NAMED})[a-z]*[\s.,-]*(\d{{4}}|\d{{2}})(?!\d)", re.IGNORECASE)
_MONTH_DAY = re.compile(_START + rf"({_NAMED})[a-z]*[\s.]*(\d{{1,2}})[\s.,]+(\d{{4}})(?!\d)", re.IGNORECASE)
_SHORT = re.compile(_START + r"(\d{2})\s*([年./-])\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})(?!\d)\s*日?")
_YYMMDD = re.compile(_START + r"(\d{2})(\d{2})(\d{2})(?!\d)")
_YM = re.compile(_START + r"(\d{4})\s*[年./-]\s*(\d{1,2})(?!\d)\s*月?")


def _day(text: str, *, japanese: bool) -> tuple[str, int] | None:
    """The date that `text` begins with, and where it ends: YYYY-MM-DD, YYYY-MM for a month, as written where it can be read two ways.

    A short date on a Japanese label is year, month, day; on others it may as well begin with the day.
    """
    if at := _ERA.match(text):
        year = 1 if at.group(2) == "元" else int(at.group(2))
        return _told(_iso(_BEFORE_ERA[at.group(1).replace("合", "令").replace("今", "令")] + year, int(at.group(3)), int(at.group(4))), at)
    if at := _YMD.match(text) or _YYYYMMDD.match(text):
        return _told(_iso(*map(int, at.groups())), at)
    if at := _DAY_MONTH.match(text):
        year = int(at.group(3)) + (2000 if len(at.group(3)) == 2 else 0)
        return _told(_iso(year, _MONTHS.index(at.group(2).lower()) + 1, int(at.group(1))), at)
    if at := _MONTH_DAY.match(text):
        return _told(_iso(int(at.group(3)), _MONTHS.index(at.group(1).lower()) + 1, int(at.group(2))), at)
    if at := _DMY.match(text):
        first, second, year = int(at.group(1)), int(at.group(3)), int(at.group(4))
        ways = [_iso(year, second, first)] + ([] if at.group(2) == "." else [_iso(year, first, second)])  # dots: no American date
        return _told(_only(ways, at), at)
    if (at := _SHORT.match(text) or _YYMMDD.match(text)) and not _YM.match(text):
        numbers = at.groups()
        a, b, c = int(numbers[0]), int(numbers[-2]), int(numbers[-1])
        ways = [_iso(2000 + a, b, c)]
        if not japanese and "年" not in numbers:
            ways += [_iso(2000 + c, b, a), _iso(2000 + c, a, b)]
        return _told(_only(ways, at), at)
    if at := _YM.match(text):
        return _told(_month(int(at.group(1)), int(at.group(2))), at)
    return None


def _lone_day(text: str) -> str | None:
    """A whole line that is a date with its year in full."""
    for form in (_ERA, _YMD, _DAY_MONTH, _MONTH_DAY):
        if (at := form.fullmatch(text)) and (day := _day(text, japanese=False)) is not None and re.search(r"\d{4}|[令平昭]", at.group()):
            return day[0]
    return None


def _told(day: str | None, at: re.Match[str]) -> tuple[str, int] | None:
    return None if day is None else (day, at.end())


def _only(ways: list[str | None], at: re.Match[str]) -> str | None:
    """The one way to read it; as written when there are several."""
    possible = {way for way in ways if way is not None}
    return at.group().strip(" :=.") if len(possible) > 1 else next(iter(possible), None)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _month(year: int, month: int) -> str | None:
    first = _iso(year, month, 1)
    return None if first is None else first[:7]


# --- values ----------------------------------------------------------------------------------------------------------------------------


def _field(kind: str, value: str, line: LabelText, *, written: str | None = None, factor: float = 1.0) -> LabelField:
    return LabelField(
        kind=kind, value=value, written=(written or line.text).strip(), confidence=line.confidence * factor, format=line.format
    )


def _as_known(field: LabelField, known: Collection[str]) -> LabelField:
    if field.kind != PART_NUMBER or (match := known_number(field.value, known)) is None:
        return field
    return replace(field, value=match.number, confidence=field.confidence * (1.0 if match.exact else EXCHANGED))


def _best(found: Sequence[LabelField]) -> list[LabelField]:
    """Each value of a kind once for the text and once for each format of a code, surest first; kinds in their order."""
    best: dict[tuple[str, str, str], LabelField] = {}
    for field in sorted(found, key=lambda field: (KINDS.index(field.kind), field.written.startswith(GTIN), -field.confidence)):
        best.setdefault((field.kind, folded(field.value), field.format), field)
    return list(best.values())


def _agreed(found: Sequence[LabelField]) -> tuple[LabelField, ...]:
    """What code and text both say is wrong only if both are; letters the text takes for others that look alike are as in the code."""
    told = []
    for field in found:
        others = [other for other in found if other.kind == field.kind and (other.format == TEXT) is not (field.format == TEXT)]
        same = next((other for other in others if _says_same(field, other)), None)
        if same is None:
            told.append(field)
        else:
            value = same.value if field.format == TEXT else field.value
            told.append(replace(field, value=value, confidence=1 - (1 - field.confidence) * (1 - same.confidence)))
    return tuple(told)


def _says_same(a: LabelField, b: LabelField) -> bool:
    return a.value == b.value if a.kind == DATE else _alike(a.value) == _alike(b.value)


@lru_cache(maxsize=65536)
def _alike(written: str) -> str:
    return folded(written).replace(".", "").translate(_ALIKE)  # L is read as "1." now and then


@lru_cache(maxsize=65536)
def _standing(number: str) -> re.Pattern[str]:
    """A number as it may stand in a text: blanks and dashes may come and go between its letters, and those that look alike be exchanged."""
    letters = [re.escape(letter) if letter not in "0125681" else f"[{letter}{_LOOK_LIKE[letter]}]" for letter in _alike(number)]
    return re.compile(r"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-)" + r"[\s\-]?".join(letters) + r"(?![A-Za-z0-9])(?!-[A-Za-z0-9])", re.IGNORECASE)


_LOOK_LIKE = {"0": "oq", "1": "il|!", "2": "z", "5": "s", "6": "g", "8": "b"}
