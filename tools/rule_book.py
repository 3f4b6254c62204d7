"""The site's rules as files: YAML in one folder, read strictly, with every mistake named.

`load` gives a RuleBook of the rules that can be used and the problems of those that cannot. A problem is never passed over: whom it
concerns is known as exactly as the file allows, one rule's parts or, when a file cannot be read at all, every part, and there
`rules.apply` holds.
docs/rules.md explains the files to whoever writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, ValidationError, field_validator, model_validator

from kenpin.storage import parts
from kenpin.storage.vocabulary import ANY_PART

MOST_BYTES = 1_000_000  # a thousand rules are a tenth of that
SUFFIXES = (".yaml", ".yml")
LABEL_AGAINST_QUESTION, CRITICAL_SEVERITY = "label against question", "critical severity"
CRITICAL_FROM = 9  # of 10: 9 and 10 are a hazard or a breach of law in every FMEA scale (AIAG-VDA FMEA handbook, 2019)


def _many(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Word = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_many), Field(min_length=1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
DispositionWord = Literal["accept", "use_as_is", "rework", "repair", "scrap", "return_to_supplier", "hold"]
NOTHING = "nothing"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Strict):
    """A number from `at_least` on, and under `below`."""

    at_least: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.at_least is None and self.below is None:
            raise ValueError("needs at_least, below or both")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError(f"at_least {self.at_least:g} is not less than below {self.below:g}, so no number fits")
        return self

    def __contains__(self, number: float) -> bool:
        return (self.at_least is None or number >= self.at_least) and (self.below is None or number < self.below)


class ClassCondition(_Strict):
    """Of the defect classes that one photo may show. Just names: `among` these."""

    among: Words | None = None  # one of these is plausible
    at_least: Annotated[Number, Field(ge=0, le=1)] = 0.0  # with at least this probability
    only: Words | None = None  # every plausible one is among these, and there is one
    none_known: Literal[True] | None = None  # none of those known is plausible

    @model_validator(mode="before")
    @classmethod
    def _from_names(cls, value: object) -> object:
        return {"among": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(one is not None for one in (self.among, self.only, self.none_known)) != 1:
            raise ValueError("needs one of among, only and none_known")
        if self.at_least and self.among is None:
            raise ValueError("at_least goes with among")
        return self


class RegionCondition(_Strict):
    """Of the places marked on one photo: how many there are in such a place and of such a size."""

    place: (
        Annotated[
            tuple[
                Literal["top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right"],
                ...,
            ],
            BeforeValidator(_many),
        ]
        | None
    ) = None
    area_percent: Range | None = None  # of the part
    count: Range = Range(at_least=1)


class LabelCondition(_Strict):
    """Of what the label says in one respect."""

    field: Literal["part_number", "lot", "serial", "date"]
    equals: Words | None = None  # one of these
    differs: Words | None = None  # something else than each of these
    matches: StrictStr | None = None  # a regular expression for all of it
    missing: Literal[True] | None = None  # nothing of this kind was read, though the label was looked at

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(one is not None for one in (self.equals, self.differs, self.matches, self.missing)) != 1:
            raise ValueError("needs one of equals, differs, matches and missing")
        return self


class Conditions(_Strict):
    """What must have been found; all of it. Nothing said: always."""

    verdict: Annotated[tuple[Literal["ok", "not_ok", "unsure", "not_judged"], ...], BeforeValidator(_many)] | None = None
    anomaly_score: Range | None = None  # of the strangest photo; 1.0 is the threshold
    confidence: Range | None = None
    defect_class: ClassCondition | None = None
    region: RegionCondition | None = None
    label: Annotated[tuple[LabelCondition, ...], BeforeValidator(_many)] | None = None
    label_against_question: StrictBool | None = None
    severity: Range | None = None  # of the gravest failure mode that fits
    proposed: Annotated[tuple[DispositionWord | Literal["nothing"], ...], BeforeValidator(_many)] | None = None
    photo_problem: Annotated[tuple[Literal["dark", "bright", "blurred", "cut_off", "small"], ...], BeforeValidator(_many)] | None = None


class Saying(_Strict):
    """What the answer says then; in a language that is left out, the other one's words."""

    en: Annotated[Word, Field(max_length=500)] | None = None
    ja: Annotated[Word, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.en is None and self.ja is None:
            raise ValueError("needs en, ja or both")
        return self


class Effects(_Strict):
    """What the rule does."""

    propose: DispositionWord | Literal["nothing"] | None = None  # in place of what was proposed
    hold: Literal[True] | None = None  # the same as propose: hold
    people: Literal[2] | None = None  # how many must approve
    ask_a_person: Literal[True] | None = None  # hold, and say that somebody must look at the part itself
    say: Saying | None = None
    stop: Literal[True] | None = None  # no later rule of the site is tried

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.propose, self.hold, self.people, self.ask_a_person, self.say)):
            raise ValueError("needs one of propose, hold, people, ask_a_person and say")
        if self.propose not in (None, "hold") and (self.hold or self.ask_a_person):
            raise ValueError(f"propose: {self.propose} does not go with hold or ask_a_person, which propose hold")
        return self


