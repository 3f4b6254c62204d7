"""A console over a factory where SC-200 was inspected, with the eye of tests/tools/workbench.py, which measures red marks.

K-GOOD    a plate without a mark: OK, accept is proposed
K-MARK    a plate with a mark at the lower left, asked in a question that holds markup: not OK, hold is proposed

Sumi      a supervisor here, and approves SC-200, as Aiko does
Ada       an admin here, and approves nothing
Vera      looks here, and approves SC-200 in Slack
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
import workbench
from PIL import Image
from signed_in import IDS
from sqlalchemy.engine import Engine
from workbench import MarkEye, Workbench, plate

from kenpin.bot import inspection
from kenpin.bot.inspection import Terms
from kenpin.storage import audit, inspections, people
from kenpin.storage.audit import AuditEntry, AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.tables import metadata
from kenpin.storage.vocabulary import Answer, Language, Photo, Source
from kenpin.tools.chain import Site

WHERE = "C0QUALITY"
ASKED_AT = "2026-11-23T05:00:00.000Z"
MARKUP = '<script>alert("x")</script> is SC-200 *OK*, and <b>where</b> is the defect?'
TELEPHONE = "Phone 15 of Olga"
MARKED = plate(seed=2, marks={"bottom left": 14})


class DrawingEye(MarkEye):
    """Draws a real picture as its map: the photo, redder all over."""

    def compare(self, path: Path, good: object) -> object:
        seen = super().compare(path, good)  # type: ignore[arg-type]
        with Image.open(path) as image:
            drawn = image.convert("RGB").point([min(255, value + 40) for value in range(256)] + list(range(256)) * 2)
        out = io.BytesIO()
        drawn.save(out, "JPEG", quality=85)
        return replace(seen, map_jpeg=out.getvalue())


@dataclass
class Floor:
    bench: Workbench

    @property
    def engine(self) -> Engine:
        return self.bench.engine

    @property
    def site(self) -> Site:
        return self.bench.site

    def inspect(
        self,
        id: str,
        *data: bytes,
        question: str = "is SC-200 OK?",
        language: Language = Language.EN,
        received_at: str = ASKED_AT,
        thread_ts: str | None = None,
        two_people: bool = False,
        is_posted: bool = True,
        site: Site | None = None,
    ) -> Answer:
        """Everything that the main path does up to the answer in the thread, without Slack; Ben asks."""
        self.ask(id, *data, question=question, language=language, received_at=received_at, thread_ts=thread_ts)
        answer = inspection.look(site or self.site, id)
        if two_people:
            assert answer.proposed is not None
            answer = replace(answer, proposed=replace(answer.proposed, approvals_needed=2))
        inspection.propose(self.site, Terms(proposal_days=7, second_looks=0), id, answer)
        if is_posted:
            with writing(self.engine) as conn:
                inspections.claim_posting(conn, id, "a worker")
                inspections.mark_posted(conn, id, WHERE, f"1700000009.{id}")
                audit.append(conn, AuditKind.ANSWER_POSTED, {"channel": WHERE, "ts": f"1700000009.{id}"}, id)
        return answer

    def ask(
        self,
        id: str,
        *data: bytes,
        question: str,
        language: Language = Language.EN,
        received_at: str = ASKED_AT,
        thread_ts: str | None = None,
    ) -> None:
        with writing(self.engine) as conn:
            inspections.receive(
                conn, id=id, source=Source.SLACK, event_id=f"Ev-{id}", channel=WHERE, message_ts=f"1700000000.{id}", thread_ts=thread_ts,
                asked_by="Ben", question=question, language=language, received_at=received_at,
                files=[{"id": f"F-{id}", "name": "cell.jpg"}], payload={},
            )  # fmt: skip
            audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": question, "channel": WHERE}, id, "Ben")
            inspections.save_photos(conn, id, [self.bench.photo(one) for one in data])

    def photo(self, id: str) -> Photo:
        with reading(self.engine) as conn:
            (photo,) = inspections.photos_of(conn, id)
        assert isinstance(photo, Photo)
        return photo

    def map_sha256(self, id: str) -> str:
        with reading(self.engine) as conn:
            answer = inspections.answer_of(conn, id)
        assert answer is not None and answer.comparisons[0].map_sha256 is not None
        return answer.comparisons[0].map_sha256

    def log(self, kind: AuditKind) -> list[AuditEntry]:
        with reading(self.engine) as conn:
            return list(audit.entries(conn, kind=kind))

    def rows(self) -> dict[str, int]:
        """How many there are in each table."""
        with reading(self.engine) as conn:
            return {
                table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables
            }


def photographed(data: bytes) -> bytes:
    """The plate as a JPEG that says where and by which telephone it was taken."""
    with Image.open(io.BytesIO(data)) as image:
        exif = Image.Exif()
        exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 41.0, 22.0), 3: "E", 4: (139.0, 41.0, 30.0)})  # GPS
        exif[0x0110] = TELEPHONE
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def built(engine: Engine, folder: Path) -> Floor:
    bench = workbench.built(engine, folder)
    bench.eye.__class__ = DrawingEye
    floor = Floor(bench)
    with writing(engine) as conn:
        people.remember(conn, "Aiko", "Aiko Mori", None)
        for name in ("Sumi", "Ada", "Vera"):
            people.remember(conn, IDS[name], name, None)
        for name in ("Sumi", "Vera"):
            people.approve(conn, IDS[name], "SC-200", granted_by="Aiko")
    floor.inspect("K-GOOD", plate(seed=1))
    floor.inspect("K-MARK", photographed(MARKED), question=MARKUP)
    return floor


def entered(engine: Engine, folder: Path) -> Floor:
    """What `built` left there, with another eye that sees the same."""
    store, eye = PhotoStore(folder / "photos"), DrawingEye()
    return Floor(Workbench(engine, store, eye, Site(engine=engine, photo_store=store, eye=eye)))
