"""Three bands from a part's targets: accept below one limit on the score, reject above another, and leave what lies between to a person.

A target is a share: of 100 bad parts so many may be accepted (escapes), of 100 good parts so many may be rejected (overkill). Limits are
read off the part's labels each time, so that changing a target refits nothing:

    enough labels   the limit is one of the labelled scores, counted off from the end: a promise that holds whatever the scores look like
                    (split conformal). n labels can vouch for 1 in n + 1 and no better.
    too few         the limit lies where the part's bell, widened for how few they are, puts the target, and never inside the labelled
                    scores. That is an estimate; the answer says so, and more is left to a person.

Where no target is set the eye's own limits stay. Once a part's own labels speak no photo is judged against the odds: what is more likely
bad is not accepted, and what is more likely good is not rejected. An estimate from other parts does not overrule the eye like that.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace

from kenpin import prompts
from kenpin.storage.vocabulary import Comparison, ConfidenceBasis, Language, Targets, Verdict
from kenpin.tools.calibration import HALF, OWN_FROM, Bell, Calibration, Numbers

_MOST_SURE = 99  # percent; no judgement is certain


def banded(found: Comparison, calibration: Calibration, targets: Targets) -> Comparison:
    """The comparison with verdict, limits, threshold and confidence as the part's labels and targets have them, and what they rest on.

    The confidence is the probability that the verdict is right; for an abstention, that the likelier state is.
    """
    expected_bad = HALF if targets.expected_bad is None else targets.expected_bad / 100
    lower, upper = limits(calibration, targets, found.limits)
    verdict = Verdict.OK if found.anomaly_score < lower else Verdict.NOT_OK if found.anomaly_score > upper else Verdict.UNSURE
    bad = calibration.probability_bad(found.anomaly_score, expected_bad)
    return replace(
        found,
        verdict=verdict,
        limits=(lower, upper),
        threshold=min(max(found.threshold, lower), upper),
        confidence=max(HALF, {Verdict.OK: 1 - bad, Verdict.NOT_OK: bad}.get(verdict, max(bad, 1 - bad))),
        false_alarm_rate=found.false_alarm_rate if targets.overkill is None else targets.overkill / 100,
        regions=() if verdict is Verdict.OK else found.regions,
        basis=basis(calibration, targets),
    )


def basis(calibration: Calibration, targets: Targets) -> ConfidenceBasis:
    return ConfidenceBasis(
        decided=calibration.labelled.decided,
        references=calibration.labelled.references,
        elsewhere=calibration.elsewhere,
        own=calibration.own,
        expected_bad=HALF if targets.expected_bad is None else targets.expected_bad / 100,
        targets=targets,
        escapes_vouched=vouched(calibration.labelled.bad),
        overkill_vouched=vouched(calibration.labelled.good),
    )


def vouched(labelled: Numbers) -> float:
    """The least share in 100 that so many labelled photos can vouch for: the next one is the strangest of n + 1 once in n + 1 times."""
    return 100 / (len(labelled) + 1)


def limits(calibration: Calibration, targets: Targets, own: tuple[float, float]) -> tuple[float, float]:
    """Accept below the first score, reject above the second. own: the eye's limits, which stand where no target is set."""
    bad, good = calibration.labelled.bad, calibration.labelled.good
    lower, upper = math.log(own[0]), math.log(own[1])
    if targets.escapes is not None:
        lower = _end(bad, calibration.bad, targets.escapes / 100)
    if targets.overkill is not None:
        share = targets.overkill / 100
        upper = -_end(-good[::-1], _mirrored(calibration.good), share)
        if calibration.labelled.good_references:  # they made the scale they are scored on: the next good photo lies further out
            upper = max(upper, calibration.good.quantile(1 - share))
    even = math.log(calibration.even_score(HALF if targets.expected_bad is None else targets.expected_bad / 100))
    if lower > upper:  # both targets are met anywhere between: nothing needs to be left to a person
        lower = upper = min(max(even, upper), lower)
    elif calibration.own:
        lower, upper = min(lower, even), max(upper, even)
    return math.exp(lower), math.exp(upper)


