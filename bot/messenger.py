"""Slack as the main path knows it: who can fetch a file, post once, and whisper. `kenpin.bot.slack.messenger` is the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kenpin.storage.inspections import Inspection
from kenpin.storage.vocabulary import Answer, DecisionVerdict

File = Mapping[str, Any]  # what Slack says of an uploaded file


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a decision request."""

    kind: Literal["recorded", "rejected", "refused", "already_approved", "already_rejected"]
    inspection_id: str
    person: str  # who asked, and is told
    verdict: DecisionVerdict  # what was asked for
    decided_by: str | None = None  # whose decision stands
    at: str | None = None  # when it was made
    entry: int | None = None  # the audit entry of the action, or of the rejection


class PhotoUnavailableError(Exception):
    """A file cannot be fetched, and trying again will not help. `wording` names the sentence for the person who posted it."""

    wording = "thread.file_gone"


class Messenger(Protocol):
    """Slack, as far as the main path needs it. Everything that posts is told a key, and posts at most once for it."""

    def files_before(self, inspection: Inspection) -> Sequence[File]: ...
    def download(self, file: File) -> bytes: ...
    def working(self, inspection: Inspection, on: bool) -> None: ...
    def post_answer(self, inspection: Inspection, answer: Answer, approvers: Sequence[str], *, decidable: bool, again: bool) -> str: ...
    def post_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome) -> None: ...
    def whisper_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str]) -> None: ...
    def apologise(self, inspection: Inspection, *, minutes: int | None) -> None: ...
    def members_of(self, group_id: str) -> Sequence[str] | None: ...
