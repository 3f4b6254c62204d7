"""What is no photo, or no usual one: a sentence that says what to do, an entry on the log, and nothing else breaks."""

from __future__ import annotations

import drawn_parts
import pytest
from drawn_parts import PART, mat
from running_kenpin import Factory, Message, buttons, reference_of

from kenpin.storage.audit import AuditKind
from kenpin.tools.photo import HEIF_INSTALLED

BAD = {
    "empty.jpg": (b"", "empty (0 bytes)"),
    "cut-off.jpg": (drawn_parts.cut_off(), "damaged or was cut off"),
    "bomb.png": (drawn_parts.bomb(), "30000 × 30000 pixels"),
    "moving.webp": (drawn_parts.moving(), "moving picture with 2 frames"),
    "drawing.svg": (drawn_parts.drawing(), "SVG drawing"),
    "table.csv": (drawn_parts.spreadsheet(), "not a photo I can open"),
    "iphone.heic": (drawn_parts.heic(), "damaged or was cut off" if HEIF_INSTALLED else "kenpin[heif]"),
}


def refusals(shop: Factory, answer: Message) -> dict[str, str]:
    entries = shop.logged(reference_of(answer), AuditKind.PHOTO_REFUSED)
    return {str(e.payload["file"]): str(e.payload["why"]) for e in entries if e.payload}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_judged_is_answered_with_what_to_do(shop: Factory, name: str) -> None:
    data, sentence = BAD[name]
    answer = shop.olga.answer(shop.olga.ask(f"is {PART} OK?", (name, data)))
    assert answer["text"].startswith("I cannot judge this photo")
    assert sentence in answer["text"]
    assert not buttons(answer)
    assert list(refusals(shop, answer)) == [name]


def test_one_bad_file_does_not_keep_the_good_one_from_being_judged(shop: Factory) -> None:
    data, sentence = BAD["cut-off.jpg"]
    answer = shop.olga.answer(shop.olga.ask(f"is {PART} OK?", ("cut-off.jpg", data), ("whole.jpg", mat(400))))
    assert answer["text"].startswith("OK: "), answer["text"]
    assert sentence in answer["text"]
    assert buttons(answer) == {"approve", "correct", "reject"}
    assert list(refusals(shop, answer)) == ["cut-off.jpg"]


def test_every_kind_of_bad_file_at_once_is_listed_in_japanese_too(shop: Factory) -> None:
    answer = shop.olga.answer(shop.olga.ask(f"{PART} は大丈夫ですか？", *((name, data) for name, (data, _) in BAD.items())))
    assert set(refusals(shop, answer)) == set(BAD)
    assert all(why.splitlines()[0] in answer["text"].replace("&gt;", ">") for why in refusals(shop, answer).values())


@pytest.mark.parametrize(
    "photo", [("line-camera.png", drawn_parts.sixteen_bit(401)), ("print.jpg", drawn_parts.for_print(402))], ids=["16-bit", "cmyk"]
)
def test_an_unusual_photo_of_a_good_part_is_judged_like_any_other(shop: Factory, photo: tuple[str, bytes]) -> None:
    answer = shop.olga.answer(shop.olga.ask(f"is {PART} OK?", photo))
    assert answer["text"].startswith("OK: "), answer["text"]
    assert refusals(shop, answer) == {}


def test_a_photo_taken_sideways_is_looked_at_upright_and_shown_without_its_exif(shop: Factory) -> None:
    sideways = drawn_parts.held_sideways(403)
    question = shop.olga.ask(f"is {PART} OK?", sideways)
    assert shop.olga.answer(question)["text"].startswith("OK: ")
    (row,) = shop.rows(
        "SELECT p.height_px, p.width_px, p.shown_sha256 FROM photos p JOIN inspection_photos ip ON ip.photo_sha256 = p.sha256 "
        "JOIN inspections i ON i.id = ip.inspection_id WHERE i.message_ts = :t",
        t=question["ts"],
    )
    assert row.width_px > row.height_px
    shown = shop.home / "photos" / row.shown_sha256[:2] / row.shown_sha256[2:4] / row.shown_sha256
    assert b"Exif" in sideways and b"Exif" not in shown.read_bytes()
