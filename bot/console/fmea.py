"""The page /fmea: the site's FMEA table, brought as a file by a supervisor, looked at before it is taken over, and who changed it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kenpin.bot import fmea
from kenpin.bot.console import changes, effects
from kenpin.bot.console.page import Nav, desk, needs, problem, see_other, show, upload, visitor
from kenpin.bot.console.page import form as typed_in
from kenpin.bot.console.works import Progress, Work
from kenpin.bot.effects import Effect, of_failure_modes
from kenpin.bot.fmea import FmeaFileError, Imported
from kenpin.storage import failure_modes
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Role
from kenpin.tools.context import Site

SHOWN = 500  # rows; the whole table is the file


def overview(request: Request) -> Response:
    return _shown(request)


def download(request: Request) -> Response:
    """The table as a file that can be edited and brought back. Excel reads its Japanese by the mark at its start."""
    text = io.StringIO(newline="")
    fmea.export(desk(request).engine, text)
    headers = {"content-disposition": 'attachment; filename="fmea.csv"', "cache-control": "private, no-store"}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@needs(Role.SUPERVISOR)
def bring(request: Request) -> Response:
    """Look at the file; with "take", take it over unless a line of it is wrong; with "try", see what it would do to the latest answers."""
    brought = upload(request, "file")
    if brought is None:
        return problem(request, 400, "console_fmea.no_file")
    typed = typed_in(request)
    take = typed.get("do") == "take"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fmea.csv"  # never the name it came with
        file.write_bytes(brought[1])
        try:
            imported = fmea.import_file(
                desk(request).engine, file, visitor(request).person_id, add=typed.get("add") == "yes", check=not take
            )
        except FmeaFileError:
            return problem(request, 400, "console_fmea.no_table")
    if take and not imported.sheet.problems:
        return see_other("/fmea")
    if typed.get("do") != "try" or imported.sheet.problems:
        return _shown(request, looked_at=imported)
    add = typed.get("add") == "yes"

    def effect(site: Site, progress: Progress, without: Collection[str]) -> Effect:
        return of_failure_modes(site, imported.sheet.rows, progress, add=add, without=without)

    work = effects.start(request, brought[1] + str(add).encode(), effect)
    return _shown(request, looked_at=imported, work=work) if work else effects.no_eye(request)


def _shown(request: Request, looked_at: Imported | None = None, work: Work | None = None) -> Response:
    engine = desk(request).engine
    with reading(engine) as conn:
        changed = changes.newest(conn, (AuditKind.FAILURE_MODES_IMPORTED,))
    rows = fmea.listed(engine)
    return show(
        request, "fmea.html", rows=rows[:SHOWN], count=len(rows), changed=changed, looked_at=looked_at, work=work, rpn=failure_modes.rpn
    )


ROUTES = [Route("/fmea", overview), Route("/fmea/file", download), Route("/fmea/bring", bring, methods=["POST"])]
NAV: Nav = ("/fmea", "console_fmea.nav", Role.VIEWER)
