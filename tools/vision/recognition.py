"""Which known part a photo shows, by its mean patch: nearest reference wins, if it is near enough and clearly nearer than the next part's.

How near is near enough depends on the part: photos of one cloth differ from each other a hundred times less than photos of cast parts
do. Each part's own references say it, within bounds: photos of different things measured -1.0 to -1.5 (logarithm of 1 - cosine), photos
of one thing -1.6 and below even when it was defective.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome

NEAR_BOUNDS = (-2.2, -1.4)  # of the logarithm of 1 - cosine: a part's own limit lies between them
NEAR_OF_ONE = -1.6  # the limit of a part with a single reference
SPREADS = 4.0  # above what is usual among a part's references, and still it: defective parts are to be recognised too
PRIOR_SPREAD, PRIOR_WEIGHT = 0.7, 3.0
CLEARLY = 0.15  # by how much the next part must be further, on the same scale
SHOWN = 5
TINY = 1e-6


def recognise(mine: Array, parts: Mapping[str, Array]) -> Recognition:
    """`mine` (m, D), the photo in m ways of looking at it, and each part's references (n, D), n and m at least 1, all of unit length."""
    if not parts:
        return Recognition(part=None, outcome=RecognitionOutcome.NO_PARTS, candidates=())
    similarity = {part: float((wholes @ mine.T).max()) for part, wholes in parts.items()}
    order = sorted(similarity, key=lambda part: -similarity[part])
    candidates = tuple((part, similarity[part]) for part in order[:SHOWN])
    away = {part: float(np.log(max(1 - similarity[part], 0) + TINY)) for part in order[:2]}
    if away[order[0]] > near_limit(parts[order[0]]):
        return Recognition(part=None, outcome=RecognitionOutcome.NONE_NEAR, candidates=candidates)
    if len(order) > 1 and away[order[1]] - away[order[0]] < CLEARLY:
        return Recognition(part=None, outcome=RecognitionOutcome.SEVERAL_NEAR, candidates=candidates)
    return Recognition(part=order[0], outcome=RecognitionOutcome.RECOGNISED, candidates=candidates)


def near_limit(wholes: Array) -> float:
    """Logarithm of 1 - cosine beyond which a photo does not show this part."""
    if len(wholes) < 2:
        return NEAR_OF_ONE
    similar = wholes @ wholes.T
    np.fill_diagonal(similar, -1)
    usual = np.log(np.maximum(1 - similar.max(axis=1), 0) + TINY)
    squares = PRIOR_WEIGHT * PRIOR_SPREAD**2 + np.square(usual - usual.mean()).sum()
    spread = (squares / (PRIOR_WEIGHT + len(wholes) - 1)) ** 0.5
    return float(np.clip(usual.mean() + SPREADS * spread, *NEAR_BOUNDS))
