"""The site's rules: read strictly, tried in order, named in the answer; and never quietly left out."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import workbench
from workbench import Workbench, plate

from kenpin.storage import failure_modes, parts
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.vocabulary import (
    Classified,
    ClassShare,
    Disposition,
    FailureMode,
    LabelField,
    LabelReading,
    Language,
    ProposalKind,
    Proposed,
    QualityProblem,
    RuleFired,
)
from kenpin.tools import compare, rules
from kenpin.tools.context import Context
from kenpin.tools.rule_book import RuleBook

MARKED, FINE = plate(marks={"bottom left": 16}, seed=2), plate(seed=3)  # marked: score 4.0, one region of 3.2 %, "bottom left"
GRAVE = FailureMode(
    part="SC-200", row=1, defect_class="crack", failure_mode="cracked cell", effect="fire", cause="dropped", severity=9, occurrence=2,
    detection=3, recommended_action="",
)  # fmt: skip
SCRAP_CRACKS = """
rules:
  - name: cracks are scrapped
    part: SC-200
    when: {verdict: not_ok, defect_class: {among: crack, at_least: 0.8}}
    then: {propose: scrap, say: {en: Cracks grow., ja: 割れは広がります。}}
"""


@pytest.fixture(scope="module")
def bench(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One for all tests here: no test leaves anything in it that another one reads."""
    folder = tmp_path_factory.mktemp("bench")
    engine = open_database(f"sqlite:///{shutil.copyfile(migrated_sqlite_file, folder / 'kenpin.sqlite')}")
    yield workbench.built(engine, folder)
    engine.dispose()


def context_of(bench: Workbench, *photos: bytes, language: Language = Language.EN) -> Context:
    with reading(bench.engine) as conn:
        part = parts.find(conn, "SC-200")
    context = Context(question=bench.question("is SC-200 OK?", *photos), site=bench.site, language=language, part=part)
    for index in range(len(photos)):
        compare.compare(context, index)
    return context


def suggestion(disposition: Disposition = Disposition.REWORK) -> Proposed:
    return Proposed(
        kind=ProposalKind.DISPOSITION, part="SC-200", disposition=disposition, reference_state=None, photos=("a" * 64,), reason="as found"
    )


def book(folder: Path, *files: str) -> RuleBook:
    for number, text in enumerate(files):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    return rules.load(folder)


def one_rule(folder: Path, when: str, then: str = "{propose: scrap}", more: str = "") -> RuleBook:
    found = book(folder, f"rules:\n  - name: the rule\n    when: {when}\n    then: {then}\n{more}")
    assert found.problems == ()
    return found


def with_class(context: Context, plausible: tuple[str, ...], **shares: float) -> Context:
    context.classified[0] = Classified(
        photo=0, part="SC-200", classes=tuple(ClassShare(name=name, probability=share) for name, share in shares.items()),
        plausible=plausible, coverage=0.9, labelled=8, basis="this test", ms=1.0,
    )  # fmt: skip
    return context


def with_label(context: Context, kind: str, value: str) -> Context:
    field = LabelField(kind=kind, value=value, written=value, confidence=0.95, format="text")
    context.labels[0] = LabelReading(photo=0, texts=(), fields=(field,), ms=1.0)
    return context


# --- what a rule does ----------------------------------------------------------------------------------------------------------------


def test_a_rule_changes_the_proposal_and_is_named_with_its_own_words(bench: Workbench, tmp_path: Path) -> None:
    context = with_class(context_of(bench, MARKED), ("crack",), crack=0.85, stain=0.15)
    after, fired = rules.apply(context, book(tmp_path, SCRAP_CRACKS), suggestion())
    assert after == replace(suggestion(), disposition=Disposition.SCRAP, reason="Rule “cracks are scrapped”: Cracks grow.")
    words = "Rule “cracks are scrapped”: Cracks grow. So scrap is proposed instead of rework."
    assert fired == (RuleFired(name="cracks are scrapped", words=words),)


def test_a_rule_speaks_the_language_of_the_question(bench: Workbench, tmp_path: Path) -> None:
    context = with_class(context_of(bench, MARKED, language=Language.JA), ("crack",), crack=0.85)
    _, fired = rules.apply(context, book(tmp_path, SCRAP_CRACKS), suggestion())
    assert fired[0].words == "ルール「cracks are scrapped」：割れは広がります。そのため、提案を「手直し」から「廃棄」に変えます。"