def _end(labelled: Numbers, bell: Bell, share: float) -> float:
    """The value below which at most that share of such photos lies. labelled: sorted, smallest first."""
    counted = math.floor((len(labelled) + 1) * share + 1e-9)  # a share of 1 in 20 is 1 of 19 + 1, whatever binary fractions make of it
    if counted:
        return float(labelled[counted - 1])
    estimated = bell.quantile(share)
    return min(estimated, float(labelled[0])) if len(labelled) else estimated


def _mirrored(bell: Bell) -> Bell:
    return replace(bell, centre=-bell.centre)


# --- words -----------------------------------------------------------------------------------------------------------------------------


def sure(found: Comparison, language: Language) -> str:
    """How sure the verdict is and what that rests on, as a sentence. Only for a judgement, and one that `banded` gave."""
    rests = found.basis
    assert rests is not None, "banded says what it rests on"
    percent = min(_MOST_SURE, round(100 * found.confidence))
    return _say("sure_own" if rests.own else "sure_estimate", language, percent=percent, rests=rests_on(rests, language))


def rests_on(rests: ConfidenceBasis, language: Language) -> str:
    """From which labels a probability comes, as a clause."""
    if rests.own:
        kind = "both" if rests.decided and rests.references else "decided" if rests.decided else "references"
        counts = {"decided": rests.decided, "references": rests.references}
        clause = _say(f"rests_{kind}", language, **(counts if kind == "both" else {kind: counts[kind]}))
    elif rests.elsewhere:
        clause = _say("rests_elsewhere", language, labels=rests.elsewhere, needed=OWN_FROM)
    else:
        clause = _say("rests_nowhere", language, needed=OWN_FROM)
    if rests.targets.expected_bad is None:
        return clause
    return _say("rests_expecting", language, clause=clause, expected=_number(rests.targets.expected_bad))


def aims(found: Comparison, language: Language) -> tuple[str, ...]:
    """What the part's targets make of the limits, and what its labels cannot vouch for; empty where no target is set."""
    rests = found.basis
    if rests is None or (rests.targets.escapes is None and rests.targets.overkill is None):
        return ()
    lower, upper = (f"{limit:.2f}" for limit in found.limits)
    lines = [_say("aims", language, targets=aimed_at(rests.targets, language), lower=lower, upper=upper)]
    return (*lines, *not_vouched(rests, language))


def aimed_at(targets: Targets, language: Language) -> str:
    """The targets as a phrase; one of escapes and overkill is set."""
    told = [
        _say(f"aims_{name}", language, target=_number(target))
        for name, target in (("escapes", targets.escapes), ("overkill", targets.overkill))
        if target is not None
    ]
    return _say("aims_and", language, first=told[0], second=told[1]) if len(told) > 1 else told[0]


def not_vouched(rests: ConfidenceBasis, language: Language) -> tuple[str, ...]:
    """A sentence for each target that the part has too few labels for."""
    several = (
        ("escapes", rests.targets.escapes, rests.escapes_vouched),
        ("overkill", rests.targets.overkill, rests.overkill_vouched),
    )
    return tuple(
        _say(f"too_few_{name}", language, target=_number(target), labelled=round(100 / best) - 1, needed=math.ceil(100 / target - 1e-9) - 1)
        for name, target, best in several
        if target is not None and best > target + 1e-9
    )


def evidence(found: Comparison) -> dict[str, object]:
    """What a language model and the trail are told of the bands."""
    assert found.basis is not None, "banded says what it rests on"
    return {
        "verdict": found.verdict.value,
        "confidence": round(found.confidence, 4),
        "limits": [round(limit, 4) for limit in found.limits],
        "basis": asdict(found.basis),
    }


def _number(value: float) -> str:
    return f"{value:g}"


def _say(name: str, language: Language, **holes: object) -> str:
    return prompts.render(f"trust.{name}", language, **holes)
