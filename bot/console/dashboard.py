"""The dashboard at /: what came of the answers over time, by part and by subgroup, whether confidences hold, and what has drifted.

Everything is read from counts of days (`statistics_by_day`), which are brought up to date first; a database that was never counted is
counted a piece with every look, and the page says how far. Each number leads to the inspections it is made of: where the list has the
filter, to the list, else to /counted.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin import prompts
from kenpin.bot.console import charts
from kenpin.bot.console.charts import Chart, Reliable, Series, Value
from kenpin.bot.console.page import Nav, ProblemError, desk, show, visitor
from kenpin.storage import chance, drift, parts, people, second_looks, statistics_by_day, statistics_of_subgroups, statistics_reliability
from kenpin.storage.chance import Share
from kenpin.storage.database import reading, writing
from kenpin.storage.drift import Drift, History
from kenpin.storage.statistics_by_day import DIMENSIONS, Calendar, Counts, Progress, Subgroups
from kenpin.storage.statistics_of_subgroups import Gap, Measure
from kenpin.storage.vocabulary import ANY_PART, Language, Role

PERIODS = (7, 30, 90, 365)  # days to choose from
USUAL = 30
LONGEST = 5 * 366  # days that dates may lie apart
COUNT_FOR_S = 0.5  # how long a look at the page counts, when something is not counted yet
DAYS_AT_ONCE = 3  # in one transaction, so that nobody who writes waits long
WEEKS_FROM, MONTHS_FROM = 31, 190  # days of a period from which charts go by week, and by month
MOST_PARTS = 40  # in the table of parts
DIAGRAMS = 6  # parts that have a reliability diagram of their own, those asked about most
LOOKED_AT = 40  # parts whose drift is looked for
LOOK_FOR_S = 0.25  # in one look at the page
MOST_VALUES = 40  # of a dimension that are held against each other; of more, the last row is all the others
OTHERS = "*"
ROWS_SHOWN = 12  # of a dimension; the others are folded away
FEWEST_TIMED = 5  # decisions that a median is said of
UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
SHOWN_MEASURES: tuple[Measure, ...] = ("overrides", "escapes", "overkill", "abstained")
COUNTED_AT_MOST = 200  # rows of /counted


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which inspections the page is about."""

    part: str  # "*": all of them
    first: date
    last: date
    days: int | None  # one of PERIODS, where that was chosen

    def query(self, **other: object) -> str:
        return urlencode(
            {
                **({"part": self.part} if self.part != ANY_PART else {}),
                **({"period": self.days} if self.days else {"from": self.first, "to": self.last}),
                **other,
            }
        )


