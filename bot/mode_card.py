"""Where a part stands, as the command line shows it: its mode, since when, and what the next one needs."""

from __future__ import annotations

from sqlalchemy import Engine

from kenpin.bot import modes
from kenpin.bot.modes import ModeTerms
from kenpin.storage import modes as on_record
from kenpin.storage.database import reading


def told(engine: Engine, terms: ModeTerms, part: str) -> list[str]:
    """part: however it is written. Raises UnknownRowError."""
    with reading(engine) as conn:
        now = modes.standing(conn, terms, on_record.number(conn, part))
    since = f"since {now.latest.at[:16].replace('T', ' ')} UTC" if now.latest else "as every new part"
    lines = [f"{now.part} is in {now.mode} ({since})."]
    if now.towards is not None:
        counts, needed = now.towards.counts, now.towards.needed
        seen = f"{counts.escapes:,} of {counts.called_ok:,} seen", f"{counts.overkill:,} of {counts.good:,} seen"
        drift = f"{now.towards.drift} since {now.towards.drift_since}" if now.towards.drift else "none"
        lines += [
            f"For {now.towards.mode} it needs:",
            f"  decisions with known truth   {counts.decided:,} of {needed.decided:,}",
            f"  escapes, of 100 called OK    at most {now.towards.escapes_bound:.1f}, needs {needed.escapes:g} ({seen[0]})",
            f"  overkill, of 100 good ones   at most {now.towards.overkill_bound:.1f}, needs {needed.overkill:g} ({seen[1]})",
            f"  drift                        {drift}",
        ]
    return lines
