"""What a verification found, in sentences: for the command line and the console alike."""

from __future__ import annotations

from kenpin.bot.anchoring import Verified
from kenpin.prompts import render
from kenpin.storage.anchors import Checked, Standing
from kenpin.storage.vocabulary import Language

NAMED = 5  # faulty anchors that are named one by one; the rest are counted


def told(found: Verified, language: Language) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is right, and what is wrong; the first sentence of the latter says where it begins."""

    def say(wording: str, **holes: object) -> str:
        return render(f"anchor.{wording}", language, **holes)

    chain, right, wrong = found.chain, [], []
    if chain.whole:
        right.append(say("whole", entries=f"{chain.entries:,}", erased=f"{chain.erased:,}"))
        right.append(say("head", head=chain.head))
    else:
        assert chain.broken_at is not None
        wrong.append(say("broken", entry=f"{chain.broken_at:,}", why=chain.why, before=f"{chain.entries:,}"))
    if found.anchors is None:
        right += [say("keep_head")] if chain.whole else []
        return tuple(right), tuple(wrong)
    holding = [one for one in found.anchors if one.standing is Standing.HOLDS]
    faulty = [one for one in found.anchors if one.standing is not Standing.HOLDS]
    if holding:
        right.append(say("holds", count=f"{len(holding):,}", id=_when(holding[-1].id), entry=f"{holding[-1].seq:,}"))
    elif not faulty:
        right.append(say("none_found"))
    wrong += [_fault(one, language) for one in faulty[:NAMED]]
    if len(faulty) > NAMED:
        wrong.append(say("more", count=f"{len(faulty) - NAMED:,}"))
    if any(one.standing is Standing.REWRITTEN for one in faulty) or not chain.whole:
        if chain.held:
            wrong.append(say("since", entry=f"{chain.held[0]:,}", at=chain.held[1][:16].replace("T", " ")))
        else:
            wrong.append(say("since_unknown"))
    return tuple(right), tuple(wrong)


def _when(id: str) -> str:
    """An anchor's day, or the minute of one made by hand."""
    return id[:16].replace("T", " ")


def _fault(one: Checked, language: Language) -> str:
    return render(f"anchor.{one.standing}", language, id=_when(one.id), entry=f"{one.seq:,}", where=f"{one.place}: {one.where}")