def test_a_rule_whose_conditions_do_not_hold_changes_nothing(bench: Workbench, tmp_path: Path) -> None:
    context = with_class(context_of(bench, MARKED), ("crack",), crack=0.79, stain=0.21)
    assert rules.apply(context, book(tmp_path, SCRAP_CRACKS), suggestion()) == (suggestion(), ())


def test_rules_are_for_their_parts_however_the_number_is_written(bench: Workbench, tmp_path: Path) -> None:
    context = with_class(context_of(bench, MARKED), ("crack",), crack=0.9)
    other = book(tmp_path, SCRAP_CRACKS.replace("part: SC-200", "part: [SC-201, SC-210]"))
    assert rules.apply(context, other, suggestion()) == (suggestion(), ())
    mine = book(tmp_path, SCRAP_CRACKS.replace("part: SC-200", "part: [SC-201, sc200]"))
    assert rules.apply(context, mine, suggestion())[1]


def test_rules_are_tried_in_order_and_a_later_one_sees_what_an_earlier_one_proposed(bench: Workbench, tmp_path: Path) -> None:
    first = "rules:\n  - {name: A, when: {proposed: rework}, then: {propose: repair}}\n"
    second = "rules:\n  - {name: B, when: {proposed: repair}, then: {propose: scrap, people: 2}}\n"
    context = context_of(bench, MARKED)
    after, fired = rules.apply(context, book(tmp_path, first, second), suggestion())
    assert after is not None
    assert (after.disposition, after.approvals_needed, after.reason) == (Disposition.SCRAP, 2, "The rule “B” says so.")
    assert [rule.name for rule in fired] == ["A", "B"]
    assert fired[1].words == "Rule “B”: scrap is proposed instead of repair, and two different people must approve."


def test_a_rule_that_stops_is_the_last_of_the_sites_rules(bench: Workbench, tmp_path: Path) -> None:
    text = "rules:\n  - {name: A, then: {propose: repair, stop: true}}\n  - {name: B, then: {propose: scrap}}\n"
    after, fired = rules.apply(context_of(bench, MARKED), book(tmp_path, text), suggestion())
    assert after is not None
    assert (after.disposition, [rule.name for rule in fired]) == (Disposition.REPAIR, ["A"])


def test_nothing_proposed_stays_nothing_whatever_a_later_rule_says(bench: Workbench, tmp_path: Path) -> None:
    text = "rules:\n  - {name: A, then: {propose: nothing}}\n  - {name: B, then: {hold: true}}\n"
    after, fired = rules.apply(context_of(bench, MARKED), book(tmp_path, text), suggestion())
    assert after is None
    assert [rule.words for rule in fired] == ["Rule “A”: nothing is proposed."]


def test_a_person_is_asked_for_and_the_part_kept_aside(bench: Workbench, tmp_path: Path) -> None:
    after, fired = rules.apply(context_of(bench, FINE), one_rule(tmp_path, "{}", "{ask_a_person: true}"), suggestion(Disposition.ACCEPT))
    assert after is not None
    assert after.disposition is Disposition.HOLD
    assert fired[0].words == "Rule “the rule”: hold is proposed instead of accept, and a person must look at the part itself."


def test_where_nothing_was_judged_a_rule_can_hold_and_nothing_else(bench: Workbench, tmp_path: Path) -> None:
    context = context_of(bench)
    assert rules.apply(context, one_rule(tmp_path, "{verdict: not_judged}", "{propose: accept}"), None) == (None, ())
    held, fired = rules.apply(context, one_rule(tmp_path, "{verdict: not_judged}", "{hold: true}"), None)
    assert held is not None
    assert (held.disposition, held.part, len(fired)) == (Disposition.HOLD, "SC-200", 1)


def test_a_proposal_of_references_is_left_as_it_is(bench: Workbench, tmp_path: Path) -> None:
    asked = replace(suggestion(), kind=ProposalKind.REFERENCE, disposition=None, reference_state="good")
    assert rules.apply(context_of(bench, FINE), one_rule(tmp_path, "{}"), asked) == (asked, ())


