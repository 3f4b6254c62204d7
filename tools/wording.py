"""From what the tools found to what a person reads: headline, lines and pictures, in the language of the question.

Every sentence is a wording of prompts/answer.*.txt filled with values of a finding. There is no other source of words in an answer, so
nothing can be said that no tool found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kenpin import prompts
from kenpin.storage.inspections import PastPhoto
from kenpin.storage.vocabulary import (
    Comparison,
    DecisionVerdict,
    Language,
    PastCase,
    Picture,
    Region,
    Verdict,
)
from kenpin.tools import bands

_MOST_OTHERS = 3  # places named after the strongest


class Words:
    """The wordings of answers in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, name: str, **holes: object) -> str:
        return prompts.render(f"answer.{name}", self.language, **holes)

    def listed(self, items: Sequence[str], how: str = "listed") -> str:
        """ "A", "A and B", "A, B and C"; with "listed_or", "A, B or C"."""
        if len(items) == 1:
            return items[0]
        return self.say(how, first=self.joined(items[:-1]), last=items[-1])

    def joined(self, items: Sequence[str], separator: str = "separator") -> str:
        mark = self.say(separator)
        return (mark if self.language is Language.JA else f"{mark} ").join(items)

    # --- the verdict ------------------------------------------------------------------------------------------------------------------

    def headline(self, decisive: Comparison, photos: int) -> str:
        """The verdict in a sentence that makes sense alone. `decisive`: the strangest photo's comparison, of `photos` in all."""
        many = "_many" if photos > 1 else ""
        which = {"photo": decisive.photo + 1, "count": photos} if many else {}
        if decisive.verdict is Verdict.OK:
            return self.say(f"headline_ok{many}", **({"count": photos} if many else {}))
        if decisive.verdict is Verdict.UNSURE:
            return self.say(f"headline_unsure{many}", **which)
        if not decisive.regions:
            return self.say(f"headline_not_ok_whole{many}", **which)
        return self.say(f"headline_not_ok{many}", place=self.place(decisive.regions[0]), **which)

    def sure(self, decisive: Comparison) -> str:
        """How sure the verdict is and what that rests on, or for an abstention between which limits the score lies."""
        if decisive.verdict is not Verdict.UNSURE:
            return bands.sure(decisive, self.language)
        between = {"score": f"{decisive.anomaly_score:.2f}", "lower": f"{decisive.limits[0]:.2f}", "upper": f"{decisive.limits[1]:.2f}"}
        if decisive.regions:
            return self.say("unsure_place", place=self.place(decisive.regions[0]), **between)
        return self.say("unsure_whole", **between)

    def each_photo(self, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
        """One line a photo, for questions with several."""
        lines = []
        for c in comparisons:
            score = {"photo": c.photo + 1, "score": f"{c.anomaly_score:.2f}"}
            if c.verdict is Verdict.UNSURE:
                lines.append(self.say("photo_unsure", lower=f"{c.limits[0]:.2f}", upper=f"{c.limits[1]:.2f}", **score))
            else:
                lines.append(self.say(f"photo_{c.verdict}", threshold=f"{c.threshold:.2f}", **score))
        return tuple(lines)

    def compared(self, decisive: Comparison, photos: int) -> str:
        """What it was compared with, how often that is meant to go wrong, and what that many photos can show of it.

        Of n good photos left out one at a time, none above the threshold shows a rate of 1 in n + 1 and no better (split conformal).
        """
        rate = f"{100 * decisive.false_alarm_rate:.0f}" if decisive.false_alarm_rate >= 0.01 else f"{100 * decisive.false_alarm_rate:.1f}"
        common: dict[str, object] = {"references": decisive.references, "part": decisive.part, "rate": rate}
        if decisive.too_few_references:
            if decisive.references == 1:
                return self.say("too_few_one", part=decisive.part, rate=rate)
            return self.say("too_few_many", **common)
        if bands.aims(decisive, self.language):  # they say what the limits aim at, and what vouches for it
            return self.say("compared_score", score=f"{decisive.anomaly_score:.2f}", part=decisive.part, references=decisive.references)
        common["vouched"] = max(int(rate.split(".")[0]), round(100 / (decisive.references + 1)))
        if photos > 1:
            return self.say("compared_many", **common)
        return self.say("compared", score=f"{decisive.anomaly_score:.2f}", threshold=f"{decisive.threshold:.2f}", **common)

    def unlike(self, part: str, looks_like: str | None) -> str:
        """That a photo does not show the part it is asked about."""
        if looks_like is None:
            return self.say("unlike_any", part=part)
        return self.say("unlike_other", part=part, other=looks_like)

    # --- where ------------------------------------------------------------------------------------------------------------------------

    def regions(self, found: Comparison, photos: int) -> str:
        marked = found.regions
        if not marked:
            words = self.say("regions_none")
        elif len(marked) == 1:
            words = self.say("regions_one", place=self.place(marked[0]), area=self.area(marked[0].area_of_part))
        else:
            first, others = marked[0], self.sizes(marked[1:])
            words = self.say("regions_many", count=len(marked), place=self.place(first), area=self.area(first.area_of_part), others=others)
        return self.say("on_photo", photo=found.photo + 1, words=words) if photos > 1 else words

    def place(self, region: Region) -> str:
        return self.named_place(region.where)

    def named_place(self, where: str) -> str:
        """`where`: one of the nine places of a part."""
        return self.say(f"place_{where.replace(' ', '_')}")

    def sizes(self, regions: Sequence[Region]) -> str:
        """The strongest places, each once with all that is marked there."""
        area: dict[str, float] = {}
        for region in regions:
            place = self.place(region)
            area[place] = area.get(place, 0.0) + region.area_of_part
        told = [self.say("regions_other", place=place, area=self.area(share)) for place, share in area.items()]
        return self.listed(told[:_MOST_OTHERS])

    def area(self, share: float) -> str:
        percent = round(100 * share)
        return self.say("area", percent=percent) if percent >= 1 else self.say("area_small")

    def picture(self, found: Comparison, photos: int) -> Picture | None:
        """The anomaly map with words for those who cannot see it."""
        if found.map_sha256 is None:
            return None
        if not found.regions:
            alt = self.say("picture_none", part=found.part)
        elif len(found.regions) == 1:
            alt = self.say("picture_one", part=found.part, place=self.place(found.regions[0]))
        else:
            alt = self.say("picture_many", part=found.part, count=len(found.regions), place=self.place(found.regions[0]))
        title = self.say("picture_title_many", photo=found.photo + 1, count=photos) if photos > 1 else self.say("picture_title")
        return Picture(sha256=found.map_sha256, alt_text=alt, title=title)

    # --- the past ---------------------------------------------------------------------------------------------------------------------

    def similar_headline(self, count: int, part: str) -> str:
        """For a question about the past alone."""
        if count > 1:
            return self.say("headline_similar_many", count=count, part=part)
        return self.say("headline_similar_one" if count else "headline_similar_none", part=part)

    def similar(self, cases: Sequence[PastCase], part: str, looked_at: int, today: datetime) -> str:
        if not looked_at:
            return self.say("similar_first", part=part)
        if not cases:
            return self.say("similar_none", part=part, looked_at=looked_at)
        told = self.joined([self.case(c, today) for c in cases], "similar_separator")
        return self.say("similar_one", cases=told) if len(cases) == 1 else self.say("similar_many", count=len(cases), cases=told)

    def case(self, case: PastCase | PastPhoto, today: datetime) -> str:
        """When it was and what became of it."""
        if case.disposition is not None:
            outcome = self.say(f"outcome_{case.disposition}")
        else:
            rejected = case.decision is DecisionVerdict.REJECTED
            outcome = self.say("outcome_rejected" if rejected else "outcome_open", verdict=self.say(f"verdict_{case.verdict}"))
        return self.say("similar_case", date=self._date(datetime.fromisoformat(case.asked_at), today), outcome=outcome)

    def _date(self, when: datetime, today: datetime) -> str:
        local, now = when.astimezone(), today.astimezone()  # the site's own days
        month = self.say("months").split()[local.month - 1]
        if local.year == now.year:
            return self.say("date", day=local.day, month=month)
        return self.say("date_year", day=local.day, month=month, year=local.year)
