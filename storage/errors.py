"""What can go wrong with what is remembered.

    StorageError
    ├── DatabaseUnreachableError     no server, no file, wrong password
    ├── SchemaOutdatedError          `kenpin migrate` has not been run, or the database is newer than this Kenpin
    ├── UnknownRowError              an id that names nothing
    ├── NotADigestError              a photo asked for by something that is no sha256
    ├── PhotoMissingError            the photo's file is gone, or was erased
    ├── PhotoDamagedError            the photo's file is no longer the bytes its name promises
    ├── ProposalAlteredError         a proposal's content no longer has its digest
    ├── NotAnApproverError           a person without a live grant for the proposal's part
    ├── TargetError                  a target that no limits can serve
    ├── AlreadyDecidedError          somebody decided first
    ├── ExpiredError                 the proposal's deadline has passed
    ├── SecondPersonNeededError      the proposal needs two people, and no other one has approved it yet
    ├── EndorsedMeanwhileError       another person approved at the same moment; trying again finds it
    ├── CannotBeCorrectedError       a correction of what nobody may correct alone, or that says nothing
    ├── ModeError                    a change of mode that its evidence, or the order of the modes, does not allow
    ├── GroupError                   a group of accepts that cannot be approved, or can no longer be changed
    ├── RetentionError               a number of days that nothing can be kept for
    ├── StillAskedError              a question to be erased that is still being answered
    ├── PhotoInUseError              a photo to be erased that is a reference
    ├── ExportError                  an export that holds nothing, or cannot be written
    ├── SigningKeyError              the key that signs exports cannot be read
    ├── SearchError                  words that would find nearly everything
    └── NotApprovedError             an action asked for on a rejected proposal

`retryable` says whether the same call can succeed later by itself.
"""

from __future__ import annotations

from collections.abc import Sequence


class StorageError(Exception):
    """The root of this room's errors."""

    retryable = False


class DatabaseUnreachableError(StorageError):
    retryable = True


class SchemaOutdatedError(StorageError):
    pass


class UnknownRowError(StorageError, LookupError):
    pass


class NotADigestError(StorageError, ValueError):
    pass


class PhotoMissingError(StorageError, LookupError):
    pass


class PhotoDamagedError(StorageError):
    pass


class ProposalAlteredError(StorageError):
    pass


class NotAnApproverError(StorageError):
    """part: the proposal's part. approvers: ids of the people who may decide, to be named to the person refused."""

    def __init__(self, person_id: str, part: str, approvers: Sequence[str]) -> None:
        self.person_id, self.part, self.approvers = person_id, part, tuple(approvers)
        who = ", ".join(self.approvers) if approvers else "nobody yet; name one with `kenpin people approve`"
        super().__init__(f"{person_id} is not an approver of {part} (approvers: {who}). Nothing was recorded.")


class AlreadyDecidedError(StorageError):
    """The first decision stands. `verdict` is a DecisionVerdict's value; `source_event` tells a repeated delivery from a second person."""

    def __init__(self, *, proposal_id: str, decided_by: str, at: str, verdict: str, source_event: str | None) -> None:
        self.proposal_id, self.decided_by, self.at, self.verdict, self.source_event = proposal_id, decided_by, at, verdict, source_event
        super().__init__(
            f"Proposal {proposal_id} was {verdict} by {decided_by} at {at}; the first decision stands. Nothing new was recorded."
        )


class ExpiredError(StorageError):
    """expires_at: the deadline."""

    def __init__(self, proposal_id: str, expires_at: str) -> None:
        self.proposal_id, self.expires_at = proposal_id, expires_at
        super().__init__(f"Proposal {proposal_id} expired at {expires_at}. Nothing was recorded; ask again for a new one.")


class SecondPersonNeededError(StorageError):
    """endorsed_by: who approved already, namely the person who now tries again, with `at` and `source_event`; None when nobody has."""

    def __init__(self, proposal_id: str, *, endorsed_by: str | None = None, at: str | None = None, source_event: str | None = None) -> None:
        self.proposal_id, self.endorsed_by, self.at, self.source_event = proposal_id, endorsed_by, at, source_event
        who = f"{endorsed_by} has approved it; another person must" if endorsed_by else "nobody has approved it yet"
        super().__init__(f"Proposal {proposal_id} needs two people: {who}. Nothing new was recorded.")


class EndorsedMeanwhileError(StorageError):
    retryable = True


class CannotBeCorrectedError(StorageError, ValueError):
    pass


class NotApprovedError(StorageError):
    pass


class TargetError(StorageError, ValueError):
    pass


class ModeError(StorageError, ValueError):
    """kind: "evidence", "changed", "order", "why" or "last"."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{message} Nothing was changed.")


class GroupError(StorageError):
    """kind: "not_posted", "approved", "altered", "empty" or "not_in_scale". by, at: whose approval stands, and since when."""

    def __init__(self, kind: str, message: str, *, by: str | None = None, at: str | None = None, source_event: str | None = None) -> None:
        self.kind, self.by, self.at, self.source_event = kind, by, at, source_event
        super().__init__(f"{message} Nothing was recorded.")


class RetentionError(StorageError, ValueError):
    pass


class StillAskedError(StorageError):
    pass


class PhotoInUseError(StorageError):
    pass


class ExportError(StorageError):
    pass


class SigningKeyError(StorageError):
    pass


class SearchError(StorageError, ValueError):
    """`why` is "too_short" or "too_many"; `term` is what it is about."""

    def __init__(self, why: str, term: str) -> None:
        self.why, self.term = why, term
        super().__init__(f"{term!r} cannot be searched for: it is {why.replace('_', ' ')}. Give two letters or one kanji at least.")
