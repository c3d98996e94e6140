"""The database behind the frontdesk command: away, of another version, lost, damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command as alembic_command
from alembic.config import Config as AlembicConfig

from telephony import versioned
from telephony.cli.main import run
from telephony.variables import VARIABLES
from tools.calls.inbox import Inbox
from tools.migrate import SCRIPTS, revision_of
from tools.store import UnreachableError, open_store

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


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SQLITE_FULL", "Its disk is full"),
        ("SQLITE_IOERR_WRITE", "See whether its disk is well"),
        ("SQLITE_READONLY_DIRECTORY", "Let the user that runs Frontdesk read and write it"),
        ("SQLITE_CANTOPEN", "Let the user that runs Frontdesk read and write it"),
        ("SQLITE_NOTADB", "It is no database"),
        ("SQLITE_CORRUPT", "It is damaged: stop the service and restore a backup"),
        ("53100", "Its disk is full"),
        ("57P01", "See that its server runs"),
        ("", "See that its server runs"),
    ],
)
def test_a_command_says_what_may_mend_its_database(
    command: Command, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    def broken(_inbox: object, *, done: bool) -> None:
        assert not done
        raise UnreachableError("DatabaseError", permanent=False, code=code)

    monkeypatch.setattr(Inbox, "messages", broken)
    assert command("messages") in {1, 78}
    (line,) = command.err.splitlines()
    assert f"frontdesk.db cannot be used (DatabaseError). {said}" in line
    assert line.endswith("; frontdesk doctor says more.")


READING = [
    ["messages"],
    ["callbacks"],
    ["waiting"],
    ["calendar", "status"],
    ["contacts", "list"],
    ["tasks"],
    ["config", "list"],
    ["audit", "list"],
    ["audit", "verify"],
    ["console", "users", "list"],
    ["webhooks", "list"],
    ["retention", "status"],
    ["calls", "reindex"],
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_database_of_an_earlier_version_is_left_for_the_service_to_bring_up_to_date(
    command: Command, place: Path, arguments: list[str]
) -> None:
    (place / "data").mkdir()
    store = open_store(f"sqlite:///{place}/data/frontdesk.db")
    store.write(lambda connection: upgrade_to(connection, "0001"))
    assert command(*arguments) == 1
    assert "is at revision 0001, from before this version of Frontdesk" in command.err
    assert "Start the service, which brings it up to date" in command.err
    assert revision_of(store) == "0001"
    store.close()


@pytest.mark.parametrize("arguments", [*READING, ["console"]], ids=" ".join)
def test_no_command_makes_a_database_beside_calls_that_have_one_elsewhere(
    command: Command, place: Path, arguments: list[str]
) -> None:
    (place / "data" / "calls" / "2026-11-20" / "CA1").mkdir(parents=True)
    assert command(*arguments) == 1
    assert "frontdesk.db is not there, but calls are kept in data/calls." in command.err
    assert "Set FRONTDESK_DATABASE_URL as the service has it" in command.err
    assert not (place / "data" / "frontdesk.db").exists()


def upgrade_to(connection: sa.Connection, revision: str) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    alembic_command.upgrade(config, revision)


def test_a_one_off_command_gets_the_user_settings_and_secrets_of_the_service(place: Path) -> None:
    shown = (ROOT / "infra/frontdesk.service").read_text().splitlines()
    for name, does in {
        "systemctl": f"cat {ROOT}/infra/frontdesk.service; echo Environment=FRONTDESK_PORT=9",
        "systemd-run": 'printf "%s\\n" "$@"',
    }.items():
        (place / name).write_text(f"#!/bin/sh\n{does}\n")
        (place / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "infra/as-service.sh", "retention", "hold", "--reason", "claim 12"],
        env={"PATH": f"{place}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    given = done.stdout.splitlines()
    properties = [each.partition("=")[2] for each in given if each.startswith("--property=")]
    for line in shown:
        if line.startswith(("User=", "Group=", "WorkingDirectory=", "Env", "LoadCred", "UMask=")):
            assert line in properties or "%d" in line
    assert properties[-1] == "Environment=FRONTDESK_PORT=9"
    (unit,) = (each.partition("=")[2] for each in given if each.startswith("--unit="))
    token = f"TWILIO_AUTH_TOKEN_FILE=/run/credentials/{unit}.service/twilio-auth-token"
    assert f"Environment={token}" in properties
    own = given[given.index("--") + 1 :]
    assert own == [
        "/opt/frontdesk/.venv/bin/frontdesk",
        "retention",
        "hold",
        "--reason",
        "claim 12",
    ]
