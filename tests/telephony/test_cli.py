"""The frontdesk command: what it says, and how it ends."""

import asyncio
import contextlib
import datetime as dt
import http.server
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from agents.engine import AudioFormat, Capabilities
from agents.persona import Persona
from telephony.call.config import CallConfig
from telephony.call.events import CallEvent, DtmfPressed, HangUpAsked, StreamStarted, StreamStopped
from telephony.call.machine import Call
from telephony.cli import checks, databasechecks, enginechecks, main
from telephony.cli.checks import Finding, Level
from telephony.cli.main import run
from telephony.cli.terminal import CommandFailed
from telephony.line import Line
from telephony.linefile import load_line
from telephony.server import listen
from telephony.settings import Settings, load
from telephony.transcripts.entry import CallerLine, EndedReason, EndLine
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.variables import VARIABLES
from tests.databases import new_database
from tools.booking.shop import DEFAULT_SHOP, default_shop
from tools.booking.shopfile import load_shop
from tools.migrate import migrate
from tools.store import open_store

ROOT = Path(__file__).parents[2]
SID = "AC" + "0123456789abcdef" * 2
TOKEN = "0123456789abcdef" * 2
STARTED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Output:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def run(self, *arguments: str) -> int:
        code = run(arguments)
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Output:
    return Output(capsys)


def config() -> bytes:
    capabilities = Capabilities("t", AudioFormat.ULAW_8K, AudioFormat.ULAW_8K, True, True)
    return msgspec.msgpack.encode(CallConfig("CA1", Persona(), capabilities))


def store_call(data_dir: Path, call_id: str = "CA1") -> Path:
    """A short real call on disk; its folder."""

    async def write() -> Path:
        writer = JournalWriter(data_dir, period_s=0.01)
        journal = Journal.open(
            writer,
            call_id=call_id,
            started_at=STARTED,
            engine="local",
            from_number="+15550100",
            config=config(),
            failed=print,
        )
        call = Call(msgspec.msgpack.decode(config(), type=CallConfig))
        events: list[CallEvent] = [
            StreamStarted("MZ1"),
            DtmfPressed("1"),
            HangUpAsked("drained"),
            StreamStopped(),
        ]
        for number, event in enumerate(events):
            journal.event(number * 0.5, event, call.handle(event, number * 0.5))
        journal.record(CallerLine("i", "a haircut", 0, 900))
        journal.record(EndLine(EndedReason.CALLER_HUNG_UP, 1_500))
        journal.close(EndedReason.CALLER_HUNG_UP)
        assert await journal.written(5)
        await writer.shut(1)
        return journal.folder

    return asyncio.run(write())


def frontdesk(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, as a shell would start it."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(Path.cwd())}
    return subprocess.run(
        [sys.executable, "-m", "telephony", *arguments],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


# ---- how it ends -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["calls", "-h"], ["calls", "list", "--help"], ["doctor", "--help"],
     ["init", "--help"], ["replay", "--help"], ["serve", "--help"], ["try", "--help"]],
)  # fmt: skip
def test_every_command_explains_itself(command: Output, arguments: list[str]) -> None:
    assert command.run(*arguments) == 0
    assert command.out.startswith("Usage: frontdesk")
    assert len(command.out) > 200


def test_wrong_usage_is_told_apart_from_failure(command: Output) -> None:
    assert command.run("calls", "list", "--limit", "0") == 2
    assert command.run("dance") == 2
    assert "No such command" in command.err


@pytest.mark.parametrize("arguments", [["serve"], ["try", "--once"], ["calls", "list"]])
def test_fault_p11_a_bad_setting_ends_with_78_and_one_line(
    command: Output, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "http")
    assert command.run(*arguments) == 78
    assert command.out == ""
    assert command.err == (
        "frontdesk: FRONTDESK_PORT: 'http' is not a whole number."
        " Set it to a whole number from 0 to 65535 (0 takes any free port).\n"
    )


