"""The words of the shop floor as types: every value that crosses from one room to another.

Frozen, keyword-only dataclasses and closed sets of words; no behaviour beyond small derived facts. docs/glossary.md explains the
words to people, and a test holds the two together. Everything here survives a trip through JSON (`to_json`, `from_json`), because
the queue keeps what a step found as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter


class Language(StrEnum):
    """The language a person asked in; the answer comes back in it."""

    EN = "en"
    JA = "ja"


class Verdict(StrEnum):
    """What an answer says of a photo. Only the first two are judgements; the last two are abstentions."""

    OK = "ok"  # nothing unusual found
    NOT_OK = "not_ok"  # something unusual, above the part's limit
    UNSURE = "unsure"  # looked, and a person must look: the score lies between the part's limits
    NOT_JUDGED = "not_judged"  # not looked at for a verdict: unknown part, no references, unusable photo, other question


class AbstentionReason(StrEnum):
    """Why no judgement was made."""

    BETWEEN_LIMITS = "between_limits"  # the score lies between the part's two limits
    NO_REFERENCES = "no_references"  # the part is named but has no good reference yet
    UNKNOWN_PART = "unknown_part"  # no part named, and the photo resembles no known part
    AMBIGUOUS_PART = "ambiguous_part"  # no part named, and several known parts resemble the photo
    UNUSABLE_PHOTO = "unusable_photo"  # the photo cannot be judged; the words say why
    NO_PHOTO = "no_photo"  # a question, but no photo in the message or its thread
    CANNOT_ANSWER = "cannot_answer"  # the question asks for something no tool here can do
    OUT_OF_DOMAIN = "out_of_domain"  # the photo is unlike this part's photos altogether: another part, or none
    LABEL_DISAGREES = "label_disagrees"  # the label on the photo names another part than the question
    CONTRADICTED = "contradicted"  # a larger model says otherwise than what was measured


class Disposition(StrEnum):
    """What is to be done with the part. A proposal suggests one; an action is one that an approver approved."""

    ACCEPT = "accept"
    USE_AS_IS = "use_as_is"
    REWORK = "rework"
    REPAIR = "repair"
    SCRAP = "scrap"
    RETURN_TO_SUPPLIER = "return_to_supplier"
    HOLD = "hold"  # quarantine, until a disposition


class ProposalKind(StrEnum):
    """What a proposal asks an approver for."""

    DISPOSITION = "disposition"  # record this disposition of the inspected part
    REFERENCE = "reference"  # add these photos to the part's references


class DecisionVerdict(StrEnum):
    """What an approver said of a proposal."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"  # neither as proposed nor nothing: what the approver wrote in its place


class ProposalState(StrEnum):
    """What has become of a proposal."""

    PENDING = "pending"  # waits for an approver, or for the second of two
    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    EXPIRED = "expired"  # nobody decided before its deadline; that is no rejection


class SecondLook(StrEnum):
    """What a person said who looked at a photo again without knowing the answer."""

    OK = "ok"
    NOT_OK = "not_ok"
    CANNOT_TELL = "cannot_tell"


class InspectionState(StrEnum):
    """How far an inspection has come. A row only moves down this list."""

    RECEIVED = "received"  # stored and queued; Slack has its acknowledgement
    ANSWERED = "answered"  # answer and proposal saved, not yet posted
    POSTED = "posted"  # the answer stands in the thread
    FAILED = "failed"  # given up after every retry; the person was told


class Source(StrEnum):
    """Where a question came in."""

    SLACK = "slack"
    COMMAND_LINE = "command_line"


