"""`@kenpin reference PART good` with photos: at once by an approver, after a 👍 by anybody else."""

from __future__ import annotations

import drawn_parts
from PIL import Image
from running_kenpin import Factory, Message, buttons

KENPIN = "<@U0KENPIN001>"


def washer(seed: int) -> bytes:
    """A part of another kind: a dark ring on a pale bench, filling the frame."""
    photo = drawn_parts.drawn(seed).convert("L").point(lambda v: 40 + v // 4)
    hole = Image.radial_gradient("L").resize(photo.size).point(lambda v: 255 if v < 60 else 0)
    photo.paste(220, mask=hole)
    return drawn_parts.encoded(photo.convert("RGB"), "JPEG", quality=90)


def good_ones(first: int) -> list[tuple[str, bytes]]:
    return [(f"ring-{seed}.jpg", washer(seed)) for seed in range(first, first + 4)]


def references(shop: Factory, part: str) -> int:
    return int(shop.value("SELECT count(*) FROM part_references WHERE part = :p", p=part))


def test_a_part_nobody_taught_asks_for_photos_and_once_an_approver_teaches_it_is_judged(shop: Factory) -> None:
    unknown = shop.olga.answer(shop.olga.ask("is RING-7 OK?", washer(300)))
    assert unknown["text"].startswith("I do not know part RING-7 yet.")
    assert "@kenpin reference RING-7 good" in unknown["text"]
    assert not buttons(unknown)

    taught = shop.akira.ask(f"{KENPIN} reference RING-7 good", *good_ones(301), to="line-2")
    assert "4 photos received as good references of RING-7" in shop.akira.answer(taught)["text"]
    shop.akira.told(taught, "✅")
    assert references(shop, "RING-7") == 4
    seen = shop.akira.told(taught, "What 4 good photos of RING-7 let me see")
    assert "Tried with marks drawn on" in seen

    answer = shop.olga.answer(shop.olga.ask("is RING-7 OK?", washer(310)))
    assert "Compared with 4 good photos of RING-7" in answer["text"]
    assert buttons(answer) == {"approve", "correct", "reject"}


def test_an_operators_references_wait_for_an_approvers_thumb(shop: Factory) -> None:
    taught = shop.olga.ask(f"{KENPIN} reference RING-8 good", *good_ones(321))
    proposal = shop.olga.answer(taught)
    assert "approver of RING-8" in proposal["text"]
    shop.come_to_rest()
    shop.olga.react(proposal, "+1")
    shop.olga.whispered(proposal, holding="not an approver")
    assert references(shop, "RING-8") == 0
    shop.akira.react(proposal, "+1")
    assert "RING-8" in shop.olga.told(taught, "✅")
    assert references(shop, "RING-8") == 4


def test_references_without_a_usable_photo_add_nothing(shop: Factory) -> None:
    taught: Message = shop.akira.ask(f"{KENPIN} reference RING-9 good", ("notes.csv", drawn_parts.spreadsheet()))
    answer = shop.akira.answer(taught)
    assert answer["text"].startswith("No usable photo came with this")
    assert "not a photo I can open" in answer["text"]
    shop.come_to_rest()
    assert references(shop, "RING-9") == 0
    assert not [m for m in shop.akira.thread(taught) if m["text"].startswith("✅")]
