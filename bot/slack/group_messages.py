"""Groups of accepts, and changes of mode, as Slack messages. The same records give the same message, so it can be made anew at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kenpin.bot.messenger import GroupRefusal
from kenpin.bot.slack import messages
from kenpin.bot.slack.messages import Block, Message
from kenpin.prompts import render
from kenpin.storage import accept_groups
from kenpin.storage.accept_groups import Approval, Group, Member
from kenpin.storage.modes import ModeChange
from kenpin.storage.vocabulary import Language, ModeStep

APPROVE, TAKE_OUT = "approve", "take_out"  # actions; the first is every message's, so that one door serves all
MOST_ROWS = 43  # of Slack's 50 blocks, seven are for the rest
SHEET = "sheet"  # the id of the block with the photos


def group(
    found: Group, members: Sequence[Member], approval: Approval | None, *, sheet: Block, links: Mapping[str, str], time: str | None
) -> Message:
    """links: by inspection, the address of its answer. time: of the approval, as Slack shows it."""
    language, part = found.language, messages.escape(found.part)
    waiting = [member for member in members if accept_groups.is_waiting(member)]
    is_open = approval is None and bool(waiting)
    count = len(members)
    known = {"part": part, "count": count}
    head = messages.filled(f"modes.group_head{'' if is_open else '_over'}{'_one' if count == 1 else ''}", language, known)
    rows = [_row(number, member, language, links.get(member.inspection_id)) for number, member in enumerate(members, 1)]
    blocks = [section(head), {**sheet, "block_id": SHEET}]
    for member, words in list(zip(members, rows, strict=True))[:MOST_ROWS]:
        block = {**section(words), "block_id": f"member-{member.inspection_id}"}
        if is_open and accept_groups.is_waiting(member):
            block["accessory"] = _button(TAKE_OUT, render("modes.take_out", language), member.inspection_id)
        blocks.append(block)
    if is_open:
        foot = render("modes.group_waiting", language, part=part)
        blocks += [section(foot), _approve(found, len(waiting), language)]
    elif approval is not None:
        accepted = sum(member.decided == "approved" for member in members)
        foot = render("modes.group_approved", language, count=accepted, person=approval.approved_by, time=time)
        blocks.append(section(foot))
    else:
        foot = render("modes.group_dissolved", language)
        blocks.append(section(foot))
    reference = {"type": "mrkdwn", "text": render("modes.group_reference", language, group=found.id)}
    blocks.append({"type": "context", "elements": [reference]})
    return Message(text="\n".join([head, *rows, foot])[: messages.TEXT_CHARACTERS], blocks=tuple(blocks))


def sheet(file_id: str, language: Language) -> Block:
    title = render("modes.group_sheet", language)
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": title, "title": {"type": "plain_text", "text": title}}


def refusal_words(found: Group, refusal: GroupRefusal, approvers: Sequence[str], time: str | None) -> str:
    language = found.language
    known = {
        "part": messages.escape(found.part),
        "group": found.id,
        "approvers": ", ".join(f"<@{person}>" for person in approvers) or render("modes.nobody", language),
        "person": refusal.by,
        "time": time,
    }
    return messages.filled(f"modes.refused_{refusal.kind}", language, known)


def change_words(change: ModeChange, language: Language) -> str:
    """A part's new mode, by whom or why, and what it means."""
    known: dict[str, Any] = {
        "part": messages.escape(change.part),
        "mode": render(f"modes.{change.mode}", language),
        "means": render(f"modes.{change.mode}_means", language),
        "person": _person(change.signed_by),
        **numbers(change.evidence or {}),
    }
    if change.step is ModeStep.FALL_BACK:
        known["why"] = messages.filled(f"modes.why_{change.why}", language, known)
    elif change.why:
        known["why"] = messages.escape(change.why)
    return messages.filled(f"modes.told_{change.step}", language, known)


def numbers(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What a sentence says of an evidence."""
    if not evidence:
        return {}
    since = evidence.get("drift_since")
    return {
        "decided": f"{evidence['decided']:,}",
        "called_ok": f"{evidence['called_ok']:,}",
        "escapes": f"{evidence['escapes']:,}",
        "bound": f"{evidence['escapes_bound']:.1f}",
        "since": str(since)[:16].replace("T", " ") if since else None,
    }


def section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _row(number: int, member: Member, language: Language, link: str | None) -> str:
    known: dict[str, Any] = {
        "number": number,
        "reference": f"<{link}|{member.inspection_id}>" if link else member.inspection_id,
        "person": member.asked_by,
    }
    if member.confidence is not None:
        words = render("modes.group_row", language, **known, confidence=f"{member.confidence:.0%}")
    else:
        words = render("modes.group_row_unsure", language, **known)
    became = member.decided or member.removed or ("expired" if member.expired else None)
    return f"{words}\n{messages.filled(f'modes.row_{became}', language, {'by': member.removed_by})}" if became else words


def _approve(found: Group, count: int, language: Language) -> Block:
    label = render("modes.approve_one", language) if count == 1 else render("modes.approve_all", language, count=count)
    confirm = {
        "title": _plain(render("modes.confirm_title", language, count=count)),
        "text": {"type": "mrkdwn", "text": render("modes.confirm_text", language)},
        "confirm": _plain(render("modes.confirm_yes", language)),
        "deny": _plain(render("modes.confirm_no", language)),
    }
    button = {**_button(APPROVE, label, found.id), "style": "primary", "confirm": confirm}
    return {"type": "actions", "block_id": messages.DECISION, "elements": [button]}


def _button(action: str, label: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def _person(signed_by: str | None) -> str | None:
    """A Slack member by a mention; a name from the command line as it is."""
    if signed_by is None:
        return None
    return f"<@{signed_by}>" if signed_by.isalnum() else messages.escape(signed_by)
