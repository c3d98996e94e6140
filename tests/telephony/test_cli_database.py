"""The database behind the frontdesk command: away, of another version, lost, damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telephony import versioned
from telephony.cli.main import run
from telephony.variables import VARIABLES
from tools.store import UnreachableError

ROOT = Path(__file__).parents[2]
SERVING = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "0" * 32}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = run(arguments)
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_fault_x10_a_database_that_is_away_at_the_start_lets_a_supervisor_try_again(
    workers: str,
) -> None:
    url = "postgresql://u:canary@127.0.0.1:1/x"
    done = subprocess.run(
        [sys.executable, "-m", "telephony", "serve", "--workers", workers],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "FRONTDESK_DATABASE_URL": url,
            "FRONTDESK_PORT": "0",
            **SERVING,
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    told = {line for line in done.stderr.splitlines() if line.startswith("frontdesk: ")}
    assert told == {
        "frontdesk: FRONTDESK_DATABASE_URL: postgresql://u:***@127.0.0.1:1/x cannot be used"
        " (OperationalError). See that its server runs, and that it lets this user in;"
        " frontdesk doctor says more."
    }
    assert "canary" not in done.stderr


def test_a_full_disk_at_the_start_lets_a_supervisor_try_again(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: object) -> None:
        raise UnreachableError("OperationalError SQLITE_FULL", permanent=False, code="SQLITE_FULL")

    monkeypatch.setattr(versioned, "migrate", full)
    for name, value in {**SERVING, "FRONTDESK_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    assert command("serve") == 1
    assert "cannot be used (OperationalError SQLITE_FULL). Its disk is full: make" in command.err
