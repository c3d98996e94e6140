"""`frontdesk contacts` and `frontdesk tasks`."""

import json
from pathlib import Path
from typing import Any

import pytest

from telephony.cli import checks
from telephony.cli.checks import Level
from telephony.cli.main import run
from telephony.settings import load
from telephony.variables import VARIABLES
from tests.databases import new_store
from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.contacts import Contacts
from tools.crm.desk import CrmDesk, own_desk
from tools.crm.records import ConsentTo
from tools.spec import ToolContext
from tools.store import open_store


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database in which Ann and Lee are, and everything about them."""
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    for name in ("DATA", "CONFIG"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(f"FRONTDESK_{name}_DIR", str(folder))
    store = new_store(tmp_path / "data" / "frontdesk.db")
    fill(own_desk(store))
    store.close()
    return tmp_path


def fill(desk: CrmDesk) -> None:
    desk.contacts.save(CALLER, NOW, name="Ann", email="ann@example.com")
    desk.contacts.save(OTHER, NOW, name="Lee \x1b[2J")
    desk.contacts.saw_call("CA1", CALLER, NOW)
    desk.contacts.add_note(CALLER, "Likes \x1b[31mtea.", at("k1"))
    desk.consents.set(CALLER, ConsentTo.RECORDING, at("k2"), agreed=True)
    for key, text in (("k3", "Send the prices."), ("k4", "Call back.")):
        desk.follow_ups.add(CALLER, text, None, at(key))


def at(key: str) -> ToolContext:
    return ToolContext("CA1", CALLER, NOW, key)


class Output:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def of(self, *arguments: str, code: int = 0) -> str:
        assert run(arguments) == code
        found = self._capsys.readouterr()
        self.err = found.err
        return found.out

    def json(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.of(*arguments, "--json").splitlines()]


@pytest.fixture
def told(place: Path, capsys: pytest.CaptureFixture[str]) -> Output:
    return Output(capsys)


def test_contacts_are_listed_and_found(told: Output) -> None:
    listed = told.of("contacts", "list")
    assert listed.splitlines()[0].split() == ["id", "name", "numbers", "e-mail", "language"]
    assert CALLER in listed
    assert "\x1b" not in listed
    (ann,) = told.json("contacts", "list", "ann")
    assert (ann["name"], ann["numbers"]) == ("Ann", [CALLER])
    assert told.of("contacts", "list", "nobody") == "No contacts.\n"
    (first,) = told.json("contacts", "list", "--limit", "1")
    assert told.err == f"More: --after {first['id']}\n"
    (second,) = told.json("contacts", "list", "--after", str(first["id"]))
    assert {first["id"], second["id"]} == {1, 2}


def test_a_contact_is_shown_with_everything(told: Output) -> None:
    shown = told.of("contacts", "show", CALLER)
    for expected in ("name: Ann", "notes: 1", "Send the prices.", "kind=recording", "CA1"):
        assert expected in shown
    assert "\x1b" not in shown
    (same,) = told.json("contacts", "show", "ann@example.com")
    assert same == told.json("contacts", "show", "1")[0]
    assert same["notes"][0]["text"] == "Likes \x1b[31mtea."
    told.of("contacts", "show", "nobody", code=1)
    assert told.err == "frontdesk: There is no contact 'nobody'\n"
    told.of("contacts", "show", "", code=1)
    assert told.err == "frontdesk: '' may be several: contacts 1, 2\n"


def test_a_region_is_read_from_the_file(told: Output, place: Path) -> None:
    told.of("contacts", "show", "020 7946 0001", code=1)
    (place / "config" / "crm.yaml").write_text("region: GB\n")
    assert "name: Ann" in told.of("contacts", "show", "020 7946 0001")
    (place / "config" / "crm.yaml").write_text("region: Bath\n")
    told.of("contacts", "list", code=78)
    assert "crm.yaml:1:9" in told.err


@pytest.mark.parametrize(
    ("content", "secret", "level", "what"),
    [
        ("", "", Level.OK, "no other system"),
        ("backend: hubspot\n", "pat-1", Level.OK, "hubspot at https://api.hubapi.com"),
        ("backend: hubspot\n", "", Level.PROBLEM, "FRONTDESK_SECRET_HUBSPOT_TOKEN: is not set"),
        ("backend: [\n", "", Level.PROBLEM, "crm.yaml:"),
    ],
)
def test_the_doctor_reads_how_contacts_are_kept(
    place: Path, content: str, secret: str, level: Level, what: str
) -> None:
    (place / "config" / "crm.yaml").write_text(content)
    environ = {"FRONTDESK_CONFIG_DIR": str(place / "config")}
    (found,) = checks.contacts(load({**environ, "FRONTDESK_SECRET_HUBSPOT_TOKEN": secret}, place))
    assert found.level is level
    assert what in found.what
    assert "pat-1" not in found.what


def test_a_contact_is_changed(told: Output) -> None:
    changed = json.loads(
        told.of("contacts", "change", "1", "--name", "Anna", "--email", "new@example.com")
    )
    assert (changed["name"], changed["email"], changed["email_proven"]) == (
        "Anna",
        "new@example.com",
        True,
    )
    third = "+442079460003"
    assert third in told.of("contacts", "change", "1", "--add-number", third)
    assert third not in told.of("contacts", "change", third, "--remove-number", third)
    told.of("contacts", "change", "1", "--add-number", OTHER, code=1)
    assert "belongs to contact 2" in told.err


def test_nobody_is_pushed_without_another_system(told: Output, place: Path) -> None:
    told.of("contacts", "push", code=1)
    assert "crm.yaml" in told.err
    # Nothing listens there.
    (place / "config" / "crm.yaml").write_text(
        "backend: hubspot\noutside:\n  base_url: http://127.0.0.1:9\n"
    )
    told.of("contacts", "push", code=1)
    assert "locked: no_credential" in told.err


def test_two_are_merged_and_taken_apart(told: Output) -> None:
    assert told.of("contacts", "merge", "1", OTHER) == "Contact 2 is contact 1 now: merge 1.\n"
    assert told.json("contacts", "show", "2")[0]["numbers"] == [CALLER, OTHER]
    told.of("contacts", "merge", "2", "1", code=1)
    assert "one already" in told.err
    assert told.of("contacts", "unmerge", "1") == "Contacts 1 and 2 are two again.\n"
    assert told.json("contacts", "show", "2")[0]["numbers"] == [OTHER]


def test_everything_is_exported(told: Output, place: Path) -> None:
    lines = told.of("contacts", "export").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    told.of("contacts", "export", "--output", str(place / "all.jsonl"))
    assert (place / "all.jsonl").read_text().splitlines() == lines


def test_a_number_is_closed_and_opened(told: Output) -> None:
    assert "closed to calls" in told.of("contacts", "close", CALLER)
    (shown,) = told.json("contacts", "show", "1")
    assert [each["closed"] for each in shown["do_not_call"]] == [True]
    assert "open to calls" in told.of("contacts", "close", CALLER, "--lift")
    told.of("contacts", "close", "anonymous", code=1)
    assert "write it in full" in told.err


def test_tasks_are_listed_and_ended(told: Output) -> None:
    assert [each["todo"]["text"] for each in told.json("tasks")] == [
        "Send the prices.",
        "Call back.",
    ]
    assert "Send the prices." not in told.of("tasks", "--done", "1", "--by", "Eve")
    told.of("tasks", "--drop", "1", code=1)
    assert "done already" in told.err
    assert told.of("tasks", "--drop", "2") == "Nothing is to be done.\n"


def test_what_waits_for_another_system_is_shown(told: Output, place: Path) -> None:
    told.of("contacts", "outside", code=1)
    assert "crm.yaml" in told.err
    (place / "config" / "crm.yaml").write_text("backend: hubspot\n")
    assert told.of("contacts", "outside") == "0 waiting; 0 refused.\n"
    store = open_store(f"sqlite:///{place / 'data' / 'frontdesk.db'}")
    Contacts(store, "hubspot").save(CALLER, NOW, name="Anna")
    store.close()
    assert told.of("contacts", "outside").startswith("1 waiting, the oldest since 2026-03-03 08:00")
    (standing,) = told.json("contacts", "outside", "--retry")
    assert (standing["standing"]["pending"], standing["refused"]) == (1, [])
