"""Every workspace here is a real server on a free port, spoken to by Slack's own clients."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from slack_clients import Bot, as_person
from slack_sdk import WebClient

from kenpin.bot.workspace.server import Workspace, WorkspaceSettings


@pytest.fixture(autouse=True, scope="session")
def no_proxy() -> Iterator[None]:
    """Slack's WebSocket client takes a proxy from the environment even for this machine, and does not heed NO_PROXY."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A parameter, where a test gives one, is answer_within_s; Slack's own is three seconds."""
    answer_within_s = getattr(request, "param", 3.0)
    with Workspace(WorkspaceSettings(socket_resend_delays_s=(0.3, 0.3, 0.3, 0.3), answer_within_s=answer_within_s)) as running:
        yield running


@pytest.fixture(scope="session")
def standing() -> Iterator[Workspace]:
    """One workspace for the tests that only ask, or are refused."""
    with Workspace() as running:
        yield running


@pytest.fixture
def bot(workspace: Workspace) -> Iterator[Bot]:
    running = Bot(workspace).connect()
    yield running
    running.close()


@pytest.fixture
def kenpin(workspace: Workspace) -> WebClient:
    return WebClient(token=workspace.bot_token, base_url=workspace.api_url)


@pytest.fixture
def olga(workspace: Workspace) -> WebClient:
    return as_person(workspace, "olga")


@pytest.fixture
def akira(workspace: Workspace) -> WebClient:
    return as_person(workspace, "akira")


@pytest.fixture
def victor(workspace: Workspace) -> WebClient:
    return as_person(workspace, "victor")


@pytest.fixture
def local(workspace: Workspace) -> Iterator[httpx.Client]:
    """The page's and the tests' own requests, under /local/."""
    with httpx.Client(base_url=f"{workspace.url}/local/", trust_env=False, verify=False, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A 900 by 600 PNG."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(out, "PNG")
    return out.getvalue()
