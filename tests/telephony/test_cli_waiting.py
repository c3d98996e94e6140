"""`frontdesk waiting` and `GET /waiting`: whom the staff is to call."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.cli.main import run
from telephony.settings import load
from telephony.variables import VARIABLES
from tests.telephony.api_client import Office
from tools.booking.bookings import Bookings, Wish
from tools.booking.calendar import bookable
from tools.booking.shop import default_shop
from tools.booking.waiting import Entry, Waiting, Wanted
from tools.migrate import migrate
from tools.spec import ToolContext
from tools.store import Store, open_store

SHOP = default_shop()
NOW = dt.datetime.now(SHOP.zone)
ZOE = "+442079460002"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store() -> Iterator[Store]:
    settings = load()
    settings.data_dir.mkdir(parents=True)
    opened = open_store(settings.database_url.reveal())
    migrate(opened)
    yield opened
    opened.close()


def freed(store: Store) -> tuple[dt.date, str]:
    """Zoe waits for a day that is full until one of its times is given back: the day, the time."""
    service = SHOP.service("haircut")
    every = (NOW.date() + dt.timedelta(days=ahead) for ahead in range(2, 9))
    day = next(day for day in every if bookable(SHOP, service, day, NOW))
    bookings, made = Bookings(store, SHOP), []
    for number, slot in enumerate(bookable(SHOP, service, day, NOW)):
        context = ToolContext(
            f"CA{number}", f"+4420794600{number:>02}", NOW, f"key{number}".ljust(20, "-")
        )
        made.append(bookings.book(Wish("haircut", "Ann", slot), context))
    joined = Waiting(store, SHOP).join(
        Wanted("haircut", "Zoe", day), ToolContext("CW1", ZOE, NOW, "w" * 20)
    )
    assert isinstance(joined, Entry)
    first = next(each for each in made if each is not None)
    bookings.cancel(first, ToolContext("CA0", None, NOW, "c" * 20))
    return day, f"{first.starts_at.astimezone(SHOP.zone):%Y-%m-%d %H:%M}"


def test_nobody_is_to_be_called(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    assert run(["waiting"]) == 0
    assert capsys.readouterr().out == "Nobody there.\n"
    assert run(["waiting", "done", "7"]) == 1
    assert "nobody is to be called by number 7" in capsys.readouterr().err


def test_the_staff_sees_whom_to_call_and_takes_them_off(
    capsys: pytest.CaptureFixture[str], store: Store
) -> None:
    day, free_at = freed(store)
    assert run(["waiting", "--line"]) == 0
    line = capsys.readouterr().out
    assert "Zoe" in line
    assert day.isoformat() in line
    assert run(["waiting"]) == 0
    shown = capsys.readouterr().out
    for told in ("Zoe", ZOE, "haircut", free_at, "00:00-24:00"):
        assert told in shown
    assert run(["waiting", "--json"]) == 0
    notice = json.loads(capsys.readouterr().out)
    assert (notice["entry"]["name"], notice["id"]) == ("Zoe", 1)
    assert run(["waiting", "done", "1"]) == 0
    assert run(["waiting", "done", "1"]) == 1
    capsys.readouterr()
    assert run(["waiting"]) == 0
    assert capsys.readouterr().out == "Nobody there.\n"


def test_the_same_over_http(store: Store) -> None:
    _, free_at = freed(store)
    office = Office(load().data_dir)
    (notice,) = office.client.get("waiting").json()
    assert (notice["name"], notice["number"], notice["service"]) == ("Zoe", ZOE, "haircut")
    told = dt.datetime.fromisoformat(notice["starts_at"]).astimezone(SHOP.zone)
    assert f"{told:%Y-%m-%d %H:%M}" == free_at
    assert office.client.post(f"waiting/{notice['id']}/done").status_code == 204
    gone = office.client.post(f"waiting/{notice['id']}/done")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
    assert office.client.post("waiting/0/done").status_code == 422
    assert office.client.get("waiting").json() == []
    assert office.client.get("waiting", headers={"Authorization": ""}).status_code == 401
