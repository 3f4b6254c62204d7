"""`kenpin demo --check`: what a new user runs to see that all of it works here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_demo_goes_from_a_photo_to_a_recorded_action_by_itself(tmp_path: Path) -> None:
    kenpin = Path(sys.executable).with_name("kenpin")
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("KENPIN_", "SLACK_"))}
    done = subprocess.run(
        [kenpin, "demo", "--check", "--port", "0"],
        env={**quiet, "KENPIN_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") >= 8, done.stdout
