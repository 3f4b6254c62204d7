"""Charts as numbers: where every line, band, bar and label goes. The template draws them as SVG and puts a table of the same beside it.

Positions are in the units of the drawing, WIDE by HIGH, from its upper left. Nothing here is markup, so that nothing can be injected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDE, HIGH = 400.0, 220.0
LEFT, TOP, BOTTOM = 50.0, 12.0, 26.0  # around the plot
NAMES, NO_NAMES = 96.0, 22.0  # at its right: where several series are named, and where there is one, which the title names
LABELS_APART = 15.0
SQUARE = 260.0


@dataclass(frozen=True, kw_only=True)
class Value:
    """One number of a series. None: there is none, and the line has a gap."""

    value: float | None
    words: str  # the number as a person reads it, with its interval
    low: float | None = None
    high: float | None = None
    href: str | None = None  # the list of what was counted


@dataclass(frozen=True, kw_only=True)
class Series:
    name: str
    values: tuple[Value, ...]  # as many as the chart has steps
    style: int  # 1 to 4


@dataclass(frozen=True, kw_only=True)
class Dot:
    x: float
    y: float
    words: str
    href: str | None
    style: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A series in the drawing."""

    name: str
    style: int
    line: str  # path data; "" for bars
    band: str
    bars: tuple[tuple[float, float, float, float, str, str | None], ...]  # x, y, width, height, words, href
    dots: tuple[Dot, ...]
    label: tuple[float, float, str] | None  # where its name stands, and its newest value


@dataclass(frozen=True, kw_only=True)
class Row:
    """Of the table beside the drawing."""

    name: str
    cells: tuple[tuple[str, str | None], ...]  # words and href, one for each series


@dataclass(frozen=True, kw_only=True)
class Chart:
    id: str
    title: str
    about: str  # what is counted, of what
    summary: str  # what the drawing shows, for whoever cannot see it
    high: float
    wide: float
    series: tuple[Drawn, ...]
    across: tuple[tuple[float, str], ...]  # grid lines: y and label
    below: tuple[tuple[float, str], ...]  # labels of the steps: x and words
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    marks: tuple[tuple[float, str], ...] = ()  # x of a moment worth a line, and what it was
    left: float = LEFT
    right: float = WIDE - NAMES
    bottom: float = HIGH - BOTTOM
    top: float = TOP

    @property
    def is_empty(self) -> bool:
        return not any(drawn.dots or drawn.bars for drawn in self.series)