# --- when it holds -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("{verdict: [unsure, not_ok]}", True),
        ("{verdict: ok}", False),
        ("{anomaly_score: {at_least: 4, below: 5}}", True),
        ("{anomaly_score: {below: 4}}", False),
        ("{confidence: {at_least: 0.9}}", True),
        ("{confidence: {at_least: 0.95}}", False),
        ("{region: {place: bottom left, area_percent: {at_least: 3}}}", True),
        ("{region: {place: [top, right]}}", False),
        ("{region: {area_percent: {at_least: 5}}}", False),
        ("{region: {count: {at_least: 2}}}", False),
        ("{region: {place: top, count: {below: 1}}}", True),
        ("{defect_class: crack}", True),
        ("{defect_class: {among: [CRACK, dent], at_least: 0.6}}", True),
        ("{defect_class: {among: crack, at_least: 0.7}}", False),
        ("{defect_class: dent}", False),
        ("{defect_class: {only: [crack, oil stain]}}", True),
        ("{defect_class: {only: crack}}", False),
        ("{defect_class: {none_known: true}}", False),
        ("{label: {field: lot, equals: [l-7, L-8]}}", True),
        ("{label: {field: lot, equals: L-9}}", False),
        ("{label: {field: lot, differs: L-9}}", True),
        ("{label: {field: lot, differs: L-8}}", False),
        ("{label: {field: lot, matches: 'L-[0-9]'}}", True),
        ("{label: {field: lot, matches: 'L'}}", False),
        ("{label: {field: serial, missing: true}}", True),
        ("{label: {field: lot, missing: true}}", False),
        ("{label: [{field: lot, equals: L-8}, {field: serial, missing: true}]}", True),
        ("{label: {field: serial, differs: X}}", False),
        ("{label_against_question: false}", True),
        ("{label_against_question: true}", False),
        ("{severity: {at_least: 8}}", True),
        ("{severity: {below: 8}}", False),
        ("{proposed: rework}", True),
        ("{proposed: nothing}", False),
        ("{photo_problem: [blurred, dark]}", True),
        ("{photo_problem: small}", False),
        ("{verdict: not_ok, proposed: scrap}", False),
    ],
)
def test_a_condition_holds_for_what_was_found_and_for_nothing_else(bench: Workbench, tmp_path: Path, when: str, holds: bool) -> None:
    context = with_label(with_class(context_of(bench, MARKED), ("crack", "oil_stain"), crack=0.65, oil_stain=0.25, dent=0.1), "lot", "Ｌ-8")
    context.failure_modes = (replace(GRAVE, severity=8),)
    context.quality[0] = (QualityProblem(photo=0, kind="dark", measured=31, limit=60),)
    after, _ = rules.apply(context, one_rule(tmp_path, when), suggestion())
    assert after is not None
    assert (after.disposition is Disposition.SCRAP) is holds


@pytest.mark.parametrize(
    "when", ["{defect_class: {none_known: true}}", "{label: {field: lot, missing: true}}", "{severity: {at_least: 1}}"]
)
def test_what_nobody_looked_at_fits_no_condition(bench: Workbench, tmp_path: Path, when: str) -> None:
    assert rules.apply(context_of(bench, MARKED), one_rule(tmp_path, when), suggestion()) == (suggestion(), ())


def test_a_photo_of_no_known_class_fits_its_condition(bench: Workbench, tmp_path: Path) -> None:
    context = with_class(context_of(bench, MARKED), (), crack=0.6, stain=0.4)
    assert rules.apply(context, one_rule(tmp_path, "{defect_class: {none_known: true}}"), suggestion())[1]


# --- what is built in ----------------------------------------------------------------------------------------------------------------


def test_a_label_of_another_part_leaves_nothing_proposed(bench: Workbench) -> None:
    context = with_label(context_of(bench, FINE), "part_number", "SC-210")
    after, fired = rules.apply(context, rules.load(None), suggestion(Disposition.ACCEPT), ("SC-200", "SC-210"))
    assert after is None
    assert [rule.words for rule in fired] == [
        "Rule “label against question”: The label names another part than the question. So nothing is proposed."
    ]
    same = with_label(context_of(bench, FINE), "part_number", "sc 200")
    assert rules.apply(same, rules.load(None), suggestion(Disposition.ACCEPT), ("SC-200", "SC-210"))[1] == ()


