"""One factory for most tests of this folder, with a part that was taught once; every test ends with a look at the audit chain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import drawn_parts
import pytest
from running_kenpin import Factory, factory

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings

REFERENCES = 4
RESENDS_S = (2.0,) * 12  # as Slack sends again, only sooner, so that a test need not wait for minutes

Furnish = Callable[[Path], Path]


@pytest.fixture(scope="session")
def good_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    for seed in range(REFERENCES):
        (folder / f"mat-{seed}.jpg").write_bytes(drawn_parts.mat(seed))
    return folder


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory, good_photos: Path) -> Path:
    """A home folder in which DP-10 is known and the network is ready for this machine; to be copied, not used."""
    home = tmp_path_factory.mktemp("taught")
    with Workspace() as nobody_listens, factory(nobody_listens, home) as kenpin:
        kenpin.run("parts", "add", drawn_parts.PART, "--name", "Filter mat", "--good", str(good_photos))
    return home


@pytest.fixture(scope="session")
def furnish(taught: Path) -> Furnish:
    """Makes a home folder that starts where `taught` ends."""

    def copy(home: Path) -> Path:
        shutil.copytree(taught, home, dirs_exist_ok=True)
        return home

    return copy


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    with Workspace(WorkspaceSettings(socket_resend_delays_s=RESENDS_S)) as running:
        yield running


@pytest.fixture(scope="session")
def running_factory(workspace: Workspace, furnish: Furnish, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """`kenpin serve` in Socket Mode on SQLite. Akira and the quality leads (Sumi) may approve."""
    home = furnish(tmp_path_factory.mktemp("factory"))
    approvers = f"{people.APPROVER.id},{people.QUALITY_LEADS.id}"
    with factory(workspace, home, KENPIN_APPROVERS=approvers) as running:
        running.serve()
        yield running


@pytest.fixture
def shop(running_factory: Factory) -> Iterator[Factory]:
    """The factory, at rest and without faults before and after the test, and its log whole."""
    yield running_factory
    running_factory.faults(reset=True)
    running_factory.come_to_rest()
    running_factory.check_log()
