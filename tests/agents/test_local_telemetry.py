"""The runtime of the speech models reports nothing and leaves nothing behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOAD = "from agents.local.models import Models; models = Models(); models.load(); models.close()"
REPORTS_WITHIN_S = 8
"""Left alone the runtime looks up its maker's host some seconds after the import."""


def run(home: Path, *before: str, then: str = "") -> subprocess.CompletedProcess[str]:
    """A new process loads all models; it calls `home` its own."""
    return subprocess.run(
        [*before, sys.executable, "-c", LOAD + then],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_loading_the_models_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / ".cache" / "Microsoft").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_loading_the_models_asks_no_host(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace))
    done = run(tmp_path, *strace, then=f"; import time; time.sleep({REPORTS_WITHIN_S})")
    assert done.returncode == 0, done.stderr
    calls = trace.read_text()
    assert "AF_INET" not in calls
    assert "nscd" not in calls


def test_an_operator_may_set_it_otherwise() -> None:
    code = "import os, agents.local; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, expected in ((None, "1"), ("0", "0")):
        chosen = {} if given is None else {"ORT_DISABLE_TELEMETRY": given}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **chosen},
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        )
        assert done.stdout.strip() == expected