@pytest.mark.parametrize(("severity", "people"), [(9, 2), (10, 2), (8, 1)])
def test_a_critical_severity_needs_two_people(bench: Workbench, severity: int, people: int) -> None:
    context = context_of(bench, MARKED, language=Language.JA)
    context.failure_modes = (replace(GRAVE, severity=3), replace(GRAVE, severity=severity))
    after, fired = rules.apply(context, rules.load(None), suggestion())
    assert after is not None
    assert after.approvals_needed == people
    critical = "ルール「致命的な厳しさ」：厳しさが致命的な故障モードの可能性があります。そのため、別々の 2 人の承認が必要です。"
    assert [rule.words for rule in fired] == [critical] * (people - 1)


def test_a_built_in_rule_is_replaced_by_its_name_for_the_parts_that_say_so(bench: Workbench, tmp_path: Path) -> None:
    softer = (
        "rules:\n  - {name: two from 8 on, part: PN, overrides: critical severity, when: {severity: {at_least: 8}}, then: {people: 2}}\n"
    )
    context = context_of(bench, MARKED)
    context.failure_modes = (replace(GRAVE, severity=8),)
    after, fired = rules.apply(context, book(tmp_path, softer.replace("PN", "SC-200")), suggestion())
    assert after is not None
    assert (after.approvals_needed, [rule.name for rule in fired]) == (2, ["two from 8 on"])
    after, fired = rules.apply(context, book(tmp_path, softer.replace("PN", "SC-210")), suggestion())
    assert after is not None
    assert (after.approvals_needed, fired) == (1, ())


def test_no_rule_of_the_site_can_go_before_or_around_a_built_in_one(bench: Workbench, tmp_path: Path) -> None:
    eager = "rules:\n  - {name: ship it, then: {propose: accept, stop: true}}\n"
    context = with_label(context_of(bench, FINE), "part_number", "SC-210")
    context.failure_modes = (GRAVE,)
    after, fired = rules.apply(context, book(tmp_path, eager), suggestion(), ("SC-200", "SC-210"))
    assert after is None
    assert [rule.name for rule in fired] == ["ship it", "label against question"]


# --- files that cannot be used -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [{name: A", "0.yaml cannot be read: line 1: "),
        ("- name: A\n", "0.yaml cannot be read: it must hold one list, under `rules:`"),
        ("rules:\n  - name: A\n    name: B\n    then: {hold: true}\n", "0.yaml cannot be read: line 3: “name” stands twice"),
        ("rules: [&a {name: A, then: {hold: true}}, *a]", "0.yaml cannot be read: line 1: aliases"),
        ("rules: !!python/object/apply:os.getcwd []", "0.yaml cannot be read: line 1: could not determine a constructor"),
        ("rules: [A]", "0.yaml, rule 1: is 'A'; it must hold name, part, when, then, overrides."),
        ("rules: [{name: A}]", "0.yaml, rule 1 “A”, then: is missing."),
        ("rules: [{name: A, then: {}}]", "0.yaml, rule 1 “A”, then: needs one of propose, hold, people, ask_a_person and say."),
        ("rules: [{name: A, then: {people: 3}}]", "0.yaml, rule 1 “A”, then.people: is 3; it can be 2."),
        ("rules: [{name: A, then: {propose: burn}}]", "0.yaml, rule 1 “A”, then.propose: is 'burn'; it can be accept, use_as_is, rework,"),
        ("rules: [{name: A, then: {propose: scrap, hold: true}}]", "then: propose: scrap does not go with hold"),
        ("rules: [{name: A, when: {colour: red}, then: {hold: true}}]", "when.colour: there is no such field; there are verdict, anomaly_"),
        ("rules: [{name: A, when: {verdict: bad}, then: {hold: true}}]", "when.verdict.1: is 'bad'; it can be ok, not_ok, unsure or not_"),
        ("rules: [{name: A, when: {confidence: {}}, then: {hold: true}}]", "when.confidence: needs at_least, below or both."),
        ("rules: [{name: A, when: {severity: {at_least: high}}, then: {hold: true}}]", "when.severity.at_least: is 'high'; it should be"),
        (
            "rules: [{name: A, when: {label: {field: lot, matches: '('}}, then: {hold: true}}]",
            "matches: is no regular expression: missing )",
        ),
        ("rules: [{name: A, part: 200, then: {hold: true}}]", "part.1: is 200; it must be text, so put it in quotation marks."),
        ("rules: [{name: critical severity, then: {hold: true}}]", "this name is a built-in rule's; to replace that one, write overrides:"),
        ("rules: [{name: A, then: {hold: true}}, {name: A, then: {hold: true}}]", "0.yaml, rule “A”: this name is in 0.yaml too."),
    ],
)
def test_a_mistake_is_told_with_its_file_rule_field_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    found = book(tmp_path, text)
    assert any(told in problem.words for problem in found.problems), [problem.words for problem in found.problems]


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("rules: []\n# 検品".encode("cp932"))
    assert [problem.words for problem in rules.load(tmp_path).problems] == [
        "a.yaml cannot be read: it is not UTF-8 text; save it as UTF-8. Until it can, every proposal is hold."
    ]


