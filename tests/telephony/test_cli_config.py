"""`frontdesk config`, and what the doctor says of versions."""

import json
from pathlib import Path

import pytest

from telephony.cli.checks import Finding, Level, config_versions, http_api
from telephony.cli.main import run
from telephony.follower import begin
from telephony.settings import load
from telephony.variables import VARIABLES
from telephony.versioned import versions_of
from tools.booking.shop import DEFAULT_SHOP
from tools.store import open_store

KEY = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert run(["config", *arguments]) == code
        out, self.err = self._capsys.readouterr()
        return out


@pytest.fixture
def config(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def write(name: str, *, end: str = "") -> None:
    Path("config").mkdir(exist_ok=True)
    text = DEFAULT_SHOP.replace("name: Willow Street Salon", f"name: {name}")
    Path("config/shop.yaml").write_text(text + end)


def told() -> list[Finding]:
    return list(config_versions(load()))


def test_before_the_first_save_there_is_nothing(config: Command) -> None:
    assert config("list").startswith("No versions yet")
    assert config("list", "--json") == ""
    config("show", "published", code=1)
    assert config.err == "frontdesk: Nothing is published yet.\n"
    config("rollback", code=1)
    assert "no earlier published version" in config.err
    config("save", "--why", "x", code=1)
    assert config.err == "frontdesk: There is no folder config.\n"
    config("save", code=2)
    config("show", "seven", code=2)
    assert "give a number, published, newest, folder" in config.err


def test_saving_comparing_publishing_and_going_back(config: Command) -> None:
    write("First")
    assert config("save", "--why", "opening day", "--publish") == "Version 1 is published.\n"
    write("Second")
    assert config("save", "--why", "a new name") == "Saved as version 2; not published.\n"
    again = config("save", "--why", "again", "--who", "bob")
    assert again == "Nothing to save: version 2 holds the same.\n"
    lines = config("list").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["+", "2"], ["*", "1"]]
    assert lines[1].endswith("ann  1     a new name")
    shown = config("diff", "1", "newest")
    assert shown.startswith("--- a/shop.yaml\n+++ b/shop.yaml\n")
    assert "\n-name: First\n+name: Second\n" in shown
    assert config("diff", "newest", "folder") == "No difference.\n"
    assert config("publish", "2", "--why", "go") == "Version 2 is published.\n"
    assert config("publish", "2") == "Version 2 is already published.\n"
    assert config("rollback", "--why", "wrong") == "Version 1 is published.\n"


def test_what_is_shown_of_one_version(config: Command) -> None:
    write("First")
    config("save", "--why", "opening day", "--publish", "--who", "bob\x1b")
    head, file = config("show", "published").splitlines()
    assert head.startswith("Version 1 (the first), ")
    assert head.endswith(" UTC, bob\\x1b: opening day")
    assert file.startswith("  shop.yaml  ")
    assert config("show", "1", "--file", "shop.yaml") == Path("config/shop.yaml").read_text()
    config("show", "1", "--file", "other.yaml", code=1)
    assert config.err == "frontdesk: There is no other.yaml in 1; it has shop.yaml.\n"
    assert config("show", "folder").startswith("The configuration folder as it is now\n")
    config("show", "9", code=1)
    assert config.err == "frontdesk: There is no version 9 of the configuration.\n"


def test_everything_comes_as_json_too(config: Command) -> None:
    write("First")
    event = json.loads(config("save", "--why", "x", "--publish", "--json"))
    assert (event["what"], event["version"], event["who"]) == ("published", 1, "ann")
    assert config("save", "--why", "x", "--publish", "--json") == "null\n"
    write("Second")
    saved = json.loads(config("save", "--why", "x", "--json"))
    assert (saved["version"]["id"], saved["new"]) == (2, True)
    newest, first = map(json.loads, config("list", "--json").splitlines())
    assert (newest["parent"], first["parent"]) == (1, None)
    (page,) = map(
        json.loads, config("list", "--json", "--before", "2", "--limit", "5").splitlines()
    )
    assert page == first
    assert json.loads(config("show", "1", "--json"))["version"] == first
    (diff,) = json.loads(config("diff", "1", "2", "--json"))
    assert (diff["path"], diff["change"]) == ("shop.yaml", "changed")
    assert json.loads(config("publish", "2", "--json"))["version"] == 2
    assert json.loads(config("rollback", "--json"))["what"] == "rolled-back"


