"""Why somebody's thumb or correction changed nothing: the errors of `storage.decisions` as an outcome to tell and a line for the log."""

from __future__ import annotations

from typing import Any, assert_never, cast

from kenpin.bot.messenger import OutcomeKind
from kenpin.storage.errors import AlreadyDecidedError, CannotBeCorrectedError, ExpiredError, NotAnApproverError, SecondPersonNeededError

REFUSALS = (AlreadyDecidedError, SecondPersonNeededError, NotAnApproverError, ExpiredError, CannotBeCorrectedError)
Refusal = AlreadyDecidedError | SecondPersonNeededError | NotAnApproverError | ExpiredError | CannotBeCorrectedError


def is_of(refusal: Refusal, source_event: str) -> bool:
    """Whether it is this very event that decided, or approved first, earlier."""
    return isinstance(refusal, (AlreadyDecidedError, SecondPersonNeededError)) and refusal.source_event == source_event


def reason(refusal: Refusal) -> tuple[OutcomeKind, dict[str, Any]]:
    """What the person is told, and what the log says; `decided_by` and `at` are whose word stands, and since when."""
    match refusal:
        case AlreadyDecidedError():
            kind = cast(OutcomeKind, f"already_{refusal.verdict}")
            return kind, {"why": "decided already", "decided_by": refusal.decided_by, "at": refusal.at}
        case SecondPersonNeededError():
            return "already_endorsed", {"why": "another person is needed", "decided_by": refusal.endorsed_by, "at": refusal.at}
        case NotAnApproverError():
            return "refused", {"why": "not an approver", "approvers": list(refusal.approvers)}
        case ExpiredError():
            return "late", {"why": "expired", "at": refusal.expires_at}
        case CannotBeCorrectedError():
            return "cannot_correct", {"why": str(refusal)}
    assert_never(refusal)
