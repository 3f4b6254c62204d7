"""Typos in English questions: a word is read as the table's word that it is one slip away from.

Japanese has no such slips that a table could mend: a wrongly converted kanji is another word.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kenpin.tools.intents import INTENTS

# The words that people slip on: those that say what is asked for, from five letters on. A shorter one is one slip from too many others.
_MEANT = frozenset(
    """
    abnormal acceptable again anomalies anomaly answer anything appropriate approve arrow barcode batch because before bolts broken
    bubble bubbles cable caption casting category cause caused causes changed check circle classify cleared closed color colour
    comparable compare compared component components conforming connector consequences contaminated contamination corner correct
    corrosion count crack cracked cracks customer damage damaged dangerous decided decode defect defective defects deliver delivery
    dented describe description difference different dimension dimensions discoloration discolouration disposition double earlier
    effect engraved exactly expiry explain fastener faulty fitted gasket happen happened happens highlight history holes inclusion
    inspect inspection installed issue label labels large locate located location machine maintenance measure measurement millimeter
    millimetre missing mounted normal number orientation outline packing paragraph parts passed percent percentage picture piece please
    position possible prevent prevention previous previously printed problem problems proposal propose quality quarantine question
    reason reasons recommend recommendation recurring reject rejected release remarks repair repeated report residue responsible return
    reverse rework scratch scratched scratches screw screws sentence serial serious severity shipment shipped similar something stain
    stained stains sticker strange suggest summary supplier surface switch thickness thread unusual upside usable verdict visible
    warehouse washer weather where which write written wrong
    """.split()  # noqa: SIM905 - a paragraph is read more easily than 200 quotation marks
)
_LETTERS = {word: frozenset(word) for word in sorted(_MEANT)}

# One slip away from a word that may be meant, and right as they stand: "were" is not "where".
_EVERYDAY = frozenset(
    """
    best book bring cast chip come cost days does done each else even ever face fast feel file fire five food form from gold gone hand hard
    have head hear heat held here hold home hood hour into just keep kind king know last late left less life lift like line link list long
    lost made main make mark mast mean meet mind mine more most much must name near neck need next nice none note once only open other ours
    over pack page paid pair part pass pest pick piece pink place plan plate play post press print push quick rank rate real rest ride
    right ring rise road roll room rule same sand save seal seam seat seem self sell send sent shaft shape share sheet shift shine shop shot
    show side sign sink size slip slot slow some soon sort spin stack stage stand start state stay step stock stop such sure take talk tall
    tank tape task team tell test text than that them then there these they thin thing think this those time today told took tool torn turn
    type unit used user very view wait walk wall want ward warm warp wash wear week well went were west what when which while white wide
    wife will wind wine wing wire wise with wood word wore work worn would year your
    bolt bots case change changes clause close closer compatible computed counted hole holds inclusive lamination mount painted
    painting parsed pointed present replaced rewritten sequence stranger unusable
    """.split()  # noqa: SIM905 - a paragraph is read more easily than 200 quotation marks
)


@lru_cache(maxsize=1)
def _right_as_they_stand() -> frozenset[str]:
    """The everyday words, and every piece of a word that the patterns know."""
    return _EVERYDAY | _MEANT | frozenset(re.findall(r"[a-z]{3,}", " ".join(i.english.pattern for i in INTENTS)))


@lru_cache(maxsize=4096)
def corrected(word: str) -> str:
    """The only word that may be meant within one slip (two from eight letters on), or the word itself. People get first letters right."""
    if len(word) < 4 or word in _right_as_they_stand():
        return word
    allowed = 1 if len(word) < 8 else 2
    near: dict[int, list[str]] = {}
    letters = frozenset(word)
    for known, known_letters in _LETTERS.items():
        # One slip changes two letters at most: a quick look that spares most of the slow comparisons.
        if known[0] == word[0] and abs(len(known) - len(word)) <= allowed and len(letters ^ known_letters) <= 2 * allowed:
            near.setdefault(_slips(word, known), []).append(known)
    nearest = min(near, default=allowed + 1)
    return near[nearest][0] if nearest <= allowed and len(near[nearest]) == 1 else word


def _slips(a: str, b: str) -> int:
    """Letters left out, added or changed, or neighbours swapped: the optimal string alignment distance."""
    above: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        two_above, above, row = above, row, [i]
        for j, y in enumerate(b, 1):
            slips = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                slips = min(slips, two_above[j - 2] + 1)
            row.append(slips)
    return row[-1]
