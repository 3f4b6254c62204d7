"""Which subgroups' results differ from all the others' beyond chance, and how many inspections it takes to tell.

Each value of each dimension is held against the rest of its dimension, in every measure: Fisher's exact test or chi-square
(`chance.two_groups`), Holm's correction for all the comparisons that are made together. A line that is flagged is not thereby the cause:
its parts, people or light may be; look at one part, and at the other dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kenpin.storage import chance
from kenpin.storage.chance import Share
from kenpin.storage.statistics_by_day import Counts

Measure = Literal["overrides", "escapes", "overkill", "abstained"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
BEYOND = 0.05  # chance, after correction, below which a gap is flagged
WORTH_NOTICING = 0.1  # a gap of ten in 100: how many it takes to notice that much is said where there are fewer


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One subgroup's share of one measure, against everybody else's in the same dimension."""

    share: Share
    others: Share
    chance: float  # that it is no more than chance, corrected for the number of comparisons; 1 where nothing can be compared
    needed: int | None  # how many the subgroup would have to have for a gap worth noticing to be noticed; None: it has as many

    @property
    def is_beyond_chance(self) -> bool:
        return self.chance < BEYOND

    @property
    def is_more(self) -> bool:
        return (self.share.value or 0.0) > (self.others.value or 0.0)


Key = tuple[str, str, Measure]  # dimension, value, measure


def share_of(counts: Counts, measure: Measure) -> Share:
    """With its Wilson interval. Overrides are of the decided, escapes of the bad, overkill of the good, abstentions of all."""
    of = {"overrides": counts.decided, "escapes": counts.known_bad, "overkill": counts.known_good, "abstained": counts.inspections}
    return chance.wilson(getattr(counts, measure), of[measure])


def gaps(groups: Mapping[str, Mapping[str, Counts]]) -> dict[Key, Gap]:
    """groups: counts by dimension and value. Every one of them that has something to compare is in the correction."""
    shares: dict[Key, tuple[Share, Share]] = {}
    for dimension, values in groups.items():
        for measure in MEASURES:
            each = {value: share_of(counts, measure) for value, counts in values.items()}
            k, n = sum(one.k for one in each.values()), sum(one.n for one in each.values())
            for value, one in each.items():
                shares[dimension, value, measure] = one, chance.wilson(k - one.k, n - one.n)
    compared = [key for key, (one, others) in shares.items() if one.n and others.n]
    chances = chance.holm([chance.two_groups(one.k, one.n, others.k, others.n) for one, others in map(shares.__getitem__, compared)])
    corrected = dict(zip(compared, chances, strict=True))
    return {
        key: Gap(share=one, others=others, chance=corrected.get(key, 1.0), needed=_needed(one, others, len(compared)))
        for key, (one, others) in shares.items()
    }


def _needed(one: Share, others: Share, comparisons: int) -> int | None:
    if others.value is None or comparisons == 0:
        return None
    # Never reckoned from a share of exactly 0 or 1, which few inspections often have.
    share = min(max(others.value, 1 / (others.n + 2)), 1 - 1 / (others.n + 2))
    needed = chance.needed(share, WORTH_NOTICING, comparisons)
    return needed if needed is not None and one.n < needed else None