def test_fault_p11_serving_without_a_token_ends_with_78(command: Output) -> None:
    assert command.run("serve") == 78
    first, second = command.err.splitlines()
    assert "TWILIO_AUTH_TOKEN" in first
    assert "TWILIO_ACCOUNT_SID" in second


def test_fault_p11_a_boot_with_bad_settings_shows_no_traceback() -> None:
    done = frontdesk("serve", FRONTDESK_ENGINE="realtime")
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.startswith("frontdesk: OPENAI_API_KEY: it is not set")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CommandFailed("No way."), 1, "frontdesk: No way.\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "frontdesk: Permission denied: /x\n"),
        (OSError("odd"), 1, "frontdesk: odd\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
    ],
)
def test_each_way_of_failing_has_its_code_and_one_sentence(
    command: Output, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setitem(main.frontdesk.commands, "failing", failing)
    assert command.run("failing") == code
    assert command.err.strip("\n") == said.strip("\n")


def test_a_reader_that_leaves_early_is_no_failure_worth_words(place: Path) -> None:
    for number in range(5):
        store_call(place / "data", f"CA{number}")
    shell = f'"{sys.executable}" -m telephony calls list --json | head -c 1'
    done = subprocess.run(
        ["sh", "-c", shell],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout == "{"
    assert done.stderr == ""


# ---- calls -------------------------------------------------------------------------------------


def test_without_calls_the_list_says_so(command: Output) -> None:
    assert command.run("calls", "list") == 0
    assert command.out == "No calls yet.\n"


def test_calls_are_listed_as_a_table_or_as_json(command: Output, place: Path) -> None:
    store_call(place / "data")
    assert command.run("calls", "list") == 0
    head, row = command.out.splitlines()
    assert head.split() == ["call", "started", "length", "engine", "from", "turns", "cost", "ended"]
    assert row.split() == [
        *("CA1", "2026-11-20", "12:00:00", "00:01.500"),
        *("local", "+15550100", "1", "-", "caller_hung_up"),
    ]
    assert command.run("calls", "list", "--json") == 0
    assert json.loads(command.out)["call_id"] == "CA1"


def test_a_call_is_shown_with_its_files(command: Output, place: Path) -> None:
    folder = store_call(place / "data")
    assert command.run("calls", "show", "CA") == 0
    assert "00:00.000  caller  a haircut" in command.out
    assert str(Path("data") / folder.relative_to(place / "data") / "journal.bin") in command.out
    journal = folder / "journal.bin"
    journal.write_bytes(journal.read_bytes()[:-1])
    assert command.run("calls", "show", "CA1") == 0
    assert "! journal.bin is damaged" in command.out


@pytest.mark.parametrize("form", ["json", "txt"])
def test_a_call_is_exported_to_stdout_or_a_file(command: Output, place: Path, form: str) -> None:
    store_call(place / "data")
    assert command.run("calls", "export", "CA1", "--format", form) == 0
    printed = command.out
    assert "a haircut" in printed
    assert command.run("calls", "export", "CA1", "--format", form, "--output", "out") == 0
    assert (place / "out").read_text() == printed
    assert command.out == ""


def test_a_transcript_that_is_handed_on_can_be_checked(command: Output, place: Path) -> None:
    store_call(place / "data")
    for form, begins in (("vtt", "WEBVTT\n"), ("csv", "\ufeffschema,"), ("jsonl", '{"type":"Tr')):
        arguments = ("calls", "export", "CA1", "--format", form, "--output", f"out.{form}")
        assert command.run(*arguments) == 0
        assert (place / f"out.{form}").read_text(encoding="utf-8").startswith(begins)
    assert command.run("calls", "verify", "out.jsonl") == 0
    assert command.out.startswith("Whole and unchanged: call CA1, 2 lines, full view.")
    text = (place / "out.jsonl").read_text().replace("haircut", "shave")
    (place / "out.jsonl").write_text(text)
    assert command.run("calls", "verify", "out.jsonl") == 1
    assert command.err == "frontdesk: The transcript was changed after it was sealed.\n"


def test_an_unknown_call_is_one_sentence(command: Output) -> None:
    assert command.run("calls", "show", "CA9") == 1
    assert command.err == "frontdesk: There is no call 'CA9' below data/calls.\n"


# ---- replay ------------------------------------------------------------------------------------


def test_a_stored_call_replays_by_file_folder_or_id(command: Output, place: Path) -> None:
    folder = store_call(place / "data")
    for name in (str(folder / "journal.bin"), str(folder), "CA1"):
        assert command.run("replay", name) == 0
        assert command.out.startswith("The same: 4 events,")
    assert command.run("replay", "CA1", "--json") == 0
    verdict = json.loads(command.out)
    assert (verdict["ok"], verdict["events"], verdict["checkpoints"]) == (True, 4, 1)


def test_events_can_be_listed_with_their_answers(command: Output, place: Path) -> None:
    store_call(place / "data")
    assert command.run("replay", "CA1", "--events") == 0
    lines = command.out.splitlines()
    assert lines[0].split() == ["1", "00:00.000", "StreamStarted", "PlaceMark"]
    assert lines[1].split() == ["2", "00:00.500", "DtmfPressed", "Record"]


def test_a_hurt_journal_does_not_pass(command: Output, place: Path) -> None:
    folder = store_call(place / "data")
    journal = folder / "journal.bin"
    journal.write_bytes(journal.read_bytes()[:-5])
    assert command.run("replay", "CA1") == 1
    assert command.out.startswith("Not the same: the file is damaged at byte")
    (place / "other").write_bytes(b"something else")
    assert command.run("replay", "other") == 1
    assert "no journal" in command.out
    journal.unlink()
    assert command.run("replay", "CA1") == 1
    assert "cannot be read: No such file" in command.err


# ---- doctor ------------------------------------------------------------------------------------


def findings(**environ: str) -> dict[str, list[Finding]]:
    """What all checks that need no network find, by subject."""
    settings = load(environ, Path.cwd())
    found: dict[str, list[Finding]] = {}
    for check in (*enginechecks.CHECKS, *databasechecks.CHECKS, *checks.CHECKS):
        for finding in check(settings):
            found.setdefault(finding.subject, []).append(finding)
    return found


def level(subject: str, **environ: str) -> Level:
    order = list(Level)
    return max((one.level for one in findings(**environ)[subject]), key=order.index)


def test_a_fresh_installation_is_well(command: Output) -> None:
    assert command.run("doctor") == 0
    assert "\n0 problems, 3 warnings.\n" in command.out
    assert all(variable.name in command.out for variable in VARIABLES)


def test_the_doctor_finds_a_bad_setting_instead_of_failing_on_it(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_MAX_CALLS", "many")
    assert command.run("doctor") == 1
    assert "PROBLEM  FRONTDESK_MAX_CALLS: 'many' is not a whole number" in command.out


def test_the_doctor_speaks_json_without_secrets(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "canary-token")
    assert command.run("doctor", "--json") == 1
    report = json.loads(command.out)
    assert report["ok"] is False
    assert {finding["level"] for finding in report["findings"]} == {"ok", "warning", "problem"}
    assert "canary" not in command.out


GONE = {"OPENAI_API_KEY": "k", "FRONTDESK_MODEL": "gpt-4o-realtime-preview-2024-10-01"}
NO_FILE = {"FRONTDESK_MODELS_FILE": "/nowhere/models.json"}


@pytest.mark.parametrize(
    ("subject", "environ", "expected"),
    [
        ("settings", {"FRONTDESK_PROT": "1"}, Level.WARNING),
        ("engine", {}, Level.OK),
        ("engine", {"OPENAI_API_KEY": "k"}, Level.OK),
        ("engine", {"OPENAI_API_KEY": "k", "FRONTDESK_PROVIDER": "cometapi"}, Level.OK),
        (
            "engine",
            {
                "OPENAI_API_KEY": "k",
                "FRONTDESK_PROVIDER": "compatible-beta",
                "OPENAI_BASE_URL": "https://gw.example/v1",
            },
            Level.WARNING,
        ),
        (
            "engine",
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://gw.example/v1"},
            Level.WARNING,
        ),
        ("engine", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, Level.OK),
        ("speech models", {}, Level.OK),
        ("FRONTDESK_MODEL", {"OPENAI_API_KEY": "k"}, Level.OK),
        (
            "FRONTDESK_MODEL",
            GONE,
            Level.WARNING,
        ),
        ("FRONTDESK_MODEL", {**GONE, "OPENAI_BASE_URL": "https://gw.example/v1"}, Level.WARNING),
        ("FRONTDESK_MODEL", {**GONE, "FRONTDESK_RETIRED_MODELS": "refuse"}, Level.PROBLEM),
        ("FRONTDESK_MODELS_FILE", {"OPENAI_API_KEY": "k", **NO_FILE}, Level.PROBLEM),
        (
            "budget",
            {"OPENAI_API_KEY": "k", "FRONTDESK_MODEL": "gpt-9", "FRONTDESK_MAX_DAY_USD": "5"},
            Level.WARNING,
        ),
        ("FRONTDESK_MODEL", {"OPENAI_API_KEY": "k", "FRONTDESK_MODEL": "gpt-9"}, Level.WARNING),
        ("FRONTDESK_TRANSCRIPTION_MODEL", {"OPENAI_API_KEY": "k"}, Level.OK),
        ("language", {"FRONTDESK_LANGUAGE": "de"}, Level.WARNING),
        (
            "language model",
            {
                "FRONTDESK_LOCAL_LLM_URL": "http://127.0.0.1:1/v1",
                "FRONTDESK_LOCAL_LLM_MODEL": "tiny",
            },
            Level.OK,
        ),
        (
            "language model",
            {
                "FRONTDESK_LOCAL_LLM_URL": "http://llm.example/v1",
                "FRONTDESK_LOCAL_LLM_MODEL": "tiny",
            },
            Level.WARNING,
        ),
        ("FRONTDESK_LIVE_MODEL", {"OPENAI_API_KEY": "k", "FRONTDESK_ENGINE": "live"}, Level.OK),
        ("data folder", {}, Level.OK),
        ("data folder", {"FRONTDESK_DATA_DIR": "/proc/nothing"}, Level.PROBLEM),
        ("data folder", {"FRONTDESK_DATA_DIR": "/dev/null/data"}, Level.PROBLEM),
        ("database", {}, Level.OK),
        ("database", {"FRONTDESK_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}, Level.PROBLEM),
        ("database", {"FRONTDESK_DATABASE_URL": "postgresql://u@db:port/x"}, Level.PROBLEM),
        ("database", {"FRONTDESK_DATABASE_URL": "sqlite:///x.db?mode=ro"}, Level.PROBLEM),
        ("database", {"FRONTDESK_DATABASE_URL": "sqlite:////proc/none/x.db"}, Level.PROBLEM),
        ("address", {"FRONTDESK_PORT": "0"}, Level.OK),
        ("address", {"FRONTDESK_HOST": "192.0.2.1"}, Level.WARNING),
        ("public URL", {}, Level.WARNING),
        ("public URL", {"FRONTDESK_PUBLIC_URL": "https://phone.example.com"}, Level.OK),
        ("Twilio", {}, Level.WARNING),
        ("Twilio", {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}, Level.OK),
        ("Twilio", {"TWILIO_ACCOUNT_SID": SID}, Level.PROBLEM),
        ("Twilio", {"TWILIO_AUTH_TOKEN": TOKEN}, Level.PROBLEM),
        ("Twilio", {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "short"}, Level.WARNING),
        ("Twilio", {"TWILIO_API_URL": "http://api.example.com"}, Level.PROBLEM),
        ("config folder", {}, Level.OK),
        ("config folder", {"FRONTDESK_CONFIG_DIR": "nowhere"}, Level.PROBLEM),
        ("config folder", {"FRONTDESK_CONFIG_DIR": "/dev/null"}, Level.PROBLEM),
        ("shop", {}, Level.WARNING),
        ("telephone line", {}, Level.OK),
        ("open files", {"FRONTDESK_MAX_CALLS": "1"}, Level.OK),
    ],
)
def test_the_doctor_tells_well_from_odd_from_broken(
    subject: str, environ: dict[str, str], expected: Level
) -> None:
    assert level(subject, **environ) is expected
    for finding in findings(**environ)[subject]:
        assert (finding.cure == "") == (finding.level is Level.OK)


def test_a_persona_in_a_language_the_embedded_engine_lacks_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas" / "anna.yaml").write_text("language: de-DE\n")
    (tmp_path / "personas" / "bob.yaml").write_text("language: en-GB\n")
    (tmp_path / "numbers.yaml").write_text("default: anna\n")
    [found] = findings(FRONTDESK_CONFIG_DIR=str(tmp_path))["language"]
    assert "persona anna speaks de-DE" in found.what
    realtime = findings(FRONTDESK_CONFIG_DIR=str(tmp_path), OPENAI_API_KEY="k")
    assert "language" not in realtime


def test_a_model_with_a_date_is_a_warning_with_days_left() -> None:
    [found] = findings(OPENAI_API_KEY="k", FRONTDESK_MODEL="gpt-realtime")["FRONTDESK_MODEL"]
    assert "2027-01-20" in found.what
    assert "gpt-realtime-2.1" in found.cure


def test_a_model_that_is_gone_is_told_with_what_calls_use_instead() -> None:
    [found] = findings(**GONE)["FRONTDESK_MODEL"]
    assert found.what.endswith("was shut down on 2025-10-10: calls use gpt-realtime-2.1")


@pytest.mark.parametrize(
    ("content", "expected", "what"),
    [
        (
            'transfers: {sales: {number: "+442079460000"}}\nhuman: sales\n',
            Level.OK,
            "transfer targets: sales; a person: sales",
        ),
        ("voicemail: {enabled: false}\n", Level.WARNING, "neither a person nor voicemail"),
        ("human: nobody\n", Level.PROBLEM, "phone.yaml:1:8: human: 'nobody' is not a target"),
    ],
)
def test_the_doctor_reads_the_telephone_line(
    place: Path, content: str, expected: Level, what: str
) -> None:
    (place / "config").mkdir()
    (place / "config" / "phone.yaml").write_text(content, encoding="utf-8")
    [found] = findings()["telephone line"]
    assert found.level is expected
    assert what in found.what


@pytest.mark.parametrize(
    ("content", "expected", "what"),
    [
        (DEFAULT_SHOP, Level.OK, "Willow Street Salon: "),
        ("name: [", Level.PROBLEM, "config/shop.yaml:1:"),
    ],
)
def test_the_doctor_reads_the_shop(place: Path, content: str, expected: Level, what: str) -> None:
    (place / "config").mkdir()
    (place / "config" / "shop.yaml").write_text(content, encoding="utf-8")
    [found] = findings()["shop"]
    assert found.level is expected
    assert what in found.what
    assert findings()["config folder"][0].what.endswith("config: shop.yaml")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder belongs to nobody but its owner, who is somebody else."""
    owner = os.geteuid()
    folder.mkdir(exist_ok=True)
    folder.chmod(0)
    if owner == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(owner)
        folder.chmod(0o700)


def serving_settings(monkeypatch: pytest.MonkeyPatch, **environ: str) -> None:
    twilio = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}
    for name, value in {"FRONTDESK_PORT": "0", **twilio, **environ}.items():
        monkeypatch.setenv(name, value)


def test_fault_p11_a_folder_of_somebody_else_is_named_and_the_doctor_goes_on(
    command: Output, place: Path, open_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving_settings(monkeypatch)
    (place / "data").mkdir()
    (place / "data").chmod(0o777)
    with locked(place / "config"):
        assert command.run("serve") == 78
        assert "config: cannot be read (Permission denied). Let the user" in command.err
        assert command.run("doctor") == 1
    for subject in ("config folder", "shop", "telephone line"):
        assert f"PROBLEM  {subject}: " in command.out
    assert "open files: " in command.out


def test_fault_p11_a_locked_data_folder_is_named_and_the_doctor_goes_on(
    command: Output, place: Path, open_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving_settings(monkeypatch)
    with locked(place / "data"):
        assert command.run("serve") == 78
        assert "FRONTDESK_DATA_DIR: data cannot be made or written (Perm" in command.err
        assert command.run("calls", "list") == 1
        assert command.err == "frontdesk: Permission denied: data/calls\n"
        assert command.run("doctor") == 1
    for subject in ("data folder", "database"):
        assert f"PROBLEM  {subject}: " in command.out
    assert "open files: " in command.out


@pytest.fixture
def open_place(place: Path) -> Iterator[None]:
    """The folders above the one to run in can be entered by others."""
    above = [folder for folder in place.parents if folder.stat().st_uid == os.geteuid()]
    modes = [(folder, folder.stat().st_mode) for folder in (place, *above) if folder != Path("/")]
    for folder, mode in modes:
        folder.chmod(mode | 0o011)
    yield
    for folder, mode in modes:
        folder.chmod(mode)


def test_the_doctor_survives_a_disk_that_fails(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_settings: Settings) -> Iterator[Finding]:
        yield checks.well("disk", "seemed well")
        raise OSError(5, "Input/output error", "/mnt/x")

    monkeypatch.setattr(checks, "CHECKS", (failing, checks.open_files))
    assert command.run("doctor") == 1
    assert "PROBLEM  failing: /mnt/x: Input/output error" in command.out
    assert "open files: " in command.out


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"FRONTDESK_CONFIG_DIR": "nowhere"}, "FRONTDESK_CONFIG_DIR: nowhere is no folder. "),
        ({"FRONTDESK_CONFIG_DIR": "file"}, "FRONTDESK_CONFIG_DIR: file is no folder. "),
        ({"FRONTDESK_CONFIG_DIR": "file/x"}, "FRONTDESK_CONFIG_DIR: file/x is no folder. "),
        ({"FRONTDESK_CONFIG_DIR": "x" * 300}, f"FRONTDESK_CONFIG_DIR: {'x' * 300} cannot be read "),
        ({"FRONTDESK_DATA_DIR": "file"}, "FRONTDESK_DATA_DIR: file cannot be made or written ("),
        ({"FRONTDESK_DATA_DIR": "file/x"}, "FRONTDESK_DATA_DIR: file/x cannot be made or written"),
        (
            {"FRONTDESK_DATABASE_URL": "sqlite:///folder"},
            "FRONTDESK_DATABASE_URL: sqlite:///folder cannot be used (OperationalError SQLITE_CANT",
        ),
        (
            {"FRONTDESK_DATABASE_URL": "sqlite:///file"},
            "FRONTDESK_DATABASE_URL: sqlite:///file cannot be used (DatabaseError SQLITE_NOTADB)",
        ),
    ],
)
def test_fault_p11_what_serving_needs_and_cannot_have_ends_with_78_and_one_line(
    command: Output,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    said: str,
) -> None:
    (place / "file").write_bytes(b"neither folder nor database" * 100)
    (place / "folder").mkdir()
    serving_settings(monkeypatch, **environ)
    assert command.run("serve") == 78
    [line] = (line for line in command.err.splitlines() if line.startswith("frontdesk: "))
    assert line.startswith(f"frontdesk: {said}")
    assert "canary" not in command.err
    assert "Traceback" not in command.err


def test_fault_p11_a_metrics_port_in_use_is_told_before_anything_is_opened(
    command: Output, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        serving_settings(monkeypatch, FRONTDESK_METRICS_PORT=str(port))
        assert command.run("serve") == 1
    assert command.err == (
        f"frontdesk: FRONTDESK_METRICS_PORT: 127.0.0.1:{port} cannot be had (Address already in"
        " use). Set it to a free port, or to 0 for none.\n"
    )
    assert not (place / "data").exists()


def test_fault_p11_a_wrong_data_folder_is_not_taken_for_one_without_calls(
    command: Output, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").touch()
    monkeypatch.setenv("FRONTDESK_DATA_DIR", "file")
    assert command.run("calls", "list") == 1
    assert command.err == "frontdesk: Not a directory: file/calls\n"


def test_fault_p11_a_missing_package_is_one_sentence() -> None:
    code = (
        "import runpy, sys\nsys.modules['uvloop'] = None\n"
        "runpy.run_module('telephony', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "frontdesk: the package uvloop is not installed. Run make setup.\n"


def test_init_writes_examples_once(command: Output, place: Path) -> None:
    assert command.run("init") == 0
    assert command.out.startswith("config/shop.yaml: written\nconfig/phone.yaml: written\n")
    assert load_shop(place / "config") == default_shop()
    assert load_line(place / "config") == Line()
    assert (place / "config" / "phone.yaml").stat().st_mode & 0o777 == 0o644
    (place / "config" / "shop.yaml").write_text("mine")
    (place / "config" / "phone.yaml").unlink()
    assert command.run("init") == 0
    assert command.out.startswith(
        "config/shop.yaml: is there, left as it is\nconfig/phone.yaml: written\n"
    )
    assert (place / "config" / "shop.yaml").read_text() == "mine"


def test_init_says_which_folder_cannot_be_written(
    command: Output, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").touch()
    monkeypatch.setenv("FRONTDESK_CONFIG_DIR", "file/x")
    assert command.run("init") == 78
    assert "FRONTDESK_CONFIG_DIR: file/x/shop.yaml cannot be written (Not a dir" in command.err


def test_the_doctor_warns_of_a_database_others_can_read(place: Path) -> None:
    (place / "data").mkdir()
    file = place / "data" / "frontdesk.db"
    file.touch()
    file.chmod(0o644)
    [found] = findings()["database file"]
    assert found.level is Level.WARNING
    assert found.cure == f"Run chmod go= {file}"
    (place / "data").chmod(0o700)
    assert "database file" not in findings()
    (place / "data").chmod(0o755)
    file.chmod(0o600)
    assert "database file" not in findings()


def test_too_few_open_files_for_so_many_calls() -> None:
    [found] = findings(FRONTDESK_MAX_CALLS="10000")["open files"]
    assert found.level is (Level.OK if "infin" in found.what else found.level)
    assert "may be open" in found.what


def test_a_database_that_is_there_and_migrated(place: Path) -> None:
    (place / "data").mkdir()
    store = open_store(f"sqlite:///{place}/data/frontdesk.db")
    migrate(store)
    assert "up to date" in findings()["database"][0].what
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    [found] = findings()["database"]
    assert found.level is Level.PROBLEM
    assert "9999" in found.what


def test_an_empty_database_will_be_migrated(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "frontdesk.db").touch()
    assert "will be migrated" in findings()["database"][0].what


def test_a_file_that_is_no_database_is_told(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "frontdesk.db").write_bytes(b"not a database at all" * 100)
    assert findings()["database"][0].level is Level.PROBLEM


def test_a_damaged_database_is_told_with_what_to_do(place: Path) -> None:
    (place / "data").mkdir()
    file = new_database(place / "data" / "frontdesk.db")
    with contextlib.closing(sqlite3.connect(file)) as opened:
        [size] = opened.execute("PRAGMA page_size").fetchone()
        [page] = opened.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'receipts'"
        ).fetchone()
    content = bytearray(file.read_bytes())
    # The schema stays whole: the file opens, and only looking through it finds the damage.
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    [found] = findings()["database"]
    assert found.level is Level.PROBLEM
    assert "frontdesk.db is damaged (" in found.what
    assert "stop the service and restore a backup" in found.cure


def test_a_database_that_is_missing_beside_calls_is_odd(place: Path) -> None:
    (place / "data" / "calls" / "2026-11-20").mkdir(parents=True)
    [found] = findings()["database"]
    assert found.level is Level.WARNING
    assert "is not there, but calls are kept" in found.what


def test_a_port_in_use_is_a_warning() -> None:
    with listen("127.0.0.1", 0) as taken:
        [found] = findings(FRONTDESK_PORT=str(taken.getsockname()[1]))["address"]
    assert found.level is Level.WARNING
    assert "cannot be had (Address already in use)" in found.what
    assert found.cure.startswith("Fine while frontdesk serve runs")


# ---- doctor --online, against loopback ---------------------------------------------------------


@contextlib.contextmanager
def answering(status: int, body: bytes = b"") -> Iterator[tuple[str, list[str]]]:
    """A web server that answers everything alike; its address and what it was asked."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def report(command: Output) -> list[tuple[str, str, str]]:
    command.run("doctor", "--online", "--json")
    found = json.loads(command.out)["findings"]
    return [(one["subject"], one["level"], one["what"]) for one in found]


MODELS = {
    "data": [
        {"id": "gpt-realtime-2.1"},
        {"id": "gpt-transcribe", "shutdown_date": "2027-02-26"},
    ]
}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, json.dumps(MODELS), ("OpenAI", "ok", "gpt-realtime-2.1 is served")),
        (
            200,
            json.dumps(MODELS),
            ("OpenAI", "warning", "gpt-transcribe is served until 2027-02-26"),
        ),
        (
            200,
            '{"data":[]}',
            ("OpenAI", "warning", "gpt-realtime-2.1 is not in the list of models"),
        ),
        (200, "<html>", ("OpenAI", "warning", "its list of models cannot be read")),
        (401, "", ("OpenAI", "problem", "the key is refused")),
    ],
)
def test_online_the_key_and_the_models_are_asked_for(
    command: Output,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: str,
    expected: tuple[str, str, str],
) -> None:
    with answering(status, body.encode()) as (address, asked):
        monkeypatch.setenv("OPENAI_API_KEY", "k1")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        assert expected in report(command)
    assert asked == ["/v1/models Bearer k1"]


def test_online_a_live_session_s_models_are_asked_for(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {"data": [{"id": "gpt-live-1"}]}
    with answering(200, json.dumps(served).encode()) as (address, _asked):
        monkeypatch.setenv("FRONTDESK_ENGINE", "live")
        monkeypatch.setenv("FRONTDESK_FALLBACKS", "local")
        monkeypatch.setenv("OPENAI_API_KEY", "k1")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        found = [each for each in report(command) if each[0] == "OpenAI"]
    assert found == [
        ("OpenAI", "ok", "gpt-live-1 is served"),
        ("OpenAI", "warning", "gpt-6-luna is not in the list of models"),
    ]


def test_online_a_busy_api_is_odd_and_an_absent_one_broken(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k1")
    with answering(503) as (address, _asked):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address.replace('http', 'ws')}/v1?x=1")
        found = report(command)
        assert ("OpenAI", "warning", f"{address}/v1 answers 503 to a list of models") in found
    assert any(one[:2] == ("OpenAI", "problem") for one in report(command))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, ("Twilio", "ok", "account and token are accepted")),
        (401, ("Twilio", "problem", "account and token are refused")),
        (503, ("Twilio", "warning", "its API answers 503")),
    ],
)
def test_online_the_twilio_account_is_asked_for(
    command: Output,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    expected: tuple[str, str, str],
) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    with answering(status) as (address, asked):
        monkeypatch.setenv("TWILIO_API_URL", address)
        assert expected in report(command)
    assert asked[0].startswith(f"/2010-04-01/Accounts/{SID}.json Basic ")
    assert any(one[:2] == ("Twilio", "problem") for one in report(command))


def test_online_an_address_that_leads_nowhere_is_told(
    command: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_PUBLIC_URL", "https://nowhere.invalid")
    found = report(command)
    assert any("https://nowhere.invalid cannot be reached" in what for _, _, what in found)