class Words:
    """The page's own sentences and numbers in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, entry: str, **holes: object) -> str:
        return prompts.render(f"console_dashboard.{entry}", self.language, **holes)

    def share(self, of: Share, *, short: bool = False) -> str:
        if of.value is None:
            return self("none")
        interval = f"{_hundredths(of.low)}–{_hundredths(of.high)}"
        return f"{_hundredths(of.value)} %" if short else self("share", share=_hundredths(of.value), interval=interval, k=of.k, n=of.n)

    def duration(self, seconds: float | None) -> str:
        if seconds is None:
            return self("none")
        unit = next((unit for unit in UNITS if seconds >= 1.5 * UNITS[unit]), "seconds")
        n = seconds / UNITS[unit]
        return self(unit, n=f"{n:.1f}".removesuffix(".0") if n < 10 and unit != "seconds" else f"{n:.0f}")

    def day(self, day: date) -> str:
        return self("day", day=day.day, month=self(f"month_{day.month}"))


def dashboard(request: Request) -> Response:
    settings, engine = desk(request).settings, desk(request).engine
    calendar = Calendar(zone=settings.zone, shifts=settings.shifts)
    now = datetime.now(UTC)
    progress = _counted(engine, calendar, now)
    words = Words(visitor(request).language)
    with reading(engine) as conn:
        asked = _asked(request, conn, now.astimezone(ZoneInfo(calendar.zone)).date())
        days = statistics_by_day.by_day(conn, asked.part, asked.first, asked.last)
        waits = statistics_by_day.waits_by_day(conn, asked.part, asked.first, asked.last)
        by_part = statistics_by_day.by_part(conn, asked.first, asked.last, MOST_PARTS)
        sure = statistics_by_day.reliability(conn, _diagrammed(asked, by_part), asked.first, asked.last)
        groups = statistics_by_day.subgroups(conn, calendar, asked.part, asked.first, asked.last)
        names = people.names(conn, groups.counts["person"])
        looked_at = [asked.part] if asked.part != ANY_PART else [*by_part][:LOOKED_AT]
        drifts, not_looked_at = _DRIFTS.of(conn, looked_at)
        numbers = [part.number for part in parts.all_parts(conn)]
    in_all = statistics_by_day.added(days.values())
    steps = _steps(asked)
    return show(
        request,
        "dashboard.html",
        words=words,
        asked=asked,
        periods=PERIODS,
        parts=numbers,
        any_part=ANY_PART,
        progress=progress,
        in_all=in_all,
        figures=_figures(words, asked, in_all, waits),
        drifts=[_told_drift(words, number, one, history) for number, (one, history) in enumerate(drifts)],
        charts=_charts(words, asked, steps, days, waits),
        diagrams=[_diagram(words, asked, number, part, counted) for number, (part, counted) in enumerate(sure.items())],
        subgroups=_subgroups(words, asked, groups, names),
        not_looked_at=not_looked_at,
        newest=groups.newest,
        zone=calendar.zone,
        by_part=[_part_row(words, asked, part, counts) for part, counts in by_part.items()],
    )


def counted(request: Request) -> Response:
    """The inspections that one number of the dashboard is made of."""
    settings, given = desk(request).settings, request.query_params
    calendar = Calendar(zone=settings.zone, shifts=settings.shifts)
    words = Words(visitor(request).language)
    what, dimension, value = given.get("what", ""), given.get("dimension"), given.get("value", "")
    if what not in statistics_by_day.WHATS or dimension not in (None, *DIMENSIONS) or "\x00" in value:
        raise ProblemError(400, "console_dashboard.no_such_count")
    with reading(desk(request).engine) as conn:
        asked = _asked(request, conn, datetime.now(UTC).astimezone(ZoneInfo(calendar.zone)).date())
        hidden = second_looks.open_for(conn, visitor(request).person_id)
        group = (dimension, value) if dimension is not None else None
        found, more = statistics_by_day.listed(
            conn, calendar, asked.part, asked.first, asked.last, what, group=group, most=COUNTED_AT_MOST, without=hidden
        )
        names = people.names(conn, {one.asked_by for one in found} | {value})
    about = {"what": words(f"counted_{what}" if what in ("inspections", "decided") else what), "first": asked.first, "last": asked.last}
    part = words("all_parts") if asked.part == ANY_PART else asked.part
    if dimension is None:
        title = words("counted_about", **about, part=part)
    else:
        title = words("counted_about_group", **about, part=part, dimension=words(dimension), value=_named(words, dimension, value, names))
    return show(
        request,
        "dashboard_counted.html",
        words=words,
        title=title,
        found=found,
        names=names,
        more=more,
        most=COUNTED_AT_MOST,
        back=f"/?{asked.query()}",
    )


# --- what is asked ---------------------------------------------------------------------------------------------------------------------


def _asked(request: Request, conn: Connection, today: date) -> Asked:
    """Raises ProblemError for what is no period or no part."""
    given = request.query_params
    part = ANY_PART
    if written := given.get("part", "").strip():
        number = parts.number_of(conn, written) if "\x00" not in written else None
        if number is None:
            raise ProblemError(404, "console_dashboard.no_such_part", part=written[:80])
        part = number
    if given.get("from") or given.get("to"):
        first, last = _day(given.get("from") or given["to"]), _day(given.get("to") or today.isoformat())
        if first is None or last is None or not 0 <= (last - first).days <= LONGEST:
            raise ProblemError(400, "console_dashboard.no_such_days", most=LONGEST // 366)
        return Asked(part=part, first=first, last=last, days=None)
    period = given.get("period") or str(USUAL)
    if period not in map(str, PERIODS):
        raise ProblemError(400, "console_dashboard.no_such_days", most=LONGEST // 366)
    return Asked(part=part, first=today - timedelta(days=int(period) - 1), last=today, days=int(period))


def _day(written: str) -> date | None:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= date(2999, 12, 31) else None


def _counted(engine: Engine, calendar: Calendar, now: datetime) -> Progress:
    """Bring the counts up to date, for no longer than a look at the page may take."""
    with reading(engine) as conn:
        if statistics_by_day.is_fresh(conn, calendar):
            return Progress(since=date.min, whole=True)
    until = time.monotonic() + COUNT_FOR_S
    while True:
        with writing(engine) as conn:
            progress = statistics_by_day.refresh(conn, calendar, now, DAYS_AT_ONCE)
        if progress.whole or time.monotonic() > until:
            return progress


# --- steps of time ---------------------------------------------------------------------------------------------------------------------


def _steps(asked: Asked) -> list[tuple[date, date]]:
    """The period in days, weeks (from Monday) or months, at most about thirty: first and last day of each."""
    length = (asked.last - asked.first).days + 1
    begins = [asked.first + timedelta(days=i) for i in range(length)]
    if length > MONTHS_FROM:
        begins = [day for day in begins if day.day == 1 or day == asked.first]
    elif length > WEEKS_FROM:
        begins = [day for day in begins if day.weekday() == 0 or day == asked.first]
    ends = [*(day - timedelta(days=1) for day in begins[1:]), asked.last]
    return list(zip(begins, ends, strict=True))


def _together(steps: Sequence[tuple[date, date]], days: Mapping[date, Counts]) -> list[Counts]:
    return [statistics_by_day.added(counts for day, counts in days.items() if first <= day <= last) for first, last in steps]


# --- numbers and charts ----------------------------------------------------------------------------------------------------------------


def _figures(words: Words, asked: Asked, in_all: Counts, waits: Mapping[date, Mapping[int, int]]) -> list[dict[str, Any]]:
    """The large numbers at the top."""
    waited = _added_waits(waits.values())

    def figure(name: str, value: str, more: str, href: str | None) -> dict[str, Any]:
        return {"name": words(name), "value": value, "more": more, "href": href, "what": words(f"{name}_what")}

    def share(name: str, of: Share, href: str) -> dict[str, Any]:
        if of.value is None:
            return figure(name, words("none"), words("nothing_known"), None)
        interval = words("interval", low=_hundredths(of.low), high=_hundredths(of.high))
        return figure(name, f"{_hundredths(of.value)} %", f"{interval} · {words('k_of_n', k=f'{of.k:,}', n=f'{of.n:,}')}", href)

    return [
        figure("volume", f"{in_all.inspections:,}", words("of_them_judged", n=f"{in_all.judged:,}"), _listed(asked)),
        share("approval", chance.wilson(in_all.approved, in_all.decided), _listed(asked, state="approved")),
        share("overrides", chance.wilson(in_all.overrides, in_all.decided), _listed(asked, disagreed=1)),
        share("escapes", chance.wilson(in_all.escapes, in_all.known_bad), _counted_page(asked, "escapes")),
        share("overkill", chance.wilson(in_all.overkill, in_all.known_good), _counted_page(asked, "overkill")),
        share("abstained", chance.wilson(in_all.abstained, in_all.inspections), _listed(asked, abstained=1)),
        share("escalated", chance.wilson(in_all.escalated, in_all.inspections), _listed(asked, escalated=1)),
        figure(
            "wait",
            words.duration(statistics_by_day.wait_quantile(waited, 0.5)),
            words("slowest", p95=words.duration(statistics_by_day.wait_quantile(waited, 0.95)), n=f"{sum(waited.values()):,}"),
            _counted_page(asked, "decided"),
        ),
        figure(
            "cost",
            f"{in_all.cost:,.2f}",
            words("cost_each", each=_money(in_all.cost / max(in_all.inspections, 1))),
            _listed(asked, escalated=1),
        ),
    ]


def _charts(
    words: Words,
    asked: Asked,
    steps: Sequence[tuple[date, date]],
    days: Mapping[date, Counts],
    waits: Mapping[date, Mapping[int, int]],
) -> list[Chart]:
    counts = _together(steps, days)
    each_wait = [_added_waits(found for day, found in waits.items() if first <= day <= last) for first, last in steps]
    within = [Asked(part=asked.part, first=first, last=last, days=None) for first, last in steps]
    sheet = _Sheet(words, _step_name(words, asked, len(steps)), [words.day(first) for first, _ in steps], within)
    return [
        sheet.bars(
            "volume",
            sheet.numbers("said_ok", 1, [float(c.ok) for c in counts], _whole, lambda step: _listed(step, verdict="ok")),
            sheet.numbers("said_not_ok", 2, [float(c.not_ok) for c in counts], _whole, lambda step: _listed(step, verdict="not_ok")),
            sheet.numbers("said_nothing", 3, [float(c.inspections - c.judged) for c in counts], _whole, _listed),
            ticks=_count_tick,
        ),
        sheet.shares(
            "overrides",
            sheet.line("overrides", 2, [(c.overrides, c.decided) for c in counts], lambda step: _listed(step, disagreed=1)),
        ),
        sheet.shares(
            "escapes", sheet.line("escapes", 2, [(c.escapes, c.known_bad) for c in counts], lambda step: _counted_page(step, "escapes"))
        ),
        sheet.shares(
            "overkill",
            sheet.line("overkill", 3, [(c.overkill, c.known_good) for c in counts], lambda step: _counted_page(step, "overkill")),
        ),
        sheet.shares(
            "left_to_people",
            sheet.line("abstained", 1, [(c.abstained, c.inspections) for c in counts], lambda step: _listed(step, abstained=1)),
            sheet.line("escalated", 4, [(c.escalated, c.inspections) for c in counts], lambda step: _listed(step, escalated=1)),
        ),
        _wait_chart(sheet, each_wait),
        sheet.bars(
            "cost",
            sheet.numbers("cost", 3, [c.cost for c in counts], _money, lambda step: _listed(step, escalated=1)),
            ticks=_money,
        ),
    ]


def _wait_chart(sheet: _Sheet, waits: Sequence[Mapping[int, int]]) -> Chart:
    """In the unit that suits the longest of them, so that its grid lines are round."""
    found = {name: [statistics_by_day.wait_quantile(one, share) for one in waits] for name, share in (("median", 0.5), ("p95", 0.95))}
    longest = max((seconds for values in found.values() for seconds in values if seconds is not None), default=0.0)
    unit = next((unit for unit in UNITS if longest >= 1.5 * UNITS[unit]), "seconds")

    def series(name: str, style: int) -> Series:
        values = [None if seconds is None else seconds / UNITS[unit] for seconds in found[name]]
        return sheet.numbers(
            name, style, values, lambda n: sheet.words.duration(n * UNITS[unit]), lambda step: _counted_page(step, "decided")
        )

    return sheet.lines("wait", series("median", 1), series("p95", 2), ticks=lambda n: sheet.words(unit, n=f"{n:.3g}"))


@dataclass(frozen=True)
class _Sheet:
    """Charts over the same steps of time."""

    words: Words
    step: str  # what a step is called
    names: list[str]  # of the steps
    within: list[Asked]  # the same steps

    def line(self, name: str, style: int, counted: Sequence[tuple[int, int]], href: Callable[[Asked], str]) -> Series:
        """counted: k of n at each step."""
        values = []
        for step, (k, n) in zip(self.within, counted, strict=True):
            share = chance.wilson(k, n)
            low, high = (share.low, share.high) if n else (None, None)
            values.append(Value(value=share.value, low=low, high=high, words=self.words.share(share), href=href(step) if k else None))
        return Series(name=self.words(name), values=tuple(values), style=style)

    def numbers(
        self, name: str, style: int, found: Sequence[float | None], as_words: Callable[[float], str], href: Callable[[Asked], str]
    ) -> Series:
        values = [
            Value(value=one, words=self.words("none") if one is None else as_words(one), href=href(step) if one else None)
            for step, one in zip(self.within, found, strict=True)
        ]
        return Series(name=self.words(name), values=tuple(values), style=style)

    def shares(self, id: str, *series: Series) -> Chart:
        return self.lines(id, *series, ticks=_per_cent_tick, most=1.0)

    def lines(self, id: str, *series: Series, ticks: Callable[[float], str], most: float | None = None) -> Chart:
        columns = (self.step, *(one.name for one in series))
        about = self.words(id), self.words(f"{id}_about"), self._summary(id, series)
        return charts.over_time(id, *about, self.names, series, columns, ticks=ticks, most=most)

    def bars(self, id: str, *series: Series, ticks: Callable[[float], str]) -> Chart:
        columns = (self.step, *(one.name for one in series))
        about = self.words(id), self.words(f"{id}_about"), self._summary(id, series)
        return charts.stacked(id, *about, self.names, series, columns, ticks=ticks)

    def _summary(self, id: str, series: Sequence[Series]) -> str:
        newest = "; ".join(f"{one.name} {_newest(one)}" for one in series)
        return self.words("chart_summary", title=self.words(id), count=len(self.names), newest=newest)


def _step_name(words: Words, asked: Asked, steps: int) -> str:
    length = (asked.last - asked.first).days + 1
    return words("by_day" if steps == length else "by_month" if length > MONTHS_FROM else "by_week")


def _newest(one: Series) -> str:
    return next((v.words for v in reversed(one.values) if v.value is not None), "–")


def _diagrammed(asked: Asked, by_part: Mapping[str, Counts]) -> list[str]:
    return [asked.part] if asked.part != ANY_PART else [ANY_PART, *[*by_part][:DIAGRAMS]]


def _diagram(words: Words, asked: Asked, number: int, part: str, counted: Mapping[int, statistics_by_day.Reliability]) -> tuple[Chart, str]:
    """The diagram, and what it comes to."""
    found = statistics_reliability.diagram(counted)
    title = words("all_parts") if part == ANY_PART else part
    mine = Asked(part=part, first=asked.first, last=asked.last, days=asked.days)
    points = [
        Reliable(
            stated=one.stated,
            right=one.right.value or 0.0,
            low=one.right.low,
            high=one.right.high,
            n=one.right.n,
            words=words("reliability_point", stated=_hundredths(one.stated), share=words.share(one.right)),
            cells=(f"{_hundredths(one.low)}–{_hundredths(one.high)} %", f"{_hundredths(one.stated)} %", words.share(one.right)),
            href=_listed(mine, confidence_from=f"{one.low * 100:.0f}", confidence_to=f"{one.high * 100:.0f}"),
        )
        for one in found.bins
    ]
    said = words("too_few_judged", n=found.judged)
    if found.error is not None and found.judged >= 20:
        said = words(
            "ece",
            error=_hundredths(found.error),
            low=_hundredths(found.error_low),
            high=_hundredths(found.error_high),
            chance=_hundredths(found.by_chance),
            n=f"{found.judged:,}",
        )
    columns = (words("confidence"), words("stated"), words("right"))
    chart = charts.reliability(f"reliability-{number}", title, "", said, points, columns)
    return chart, said


# --- subgroups and parts ---------------------------------------------------------------------------------------------------------------


def _subgroups(words: Words, asked: Asked, groups: Subgroups, names: Mapping[str, str]) -> list[dict[str, Any]]:
    largest = {dimension: _largest(counts) for dimension, counts in groups.counts.items()}
    gaps = statistics_of_subgroups.gaps(largest)
    tables = []
    for dimension in DIMENSIONS:
        values = list(largest[dimension].items())
        if dimension in ("shift", "lighting"):
            values.sort(key=lambda item: item[0] or "~")
        left = len(groups.counts[dimension]) - len(values) + 1
        rows = [
            {
                "name": words("all_others", n=left) if value == OTHERS else _named(words, dimension, value, names),
                "inspections": f"{counts.inspections:,}",
                "href": _group_page(asked, dimension, value, "inspections") if value != OTHERS else None,
                "cells": [_cell(words, asked, dimension, value, measure, gaps[dimension, value, measure]) for measure in SHOWN_MEASURES],
                "median": _quantile(words, groups.waits[dimension].get(value, ()), 0.5),
                "p95": _quantile(words, groups.waits[dimension].get(value, ()), 0.95),
                "is_flagged": any(gaps[dimension, value, measure].is_beyond_chance for measure in SHOWN_MEASURES),
            }
            for value, counts in values
        ]
        shown = [row for i, row in enumerate(rows) if i < ROWS_SHOWN or row["is_flagged"]]
        tables.append({"dimension": words(dimension), "rows": shown, "folded": [row for row in rows if row not in shown]})
    return tables


def _largest(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    """The values with the most inspections, most first; what is left of very many is taken together."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1].inspections, item[0]))
    if len(ordered) <= MOST_VALUES:
        return dict(ordered)
    return dict(ordered[: MOST_VALUES - 1]) | {OTHERS: statistics_by_day.added(one for _, one in ordered[MOST_VALUES - 1 :])}


