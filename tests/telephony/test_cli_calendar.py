"""`frontdesk calendar` against a real server."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.cli.main import run
from telephony.variables import VARIABLES
from tests.fakes.radicale import PASSWORD, USER, RadicaleServer, radicale
from tests.tools.calendar_story import SHOP
from tools.booking.bookings import Bookings, Wish
from tools.booking.calendar import Slot
from tools.booking.shopfile import load_shop
from tools.migrate import migrate
from tools.spec import ToolContext
from tools.store import open_store

pytestmark = pytest.mark.timeout(60)


ODD = "\r\n".join(
    (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Staff//EN",
        "BEGIN:VEVENT",
        "UID:odd",
        "DTSTART:20300101T100000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;BYHOUR=1;COUNT=2",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadicaleServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        running.make("anna")
        yield running


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/shop.yaml").write_text(SHOP)
    return tmp_path


def with_calendar(place: Path, url: str) -> None:
    lines = f"calendars:\n  - {{resource: Anna, url: '{url}', user: {USER}, password: anna}}\n"
    (place / "config/shop.yaml").write_text(SHOP + lines)


class Said:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(("calendar", *arguments))
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


def test_without_calendars_there_is_nothing_to_show(said: Said) -> None:
    assert said("status")[:2] == (0, "No calendars: shop.yaml has no `calendars:`.\n")
    assert said("conflicts")[:2] == (0, "No conflicts.\n")
    assert said("changes")[:2] == (0, "No changes by the staff.\n")
    code, _, error = said("sync", "--once")
    assert code == 78
    assert "there is no `calendars:`" in error


def test_sync_wants_to_be_told_that_it_is_one_round(said: Said) -> None:
    assert said("sync")[0] == 2


def test_a_missing_password_is_named(said: Said, place: Path) -> None:
    with_calendar(place, "https://cal.example.com/dav/anna/")
    code, out, _ = said("sync", "--once")
    assert code == 1
    assert out.startswith("Anna: no_password. FRONTDESK_SECRET_ANNA: is not set")


def test_one_round_and_what_came_of_it(
    said: Said, place: Path, server: RadicaleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_calendar(place, server.url("anna"))
    secrets = place / "passwords"
    secrets.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("FRONTDESK_SECRET_ANNA_FILE", str(secrets))
    assert "Anna: never. Not tried yet." in said("status")[1]

    start = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    booked = book(place, start + dt.timedelta(hours=24))
    assert said("sync", "--once")[:2] == (0, "Anna: ok. Both sides agree.\n")
    assert "Anna: ok. Both sides agree.\n  in step: 20" in said("status")[1]
    path = f"/{USER}/anna/frontdesk-{booked}.ics"
    assert server.ask("GET", path)[0] == 200

    assert server.ask("DELETE", path)[0] == 200
    assert server.ask("PUT", f"/{USER}/anna/odd.ics", ODD)[0] == 201
    code, out, _ = said("sync", "--once", "--json")
    assert (code, json.loads(out)["outcome"]) == (0, "ok")
    code, out, _ = said("changes", "--json")
    assert json.loads(out)["what"] == "cancelled"
    assert f"cancelled {booked} from" in said("changes")[1]
    assert json.loads(said("status", "--json")[1])["failures"] == 0
    assert "Anna: unreadable, its rule uses 'BYHOUR'" in said("conflicts")[1]
    assert json.loads(said("conflicts", "--json")[1])["kind"] == "unreadable"


def test_a_server_that_is_not_there_fails_the_command(
    said: Said, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_calendar(place, "http://127.0.0.1:1/dav/anna/")
    monkeypatch.setenv("FRONTDESK_SECRET_ANNA", "canary-password")
    code, out, error = said("sync", "--once")
    assert (code, out) == (1, "Anna: unreachable. No connection to the server.\n")
    assert "rounds failed since: 1" in said("status")[1]
    assert "canary" not in out + error


@pytest.mark.parametrize("ending", ["", "_FILE"])
def test_the_setting_of_before_is_refused_with_what_to_set_instead(
    said: Said, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv(f"FRONTDESK_CALENDAR_PASSWORDS{ending}", "anna=canary")
    code, _, error = said("status")
    assert code == 78
    assert f"FRONTDESK_CALENDAR_PASSWORDS{ending}: is no setting any more" in error
    assert "FRONTDESK_SECRET_ANNA" in error
    assert "canary" not in error


def test_a_feed_secret_must_be_long(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_CALENDAR_FEED_SECRET", "canary")
    code, _, error = said("status")
    assert code == 78
    assert "it is not 32 to 128 letters" in error
    assert "canary" not in error


def book(place: Path, at: dt.datetime) -> str:
    store = open_store(f"sqlite:///{place / 'data/frontdesk.db'}")
    migrate(store)
    context = ToolContext("CA1", None, dt.datetime.now(dt.UTC), "k1".ljust(16, "-"))
    bookings = Bookings(store, load_shop(place / "config"))
    slot = Slot(at.replace(tzinfo=None), at, 45)
    made = bookings.book(Wish("haircut", "Ann", slot), context)
    store.close()
    assert made is not None
    return made.id
