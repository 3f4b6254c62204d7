"""Drift: have a part's photos changed, since when, in what respect, and by how much?

A part's newest inspections are read in the order they came, and each is given its rank among those before it: how strange it was, how far
its patches lay from usual, how bright it was. While nothing changes, ranks are drawn evenly from 0 to 1 whatever the numbers look like. A
set of bets against that (higher than before, lower, further out, further in), each begun anew at every photo, makes a Shiryaev-Roberts
statistic; the average over all bets and properties alarms at ALARM. The expected number of photos up to a false alarm is ALARM at least,
however often somebody looks: that is what corrects for repeated looking, and for looking at several properties. The bet that won tells
what changed; where the ranks before and after differ most is when.

Source: V. Vovk et al., Retrain or not retrain: conformal test martingales for change-point detection, COPA 2021 (the average of bets in
place of one bettor is ours); A. N. Shiryaev, On optimum methods in quickest detection problems, 1963; S. W. Roberts, 1966.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from kenpin.storage import chance, clock
from kenpin.storage.tables import inspection_photos, inspections, measurements, photos, register

Numbers = NDArray[np.float64]

ALARM = 100_000.0  # photos up to a false alarm, on average, at least; the delay grows with its logarithm only
MOST = 2000  # newest inspections looked at
BLOCK = 1000  # where the look begins moves on by so many at a time: a beginning that moved with every photo would be a new look each time
FEWEST = 30  # inspections before anything is said of a part
OTHER_SCALE = 1.5  # times as many good references, or as few: scores from before lie on another scale
BACK = 0.01  # chance from which the newest photos count as being like the first ones again
LIKELY = 2.0  # by how much the logarithm of evidence may fall short of the best beginning: the change began between those

MEASURES = ("score", "fine", "coarse", "whole", "bulk", "brightness")
TILTS = (-1.9, -1.2, -0.6, 0.6, 1.2, 1.9)  # bets on higher or lower ranks; a bet of 2 could lose all
SPREADS = (-1.5, 1.5)  # bets on ranks in the middle, and at the ends


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A part's photos are no longer what they were."""

    part: str
    measure: str  # what changed most clearly: one of MEASURES
    since: str  # moment of the first photo after the change, as estimated
    earliest: str  # it began between these two
    latest: str
    noticed_at: str  # moment of the photo that gave the alarm
    before: int  # photos before the change
    after: int  # photos since
    median_before: float  # of the measure; a score's is a score
    median_after: float
    effect: float  # Cliff's delta, -1 to 1: how much more often a photo from after lies above one from before than below it
    distance: float  # Kolmogorov-Smirnov, 0 to 1: how far the two distributions lie apart
    evidence: float  # the statistic at the alarm; false alarms come once in ALARM photos at most
    references_before: int | None  # good references at the last photo before the change; None where not kept
    references_after: int | None

    @property
    def references_changed(self) -> bool:
        """A known change that may explain it."""
        return self.references_before != self.references_after


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """What was measured of a part's inspections, oldest first."""

    ids: tuple[str, ...]
    at: tuple[str, ...]
    values: Numbers  # (n, len(MEASURES)); NaN where not measured
    references: tuple[int | None, ...]
    theta: Numbers  # (n,) in [0, 1): breaks ties, the same for an inspection whenever it is asked


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Where a sequence changed."""

    began: int  # index of the first photo after the change, as estimated
    earliest: int
    latest: int
    noticed: int  # index of the photo that gave the alarm
    measure: int
    evidence: float


def of(conn: Connection, part: str, since: clock.Moment | None = None, until: clock.Moment | None = None) -> Drift | None:
    """The drift that stands now; None where the newest photos are like the first ones, or there are too few to say.

    since: look no further back than this, as after a drift that somebody has looked into. until: as it was then.
    """
    return found(part, history(conn, part, since, until))


def found(part: str, seen: History) -> Drift | None:
    """Regime after regime is told from the one before; then the last is held against the first."""
    alarms = changes(seen)
    if not alarms:
        return None
    bounds = [0, *(alarm.began for alarm in alarms), len(seen.ids)]
    first = seen.values[: bounds[1]]
    like_first = [_is_like(first, seen.values[low:high]) for low, high in pairwise(bounds[1:])]
    if like_first[-1]:
        return None
    left = max((index + 1 for index, like in enumerate(like_first) if like), default=0)  # since then never back
    alarm = alarms[left]
    before, after = seen.values[: bounds[1], alarm.measure], seen.values[alarm.began :, alarm.measure]
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    is_score = MEASURES[alarm.measure] == "score"
    median_before, median_after = (float(np.exp(np.median(x)) if is_score else np.median(x)) for x in (before, after))
    return Drift(
        part=part,
        measure=MEASURES[alarm.measure],
        since=seen.at[alarm.began],
        earliest=seen.at[alarm.earliest],
        latest=seen.at[alarm.latest],
        noticed_at=seen.at[alarm.noticed],
        before=len(before),
        after=len(after),
        median_before=median_before,
        median_after=median_after,
        effect=cliffs_delta(before, after),
        distance=chance.kolmogorov_smirnov(before, after)[0],
        evidence=alarm.evidence,
        references_before=seen.references[alarm.began - 1],
        references_after=seen.references[alarm.began],
    )


def changes(seen: History) -> list[Alarm]:
    """Every change, oldest first; after each the look begins anew there."""
    alarms: list[Alarm] = []
    start = 0
    while len(seen.ids) - start >= FEWEST and (alarm := first_alarm(seen.values[start:], seen.theta[start:])) is not None:
        moved = Alarm(**{**vars(alarm), **{name: getattr(alarm, name) + start for name in ("began", "earliest", "latest", "noticed")}})
        alarms.append(moved)
        start = moved.began
    return alarms


def first_alarm(values: Numbers, theta: Numbers) -> Alarm | None:
    """values: (n, properties), NaN where not measured. theta: (n,) in [0, 1)."""
    properties = values.shape[1]
    bets = np.concatenate([_bets(_ranks(values[:, each], theta)) for each in range(properties)])  # (properties * bets, n), logarithms
    wealth = np.cumsum(bets, axis=1)
    # Started anew at every photo k: the sum over k of exp(wealth[n] - wealth[k - 1]).
    starts = np.logaddexp.accumulate(np.concatenate([np.zeros((len(bets), 1)), -wealth[:, :-1]], axis=1), axis=1)
    each = wealth + starts
    statistic = np.logaddexp.reduce(each, axis=0) - np.log(len(bets))
    over = np.flatnonzero(statistic >= np.log(ALARM))
    if not len(over):
        return None
    noticed = int(over[0])
    winner = int(np.argmax(each[:, noticed]))
    measure, bet = divmod(winner, len(bets) // properties)
    began, earliest, latest = _beginning(values[: noticed + 1, measure], is_spread=bet >= len(TILTS))
    return Alarm(
        began=began,
        earliest=earliest,
        latest=latest,
        noticed=noticed,
        measure=measure,
        evidence=float(np.exp(min(statistic[noticed], 700.0))),
    )


def _beginning(values: Numbers, *, is_spread: bool) -> tuple[int, int, int]:
    """Where a sequence that ends in an alarm most likely changed, and between which two places it did.

    The split at which the ranks before and after differ most for how many they are. Source: A. N. Pettitt, A non-parametric approach to the
    change-point problem, Applied Statistics 28 (1979), standardised so that a change near the end is found too.
    """
    known = np.flatnonzero(~np.isnan(values))
    ranks = np.argsort(np.argsort(values[known], kind="stable"), kind="stable") / max(len(known) - 1, 1)
    away = (np.abs(2 * ranks - 1) if is_spread else ranks) - 0.5
    count, before = len(away), np.arange(1, len(away))
    apart = (np.cumsum(away - away.mean())[:-1]) ** 2 * count / (before * (count - before))
    evidence = apart / (2 / 12)  # of even ranks the variance is a twelfth; so this is about the logarithm of a likelihood ratio
    likely = np.flatnonzero(evidence >= evidence.max() - LIKELY) + 1
    return int(known[int(np.argmax(evidence)) + 1]), int(known[likely[0]]), int(known[likely[-1]])


def cliffs_delta(before: Numbers, after: Numbers) -> float:
    """Source: N. Cliff, Dominance statistics, Psychological Bulletin 114 (1993)."""
    ordered = np.sort(before)
    above = np.searchsorted(ordered, after, "left").sum()
    below = (len(ordered) - np.searchsorted(ordered, after, "right")).sum()
    return float((above - below) / (len(before) * len(after)))


def history(conn: Connection, part: str, since: clock.Moment | None = None, until: clock.Moment | None = None) -> History:
    """The newest inspections of a part that were measured by the present model on the present scale; each photo once."""
    meant = sa.and_(register.c.part == part, register.c.number >= _number(since), register.c.number < _number(until, at_least=False))
    in_all = conn.execute(sa.select(sa.func.count()).where(meant)).scalar_one()
    newest_first = sa.select(register.c.inspection_id, register.c.number).where(meant).order_by(register.c.number.desc())
    newest = newest_first.limit(in_all if in_all <= MOST else MOST - BLOCK + in_all % BLOCK).subquery()
    rows = conn.execute(
        sa.select(
            newest.c.number,
            inspections.c.id,
            inspections.c.received_at,
            inspections.c.model,
            inspections.c.anomaly_score,
            measurements.c.good_references,
            measurements.c.fine_z,
            measurements.c.coarse_z,
            measurements.c.whole_z,
            measurements.c.bulk_z,
            photos.c.sha256,
            photos.c.brightness,
        )
        .select_from(
            newest.join(inspections, inspections.c.id == newest.c.inspection_id)
            .outerjoin(measurements, measurements.c.inspection_id == inspections.c.id)
            .outerjoin(
                inspection_photos,
                sa.and_(
                    inspection_photos.c.inspection_id == inspections.c.id,
                    inspection_photos.c.position == sa.func.coalesce(measurements.c.photo, 0),
                ),
            )
            .outerjoin(photos, photos.c.sha256 == inspection_photos.c.photo_sha256)
        )
        .where(inspections.c.anomaly_score > 0)
        .order_by(newest.c.number.desc())
    ).all()
    kept, seen = [], set()
    for row in rows:
        if row.model.split(",")[0] != rows[0].model.split(",")[0] or _other_scale(row.good_references, rows[0].good_references):
            break
        if row.sha256 is None or row.sha256 not in seen:
            kept.append(row)
        seen.add(row.sha256)
    kept.reverse()
    values = [[row.anomaly_score, row.fine_z, row.coarse_z, row.whole_z, row.bulk_z, row.brightness] for row in kept]
    table = np.array(values, dtype=np.float64).reshape(-1, len(MEASURES))
    table[:, 0] = np.log(table[:, 0])
    return History(
        ids=tuple(row.id for row in kept),
        at=tuple(row.received_at for row in kept),
        values=table,
        references=tuple(row.good_references for row in kept),
        theta=np.array([_drawn(row.id) for row in kept]),
    )


def newest(conn: Connection, numbers: Collection[str]) -> dict[str, int]:
    """The place in the register of each part's newest inspection: while it stays, so does what `of` finds."""
    query = (
        sa.select(register.c.part, sa.func.max(register.c.number).label("newest"))
        .where(register.c.part.in_(numbers))
        .group_by(register.c.part)
    )
    return {row.part: row.newest for row in conn.execute(query)}


