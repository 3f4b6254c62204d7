"""Slack's text markup: what the server does to `text` before it keeps it, and the rich_text block it makes of it.

Slack escapes stray `& < >`, wraps bare links in `<…>`, and stores beside every message's text the same text as a rich_text block;
clients index `message["blocks"]` without looking whether it is there.
"""

from __future__ import annotations

import html
import re

from .store import Json

_ENTITY = r"<(?:@[UWB][A-Z0-9]+|#[CD][A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+|date\^[^>]*)|https?://[^>\s]+|mailto:[^>\s]+)(?:\|[^>]*)?>"
_KEPT = re.compile(rf"{_ENTITY}|&(?:amp|lt|gt);")
_BARE_LINK = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?)'\"、。」]")
MENTION = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^>]*)?>")


def stored(text: str) -> str:
    """The text as Slack keeps and sends it: stray control characters escaped, bare links wrapped."""
    out: list[str] = []
    at = 0
    for kept in _KEPT.finditer(text):
        out += [_plain(text[at : kept.start()]), kept.group()]
        at = kept.end()
    out.append(_plain(text[at:]))
    return "".join(out)


def _plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BARE_LINK.sub(lambda m: f"<{m.group()}>", escaped)


_CODE_BLOCK = re.compile(r"```\n?(.*?)\n?```", re.S)
_INLINE = re.compile(
    rf"(?P<code>`[^`\n]+`)|(?P<entity>{_ENTITY})|(?P<emoji>:[a-z0-9_+\-']+(?:::skin-tone-[2-6])?:)"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])|(?<![\w~])~(?P<strike>[^~\n]+)~(?![\w~])"
)


def rich_text(text: str, block_id: str) -> Json:
    """The rich_text block Slack makes of a message's (stored) text."""
    elements: list[Json] = []
    at = 0
    for fence in _CODE_BLOCK.finditer(text):
        elements += _lines(text[at : fence.start()].removesuffix("\n"))
        elements.append({"type": "rich_text_preformatted", "elements": [_text(fence.group(1))], "border": 0})
        at = fence.end()
    elements += _lines(text[at:].removeprefix("\n") if at else text)
    return {"type": "rich_text", "block_id": block_id, "elements": elements or [{"type": "rich_text_section", "elements": []}]}


def _lines(text: str) -> list[Json]:
    """Sections and quotes, in turn."""
    if not text:
        return []
    out: list[Json] = []
    run: list[str] = []
    quoted = False

    def close() -> None:
        if run:
            out.append({"type": "rich_text_quote" if quoted else "rich_text_section", "elements": inline("\n".join(run))})
            run.clear()

    for line in text.split("\n"):
        is_quote = line.startswith("&gt;")
        if is_quote != quoted:
            close()
            quoted = is_quote
        run.append(line.removeprefix("&gt;").removeprefix(" ") if is_quote else line)
    close()
    return out


def inline(text: str, style: Json | None = None) -> list[Json]:
    out: list[Json] = []
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            out.append(_text(text[at : found.start()], style))
        out += _element(found, style or {})
        at = found.end()
    if at < len(text):
        out.append(_text(text[at:], style))
    return out


def _element(found: re.Match[str], style: Json) -> list[Json]:
    if code := found["code"]:
        return [_text(code[1:-1], {**style, "code": True})]
    if entity := found["entity"]:
        return [_entity(entity[1:-1], style)]
    if emoji := found["emoji"]:
        name, _, tone = emoji.strip(":").partition("::skin-tone-")
        return [{"type": "emoji", "name": name, **({"skin_tone": int(tone)} if tone else {})}]
    for kind in ("bold", "italic", "strike"):
        if (inner := found[kind]) is not None:
            return inline(inner, {**style, kind: True})
    raise AssertionError("every branch of the pattern is handled above")


def _entity(entity: str, style: Json) -> Json:
    target, _, label = entity.partition("|")
    styled = {"style": style} if style else {}
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:], **styled}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:], **styled}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^"), **styled}
    if target.startswith("!date^"):
        return _text(label or target, style)
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:], **styled}
    return {"type": "link", "url": html.unescape(target), **({"text": html.unescape(label)} if label else {}), **styled}


def _text(text: str, style: Json | None = None) -> Json:
    return {"type": "text", "text": html.unescape(text), **({"style": style} if style else {})}