def test_a_broken_folder_is_saved_but_not_published(config: Command) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second", end="\nunknown: 1\n")
    config("save", "--why", "x", "--publish", code=1)
    assert config.err.splitlines()[0].startswith("shop.yaml:")
    assert config.err.endswith("cannot be published; what is published stays.\n")
    assert config("save", "--why", "x") == "Saved as version 2; not published.\n"
    config("publish", "2", code=1)
    assert config.err.endswith("cannot be published; what is published stays.\n")
    Path("config/shop.yaml").write_bytes(b"\xff")
    config("save", "--why", "x", code=1)
    assert config.err.splitlines()[0].startswith("shop.yaml: is not UTF-8")


def test_what_others_changed_is_not_undone_unasked(config: Command) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second")
    config("save", "--why", "x")
    write("Third")
    config("save", "--why", "x", code=1)
    assert "shop.yaml was changed by others since (version 2)" in config.err
    assert "kept as version 3" in config.err
    config("publish", "2")
    config("save", "--why", "x", "--publish", code=1)
    assert "frontdesk config diff 2 " in config.err
    config("publish", "3", code=1)
    assert "--anyway undoes it" in config.err
    assert config("publish", "3", "--anyway") == "Version 3 is published.\n"
    assert "(conflict with 2)" in config("list")
    assert "(from 1, in conflict with 2)" in config("show", "3")


# ---- the doctor ---------------------------------------------------------------------------------


def test_the_doctor_says_what_is_published_and_that_the_folder_holds_more(
    config: Command,
) -> None:
    assert told() == [], "there is no database yet"
    config("list")
    assert [finding.what for finding in told()] == ["none yet: the first start makes one"]
    write("First")
    config("save", "--why", "x", "--publish")
    (well,) = told()
    assert (well.level, well.what[:31]) == (Level.OK, "version 1 is published: ann, 20")
    write("Second")
    changed = told()[1]
    assert (changed.level, changed.what) == (
        Level.WARNING,
        "it holds changes that are not taken over",
    )


def test_fault_x12_the_doctor_says_why_the_folder_is_not_used(config: Command) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second", end="\nunknown: 1\n")
    broken = told()[1]
    assert (broken.level, broken.subject) == (Level.PROBLEM, "config folder")
    assert broken.what.startswith("shop.yaml:")
    assert broken.what.endswith("is not known; version 1 stays")
    Path("config/shop.yaml").unlink()
    assert told()[1].what == "it is empty or not there; version 1 stays"


def test_the_doctor_tells_of_a_mistake_once(
    config: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second", end="\nunknown: 1\n")
    Path("config/crm.yaml").write_text("region: XX\n")
    capsys.readouterr()
    run(["doctor"])
    out = capsys.readouterr().out
    assert (out.count("unknown: is not known"), out.count("'XX' is no region")) == (1, 1)
    assert out.count("version 1 stays") == 2


def test_the_doctor_says_that_a_folder_is_left_alone(config: Command) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second")
    config("save", "--why", "x", "--publish")
    settings = load()
    store = open_store(settings.database_url.reveal())
    begin(settings.config_dir, versions_of(settings, store))
    store.close()
    config("rollback")
    assert told()[1].what == (
        "it holds something else than version 1, and is left alone until it changes again"
    )


def test_the_doctor_says_who_has_to_decide(config: Command) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    write("Second")
    config("save", "--why", "x")
    config("publish", "2")
    write("Third")
    config("save", "--why", "x", "--publish", code=1)
    conflict = told()[1]
    assert conflict.what == "the same file was changed in it and in version 2"
    assert "frontdesk config publish 3 --anyway" in conflict.cure


def test_the_doctor_says_that_a_published_version_cannot_be_used(
    config: Command, place: Path
) -> None:
    write("First")
    config("save", "--why", "x", "--publish")
    store = open_store(f"sqlite:///{place / 'data' / 'frontdesk.db'}")
    store.write(lambda c: c.exec_driver_sql("UPDATE config_texts SET text = 'services: ['"))
    store.close()
    broken = told()[0]
    assert (broken.level, "; but shop.yaml:1:12" in broken.what) == (Level.PROBLEM, True)
    assert "frontdesk config rollback" in broken.cure


def test_the_doctor_says_how_the_api_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    (without,) = http_api(load())
    assert without.what == "at /api/v1, for keys made in the console"
    monkeypatch.setenv("FRONTDESK_API_KEY", KEY)
    (with_key,) = http_api(load())
    assert with_key.what == "at /api/v1, for FRONTDESK_API_KEY and keys made in the console"


def test_a_key_that_is_easily_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_API_KEY", "short")
    assert run(["doctor"]) == 1
    assert run(["config", "list"]) == 78