class Role(StrEnum):
    """What a person may do in the console; each includes those above it."""

    VIEWER = "viewer"  # looks
    SUPERVISOR = "supervisor"  # decides, reviews, exports
    ADMIN = "admin"  # changes who may do what, erases

    def includes(self, least: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(least)


class SessionEnd(StrEnum):
    """Why a session in the console ended before its time."""

    SIGNED_OUT = "signed_out"  # its person left
    RENEWED = "renewed"  # its browser signed in again
    ROLE_LOST = "role_lost"  # its person no longer has a role
    SENT_AWAY = "sent_away"  # an admin, or its person from another browser, ended it


class Mode(StrEnum):
    """How far a part's answers are trusted. In each of them a person decides before anything is done."""

    SHADOW = "shadow"  # answers are kept and shown to nobody on the floor
    ASSIST = "assist"  # answers are posted, and each proposal is decided by itself
    SCALE = "scale"  # as assist; but clear accepts wait in a group for one approval

    @property
    def above(self) -> Mode | None:
        """The next mode; None for the last."""
        order = list(Mode)
        return order[order.index(self) + 1] if self is not order[-1] else None

    @property
    def below(self) -> Mode | None:
        """The mode before; None for the first."""
        order = list(Mode)
        return order[order.index(self) - 1] if self is not order[0] else None


class ModeStep(StrEnum):
    """Why a part has the mode that it has since then."""

    START = "start"  # its first one
    PROMOTION = "promotion"  # one mode up, on evidence that a supervisor signed
    DEMOTION = "demotion"  # down, by a supervisor
    FALL_BACK = "fall_back"  # one mode down by itself: escapes or drift


class Delivery(StrEnum):
    """What becomes of an answer, as its part's mode had it when it was saved."""

    KEPT = "kept"  # shown in the console alone
    POSTED = "posted"  # in the thread, to be decided there
    GROUPED = "grouped"  # in the thread, to be decided with others in one message


GOOD = "good"  # the state of a reference photo that shows a good part; every other state is a defect class
ANY_PART = "*"  # an approver's scope: every part


@dataclass(frozen=True, kw_only=True)
class Region:
    """One place on the photo that a tool marked."""

    box_xyxy: tuple[float, float, float, float]  # left, top, right, bottom as shares of the upright photo's width and height, 0 to 1
    area_of_part: float  # share of the part's own area, 0 to 1
    score: float  # the largest anomaly score within, on the scale of the map
    where: str  # one of the nine places of the part: "top left", ..., "centre"; words in `prompts` translate it


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a tool saw on one photo."""

    photo: int  # index into the inspection's photos, from 0
    tool: str  # the tool that found it
    kind: str  # "anomaly", or a defect class
    score: float  # on the tool's own scale, larger is stranger
    region: Region | None  # None when the finding is about the whole photo


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a part may let through and turn down, as somebody set it; None where nobody did."""

    escapes: float | None = None  # of 100 bad parts, how many may be accepted; more than 0, less than 50
    overkill: float | None = None  # of 100 good parts, how many may be rejected; more than 0, less than 50
    expected_bad: float | None = None  # of 100 parts inspected, how many are bad; more than 0, less than 100


@dataclass(frozen=True, kw_only=True)
class ConfidenceBasis:
    """What a confidence and its limits rest on."""

    decided: int  # answers about this part that people decided
    references: int  # of this part, with a score: good ones against each other, labelled defects against them
    elsewhere: int  # decided answers and references of other parts
    own: bool  # there were enough of this part's own; else it is an estimate
    expected_bad: float  # share of bad parts among those inspected that it assumes, 0 to 1
    targets: Targets  # that the limits serve
    escapes_vouched: float  # the fewest escapes in 100 bad parts that so many labelled bad photos can vouch for
    overkill_vouched: float  # the least overkill in 100 good parts that so many labelled good photos can vouch for


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How one photo compares with its part's good references."""

    photo: int  # index into the inspection's photos, from 0
    part: str
    references: int  # how many good references it was compared with
    anomaly_score: float  # larger is stranger; 1.0 is the part's threshold
    threshold: float  # the score above which the photo counts as not OK
    limits: tuple[float, float]  # below the first: OK; above the second: not OK; between them: a person must look
    false_alarm_rate: float  # share of good photos expected above the threshold, from the references themselves
    too_few_references: bool  # the false-alarm rate could not be checked on this part's own photos
    confidence: float  # probability that the verdict is right, 0.5 to 1
    verdict: Verdict
    map_sha256: str | None  # the anomaly map drawn over the photo, in the photo store
    regions: tuple[Region, ...]  # strongest first
    ms: float
    basis: ConfidenceBasis | None = None  # of the confidence and the limits; None: the eye's own, not held against any label
    # How far the photo lies from good ones, in spreads among them; None in answers from before these were kept.
    fine_z: float | None = None  # its strangest patches, seen close
    coarse_z: float | None = None  # the same, seen from afar
    whole_z: float | None = None  # the photo as a whole
    bulk_z: float | None = None  # its patches on average


@dataclass(frozen=True, kw_only=True)
class ClassShare:
    """A defect class and how probable it is."""

    name: str  # a state of the part's references other than "good"
    probability: float  # 0 to 1; those of one photo sum to 1


@dataclass(frozen=True, kw_only=True)
class Classified:
    """Which of its part's known defect classes a photo shows."""

    photo: int  # index into the inspection's photos, from 0
    part: str
    classes: tuple[ClassShare, ...]  # most probable first
    plausible: tuple[str, ...]  # the conformal set: holds the true class with probability `coverage`; empty: none of those known
    coverage: float  # 0 to 1
    labelled: int  # reference photos of defect classes that it was learnt from
    basis: str  # what the probabilities and the set rest on
    ms: float


@dataclass(frozen=True, kw_only=True)
class LabelText:
    """A line of text or a code found on a photo."""

    text: str  # as read, after NFKC
    format: str  # "text", or the code's format, such as "QRCode"
    confidence: float  # 0 to 1
    quad_xy: tuple[tuple[float, float], ...]  # four corners in reading order, as shares of the photo's width and height


@dataclass(frozen=True, kw_only=True)
class LabelField:
    """What a label says of the part, in one respect."""

    kind: str  # "part_number", "lot", "serial" or "date"
    value: str  # a date as YYYY-MM-DD where it is unambiguous
    written: str  # as on the label
    confidence: float  # 0 to 1
    format: str  # "text", or the format of the code it comes from


@dataclass(frozen=True, kw_only=True)
class LabelReading:
    """Everything readable on one photo."""

    photo: int  # index into the inspection's photos, from 0
    texts: tuple[LabelText, ...]  # in reading order
    fields: tuple[LabelField, ...]
    ms: float


@dataclass(frozen=True, kw_only=True)
class FailureMode:
    """One row of the site's FMEA table."""

    part: str  # a part number, or "*" for every part
    row: int  # counted from 1 in the imported file, without its heading: what an answer cites
    defect_class: str  # a defect class of the references, or "*"
    failure_mode: str
    effect: str
    cause: str
    severity: int  # 1 to 10
    occurrence: int  # 1 to 10
    detection: int  # 1 to 10
    recommended_action: str


@dataclass(frozen=True, kw_only=True)
class QualityProblem:
    """Why a photo is not good enough for a verdict."""

    photo: int  # index into the inspection's photos, from 0
    kind: str  # "dark", "bright", "blurred", "cut_off" or "small"
    measured: float
    limit: float


@dataclass(frozen=True, kw_only=True)
class ExpectedSight:
    """How often marks drawn on a part's own good photos are noticed: what the part's references let one see."""

    kind: str  # "scratch", "spot" or "stain"
    area_of_part: float  # the mark's share of the part's area, 0 to 1
    noticed: int  # photos with such a mark that were not called OK
    tried: int


@dataclass(frozen=True, kw_only=True)
class RuleFired:
    """A rule of the site that changed what is proposed."""

    name: str
    words: str  # what it says, in the question's language


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a larger model says of one photo, in words that can be checked."""

    verdict: Verdict | None = None  # UNSURE: it cannot tell; None: it gave none
    places: tuple[str, ...] = ()  # of the nine places of the part, as in `Region.where`
    kind: str | None = None  # one of the part's defect classes
    count: int | None = None  # separate defects
    texts: tuple[str, ...] = ()  # what it reads on the photo
    fields: tuple[tuple[str, str], ...] = ()  # kind of a label's field, and its value
    row: int | None = None  # of the FMEA table, which it cites
    words: str | None = None  # one sentence of its own, cleaned for quoting: a caption, an answer, a cause


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What a larger model said of one photo, and how that stands to what the tools measured."""

    text: str  # as the model wrote it, for the trail; never posted where it contradicts
    verdict: Verdict | None  # None: it gave none
    agrees: bool  # with everything that was measured
    contradictions: tuple[str, ...]  # each in the question's language
    model: str
    cost: float  # in the currency of the site's price setting; 0 when none is set
    ms: float
    photo: int = 0  # index into the inspection's photos, from 0
    purpose: str = "verdict"  # what it was asked for: "verdict", "describe", "question", "cause" or "label"
    question: str = ""  # for the purpose "question": which one
    claims: Claims = Claims()


@dataclass(frozen=True, kw_only=True)
class PastCase:
    """An earlier inspection whose photo resembles this one."""

    inspection_id: str
    part: str | None
    similarity: float  # cosine of the two photos' features, -1 to 1
    verdict: Verdict
    decision: DecisionVerdict | None  # None while nobody has decided
    disposition: Disposition | None  # the recorded action, if there is one
    asked_at: str  # ISO 8601, UTC
    permalink: str | None


@dataclass(frozen=True, kw_only=True)
class TrailEntry:
    """One tool or model call behind an answer."""

    tool: str
    inputs: dict[str, Any]  # as given, JSON
    outputs: dict[str, Any]  # as returned, JSON; photos and maps by their sha256
    model: str | None  # id and version of the model that did it
    ms: float


@dataclass(frozen=True, kw_only=True)
class Abstention:
    """An answer that makes no judgement, and why."""

    reason: AbstentionReason
    words: str  # the sentence a person reads, in the question's language


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """What the answer suggests; an approver's decision on exactly this makes it an action."""

    kind: ProposalKind
    part: str
    disposition: Disposition | None  # for kind DISPOSITION
    reference_state: str | None  # for kind REFERENCE: "good" or a defect class
    photos: tuple[str, ...]  # sha256 of the photos it is about
    reason: str  # why, in the question's language
    approvals_needed: int = 1  # how many people must approve it: 1, or 2 different ones


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What an approver says in place of an answer and its proposal."""

    really: Verdict  # OK or NOT_OK
    defect_class: str | None  # None: none, or none that has a name
    disposition: Disposition
    note: str  # why, in their own words; "" when they gave none


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Evidence to look at: a re-encoded picture without EXIF, in the photo store."""

    sha256: str
    alt_text: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is posted to the thread, and everything it rests on."""

    language: Language
    headline: str  # makes sense alone, as a phone notification does
    lines: tuple[str, ...]  # one fact each, from the tool that found it
    verdict: Verdict
    abstention: Abstention | None
    part: str | None
    anomaly_score: float | None  # the strangest photo's
    threshold: float | None
    confidence: float | None  # of the verdict, 0.5 to 1; None when there is no judgement
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...]
    similar: tuple[PastCase, ...]
    pictures: tuple[Picture, ...]
    proposed: Proposed | None
    trail: tuple[TrailEntry, ...]
    model: str  # the backbone's id, and the chat model's where one wrote the words
    classified: tuple[Classified, ...] = ()
    labels: tuple[LabelReading, ...] = ()
    failure_modes: tuple[FailureMode, ...] = ()  # cited, most critical first
    quality: tuple[QualityProblem, ...] = ()
    rules: tuple[RuleFired, ...] = ()  # in the order tried
    opinions: tuple[Opinion, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One checked photo of an inspection."""

    sha256: str  # of the bytes as uploaded; its file is in the photo store
    shown_sha256: str  # of the upright re-encoded copy without EXIF, the only one ever shown or looked at
    height_px: int
    width_px: int
    camera: str | None = None  # make and model as the file says; None: it does not say, or came before this was kept
    brightness: float | None = None  # mean luma, 0 to 255; None: came before this was kept


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A photo of a part with a known state."""

    photo_sha256: str  # as uploaded
    shown_sha256: str  # the copy that is looked at
    state: str  # "good" or a defect class


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part number and its references."""

    number: str
    name: str | None
    references: tuple[Reference, ...]

    @property
    def good(self) -> tuple[Reference, ...]:
        return tuple(r for r in self.references if r.state == GOOD)


T = TypeVar("T")


@lru_cache(maxsize=64)
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_json(value: object) -> Any:
    """Any dataclass of this module -> what `json.dumps` takes."""
    kind: Any = type(value)  # mypy does not take a class for hashable
    return _adapter(kind).dump_python(value, mode="json")


def from_json(kind: type[T], data: object) -> T:
    """What `to_json` gave -> the dataclass. Raises pydantic.ValidationError when it is anything else."""
    hashable: Any = kind
    value: T = _adapter(hashable).validate_python(data)
    return value
