"""Answers and outcomes as Slack messages: text for a notification and a screen reader, blocks for the eye.

Whatever a person, a photo or a file supplied is escaped before it is put between Slack's marks. The text alone always says it all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from kenpin.prompts import render
from kenpin.storage.vocabulary import GOOD, Answer, Language, ProposalKind, Proposed

Block = dict[str, Any]

PROPOSAL, DECISION = "proposal", "decision"  # ids of the blocks that a decision replaces
SECTION_CHARACTERS = 2_900  # Slack refuses a section of more than 3,000
ALT_TEXT_CHARACTERS = 2_000
MOST_BLOCKS = 50
TEXT_CHARACTERS = 39_000  # Slack cuts a message's text at 40,000, perhaps within one of its marks


@dataclass(frozen=True, kw_only=True)
class Message:
    text: str
    blocks: tuple[Block, ...]


def answer(
    answer: Answer, inspection_id: str, *, approvers: Sequence[str], pictures: Sequence[tuple[str, str]], open_for_decision: bool
) -> Message:
    """The answer with its evidence and, while a decision is open, the buttons. pictures: (Slack file id, alt text), already uploaded."""
    language = answer.language
    lines = [escape(line) for line in answer.lines]
    head = [_section(f"*{piece}*") for piece in _pieces(escape(answer.headline))]
    body = [_section(part) for part in _packed([f"• {line}" for line in lines])]
    foot = [_image(file_id, alt, language) for file_id, alt in pictures]
    proposal = proposal_words(answer.proposed, language, approvers) if answer.proposed and open_for_decision else []
    foot += [{**_section(part), "block_id": f"{PROPOSAL}-{number}"} for number, part in enumerate(_packed(proposal))]
    foot += [_buttons(inspection_id, language)] if proposal else []
    foot.append(_context(render("thread.reference_number", language, inspection=inspection_id)))
    text = "\n".join([escape(answer.headline), *(f"• {line}" for line in lines), *proposal])
    return Message(text=next(_pieces(text, TEXT_CHARACTERS)), blocks=(*[*head, *body][: MOST_BLOCKS - len(foot)], *foot))


def decided(posted: Mapping[str, Any], words: str) -> Message:
    """A posted answer once it is decided: what came of it stands where the proposal was. The same however often it runs."""
    kept = [block for block in posted.get("blocks") or () if not str(block.get("block_id")).startswith((PROPOSAL, DECISION))]
    outcome = {**_section(words), "block_id": f"{PROPOSAL}-decided"}
    headline = str(posted["text"]).splitlines()[0]
    return Message(text=f"{headline}\n{words}", blocks=(*kept[:-1], outcome, *kept[-1:]))


def plain(text: str) -> Message:
    return Message(text=text, blocks=tuple(_section(piece) for piece in _packed([text])))


def proposal_words(proposed: Proposed, language: Language, approvers: Sequence[str]) -> list[str]:
    part = escape(proposed.part)
    if proposed.kind is ProposalKind.REFERENCE:
        count, state = photo_count(len(proposed.photos), language), state_word(proposed, language)
        words = render("thread.proposed_reference", language, count=count, state=state, part=part)
    else:
        words = render(
            "thread.proposed", language, disposition=disposition_word(proposed, language), reason=escape(proposed.reason), part=part
        )
    return [words] if approvers else [words, render("thread.nobody_may_approve", language, part=part)]


def disposition_word(proposed: Proposed, language: Language) -> str:
    return render(f"answer.disposition_{proposed.disposition}", language)


def state_word(proposed: Proposed, language: Language) -> str:
    return render("thread.good", language) if proposed.reference_state == GOOD else escape(proposed.reference_state or "")


def photo_count(count: int, language: Language) -> str:
    return render("thread.one_photo", language) if count == 1 else render("thread.photos", language, count=count)


def escape(text: str) -> str:
    """Slack's three control characters; with them escaped no text can become a mention, a link or a command."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _packed(lines: Sequence[str]) -> list[str]:
    """Lines joined into as few sections as Slack's bound allows."""
    packed: list[str] = []
    for piece in chain.from_iterable(map(_pieces, lines)):
        if packed and len(packed[-1]) + 1 + len(piece) <= SECTION_CHARACTERS:
            packed[-1] += "\n" + piece
        else:
            packed.append(piece)
    return packed


def _pieces(text: str, characters: int = SECTION_CHARACTERS) -> Iterator[str]:
    """The text in pieces of at most `characters`: cut at a blank where there is one, never within one of the marks `escape` makes."""
    while len(text) > characters:
        cut = max(text.rfind(" ", characters // 2, characters), text.rfind("\n", characters // 2, characters))
        if cut < 0:
            mark = text.rfind("&", characters - len("&amp;"), characters)
            cut = mark if mark >= 0 and ";" not in text[mark:characters] else characters
        yield text[:cut]
        text = text[cut:].lstrip()
    if text:
        yield text


def _image(file_id: str, alt_text: str, language: Language) -> Block:
    return {
        "type": "image",
        "slack_file": {"id": file_id},
        "alt_text": alt_text[:ALT_TEXT_CHARACTERS],
        "title": {"type": "plain_text", "text": render("answer.picture_title", language)},
    }


def _buttons(inspection_id: str, language: Language) -> Block:
    def button(action: str, style: str) -> Block:
        label = {"type": "plain_text", "text": render(f"thread.{action}", language), "emoji": True}
        return {"type": "button", "action_id": action, "style": style, "text": label, "value": inspection_id}

    return {"type": "actions", "block_id": DECISION, "elements": [button("approve", "primary"), button("reject", "danger")]}


def _context(*words: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(words)}]}
