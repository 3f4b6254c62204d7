"""A console over a factory where SC-200 was inspected, with the eye of tests/tools/workbench.py, which measures red marks.

K-GOOD    a plate without a mark: OK, accept is proposed
K-MARK    a plate with a mark at the lower left, asked in a question that holds markup: not OK, hold is proposed
Aiko      approves SC-200, and is a supervisor here; so is Sumi, who approves nothing; Vera looks
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from sqlalchemy.engine import Engine

sys.path.append(str(Path(__file__).parents[2] / "tools"))  # where the workbench lies

import workbench
from workbench import MarkEye, Workbench, plate

from kenpin.bot import inspection
from kenpin.bot.inspection import Terms
from kenpin.storage import audit, inspections, people
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import writing
from kenpin.storage.vocabulary import Answer, Language, Photo, Source
from kenpin.tools.vision.sight import ReferencePhoto, Sight

WHERE = "C0QUALITY"
ASKED_AT = "2026-11-23T05:00:00.000Z"
MARKUP = '<script>alert("x")</script> is SC-200 *OK*, and <b>where</b> is the defect?'
WHEN_TAKEN = b"2026:11:20 09:30:00"


class DrawingEye(MarkEye):
    """Draws a real picture as its map: the photo, with every pixel a little redder."""

    def compare(self, path: Path, good: object) -> Sight:
        from dataclasses import replace

        seen: Sight = super().compare(path, good)  # type: ignore[arg-type]
        with Image.open(path) as image:
            drawn = image.convert("RGB").point([min(255, v + 40) for v in range(256)] + list(range(256)) * 2)
        out = io.BytesIO()
        drawn.save(out, "JPEG", quality=85)
        return replace(seen, map_jpeg=out.getvalue())


@dataclass
class Floor:
    bench: Workbench

    @property
    def engine(self) -> Engine:
        return self.bench.engine

    def inspect(
        self,
        id: str,
        *data: bytes,
        question: str = "is SC-200 OK?",
        asked_by: str = "Ben",
        language: Language = Language.EN,
        received_at: str = ASKED_AT,
        thread_ts: str | None = None,
        is_posted: bool = True,
    ) -> Answer:
        """Everything that the main path does up to the answer in the thread, without Slack."""
        with writing(self.engine) as conn:
            inspections.receive(
                conn, id=id, source=Source.SLACK, event_id=f"Ev-{id}", channel=WHERE, message_ts=f"1700000000.{id}", thread_ts=thread_ts,
                asked_by=asked_by, question=question, language=language, received_at=received_at,
                files=[{"id": f"F-{id}", "name": "cell.jpg"}], payload={},
            )  # fmt: skip
            audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": question, "channel": WHERE}, id, asked_by)
            inspections.save_photos(conn, id, [self.bench.photo(one) for one in data])
        answer = inspection.look(self.bench.site, id)
        inspection.propose(self.bench.site, Terms(proposal_days=7, second_looks=0), id, answer)
        if is_posted:
            with writing(self.engine) as conn:
                inspections.claim_posting(conn, id, "a worker")
                inspections.mark_posted(conn, id, WHERE, f"1700000009.{id}")
                audit.append(conn, AuditKind.ANSWER_POSTED, {"channel": WHERE, "ts": f"1700000009.{id}"}, id)
        return answer


def photographed(data: bytes) -> bytes:
    """The plate as a JPEG that says where and when it was taken, as a telephone writes it."""
    with Image.open(io.BytesIO(data)) as image:
        exif = Image.Exif()
        exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 41.0, 22.0), 3: "E", 4: (139.0, 41.0, 30.0)})  # GPS
        exif[0x0132] = WHEN_TAKEN.decode()
        exif[0x0110] = "Phone 15 of Olga"
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def built(engine: Engine, folder: Path) -> Floor:
    bench = workbench.built(engine, folder)
    bench.eye.__class__ = DrawingEye
    floor = Floor(bench)
    floor.inspect("K-GOOD", plate(seed=1))
    floor.inspect("K-MARK", photographed(plate(seed=2, marks={"bottom left": 14})), question=MARKUP)
    with writing(engine) as conn:
        people.remember(conn, "Aiko", "Aiko Mori", None)
    return floor


__all__ = ["ASKED_AT", "MARKUP", "WHEN_TAKEN", "WHERE", "Floor", "Photo", "ReferencePhoto", "built", "photographed", "plate"]
