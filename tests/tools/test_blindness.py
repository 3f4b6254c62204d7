"""What a part's references let one see, in words."""

from __future__ import annotations

import pytest

from kenpin.storage.vocabulary import ExpectedSight, Language
from kenpin.tools import blindness


def tries(kind: str, noticed: tuple[int, ...]) -> list[ExpectedSight]:
    sizes = (0.001, 0.003, 0.01, 0.03)
    return [ExpectedSight(kind=kind, area_of_part=size, noticed=n, tried=3) for size, n in zip(sizes, noticed, strict=True)]


@pytest.mark.parametrize(
    ("noticed", "smallest"),
    [((0, 2, 3, 3), 0.003), ((3, 0, 3, 3), 0.01), ((0, 0, 0, 3), 0.03), ((3, 3, 3, 1), None), ((3, 3, 3, 3), 0.001)],
)
def test_a_size_counts_as_seen_when_it_and_every_larger_one_is(noticed: tuple[int, ...], smallest: float | None) -> None:
    assert blindness.smallest_seen(tries("spot", noticed)) == smallest


def test_what_is_seen_and_what_is_not_are_both_said() -> None:
    expected = [*tries("scratch", (0, 3, 3, 3)), *tries("stain", (0, 0, 0, 1))]
    told = " ".join(blindness.told(expected, Language.EN))
    assert "scratches from 0.3 % of the part on" in told
    assert "cannot be relied on for faint stains, even of 3 %" in told
    assert "3 of its good photos" in told
    assert "キズは部品の 0.3 % 以上" in " ".join(blindness.told(expected, Language.JA))


def test_one_photo_is_said_to_tell_nothing() -> None:
    assert "one good photo" in blindness.told((), Language.EN)[0]
    assert "1 枚だけ" in blindness.told((), Language.JA)[0]
