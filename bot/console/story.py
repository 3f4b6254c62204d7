"""Everything the records hold about one inspection, read at one moment: what its page, its report and its forms are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from kenpin.bot import references
from kenpin.storage import (
    accept_groups,
    actions,
    audit,
    corrections,
    decisions,
    endorsements,
    erasures,
    expirations,
    inspections,
    people,
    proposals,
    second_looks,
    sightings,
)
from kenpin.storage.accept_groups import Group
from kenpin.storage.actions import Action
from kenpin.storage.audit import Link
from kenpin.storage.corrections import Corrected
from kenpin.storage.decisions import Decision
from kenpin.storage.endorsements import Endorsement
from kenpin.storage.erasures import ErasedKind, Erasure
from kenpin.storage.errors import ProposalAlteredError
from kenpin.storage.inspections import Inspection
from kenpin.storage.people import Person
from kenpin.storage.photos import PhotoStore
from kenpin.storage.proposals import Proposal
from kenpin.storage.second_looks import Reply
from kenpin.storage.sightings import Sighting
from kenpin.storage.vocabulary import Answer, Comparison, InspectionState, Photo, ProposalState

MOST_SIGHTINGS = 20  # of the same photo, named on the page


@dataclass(frozen=True, kw_only=True)
class ShownPhoto:
    """One photo of the inspection, as the page shows it."""

    number: int  # as people count, among those that could be used
    photo: Photo
    is_kept: bool  # its file is there to be shown
    erased: Erasure | None  # why it is not, where that is on record
    comparison: Comparison | None
    has_map: bool  # the anomaly map is there to be shown


@dataclass(frozen=True, kw_only=True)
class Story:
    """One inspection."""

    inspection: Inspection
    photos: tuple[ShownPhoto, ...]
    erased: Erasure | None  # of the question and the words of its answer
    problems: tuple[str, ...]  # of files that could not be used, as the person was told
    answer: Answer | None
    is_reference_command: bool  # photos were taken in; nothing was judged
    proposal: Proposal | None
    altered: str | None  # why the proposal or its correction cannot be trusted
    state: ProposalState | None
    endorsement: Endorsement | None
    decision: Decision | None
    corrected: Corrected | None
    action: Action | None
    expired_at: str | None
    group: Group | None  # of clear accepts, that its proposal was collected into
    approvers: tuple[Person, ...]
    looked_by: str | None  # who was asked for a second look
    look: Reply | None
    again: tuple[Sighting, ...]
    links: tuple[Link, ...]
    names: Mapping[str, str]  # what the people in it are called

    @property
    def is_being_posted(self) -> bool:
        """Its message is on the way to Slack, where a decision made now would not be seen."""
        return self.inspection.state is InspectionState.ANSWERED and self.inspection.posting_by is not None

    def called(self, person_id: str | None) -> str:
        return self.names.get(person_id or "", person_id or "–")


def told(conn: Connection, store: PhotoStore, inspection_id: str) -> Story | None:
    """None when there is no such inspection."""
    found = inspections.get(conn, inspection_id)
    if found is None:
        return None
    answer = inspections.answer_of(conn, inspection_id)
    sent = inspections.photos_of(conn, inspection_id)
    usable = [photo for photo in sent if isinstance(photo, Photo)]
    gone = erasures.of(conn, ErasedKind.PHOTO, [photo.sha256 for photo in usable])
    erased = erasures.of(conn, ErasedKind.QUESTION, [inspection_id]).get(inspection_id)
    altered, proposal, corrected, action = None, None, None, None
    try:
        proposal = proposals.of_inspection(conn, inspection_id)
        corrected = corrections.of_proposal(conn, proposal.id) if proposal else None
        action = actions.of_proposal(conn, proposal.id) if proposal else None
    except ProposalAlteredError as error:
        altered = str(error)
    endorsement = endorsements.of_proposal(conn, proposal.id) if proposal else None
    decision = decisions.of_inspection(conn, inspection_id)
    asked, look = second_looks.asked(conn, inspection_id), second_looks.reply_of(conn, inspection_id)
    approvers = people.approvers_of(conn, proposal.part) if proposal else ()
    again = sightings.of_photos_of(conn, inspection_id, MOST_SIGHTINGS)
    links = audit.links(conn, inspection_id)
    concerned = [found.asked_by, asked, *(one.asked_by for one in again), *(link.entry.person_id for link in links)]
    concerned += [one.erased_by for one in (*gone.values(), erased) if one]
    concerned += [decision.decided_by] if decision else []
    concerned += [endorsement.endorsed_by] if endorsement else []
    return Story(
        inspection=found,
        photos=tuple(_shown(store, answer, usable, gone)),
        erased=erased,
        problems=tuple(problem for problem in sent if isinstance(problem, str)),
        answer=answer,
        is_reference_command=references.parse(found.question) is not None,
        proposal=proposal,
        altered=altered,
        state=proposals.states(conn, [inspection_id]).get(inspection_id),
        endorsement=endorsement,
        decision=decision,
        corrected=corrected,
        action=action,
        expired_at=expirations.at(conn, proposal.id) if proposal else None,
        group=accept_groups.group_of(conn, proposal.id) if proposal else None,
        approvers=approvers,
        looked_by=asked,
        look=look,
        again=again,
        links=links,
        names=_names(conn, concerned) | {person.id: person.name or person.id for person in approvers},
    )


def is_hidden(conn: Connection, inspection_id: str, person_id: str) -> bool:
    """Whether this person has been asked to look at the photo without knowing the answer, and has not said yet what they see."""
    return second_looks.asked(conn, inspection_id) == person_id and second_looks.reply_of(conn, inspection_id) is None


def _shown(store: PhotoStore, answer: Answer | None, sent: list[Photo], gone: Mapping[str, Erasure]) -> Iterable[ShownPhoto]:
    compared = {found.photo: found for found in answer.comparisons} if answer else {}
    for index, photo in enumerate(sent):
        found = compared.get(index)
        yield ShownPhoto(
            number=index + 1,
            photo=photo,
            is_kept=store.has(photo.shown_sha256),
            erased=gone.get(photo.sha256),
            comparison=found,
            has_map=found is not None and found.map_sha256 is not None and store.has(found.map_sha256),
        )


def _names(conn: Connection, concerned: Iterable[str | None]) -> dict[str, str]:
    known = {id: people.find(conn, id) for id in set(concerned) if id}
    return {id: person.name if person and person.name else id for id, person in known.items()}
