"""Answers and outcomes as Slack messages: text for a notification and a screen reader, blocks for the eye.

Whatever a person, a photo or a file supplied is escaped before it is put between Slack's marks. The text alone always says it all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from kenpin.bot.corrections import Form
from kenpin.prompts import holes, render
from kenpin.storage.second_looks import Reply
from kenpin.storage.vocabulary import GOOD, Answer, Correction, Disposition, Language, ProposalKind, Proposed, SecondLook, Verdict

Block = dict[str, Any]

PROPOSAL, DECISION = "proposal", "decision"  # ids of the blocks that a decision replaces
YES_OR_NO = (("approve", "primary"), ("reject", "danger"))  # a button's action and style
CORRECTABLE = (("approve", "primary"), ("correct", None), ("reject", "danger"))
LOOKS = tuple((f"look_{said}", None) for said in SecondLook)
NAME_CHARACTERS, NOTE_CHARACTERS = 60, 1_000  # in the Correct dialog; a name as long as `reference` takes one
MOST_OPTIONS = 100  # of a list, Slack's bound
SECTION_CHARACTERS = 2_900  # Slack refuses a section of more than 3,000
ALT_TEXT_CHARACTERS = 2_000
MOST_BLOCKS = 50
TEXT_CHARACTERS = 39_000  # Slack cuts a message's text at 40,000, perhaps within one of its marks


@dataclass(frozen=True, kw_only=True)
class Message:
    text: str
    blocks: tuple[Block, ...]


def answer(
    answer: Answer,
    inspection_id: str,
    *,
    approvers: Sequence[str],
    pictures: Sequence[tuple[str, str]],
    open_for_decision: bool,
    grouped: bool = False,
    console_url: str | None = None,
) -> Message:
    """The answer with its evidence and, while a decision is open, the buttons. pictures: (Slack file id, alt text), already uploaded.

    grouped: its decision is asked for in a group's message; a thumb here still counts. console_url: where its page in the console is found.
    """
    language = answer.language
    lines = [escape(line) for line in answer.lines]
    head = [_section(f"*{piece}*") for piece in _pieces(escape(answer.headline))]
    body = [_section(part) for part in _packed([f"• {line}" for line in lines])]
    foot = [_image(file_id, alt, language) for file_id, alt in pictures]
    proposal = proposal_words(answer.proposed, language, approvers) if answer.proposed and open_for_decision else []
    if grouped:
        proposal = [render("modes.grouped", language)]
    foot += _proposal_blocks(proposal)
    if proposal and answer.proposed and not grouped:
        foot.append(_buttons(answer.proposed, inspection_id, language))
    references = [render("thread.reference_number", language, inspection=inspection_id)]
    if console_url is not None:
        references.append(f"<{console_url}/inspections/{inspection_id}|{render('thread.in_console', language)}>")
    foot.append(_context(*references))
    text = "\n".join([escape(answer.headline), *(f"• {line}" for line in lines), *proposal])
    return Message(text=next(_pieces(text, TEXT_CHARACTERS)), blocks=(*[*head, *body][: MOST_BLOCKS - len(foot)], *foot))


def undecided(posted: Mapping[str, Any], answer: Answer, inspection_id: str, approvers: Sequence[str]) -> Message:
    """An answer that was posted without buttons, with its proposal and them. The same however often it runs."""
    assert answer.proposed is not None, "only a proposal waits for a decision"
    kept = [block for block in posted.get("blocks") or () if not str(block.get("block_id")).startswith((PROPOSAL, DECISION))]
    proposal = proposal_words(answer.proposed, answer.language, approvers)
    asked = [*_proposal_blocks(proposal), _buttons(answer.proposed, inspection_id, answer.language)]
    text = "\n".join([escape(answer.headline), *(f"• {escape(line)}" for line in answer.lines), *proposal])
    return Message(text=next(_pieces(text, TEXT_CHARACTERS)), blocks=(*kept[:-1], *asked, *kept[-1:]))


def decided(posted: Mapping[str, Any], words: str) -> Message:
    """A posted answer or second look once it is decided: what came of it stands where the buttons were. The same however often it runs."""
    kept = [block for block in posted.get("blocks") or () if not str(block.get("block_id")).startswith((PROPOSAL, DECISION))]
    outcome = {**_section(words), "block_id": f"{PROPOSAL}-decided"}
    headline = str(posted["text"]).splitlines()[0]
    return Message(text=f"{headline}\n{words}", blocks=(*kept[:-1], outcome, *kept[-1:]))


def plain(text: str) -> Message:
    return Message(text=text, blocks=tuple(_section(piece) for piece in _packed([text])))


def second_look(inspection_id: str, question: str, language: Language, pictures: Sequence[tuple[str, str]]) -> Message:
    """The photos and the question again, without the answer, and three buttons. pictures: as in `answer`."""
    words = [render("thread.second_look", language)]
    if question:
        words.append(render("thread.second_look_question", language, question=escape(question)))
    blocks = [_section(part) for part in _packed(words)]
    blocks += [_image(file_id, alt, language) for file_id, alt in pictures]
    blocks += [_actions(inspection_id, language, LOOKS), _context(render("thread.reference_number", language, inspection=inspection_id))]
    return Message(text="\n".join(words), blocks=tuple(blocks))


def second_look_words(answer: Answer, reply: Reply, name: str) -> str:
    """name: "second_look" for the thread, "looked" for the person who looked."""
    language = answer.language
    said, answered = (render(f"thread.look_{word}", language) for word in (reply.said, answer.verdict))
    outcome = "cannot_tell" if reply.said is SecondLook.CANNOT_TELL else "agrees" if said == answered else "differs"
    return filled(f"thread.{name}_{outcome}", language, {"person": reply.person_id, "said": said, "answered": answered})


def filled(name: str, language: Language, known: Mapping[str, Any]) -> str:
    """A wording with as much of what is known as it asks for."""
    return render(name, language, **{hole: known[hole] for hole in holes(name, language)})


def correction_dialog(form: Form, channel: str, ts: str) -> Block:
    """What the Correct button opens; `events.correction` reads it."""
    language = form.language

    def word(name: str) -> Block:
        return {"type": "plain_text", "text": render(f"thread.{name}", language)}

    def asked(block_id: str, element: Block, *, optional: bool = False) -> Block:
        return {
            "type": "input",
            "block_id": block_id,
            "optional": optional,
            "label": word(f"correct_{block_id}"),
            "element": {**element, "action_id": block_id},
        }

    def option(value: str, text: str) -> Block:
        return {"value": value, "text": {"type": "plain_text", "text": text}}

    dispositions = {d: option(d, capital(render(f"answer.disposition_{d}", language))) for d in Disposition}
    classes = [option(name, name) for name in form.defect_classes[:MOST_OPTIONS]]
    really = [option(Verdict.OK, render("thread.look_ok", language)), option(Verdict.NOT_OK, render("thread.look_not_ok", language))]
    blocks = [
        asked("really", {"type": "radio_buttons", "options": really}),
        *([asked("defect_class", {"type": "static_select", "options": classes}, optional=True)] if classes else []),
        asked("other_class", {"type": "plain_text_input", "max_length": NAME_CHARACTERS}, optional=True),
        asked(
            "disposition",
            {"type": "static_select", "options": list(dispositions.values()), "initial_option": dispositions[form.proposed]},
        ),
        asked("note", {"type": "plain_text_input", "multiline": True, "max_length": NOTE_CHARACTERS}, optional=True),
    ]
    return {
        "type": "modal",
        "callback_id": "correct",
        "title": word("correct_title"),
        "submit": word("correct_submit"),
        "close": word("correct_close"),
        "private_metadata": json.dumps({"channel": channel, "ts": ts}),
        "blocks": blocks,
    }


def correction_words(correction: Correction, language: Language) -> str:
    """What an approver said it really is, and why."""
    words = render(f"thread.really_{correction.really}", language)
    if correction.defect_class:
        words = render("thread.really_class", language, really=words, defect_class=escape(correction.defect_class))
    return render("thread.really_note", language, really=words, note=escape(correction.note)) if correction.note else words


def proposal_words(proposed: Proposed, language: Language, approvers: Sequence[str]) -> list[str]:
    part = escape(proposed.part)
    two = "_two" if proposed.approvals_needed > 1 else ""
    waiting = render(f"thread.waiting{two}", language, part=part)
    if proposed.kind is ProposalKind.REFERENCE:
        count, state = photo_count(len(proposed.photos), language), state_word(proposed, language)
        words = render("thread.proposed_reference", language, count=count, state=state, part=part, waiting=waiting)
    else:
        words = render(
            "thread.proposed", language, disposition=disposition_word(proposed, language), reason=escape(proposed.reason), waiting=waiting
        )
    if len(approvers) >= proposed.approvals_needed:
        return [words]
    return [words, render("thread.few_may_approve" if approvers else "thread.nobody_may_approve", language, part=part)]


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


def _proposal_blocks(proposal: Sequence[str]) -> list[Block]:
    return [{**_section(part), "block_id": f"{PROPOSAL}-{number}"} for number, part in enumerate(_packed(proposal))]


def _buttons(proposed: Proposed, inspection_id: str, language: Language) -> Block:
    return _actions(inspection_id, language, CORRECTABLE if _is_correctable(proposed) else YES_OR_NO)


def _is_correctable(proposed: Proposed) -> bool:
    """Whether one person may say what it is instead."""
    return proposed.kind is ProposalKind.DISPOSITION and proposed.approvals_needed == 1


def _actions(inspection_id: str, language: Language, buttons: Sequence[tuple[str, str | None]]) -> Block:
    def button(action: str, style: str | None) -> Block:
        label = {"type": "plain_text", "text": render(f"thread.{action}", language), "emoji": True}
        drawn = {"type": "button", "action_id": action, "text": label, "value": inspection_id}
        return {**drawn, "style": style} if style else drawn

    return {"type": "actions", "block_id": DECISION, "elements": [button(action, style) for action, style in buttons]}


def capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _context(*words: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(words)}]}
