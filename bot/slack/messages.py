"""Answers and outcomes as Slack messages: text for a notification and a screen reader, blocks for the eye.

Whatever a person, a photo or a file supplied is escaped before it is put between Slack's marks. The text alone always says it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kenpin.prompts import render
from kenpin.storage.vocabulary import GOOD, Answer, Language, ProposalKind, Proposed

Block = dict[str, Any]

SECTION_CHARACTERS = 2_900  # Slack refuses a section of more than 3,000
ALT_TEXT_CHARACTERS = 2_000


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
    blocks = [_section(f"*{escape(answer.headline)}*")]
    blocks += [_section(part) for part in _packed([f"• {line}" for line in lines])]
    blocks += [_image(file_id, alt, language) for file_id, alt in pictures]
    proposal = proposal_words(answer.proposed, language, approvers) if answer.proposed and open_for_decision else []
    blocks += [_section("\n".join(proposal))] if proposal else []
    blocks += [_buttons(inspection_id, language)] if proposal else []
    blocks.append(_context(render("thread.reference_number", language, inspection=inspection_id), escape(answer.model)))
    return Message(text="\n".join([escape(answer.headline), *(f"• {line}" for line in lines), *proposal]), blocks=tuple(blocks))


def plain(text: str) -> Message:
    return Message(text=text, blocks=(_section(text),))


def proposal_words(proposed: Proposed, language: Language, approvers: Sequence[str]) -> list[str]:
    part = escape(proposed.part)
    if proposed.kind is ProposalKind.REFERENCE:
        count, state = photo_count(len(proposed.photos), language), state_word(proposed, language)
        words = render("thread.proposed_reference", language, count=count, state=state, part=part)
    else:
        words = render("thread.proposed", language, disposition=disposition_word(proposed, language), part=part)
    return [words] if approvers else [words, render("thread.nobody_may_approve", language, part=part)]


def disposition_word(proposed: Proposed, language: Language) -> str:
    return render(f"thread.{proposed.disposition}", language)


def state_word(proposed: Proposed, language: Language) -> str:
    return render("thread.good", language) if proposed.reference_state == GOOD else escape(proposed.reference_state or "")


def photo_count(count: int, language: Language) -> str:
    return render("thread.one_photo", language) if count == 1 else render("thread.photos", language, count=count)


def escape(text: str) -> str:
    """Slack's three control characters; with them escaped no text can become a mention, a link or a command."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION_CHARACTERS]}}


def _packed(lines: Sequence[str]) -> list[str]:
    """Lines joined into as few sections as Slack's bound allows."""
    packed: list[str] = []
    for line in lines:
        if packed and len(packed[-1]) + 1 + len(line) <= SECTION_CHARACTERS:
            packed[-1] += "\n" + line
        else:
            packed.append(line)
    return packed


def _image(file_id: str, alt_text: str, language: Language) -> Block:
    return {
        "type": "image",
        "slack_file": {"id": file_id},
        "alt_text": alt_text[:ALT_TEXT_CHARACTERS],
        "title": {"type": "plain_text", "text": render("thread.map_title", language)},
    }


def _buttons(inspection_id: str, language: Language) -> Block:
    def button(action: str, style: str) -> Block:
        label = {"type": "plain_text", "text": render(f"thread.{action}", language), "emoji": True}
        return {"type": "button", "action_id": action, "style": style, "text": label, "value": inspection_id}

    return {"type": "actions", "block_id": "decision", "elements": [button("approve", "primary"), button("reject", "danger")]}


def _context(*words: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(words)}]}