class Rule(_Strict):
    """One rule."""

    name: Annotated[StrictStr, Field(min_length=1, max_length=80, pattern=r"\S")]
    part: Words = (ANY_PART,)
    when: Conditions = Conditions()
    then: Effects
    overrides: Literal["label against question", "critical severity"] | None = None  # the built-in rule that this one replaces

    def is_for(self, part: str | None) -> bool:
        return _covers(self.part, part)


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A rule and where it stands."""

    rule: Rule
    file: str | None  # None: built in


@dataclass(frozen=True, kw_only=True)
class RuleProblem:
    """A mistake in a rules file."""

    file: str
    parts: tuple[str, ...]  # whose answers cannot be corrected as the site wants; "*" for every part
    words: str  # which rule and field, with which value, and what is allowed


@dataclass(frozen=True, kw_only=True)
class RuleBook:
    """Every rule of the site in the order in which they are tried, and what could not be read."""

    rules: tuple[Filed, ...]
    problems: tuple[RuleProblem, ...]

    def for_part(self, part: str | None) -> tuple[Filed, ...]:
        """The site's rules for a part, without those that replace a built-in one; then the built-in ones, or what replaces them.

        Built-in rules come last: what they forbid no rule of the site can propose again.
        """
        mine = [filed for filed in self.rules if filed.rule.is_for(part)]
        plain = [filed for filed in mine if filed.rule.overrides is None]
        instead: dict[str | None, Filed] = {filed.rule.overrides: filed for filed in reversed(mine)}  # the first one that is for this part
        return (*plain, *(instead.get(built_in.name, Filed(rule=built_in, file=None)) for built_in in BUILT_IN))

    def problems_for(self, part: str | None) -> tuple[RuleProblem, ...]:
        return tuple(problem for problem in self.problems if _covers(problem.parts, part))


# Their words are in prompts/rules.*.txt.
BUILT_IN = (
    Rule(name=LABEL_AGAINST_QUESTION, when=Conditions(label_against_question=True), then=Effects(propose="nothing")),
    Rule(name=CRITICAL_SEVERITY, when=Conditions(severity=Range(at_least=CRITICAL_FROM)), then=Effects(people=2)),
)
EMPTY = RuleBook(rules=(), problems=())


def load(folder: Path | None) -> RuleBook:
    """The rules of a folder's YAML files, in the order of the files' names; read again when a file has changed. None: built-in ones alone.

    Raises nothing: what cannot be read is among the book's problems.
    """
    if folder is None or not folder.is_dir():
        return EMPTY
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
        stamps = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:
        words = f"The rules folder {folder} cannot be read: {error.strerror}."
        return RuleBook(rules=(), problems=(RuleProblem(file=folder.name, parts=(ANY_PART,), words=words),))
    return _read(stamps)


def check(file: Path) -> RuleBook:
    """The rules of one file, as they would be read from the folder."""
    return _unique([_file(file)])


def written(said: Conditions | Effects) -> str:
    """The conditions or effects of a rule on one line, as YAML."""
    given = said.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    text: str = yaml.safe_dump(given, default_flow_style=True, allow_unicode=True, sort_keys=False, width=math.inf)
    return text.strip()[1:-1]


@lru_cache(maxsize=8)
def _read(stamps: tuple[tuple[Path, int, int], ...]) -> RuleBook:
    return _unique([_file(path) for path, _, _ in stamps])


def _unique(books: Sequence[RuleBook]) -> RuleBook:
    """All books as one. A name that two rules have is a problem: an answer names the rule."""
    rules: list[Filed] = []
    problems = [problem for book in books for problem in book.problems]
    first: dict[str, str | None] = {}
    for filed in (filed for book in books for filed in book.rules):
        name = filed.rule.name
        if name in first or name in (LABEL_AGAINST_QUESTION, CRITICAL_SEVERITY):
            where = f"in {first[name]} too" if name in first else f"a built-in rule's; to replace that one, write overrides: {name}"
            words = f"{filed.file}, rule “{name}”: this name is {where}. Give each rule a name of its own."
            problems.append(RuleProblem(file=filed.file or "", parts=filed.rule.part, words=words))
            continue
        first[name] = filed.file
        rules.append(filed)
    return RuleBook(rules=tuple(rules), problems=tuple(problems))


def _covers(numbers: Sequence[str], part: str | None) -> bool:
    return ANY_PART in numbers or (part is not None and parts.folded(part) in {parts.folded(number) for number in numbers})


# --- one file ------------------------------------------------------------------------------------------------------------------------


class _NoDoublesLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML comes without types
    """SafeLoader, but a key that stands twice is a mistake, where YAML would quietly take the last one; and so is an alias."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"“{key.value}” stands twice", key.start_mark)
                seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) cannot be used here", self.peek_event().start_mark)
        return super().compose_node(parent, index)