def test_rules_that_cannot_be_read_hold_and_say_so(bench: Workbench, tmp_path: Path) -> None:
    broken = book(
        tmp_path, "rules:\n  - {name: A, part: SC-200, then: {people: 3}}\n", "rules:\n  - {name: ship it, then: {propose: accept}}\n"
    )
    after, fired = rules.apply(context_of(bench, FINE), broken, suggestion(Disposition.ACCEPT))
    assert after is not None
    assert after.disposition is Disposition.HOLD
    assert [rule.words for rule in fired] == [
        "The site's rules in 0.yaml cannot be read, so nothing but hold is proposed until somebody has put them right "
        "(`kenpin rules check`)."
    ]


def test_a_mistake_in_one_parts_rule_leaves_the_other_parts_alone(bench: Workbench, tmp_path: Path) -> None:
    broken = book(tmp_path, "rules:\n  - {name: A, part: SC-210, then: {people: 3}}\n  - {name: B, then: {propose: scrap}}\n")
    after, fired = rules.apply(context_of(bench, MARKED), broken, suggestion())
    assert after is not None
    assert (after.disposition, [rule.name for rule in fired]) == (Disposition.SCRAP, ["B"])


def test_a_file_with_nothing_in_it_and_a_folder_that_is_not_there_are_no_mistakes(tmp_path: Path) -> None:
    assert book(tmp_path, "# none yet\n") == rules.load(tmp_path / "none") == rules.load(None)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    first = book(tmp_path, SCRAP_CRACKS)
    assert rules.load(tmp_path) is first
    (tmp_path / "0.yaml").write_text(SCRAP_CRACKS.replace("scrap,", "repair,"), encoding="utf-8")
    os.utime(tmp_path / "0.yaml", ns=(1, 1))
    assert rules.load(tmp_path).rules[0].rule.then.propose == "repair"


# --- within an answer ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def corrected(bench: Workbench, tmp_path: Path) -> Callable[..., Context]:
    def correct(photo: bytes, text: str) -> Context:
        context = context_of(bench, photo)
        (tmp_path / "rules").mkdir(exist_ok=True)
        book(tmp_path / "rules", text)
        context.site = replace(bench.site, rules_folder=tmp_path / "rules")
        context.proposed = suggestion()
        rules.correct(context)
        return context

    return correct


def test_the_sites_rules_correct_an_answer_and_are_told_and_on_the_trail(corrected: Callable[..., Context]) -> None:
    context = corrected(MARKED, "rules:\n  - {name: A, when: {verdict: not_ok}, then: {propose: scrap}}\n")
    assert context.proposed is not None
    assert context.proposed.disposition is Disposition.SCRAP
    told = rules.told(context, Language.EN)
    assert told is not None
    assert (told.headline, told.lines) == ("Rule “A”: scrap is proposed instead of rework.", ())
    entry = context.trail[-1]
    assert (entry.tool, entry.outputs["rules_fired"], entry.outputs["proposed_before"]) == ("rules", ["A"], "rework")


def test_a_severity_is_looked_up_without_anybody_asking_for_a_cause(bench: Workbench, corrected: Callable[..., Context]) -> None:
    with writing(bench.engine) as conn:
        failure_modes.replace_rows(conn, [GRAVE], "Aiko")
    strange, fine = corrected(MARKED, "rules: []"), corrected(FINE, "rules: []")
    with writing(bench.engine) as conn:
        failure_modes.replace_rows(conn, [], "Aiko", whole_table=True)
    assert strange.proposed is not None
    assert fine.proposed is not None
    assert (strange.proposed.approvals_needed, fine.proposed.approvals_needed) == (2, 1)
    assert rules.told(fine, Language.EN) is None


def test_every_rule_in_the_manual_can_be_read(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert examples
    found = book(tmp_path, *examples)
    assert found.problems == ()