def _number(moment: clock.Moment | None, *, at_least: bool = True) -> int:
    """Where a moment lies in the register's order."""
    if moment is None:
        return 0 if at_least else 1 << 62
    return round(clock.parsed(clock.text(moment)).timestamp() * 1000) << 20


def _other_scale(then: int | None, now: int | None) -> bool:
    return then is not None and now is not None and not now / OTHER_SCALE <= then <= now * OTHER_SCALE


def _ranks(values: Numbers, theta: Numbers) -> Numbers:
    """(n,) each value's rank among those up to it, 0 to 1, ties broken by theta; NaN for a NaN."""
    ranks = np.full(len(values), np.nan)
    before: list[float] = []
    for index, value in enumerate(values.tolist()):
        if value == value:
            low, high = bisect_left(before, value), bisect_right(before, value)
            ranks[index] = (low + theta[index] * (high - low + 1)) / (len(before) + 1)
            insort(before, value)
    return ranks


def _bets(ranks: Numbers) -> Numbers:
    """(bets, n) logarithms of what each bet returns; on average 1 for even ranks, and 1 where there is no rank."""
    out = np.abs(2 * ranks - 1)
    returns = [1 + tilt * (ranks - 0.5) for tilt in TILTS] + [1 + spread * (out - 0.5) for spread in SPREADS]
    return np.log(np.nan_to_num(np.array(returns), nan=1.0))


def _is_like(first: Numbers, later: Numbers) -> bool:
    """Whether chance could make the difference, in every property; corrected for how many there are."""
    pairs = [(first[:, each], later[:, each]) for each in range(first.shape[1])]
    known = [(x[~np.isnan(x)], y[~np.isnan(y)]) for x, y in pairs]
    chances = [chance.kolmogorov_smirnov(x, y)[1] for x, y in known if len(x) and len(y)]
    return min(chance.holm(chances), default=1.0) >= BACK


def _drawn(inspection_id: str) -> float:
    return int.from_bytes(hashlib.sha256(f"drift:{inspection_id}".encode()).digest()[:6]) / 2**48