def _file(path: Path) -> RuleBook:
    def unreadable(why: str) -> RuleBook:
        words = f"{path.name} cannot be read: {why}. Until it can, every proposal is hold."
        return RuleBook(rules=(), problems=(RuleProblem(file=path.name, parts=(ANY_PART,), words=words),))

    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            return unreadable(f"it has {len(data) / 1e6:.1f} MB, and at most {MOST_BYTES / 1e6:.0f} are allowed")
        content = yaml.load(data.decode("utf-8-sig"), _NoDoublesLoader)
    except OSError as error:
        return unreadable(error.strerror or type(error).__name__)
    except UnicodeDecodeError:
        return unreadable("it is not UTF-8 text; save it as UTF-8")
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        return unreadable(f"{line}{error.problem or 'no YAML'}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-99-99
        return unreadable(f"no YAML ({' '.join(str(error).split())[:200]})")
    if content is None:
        return EMPTY
    if not isinstance(content, dict) or set(content) != {"rules"} or not isinstance(content["rules"], list):
        return unreadable("it must hold one list, under `rules:`")
    rules, problems = [], []
    for number, given in enumerate(content["rules"], start=1):
        try:
            rules.append(Filed(rule=Rule.model_validate(given), file=path.name))
        except ValidationError as error:
            named = f" “{given['name']}”" if isinstance(given, dict) and isinstance(given.get("name"), str) else ""
            where = f"{path.name}, rule {number}{named}"
            problems += [RuleProblem(file=path.name, parts=_parts_of(given), words=f"{where}{told}") for told in _told(error)]
    return RuleBook(rules=tuple(rules), problems=tuple(problems))


def _parts_of(given: object) -> tuple[str, ...]:
    """Whom a rule that cannot be used was meant for; every part when that cannot be told either."""
    said = given.get("part", ANY_PART) if isinstance(given, dict) else ANY_PART
    numbers = said if isinstance(said, list) else [said]
    return tuple(numbers) if numbers and all(isinstance(number, str) for number in numbers) else (ANY_PART,)


# --- what is wrong with a rule, for whoever wrote it ---------------------------------------------------------------------------------


def _told(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        path = [step for step in each["loc"] if isinstance(step, int) or not step.startswith(("function", "tuple", "literal"))]
        field = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
        yield f", {field}: {_why(each['type'], path, each)}." if field else f": {_why(each['type'], path, each)}."


def _why(kind: str, path: Sequence[int | str], each: Mapping[str, Any]) -> str:
    given = repr(each.get("input"))[:60]
    match kind:
        case "extra_forbidden":
            return f"there is no such field; there are {', '.join(_fields(path[:-1]))}"
        case "missing":
            return "is missing"
        case "literal_error":
            return f"is {given}; it can be {each['ctx']['expected'].replace(chr(39), '')}"
        case "value_error":
            return str(each["ctx"]["error"])
        case "string_type":
            return f"is {given}; it must be text, so put it in quotation marks"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"is {given}; it must hold {', '.join(_fields(path))}"
        case _:
            return f"is {given}; {each['msg'].replace('Input should', 'it should')}"


def _fields(path: Sequence[int | str]) -> tuple[str, ...]:
    """The fields that a rule has at this place."""
    model: type[BaseModel] = Rule
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    return tuple(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)
