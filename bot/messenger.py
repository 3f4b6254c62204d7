"""Slack as the main path knows it: who can fetch a file, post once, and whisper. `kenpin.bot.slack.messenger` is the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kenpin.storage.accept_groups import Approval, Group, Member
from kenpin.storage.actions import Action
from kenpin.storage.inspections import Inspection
from kenpin.storage.modes import ModeChange
from kenpin.storage.people import Person
from kenpin.storage.second_looks import Reply
from kenpin.storage.vocabulary import Answer, DecisionVerdict, Language, Photo

File = Mapping[str, Any]  # what Slack says of an uploaded file


OutcomeKind = Literal[
    # For everybody in the thread:
    "recorded",
    "corrected",
    "rejected",
    "endorsed",  # the first of two people approved
    "expired",  # nobody decided in time
    # For the person alone, whose gesture changed nothing:
    "refused",  # not an approver
    "already_approved",
    "already_rejected",
    "already_corrected",
    "already_endorsed",  # by themselves; another person must
    "late",  # after the deadline
    "cannot_correct",
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a decision request, or of none."""

    kind: OutcomeKind
    inspection_id: str
    person: str  # who asked, and is told
    verdict: DecisionVerdict | None = None  # what was asked for; None when nobody did
    decided_by: str | None = None  # whose decision stands
    at: str | None = None  # when it was made, or when the proposal expired
    entry: int | None = None  # the audit entry of the action, or of the rejection


@dataclass(frozen=True, kw_only=True)
class GroupRefusal:
    """Why somebody's approval of a group, or their taking something out of it, changed nothing."""

    group_id: str
    kind: str  # "not_an_approver", or one of GroupError's
    person: str  # who tried, and is told
    source_event: str
    by: str | None = None  # whose approval stands
    at: str | None = None  # when it was made


class PhotoUnavailableError(Exception):
    """A file cannot be fetched, and trying again will not help. `wording` names the sentence for the person who posted it."""

    wording = "thread.file_gone"


class Messenger(Protocol):
    """Slack, as far as the main path needs it. Everything that posts is told a key, and posts at most once for it."""

    def files_before(self, inspection: Inspection) -> Sequence[File]: ...
    def download(self, file: File) -> bytes: ...
    def person(self, id: str) -> Person | None: ...
    def working(self, inspection: Inspection, on: bool) -> None: ...
    def post_answer(
        self, inspection: Inspection, answer: Answer, approvers: Sequence[str], *, decidable: bool, again: bool, grouped: bool = False
    ) -> str: ...
    def keep(self, inspection: Inspection, *, sign: bool) -> None: ...
    def offer_decision(self, inspection: Inspection, answer: Answer, approvers: Sequence[str]) -> None: ...
    def post_group(self, group: Group, members: Sequence[Member], sheet: bytes) -> str: ...
    def update_group(self, group: Group, members: Sequence[Member], approval: Approval | None) -> None: ...
    def whisper_group(self, group: Group, refusal: GroupRefusal, approvers: Sequence[str]) -> None: ...
    def tell_mode(self, channel: str, language: Language, change: ModeChange) -> None: ...
    def post_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, done: Action | None) -> None: ...
    def whisper_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str]) -> None: ...
    def ask_second_look(self, inspection: Inspection, person: str, photos: Sequence[Photo]) -> None: ...
    def post_second_look(self, inspection: Inspection, answer: Answer, reply: Reply) -> None: ...
    def close_second_look(self, inspection: Inspection, answer: Answer, reply: Reply, channel: str, ts: str) -> None: ...
    def post_note(self, inspection: Inspection, key: str, words: str) -> None: ...
    def apologise(self, inspection: Inspection, *, minutes: int | None) -> None: ...
    def members_of(self, group_id: str) -> Sequence[str] | None: ...
