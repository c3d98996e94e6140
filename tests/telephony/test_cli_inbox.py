"""`frontdesk messages` and `frontdesk callbacks`, as the staff uses them."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.cli.main import run
from telephony.settings import load
from telephony.variables import VARIABLES
from tools.calls.inbox import Inbox
from tools.migrate import migrate
from tools.spec import ToolContext
from tools.store import open_store

TAKEN = dt.datetime(2026, 6, 2, 8, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    settings = load()
    settings.data_dir.mkdir(parents=True)
    store = open_store(settings.database_url.reveal())
    migrate(store)
    yield Inbox(store)
    store.close()


def context(key: str) -> ToolContext:
    return ToolContext("CA1", "+442079460001", TAKEN, key)


def leave(inbox: Inbox, key: str, text: str, *, urgent: bool = False) -> int:
    values = {"name": "Ann Lee", "text": text, "call_back_number": "+442079460009"}
    return inbox.leave(context(key), **values, urgent=urgent).id


def arrange(inbox: Inbox, key: str, hour: int, about: str = "") -> int:
    begin = dt.datetime(2026, 6, 3, hour, 0, tzinfo=dt.UTC)
    return inbox.arrange(
        context(key),
        name="Ann Lee",
        about=about,
        number="+442079460009",
        starts_at=begin,
        ends_at=begin + dt.timedelta(hours=1),
        zone="Europe/London",
    ).id


def test_an_empty_inbox_says_so(capsys: pytest.CaptureFixture[str], inbox: Inbox) -> None:
    assert run(["messages"]) == 0
    assert run(["callbacks"]) == 0
    assert capsys.readouterr().out == "Nothing there.\n" * 2
    assert run(["messages", "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_messages_are_listed_and_taken_off_the_list(
    capsys: pytest.CaptureFixture[str], inbox: Inbox
) -> None:
    first = leave(inbox, "k1", "The dryer\nis broken.\x1b[2J")
    second = leave(inbox, "k2", "Call me, quick.", urgent=True)
    assert run(["messages"]) == 0
    head, top, bottom = capsys.readouterr().out.splitlines()
    assert head.split() == ["no", "taken", "from", "call", "back", "urgent", "message"]
    assert top.startswith(f"{second} ")
    assert "urgent" in top
    assert "Ann Lee +442079460001" in bottom
    assert "The dryer is broken." in bottom
    assert "\x1b" not in bottom, "a caller must not write to our terminal"
    assert run(["messages", "done", str(first)]) == 0
    assert capsys.readouterr().out == f"Message {first} is done.\n"
    assert run(["messages", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["text"] == "Call me, quick."
    assert run(["messages", "--done", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["id"], json.loads(line)["state"]) == (first, "done")


def test_calls_back_are_listed_on_the_shop_s_clock(
    capsys: pytest.CaptureFixture[str], inbox: Inbox
) -> None:
    late, soon = arrange(inbox, "k1", 15), arrange(inbox, "k2", 9, "the invoice")
    assert run(["callbacks"]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [
        str(soon), "2026-06-03", "10:00-11:00", "+442079460009", "Ann", "Lee", "the", "invoice",
    ]  # fmt: skip
    assert second.startswith(f"{late} ")
    assert run(["callbacks", "done", str(soon)]) == 0
    assert capsys.readouterr().out == f"Call back {soon} is done.\n"
    assert run(["callbacks", "--json"]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [late]


@pytest.mark.parametrize(
    ("command", "thing"), [("messages", "message 7"), ("callbacks", "call back 7")]
)
def test_what_is_not_there_cannot_be_done(
    capsys: pytest.CaptureFixture[str], inbox: Inbox, command: str, thing: str
) -> None:
    assert run([command, "done", "7"]) == 1
    assert capsys.readouterr().err == f"frontdesk: there is no {thing}: see `frontdesk {command}`\n"


def test_a_number_that_is_none_is_wrong_usage(inbox: Inbox) -> None:
    assert run(["messages", "done", "first"]) == 2
    assert run(["callbacks", "done", "0"]) == 2
