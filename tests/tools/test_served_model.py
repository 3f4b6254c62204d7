"""A real server with a real vision-language model: `transformers serve` on a folder that the test assembles (brightness_model.py).

Nothing is scripted between the photo in the store and the opinion about it. The model says "ok" of bright photos and "not_ok" of dark
ones, so a photo that did not arrive, or arrived as another, shows.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import brightness_model
import httpx
import pytest
from workbench import DARK, LIGHT, Workbench, plate

from kenpin.storage import parts
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Language, Opinion, Verdict
from kenpin.tools import agent, second_opinion
from kenpin.tools.context import Context
from kenpin.tools.larger_model import SETTING, Larger, Served, sendable
from kenpin.tools.second_opinion import NoOpinion, Purpose, Why, parsed
from kenpin.tools.vision.vlm import VisionLanguageModel

STARTS_WITHIN_S = 180  # on a busy machine; five on a quiet one


@dataclasses.dataclass
class Server:
    address: str
    folder: Path

    def larger(self, name: str | None = None) -> Larger:
        """Without a good photo beside it: bright and dark patches of both would be counted together."""
        chat = agent.chat_model(f"{self.address}#{name or self.folder}", timeout_s=60, setting=SETTING)
        return Larger(model=Served(chat, timeout_s=60), good_photo=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brightness_model.save(tmp_path_factory.mktemp("brightness"))


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("hf")
    (home / "hub").mkdir()  # listing the models fails without it
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("transformers"),
        "serve",
        folder,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = home / "log.txt"
    with log.open("w") as written, subprocess.Popen(command, env=environment, stdout=written, stderr=subprocess.STDOUT) as running:
        try:
            _wait(f"http://127.0.0.1:{port}/health", running, log)
            yield Server(f"http://127.0.0.1:{port}/v1", folder)
        finally:
            running.kill()


def _wait(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < ends and running.poll() is None:
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"transformers serve did not start:\n{log.read_text()[-2000:]}")


def opinion_of(bench: Workbench, larger: Larger, grey: int, purpose: Purpose = Purpose.VERDICT) -> Opinion | NoOpinion:
    with reading(bench.engine) as conn:
        part = parts.find(conn, "SC-200")
    site = dataclasses.replace(bench.site, larger=larger)
    context = Context(question=bench.question("is SC-200 OK?", plate(grey)), site=site, language=Language.EN, part=part)
    return second_opinion.ask(context, 0, purpose)


def test_a_model_on_a_real_server_sees_the_photo_that_was_sent(bench: Workbench, server: Server) -> None:
    bright, dark = (opinion_of(bench, server.larger(), grey) for grey in (LIGHT, DARK))
    assert isinstance(bright, Opinion)
    assert isinstance(dark, Opinion)
    assert (bright.verdict, dark.verdict) == (Verdict.OK, Verdict.NOT_OK)
    assert (dark.claims.places, dark.claims.count) == (("bottom left",), 1)
    assert dark.claims.words == "The plate is dark all over."


def test_the_same_folder_says_the_same_in_process(bench: Workbench, server: Server) -> None:
    there = opinion_of(bench, server.larger(), DARK)
    photo = sendable(bench.store.path(bench.photo(plate(DARK)).shown_sha256), 1024)
    here = VisionLanguageModel(model=str(server.folder), device="cpu").say("Reply in JSON.", "OK?", [photo], 60)
    assert isinstance(there, Opinion)
    assert parsed(here.text, Purpose.VERDICT, ()) == there.claims


def test_it_says_what_it_always_says_and_that_is_no_second_reading(bench: Workbench, server: Server) -> None:
    opinion = opinion_of(bench, server.larger(), DARK, Purpose.LABEL)
    assert isinstance(opinion, NoOpinion)
    assert opinion.why is Why.UNUSABLE


def test_a_model_that_the_server_does_not_have_gives_no_opinion(bench: Workbench, server: Server) -> None:
    opinion = opinion_of(bench, server.larger("nobody/no-such-model"), DARK)
    assert isinstance(opinion, NoOpinion)
    assert opinion.why is Why.FAILED
