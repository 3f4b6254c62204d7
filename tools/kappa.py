"""How sure one may be of a Cohen's kappa: an interval that is honest for few judgements, and where both always agreed.

The usual standard error is zero where nobody ever disagreed, however few they were. Here the four shares (both OK, both not OK, and the two
ways to differ) are drawn from what is plausible after the counts, and the middle 95 % of the kappas they give are taken.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kenpin.storage.second_looks import Agreement

DRAWS = 4000  # moves an end by less than .01 from one seed to another
_SEED = 1960  # the same counts always give the same interval
_BEFORE = 0.5  # Jeffreys' prior: half a judgement in each of the four


@lru_cache(maxsize=2048)
def interval(found: Agreement, share: float = 0.95) -> tuple[float, float] | None:
    """The ends between which kappa lies with this probability; None without a judgement."""
    if not found.n:
        return None
    counts = np.array((found.ok_both, found.answer_ok_only, found.person_ok_only, found.not_ok_both)) + _BEFORE
    both, answer_only, person_only, neither = np.random.default_rng(_SEED).dirichlet(counts, DRAWS).T
    answers_ok, people_ok = both + answer_only, both + person_only
    by_chance = answers_ok * people_ok + (1 - answers_ok) * (1 - people_ok)
    low, high = np.quantile((both + neither - by_chance) / (1 - by_chance), ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)