def over_time(
    id: str,
    title: str,
    about: str,
    summary: str,
    steps: Sequence[str],
    series: Sequence[Series],
    columns: Sequence[str],
    *,
    ticks: Callable[[float], str],
    most: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Lines, with their intervals as bands. steps: the words of each step. columns: heading of the steps, then of each series.

    most: the axis ends there at the latest. marks: a place among the steps, 0 to their number, and words.
    """
    top = _axis_end(series, most)
    right = _right(series)
    x, y = _places(len(steps), right), _scale(top)
    drawn = []
    for one in series:
        band = _band(one, x, y)
        dots = tuple(
            Dot(x=x[i], y=y(v.value), words=f"{steps[i]}: {v.words}", href=v.href, style=one.style)
            for i, v in enumerate(one.values)
            if v.value is not None
        )
        last = next((v for v in reversed(one.values) if v.value is not None), None)
        label = (right + 8, y(last.value), one.name) if len(series) > 1 and last is not None and last.value is not None else None
        drawn.append(Drawn(name=one.name, style=one.style, line=_line(one, x, y), band=band, bars=(), dots=dots, label=label))
    return _chart(id, title, about, summary, steps, series, columns, _apart(drawn), x, top, ticks, marks)


def stacked(
    id: str,
    title: str,
    about: str,
    summary: str,
    steps: Sequence[str],
    series: Sequence[Series],
    columns: Sequence[str],
    *,
    ticks: Callable[[float], str],
) -> Chart:
    """Bars, each series on top of the one before."""
    heights = [sum(one.values[i].value or 0.0 for one in series) for i in range(len(steps))]
    top = _nice(max(heights, default=0.0))
    right = _right(series)
    x, y = _places(len(steps), right), _scale(top)
    width = min(26.0, (right - LEFT) / max(len(steps), 1) * 0.72)
    below = [0.0] * len(steps)
    drawn = []
    for one in series:
        bars = []
        for i, v in enumerate(one.values):
            if v.value:
                low, high = y(below[i]), y(below[i] + v.value)
                bars.append(
                    (round(x[i] - width / 2, 1), high, round(width, 1), round(low - high, 1), f"{steps[i]}, {one.name}: {v.words}", v.href)
                )
                below[i] += v.value
        middle = y(below[-1] - (one.values[-1].value or 0.0) / 2) if steps else 0.0
        label = (right + 8, middle, one.name) if bars and len(series) > 1 else None
        drawn.append(Drawn(name=one.name, style=one.style, line="", band="", bars=tuple(bars), dots=(), label=label))
    return _chart(id, title, about, summary, steps, series, columns, _apart(drawn), x, top, ticks, ())


@dataclass(frozen=True, kw_only=True)
class Reliable:
    """One point of a reliability diagram; all shares 0 to 1."""

    stated: float
    right: float
    low: float
    high: float
    n: int
    words: str
    cells: tuple[str, ...]  # for the table: stated, right, how many
    href: str | None


def reliability(id: str, title: str, about: str, summary: str, points: Sequence[Reliable], columns: Sequence[str]) -> Chart:
    """Stated confidence, 50 to 100 in 100, to the right; the share that was right upwards. On the diagonal both are the same."""
    left, right, top, bottom = LEFT, SQUARE + 30 - 12, TOP, SQUARE - BOTTOM
    floor = min([0.5, *(max(0.0, math.floor(point.low * 10) / 10) for point in points)])

    def x(share: float) -> float:
        return round(left + (share - 0.5) / 0.5 * (right - left), 1)

    def y(share: float) -> float:
        return round(bottom - (share - floor) / (1 - floor) * (bottom - top), 1)

    bars = tuple((x(p.stated) - 1.5, y(p.high), 3.0, round(y(p.low) - y(p.high), 1), p.words, None) for p in points)
    dots = tuple(Dot(x=x(p.stated), y=y(p.right), words=p.words, href=p.href, style=1) for p in points)
    line = "M" + " L".join(f"{dot.x} {dot.y}" for dot in dots) if len(dots) > 1 else ""
    diagonal = Drawn(name="", style=0, line=f"M{x(0.5)} {y(0.5)} L{x(1.0)} {y(1.0)}", band="", bars=(), dots=(), label=None)
    points_drawn = Drawn(name="", style=1, line=line, band="", bars=bars, dots=dots, label=None)
    shares = [floor + i * (1 - floor) / 5 for i in range(6)] if floor < 0.5 else [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    return Chart(
        id=id,
        title=title,
        about=about,
        summary=summary,
        high=SQUARE,
        wide=SQUARE + 30,
        series=(diagonal, points_drawn),
        across=tuple((y(share), f"{share * 100:.0f} %") for share in shares),
        below=tuple((x(share), f"{share * 100:.0f}") for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
        rows=tuple(
            Row(name=p.cells[0], cells=tuple((cell, p.href if i == 1 else None) for i, cell in enumerate(p.cells[1:]))) for p in points
        ),
        columns=tuple(columns),
        left=left,
        right=right,
        bottom=bottom,
        top=top,
    )


def _chart(
    id: str,
    title: str,
    about: str,
    summary: str,
    steps: Sequence[str],
    series: Sequence[Series],
    columns: Sequence[str],
    drawn: tuple[Drawn, ...],
    x: Sequence[float],
    top: float,
    ticks: Callable[[float], str],
    marks: Sequence[tuple[float, str]],
) -> Chart:
    y = _scale(top)
    every = max(1, math.ceil(len(steps) / 5))
    begin, step = (x[0], x[1] - x[0]) if len(x) > 1 else ((LEFT + _right(series)) / 2, 0.0)
    return Chart(
        id=id,
        title=title,
        about=about,
        summary=summary,
        high=HIGH,
        wide=WIDE,
        series=drawn,
        across=tuple((y(top * i / 4), ticks(top * i / 4)) for i in range(5)),
        below=tuple((x[i], steps[i]) for i in range(len(steps)) if (len(steps) - 1 - i) % every == 0),
        rows=tuple(
            Row(name=steps[i], cells=tuple((one.values[i].words, one.values[i].href) for one in series))
            for i in reversed(range(len(steps)))
        ),
        columns=tuple(columns),
        right=_right(series),
        marks=tuple((round(begin + (place - 0.5) * step, 1), words) for place, words in marks),
    )


def _axis_end(series: Sequence[Series], most: float | None) -> float:
    """High enough for every value, and for intervals as far as they do not dwarf the values."""
    values = [v.value for one in series for v in one.values if v.value is not None]
    highs = [v.high for one in series for v in one.values if v.high is not None]
    if not values:
        return most if most is not None else 1.0
    wanted = max([max(values) * 1.15, min(max(highs, default=0.0), max(values) * 2.5)])
    end = _nice(wanted)
    return min(end, most) if most is not None else end


def _nice(value: float) -> float:
    """The next number upwards that four grid lines divide into round ones."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * power >= value * 0.999))


def _right(series: Sequence[Series]) -> float:
    """Where the plot ends."""
    return WIDE - (NAMES if len(series) > 1 else NO_NAMES)


def _places(count: int, right: float) -> list[float]:
    """The middle of each step."""
    width = (right - LEFT) / max(count, 1)
    return [round(LEFT + width * (i + 0.5), 1) for i in range(count)]


def _scale(top: float) -> Callable[[float], float]:
    return lambda value: round(HIGH - BOTTOM - min(max(value / top, 0.0), 1.0) * (HIGH - BOTTOM - TOP), 1)


def _line(one: Series, x: Sequence[float], y: Callable[[float], float]) -> str:
    path, pen_down = [], False
    for at, v in zip(x, one.values, strict=True):
        if v.value is not None:
            path.append(f"{'L' if pen_down else 'M'}{at} {y(v.value)}")
        pen_down = v.value is not None
    return " ".join(path)


def _band(one: Series, x: Sequence[float], y: Callable[[float], float]) -> str:
    """One outline for each stretch without a gap; a single step is as wide as a dot."""
    paths, stretch = [], []
    for at, v in [*zip(x, one.values, strict=True), (0.0, Value(value=None, words=""))]:
        if v.value is not None and v.low is not None and v.high is not None:
            stretch.append((at, y(v.low), y(v.high)))
            continue
        if len(stretch) == 1:
            at_x, low, high = stretch[0]
            stretch = [(at_x - 4, low, high), (at_x + 4, low, high)]
        if stretch:
            there = " L".join(f"{at_x} {high}" for at_x, _, high in stretch)
            back = " L".join(f"{at_x} {low}" for at_x, low, _ in reversed(stretch))
            paths.append(f"M{there} L{back} Z")
        stretch = []
    return " ".join(paths)


def _apart(drawn: Sequence[Drawn]) -> tuple[Drawn, ...]:
    """Labels at the right, moved so that none covers another."""
    labelled = sorted((d for d in drawn if d.label is not None), key=lambda d: d.label[1] if d.label else 0.0)
    moved: dict[str, tuple[float, float, str]] = {}
    free = TOP
    room = HIGH - BOTTOM - LABELS_APART * (len(labelled) - 1)
    for index, one in enumerate(labelled):
        assert one.label is not None
        at = max(free, min(one.label[1], room + LABELS_APART * index))
        moved[one.name] = (one.label[0], round(at, 1), one.label[2])
        free = at + LABELS_APART
    return tuple(
        Drawn(name=d.name, style=d.style, line=d.line, band=d.band, bars=d.bars, dots=d.dots, label=moved.get(d.name) if d.label else None)
        for d in drawn
    )
