"""Slack's text markup as HTML, for showing what was posted as it was read there.

Nothing in it is trusted: every piece goes through the template's escaping, a link is shown as the words it has and leads nowhere, and
whatever is not markup stays the letters it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

_MARKED = re.compile(
    r"(?P<code>`[^`\n]+`)"
    r"|<(?P<sign>[@#!]?)(?P<target>[^<>|\n]*)(?:\|(?P<label>[^<>\n]*))?>"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]+)~(?![\w~])"
)
_TAGS = (("bold", "strong"), ("italic", "em"), ("strike", "s"))


def html(text: str, names: Mapping[str, str]) -> Markup:
    """text: as it was given to Slack, with its three control characters escaped. names: what people are called, by their ids."""
    return Markup("<br>").join(_line(line, names) for line in text.split("\n"))


def _line(line: str, names: Mapping[str, str]) -> Markup:
    pieces: list[Markup] = []
    at = 0
    for mark in _MARKED.finditer(line):
        pieces += [_plain(line[at : mark.start()]), _marked(mark, names)]
        at = mark.end()
    return Markup("").join([*pieces, _plain(line[at:])])


def _marked(mark: re.Match[str], names: Mapping[str, str]) -> Markup:
    if mark["code"] is not None:
        return Markup("<code>{}</code>").format(_plain(mark["code"][1:-1]))
    for name, tag in _TAGS:
        if mark[name] is not None:
            return Markup(f"<{tag}>{{}}</{tag}>").format(_line(mark[name], names))
    target, label = mark["target"], mark["label"]
    if mark["sign"] == "@":
        return Markup('<span class="person">@{}</span>').format(names.get(target, label or target))
    if mark["sign"] == "!" and target.startswith("date^"):
        return _plain(label or "")  # the words for those who cannot see dates in their own time zone
    return _plain(label or target)


def _plain(text: str) -> Markup:
    """Slack's three escapes undone, and the browser's put on."""
    return Markup.escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
