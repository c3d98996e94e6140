"""`frontdesk retention`, `calls delete`, `subject` and `audit verify`, as an admin uses them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.cli.main import run
from telephony.settings import load
from telephony.variables import VARIABLES
from tests.retention.conftest import CALLER, MakeCall
from tests.retention.filled import fill
from tools.migrate import migrate
from tools.store import Store, open_store


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to run in; calls are kept where `call` makes them."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("FRONTDESK_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kept() -> Iterator[Store]:
    opened = open_store(load().database_url.reveal())
    migrate(opened)
    yield opened
    opened.close()


async def test_a_call_is_deleted_only_when_that_is_confirmed(
    call: MakeCall, kept: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = await call()
    fill(kept)
    assert run(["calls", "delete", "CA1"]) == 0
    shown = capsys.readouterr().out
    assert "Would delete: 1 calls, 6 files" in shown
    assert "add --confirm" in shown
    assert folder.exists()
    assert run(["calls", "delete", "CA1", "--confirm", "--why", "asked for"]) == 0
    assert "Deletion 1" in capsys.readouterr().out
    assert not folder.exists()
    assert run(["calls", "delete", "CA1", "--confirm"]) == 1
    assert "There is no call 'CA1'" in capsys.readouterr().err


async def test_what_is_older_is_deleted_by_class(
    call: MakeCall, kept: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    del kept
    folder = await call(days_ago=2_000)
    command = ["calls", "delete", "--older-than", "100", "--class", "audio", "--confirm"]
    assert run(command) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["call.json", "transcript.jsonl"]
    assert run(["calls", "delete", "CA1", "--class", "audio"]) == 1
    assert "--class goes with --older-than" in capsys.readouterr().err


async def test_what_has_run_out_is_shown_held_and_deleted(
    call: MakeCall, kept: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    del kept
    folder = await call(days_ago=2_000)
    assert run(["retention", "hold", "number", CALLER, "--reason", "a claim"]) == 0
    assert run(["retention", "run", "--confirm"]) == 0
    assert folder.exists()
    capsys.readouterr()
    assert run(["retention", "status"]) == 0
    shown = capsys.readouterr().out
    assert "audio       90 days" in shown
    assert f"number {CALLER}" in shown
    assert "held among them: 1" in shown
    assert run(["retention", "release", "1"]) == 0
    assert run(["retention", "run"]) == 0
    assert "Would delete: 1 calls" in capsys.readouterr().out
    assert run(["retention", "run", "--confirm"]) == 0
    assert not folder.exists()
    capsys.readouterr()
    assert run(["retention", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["deletions"][0]["scope"] == "retention"
    assert told["holds"][0]["subject"] == ""


async def test_a_call_is_held_by_the_beginning_of_its_id(
    call: MakeCall, kept: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    del kept
    for call_id in ("CA282aafab01", "CA282bbbbb02"):
        await call(call_id)
    assert run(["retention", "hold", "call", "CA282aaf", "--reason", "a dispute"]) == 0
    assert capsys.readouterr().out == "Hold 1 stands on call CA282aafab01.\n"
    assert run(["calls", "delete", "CA282aafab01", "--confirm"]) == 1
    assert "held" in capsys.readouterr().err
    await call("CA282bbbbb02", days_ago=1, part=2)
    assert run(["retention", "hold", "call", "CA282bbbbb02", "--reason", "a dispute"]) == 0
    assert run(["retention", "release", "2"]) == 0
    capsys.readouterr()
    for wanted, said in (("CA282", "calls begin with 'CA282'"), ("CA9", "There is no call")):
        assert run(["retention", "hold", "call", wanted, "--reason", "a dispute"]) == 1
        assert said in capsys.readouterr().err
    assert run(["retention", "status", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["holds"]) == 2


async def test_a_subject_is_handed_everything_and_then_deleted(
    call: MakeCall, kept: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = await call()
    fill(kept)
    assert run(["subject", "export", CALLER, "--output", "theirs.zip"]) == 0
    with zipfile.ZipFile(tmp_path / "theirs.zip") as file:
        assert "calls/2026-11-20_CA1/agent.wav" in file.namelist()
    assert (tmp_path / "theirs.zip").stat().st_mode & 0o077 == 0
    assert run(["subject", "delete", CALLER]) == 0
    assert folder.exists()
    assert run(["subject", "delete", CALLER, "--confirm"]) == 0
    assert not folder.exists()
    capsys.readouterr()
    assert run(["subject", "export", "nobody"]) == 1
    assert "write it like" in capsys.readouterr().err


async def test_requirement_d6_verify_names_a_call_that_was_changed(
    call: MakeCall, kept: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    del kept
    folder = await call()
    assert run(["retention", "run", "--confirm"]) == 0
    assert run(["audit", "verify"]) == 0
    shown = capsys.readouterr().out
    assert "1 calls are as they were" in shown
    assert "The audit log is whole" in shown
    path = folder / "caller.wav"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert run(["audit", "verify"]) == 1
    assert "! 2026-11-20/CA1/caller.wav was changed since row 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["retention"],
        ["retention", "run"],
        ["retention", "hold"],
        ["retention", "release"],
        ["retention", "status"],
        ["calls", "delete"],
        ["subject", "export"],
        ["subject", "delete"],
        ["audit", "verify"],
    ],
)
def test_each_command_says_what_it_does(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
