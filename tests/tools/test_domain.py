"""Whether a photo is turned away as something else than the part that it is asked about."""

from __future__ import annotations

import pytest

from kenpin.tools import domain
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome

AWAY = domain.SUSPECT + 1  # unusual, but not beyond what a defect may do


def seen(outcome: RecognitionOutcome, **candidates: float) -> Recognition:
    order = sorted(candidates.items(), key=lambda one: -one[1])
    return Recognition(part=order[0][0] if outcome is RecognitionOutcome.RECOGNISED else None, outcome=outcome, candidates=tuple(order))


@pytest.mark.parametrize(
    ("recognition", "is_unlike"),
    [
        (seen(RecognitionOutcome.RECOGNISED, cloth=0.99, cell=0.7), True),
        (seen(RecognitionOutcome.SEVERAL_NEAR, cloth=0.99, canvas=0.99, cell=0.7), True),  # two of a kind: which one stays open
        (seen(RecognitionOutcome.SEVERAL_NEAR, other_cell=0.71, cell=0.7), False),
        (seen(RecognitionOutcome.NONE_NEAR, cloth=0.75, cell=0.7), False),
        (seen(RecognitionOutcome.RECOGNISED, cell=0.7, cloth=0.5), False),
    ],
)
def test_an_unusual_photo_is_turned_away_where_other_parts_are_clearly_nearer(recognition: Recognition, is_unlike: bool) -> None:
    own = dict(recognition.candidates)["cell"]
    assert domain.decided(AWAY, own, domain.nearer(recognition, "cell")) == (is_unlike, is_unlike)


def test_a_usual_photo_is_never_turned_away() -> None:
    recognition = seen(RecognitionOutcome.RECOGNISED, cloth=0.99, cell=0.7)
    assert domain.decided(domain.SUSPECT - 1, 0.7, domain.nearer(recognition, "cell")) == (False, False)