def _cell(words: Words, asked: Asked, dimension: str, value: str, measure: Measure, gap: Gap) -> dict[str, Any]:
    said = words.share(gap.share)
    flag = None
    if gap.is_beyond_chance:
        entry = "more_than_others" if gap.is_more else "less_than_others"
        flag = words(entry, others=words.share(gap.others, short=True), chance=_chance(gap.chance))
    return {
        "short": words.share(gap.share, short=True),
        "interval": f"{_hundredths(gap.share.low)}–{_hundredths(gap.share.high)}" if gap.share.n else "",
        "said": said,
        "flag": flag,
        "arrow": "▲" if gap.is_more else "▼",
        "needed": words("needed", n=gap.share.n, needed=gap.needed) if gap.needed is not None and gap.share.n else None,
        "href": _group_page(asked, dimension, value, measure) if gap.share.k and value != OTHERS else None,
    }


def _named(words: Words, dimension: str, value: str, names: Mapping[str, str]) -> str:
    if not value:
        return words("not_known")
    if dimension == "lighting":
        return words(f"lighting_{value}")
    if dimension == "language":
        return words(f"language_{value}")
    if dimension == "shift":
        return words("shift_from", begin=value)
    return names.get(value, value) if dimension == "person" else value


def _part_row(words: Words, asked: Asked, part: str, counts: Counts) -> dict[str, Any]:
    mine = Asked(part=part, first=asked.first, last=asked.last, days=asked.days)
    return {
        "part": part,
        "href": f"/?{mine.query()}",
        "inspections": f"{counts.inspections:,}",
        "list": _listed(mine),
        "cells": [
            {
                "short": words.share(share, short=True),
                "interval": f"{_hundredths(share.low)}–{_hundredths(share.high)}" if share.n else "",
                "said": words.share(share),
                "href": _measure_page(mine, measure) if share.k else None,
            }
            for measure in SHOWN_MEASURES
            for share in (statistics_of_subgroups.share_of(counts, measure),)
        ],
        "bound": _hundredths(chance.upper_bound(counts.escapes, counts.known_bad)) if counts.known_bad else None,
    }


