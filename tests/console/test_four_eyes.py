"""Four eyes in the console, over HTTP and on the command line: what authors may not do alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.cli.checks import Level, config_versions
from telephony.cli.main import run
from telephony.console.access.roles import Role
from telephony.settings import load
from telephony.variables import VARIABLES
from telephony.versioned import versions_of
from tests.console.house import Console
from tools.booking.shop import DEFAULT_SHOP
from tools.store import open_store
from tools.versions.spec import Moved, Saved

FILE = {"shop.yaml": "one"}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Version 1 is published, 2 is a draft of the user `editor`."""
    console = Console(tmp_path, four_eyes=True)
    versions = console.backend.versions
    assert isinstance(versions.take_folder(FILE, "begun"), Moved)
    assert isinstance(versions.save(1, {"shop.yaml": "two"}, "editor", "an edit"), Saved)
    yield console
    console.close()


def audited(console: Console) -> list[tuple[str, str, str, str]]:
    """Oldest first, of what is done to the configuration."""
    found = console.access.audit.entries(50)
    return [
        (each.who, each.action, each.object, each.after)
        for each in reversed(found)
        if each.action.startswith(("config.", "rollout."))
    ]


REFUSED = '{"authors":["editor"],"why":"four-eyes"}'


def test_requirement_c_b_an_author_is_told_that_somebody_else_has_to(console: Console) -> None:
    author = console.client(Role.EDITOR)
    page = author.get("/console/tools/versions/2").text
    assert "It has changes by you that were never live: somebody else has to publish it." in page
    assert "For all calls" not in page
    answer = author.form("/console/tools/versions/2/publish", {"over": "1"})
    assert "somebody else has to publish it" in answer.text
    begun = author.form("/console/tools/rollouts", {"version": 2, "percent": 100})
    assert begun.status_code == 303
    assert "flash" in str(begun.headers)
    assert audited(console) == [("editor", "config.publish_refused", "version 2", REFUSED)] * 2
    assert console.backend.versions.pointers().published == 1


def test_requirement_c_b_somebody_else_publishes(console: Console) -> None:
    console.user("bob", Role.EDITOR)
    reader = console.signed_in("bob")
    assert "For all calls" in reader.get("/console/tools/versions/2").text
    assert reader.form("/console/tools/versions/2/publish", {"over": "1"}).status_code == 303
    assert console.backend.versions.pointers().published == 2
    assert audited(console) == [("bob", "config.published", "version 2", '{"version":2}')]
    author = console.client(Role.EDITOR)
    assert author.form("/console/tools/rollback", {"over": "2"}).status_code == 303
    assert console.backend.versions.pointers().published == 1, "back alone, and at once"


def test_requirement_c_b_no_key_publishes_whoever_it_says_it_is(console: Console) -> None:
    key = {**console.key(Role.ADMIN), "X-Author": "bob"}
    stranger = console.stranger()
    answer = stranger.post("/api/v1/config/versions/2/publish", json={"why": "x"}, headers=key)
    assert (answer.status_code, answer.json()["type"].endswith("four-eyes")) == (409, True)
    body = {"version": 2, "percent": 5, "numbers": []}
    assert stranger.post("/api/v1/rollouts", json=body, headers=key).status_code == 409
    assert {each[:3] for each in audited(console)} == {
        ("program", "config.publish_refused", "version 2")
    }


def test_requirement_c_b_an_author_is_told_over_http_too(console: Console) -> None:
    answer = console.client(Role.EDITOR).act("POST", "/api/v1/config/versions/2/publish", {})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("It has changes by you")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run commands in, where four eyes are wanted."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("FRONTDESK_FOUR_EYES", "yes")
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "config"):
        (tmp_path / folder).mkdir()
    return tmp_path / "config" / "shop.yaml"


def test_the_command_line_publishes_nothing_new(
    shell: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.write_text(DEFAULT_SHOP)
    assert run(["config", "save", "--why", "begun", "--publish"]) == 0, "there was nothing yet"
    shell.write_text(DEFAULT_SHOP.replace("Willow Street", "Harbour"))
    assert run(["config", "save", "--why", "moved", "--publish"]) == 1
    assert (
        "Saved as version 2; somebody has to publish it in the console" in capsys.readouterr().err
    )
    assert run(["config", "publish", "2", "--who", "somebody else"]) == 1
    assert "Version 2 has changes by" in capsys.readouterr().err
    (_, waits) = config_versions(load())
    assert (waits.level, waits.what) == (
        Level.WARNING,
        "what it holds waits as version 2; version 1 stays",
    )
    settings = load()
    store = open_store(settings.database_url.reveal())
    versions = versions_of(settings, store)
    assert isinstance(versions.publish(2, "ann", "", reader="ann"), Moved)
    store.close()
    assert run(["config", "rollback"]) == 0
