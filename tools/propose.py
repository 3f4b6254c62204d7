"""The tool `propose`: the disposition that follows from what was found, by rules. Only a person's decision makes it an action.

OK                -> accept
not OK            -> what at least two similar decided cases agree on, when they let no part through; else hold
a person must look -> hold
no judgement      -> nothing is proposed
"""

from __future__ import annotations

import json
from collections import Counter

from pydantic import BaseModel

from kenpin import prompts
from kenpin.storage.vocabulary import (
    Comparison,
    DecisionVerdict,
    Disposition,
    PastCase,
    ProposalKind,
    Proposed,
    Verdict,
    to_json,
)
from kenpin.tools.context import Context
from kenpin.tools.errors import CannotBeDoneError

NAME = "propose"
AGREEING = 2  # similar decided cases it takes to follow them
# What the past may suggest for a part that is not OK. Accept and use-as-is are left out: a part that looks wrong is let through by a
# person who says so, never because others were. Hold is no outcome.
_FOLLOWED = {Disposition.REWORK, Disposition.REPAIR, Disposition.SCRAP, Disposition.RETURN_TO_SUPPLIER}


class Arguments(BaseModel):
    pass


def strangest(comparisons: dict[int, Comparison]) -> Comparison:
    """The one that decides for all photos of a question: not OK before unsure before OK, then by how far above its threshold."""
    rank = {Verdict.NOT_OK: 2, Verdict.UNSURE: 1}
    return max(comparisons.values(), key=lambda c: (rank.get(c.verdict, 0), c.anomaly_score / c.threshold, -c.photo))


def propose(context: Context) -> Proposed:
    """The proposal for what was found so far. Raises CannotBeDoneError when no photo of a known part was compared yet."""
    with context.lock, context.recorded(NAME, {"similar": len(context.similar or ())}) as outputs:
        if context.part is None or not context.comparisons or context.comparisons.keys() < set(context.usable_photos()):
            raise CannotBeDoneError("Nothing can be proposed before every photo was compared; call compare for each photo first.")
        decisive = strangest(context.comparisons)
        disposition, reason = _by_rule(decisive, context)
        context.proposed = Proposed(
            kind=ProposalKind.DISPOSITION,
            part=context.part.number,
            disposition=disposition,
            reference_state=None,
            photos=tuple(context.question.photos[index].sha256 for index in sorted(context.comparisons)),
            reason=reason,
        )
        outputs.update(to_json(context.proposed))
        return context.proposed


def _by_rule(decisive: Comparison, context: Context) -> tuple[Disposition, str]:
    language = context.language
    if decisive.verdict is Verdict.OK:
        few = any(c.too_few_references for c in context.comparisons.values())
        return Disposition.ACCEPT, prompts.render("answer.reason_accept_few" if few else "answer.reason_accept", language)
    if decisive.verdict is Verdict.UNSURE:
        return Disposition.HOLD, prompts.render("answer.reason_unsure", language)
    if (followed := _agreed(context.similar or ())) is not None:
        disposition, count = followed
        outcome = prompts.render(f"answer.outcome_{disposition}", language)
        return disposition, prompts.render("answer.reason_past", language, count=count, outcome=outcome)
    return Disposition.HOLD, prompts.render("answer.reason_hold", language)


def _agreed(similar: tuple[PastCase, ...]) -> tuple[Disposition, int] | None:
    """The disposition that enough similar cases took and no other took as often, with how many did."""
    decided = Counter(
        c.disposition
        for c in similar
        if c.verdict is Verdict.NOT_OK and c.decision is DecisionVerdict.APPROVED and c.disposition in _FOLLOWED
    )
    ranked: list[tuple[Disposition, int]] = [(d, n) for d, n in decided.most_common() if d is not None]
    if not ranked or ranked[0][1] < AGREEING or (len(ranked) > 1 and ranked[1][1] == ranked[0][1]):
        return None
    return ranked[0]


def use(context: Context) -> tuple[str, Proposed]:
    """Suggest what is to be done with the part, by the site's rules, from what compare and history found.

    Call it last, after every photo was compared. It records nothing; an approver decides.
    """
    proposed = propose(context)
    content = {"disposition": proposed.disposition and proposed.disposition.value, "reason": proposed.reason}
    return json.dumps(content, ensure_ascii=False), proposed