# --- drift -----------------------------------------------------------------------------------------------------------------------------


class _DriftMemory:
    """What was found of each part, by its newest inspection: looking at a part takes a tenth of a second, and a plant has many."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, tuple[Drift, History] | None]] = {}
        self._lock = threading.Lock()

    def of(self, conn: Connection, numbers: Sequence[str]) -> tuple[list[tuple[Drift, History]], int]:
        """The drifts of these parts, newest first, and how many parts nobody has had time to look at yet.

        No longer than LOOK_FOR_S is looked; then what was found before a part's newest photos came stands for now.
        """
        at, until = conn.engine.url.render_as_string(), time.monotonic() + LOOK_FOR_S
        newest = drift.newest(conn, numbers)
        with self._lock:
            for number in sorted(numbers, key=lambda number: (at, number) in self._found):  # those never looked at first
                before = self._found.get((at, number))
                if number not in newest or (before is not None and before[0] == newest[number]):
                    continue
                seen = drift.history(conn, number)
                one = drift.found(number, seen)
                self._found[at, number] = newest[number], (one, seen) if one is not None else None
                if time.monotonic() > until:
                    break
            known = [self._found.get((at, number)) for number in numbers if number in newest]
        drifted = [one[1] for one in known if one is not None and one[1] is not None]
        return sorted(drifted, key=lambda pair: pair[0].since, reverse=True), known.count(None)


_DRIFTS = _DriftMemory()  # of this process


def _told_drift(words: Words, number: int, one: Drift, seen: History) -> dict[str, Any]:
    column = drift.MEASURES.index(one.measure)
    return {
        "part": one.part,
        "headline": words("drifted", part=one.part, measure=words(f"measure_{one.measure}"), day=one.since[:10]),
        "between": words("drift_between", earliest=one.earliest[:10], latest=one.latest[:10], noticed=one.noticed_at[:10]),
        "size": words(
            "drift_size",
            before=f"{one.median_before:.2f}",
            after=f"{one.median_after:.2f}",
            n_before=one.before,
            n_after=one.after,
            effect=f"{one.effect:+.2f}",
            distance=f"{one.distance:.2f}",
        ),
        "rate": words("drift_rate", photos=f"{drift.ALARM / 2:,.0f}"),
        "references": words("drift_references", before=one.references_before, after=one.references_after)
        if one.references_changed
        else None,
        "href": f"/inspections?{urlencode({'part': one.part, 'from': one.since[:10]})}",
        "chart": _drift_chart(words, number, one, seen, column),
    }


def _drift_chart(words: Words, number: int, one: Drift, seen: History, column: int) -> Chart:
    """Median and middle half of the measure, in about twenty steps of as many photos each."""
    of = [(at, float(value)) for at, value in zip(seen.at, seen.values[:, column], strict=True) if value == value]
    size = max(1, -(-len(of) // 20))
    chunks = [of[i : i + size] for i in range(0, len(of), size)]
    is_score, values, steps = one.measure == "score", [], []
    shift = min(0.0, min(value for _, value in of)) if not is_score else 0.0
    for chunk in chunks:
        ordered = sorted(math.exp(value) if is_score else value for _, value in chunk)
        low, middle, high = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.25, 0.5, 0.75))
        steps.append(words.day(date.fromisoformat(chunk[0][0][:10])))
        values.append(
            Value(
                value=middle - shift,
                low=low - shift,
                high=high - shift,
                words=words("middle_half", median=f"{middle:.2f}", low=f"{low:.2f}", high=f"{high:.2f}"),
                href=f"/inspections?{urlencode({'part': one.part, 'from': chunk[0][0][:10], 'to': chunk[-1][0][:10]})}",
            )
        )
    place = next((i for i, (at, _) in enumerate(of) if at >= one.since), len(of)) / size
    series = Series(name=words("median"), values=tuple(values), style=4)
    title = words(f"measure_{one.measure}")
    about = words("drift_about", n=size)
    return charts.over_time(
        f"drift-{number}", title, about, words("drift_summary", day=one.since[:10]), steps, (series,),
        (words("from_day"), words("median")), ticks=lambda value: f"{value + shift:.1f}", marks=((place, words("since_here")),),
    )  # fmt: skip


# --- where numbers lead ----------------------------------------------------------------------------------------------------------------


def _listed(asked: Asked, **filters: object) -> str:
    """The list of inspections with these filters."""
    part = {"part": asked.part} if asked.part != ANY_PART else {}
    return f"/inspections?{urlencode({'from': asked.first, 'to': asked.last, **part, **filters})}"


def _counted_page(asked: Asked, what: str, **group: str) -> str:
    return f"/counted?{asked.query(what=what, **group)}"


def _measure_page(asked: Asked, measure: Measure) -> str:
    known = {"overrides": {"disagreed": 1}, "abstained": {"abstained": 1}}
    return _listed(asked, **known[measure]) if measure in known else _counted_page(asked, measure)


def _group_page(asked: Asked, dimension: str, value: str, what: str) -> str:
    listed: dict[str, dict[str, object]] = {"overrides": {"disagreed": 1}, "abstained": {"abstained": 1}, "inspections": {}}
    fields = {"line": "channel", "person": "asked_by"}
    if dimension in fields and value and what in listed:
        return _listed(asked, **{fields[dimension]: value}, **listed[what])
    return _counted_page(asked, what, dimension=dimension, value=value)


# --- numbers as words ------------------------------------------------------------------------------------------------------------------


def _added_waits(several: Iterable[Mapping[int, int]]) -> dict[int, int]:
    together: dict[int, int] = {}
    for one in several:
        for bin, n in one.items():
            together[bin] = together.get(bin, 0) + n
    return together


def _quantile(words: Words, seconds: Sequence[float], share: float) -> str:
    if len(seconds) < FEWEST_TIMED:
        return words("none")
    ordered = sorted(seconds)
    return words.duration(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def _hundredths(share: float) -> str:
    """A share as a number of 100, with as many digits as say something."""
    value = share * 100
    return (
        f"{value:.0f}" if value >= 20 or value in (0.0, 100.0) else f"{value:.1f}" if value >= 1 else f"{value:.2f}".rstrip("0").rstrip(".")
    )


def _chance(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _money(value: float) -> str:
    return "0" if not value else f"{value:,.2f}" if value >= 1 else f"{value:.2g}"


def _per_cent_tick(share: float) -> str:
    return f"{share * 100:.4g} %"


def _count_tick(value: float) -> str:
    return f"{value:,.4g}"


ROUTES = [Route("/", dashboard), Route("/counted", counted)]
NAV: Nav = ("/", "console_dashboard.nav", Role.VIEWER)
