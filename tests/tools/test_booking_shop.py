"""`shop.yaml`: read, refused with its place, written as an example."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.booking.hours import Range
from tools.booking.resources import Service
from tools.booking.shop import DEFAULT_SHOP, Shop, default_shop, parse_shop
from tools.booking.shopfile import load_shop, write_default_shop
from tools.config import ConfigError

SMALL = """\
name: Barber
zone: America/New_York
services:
  - {name: cut, minutes: 20}
hours:
  monday: ["09:00-12:00", "13:00-24:00"]
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_shop(text, "shop.yaml")
    return str(caught.value)


def test_the_built_in_shop() -> None:
    shop = default_shop()
    assert (shop.name, shop.zone.key, shop.chairs) == ("Willow Street Salon", "Europe/London", 1)
    assert [each.name for each in shop.services] == ["haircut", "beard trim", "hair colouring"]
    assert shop.week[0] == ()
    assert shop.week[5] == (Range(540, 780), Range(840, 1020))
    assert shop.longest == Service("hair colouring", 90, "from 60 pounds")


def test_what_is_left_out_has_a_default() -> None:
    shop = parse_shop(SMALL, "shop.yaml")
    assert shop.week[0] == (Range(540, 720), Range(780, 1440))
    assert (shop.chairs, shop.step_minutes, shop.days_ahead, shop.closed) == (
        1,
        30,
        60,
        frozenset(),
    )
    assert shop.notice == dt.timedelta(minutes=60)
    assert shop.service("cut").minutes == 20


def test_days_off_are_days() -> None:
    shop = parse_shop(SMALL + "closed: [2026-12-25, '2026-12-26']\n", "shop.yaml")
    assert shop.closed == {dt.date(2026, 12, 25), dt.date(2026, 12, 26)}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "America/New_York",
            "Mars/Base",
            "shop.yaml:2:7: zone: 'Mars/Base' is not a time zone. Use a name like",
        ),
        (
            "America/New_York",
            "../etc/passwd",
            "shop.yaml:2:7: zone: '../etc/passwd' is not a time zone",
        ),
        ("America/New_York", "America", "shop.yaml:2:7: zone: 'America' is not a time zone"),
        ("America/New_York", "''", "shop.yaml:2:7: zone: '' is not a time zone"),
        (
            "minutes: 20",
            "minutes: 22",
            "shop.yaml:4:26: services.0.minutes: 22 is not a multiple of 5. Round",
        ),
        (
            "minutes: 20",
            "minutes: 0",
            "shop.yaml:4:26: services.0.minutes: is too small. Give 5 or more.",
        ),
        (
            "minutes: 20",
            "minutes: long",
            "shop.yaml:4:26: services.0.minutes: must be a whole number, not text.",
        ),
        (
            "minutes: 20}",
            "minutes: 20}\n  - {name: CUT, minutes: 5}",
            "shop.yaml:5:12: services.1.name: 'CUT' is there twice",
        ),
        (
            "services:\n  - {name: cut, minutes: 20}",
            "services: []",
            "shop.yaml:3:11: services: has too few entries",
        ),
        ("name: Barber\n", "", "shop.yaml:1:1: name: is missing. Give it."),
        (
            "monday:",
            "funday:",
            "shop.yaml:6:11: hours.funday: is not known. Known here: friday, monday",
        ),
        (
            "hours:\n",
            "colour: red\nhours:\n",
            "shop.yaml:5:9: colour: is not known. Known here: calendar_shows, calendars",
        ),
        (
            '"09:00-12:00"',
            '"9-12"',
            "shop.yaml:6:12: hours.monday.0: '9-12' is not a range of times. Write it like",
        ),
        (
            '"09:00-12:00"',
            '"09:00-09:00"',
            "shop.yaml:6:12: hours.monday.0: '09:00-09:00' ends before it begins",
        ),
        (
            '"09:00-12:00"',
            '"22:00-02:00"',
            "shop.yaml:6:12: hours.monday.0: '22:00-02:00' ends before it begins. Split",
        ),
        (
            '"09:00-12:00"',
            '"09:00-12:61"',
            "shop.yaml:6:12: hours.monday.0: '09:00-12:61' is not on the clock",
        ),
        (
            '"13:00-24:00"',
            '"13:00-24:05"',
            "shop.yaml:6:27: hours.monday.1: '13:00-24:05' is not on the clock",
        ),
        (
            '"09:00-12:00"',
            '"09:01-12:00"',
            "shop.yaml:6:12: hours.monday.0: '09:01-12:00' is not in fives",
        ),
        (
            '"13:00-24:00"',
            '"11:00-14:00"',
            "shop.yaml:6:27: hours.monday.1: begins before the range above it ends",
        ),
        (
            '["09:00-12:00", "13:00-24:00"]',
            "09:00-12:00",
            "shop.yaml:6:11: hours.monday: must be a list, not text",
        ),
        (
            "hours:\n",
            "closed: [2026-02-30]\nhours:\n",
            "shop.yaml:5:10: closed.0: is not a date like 2026-03-31",
        ),
        (
            "hours:\n",
            "step_minutes: 7\nhours:\n",
            "shop.yaml:5:15: step_minutes: 7 is not a multiple of 5",
        ),
        ("hours:\n", "chairs: 0\nhours:\n", "shop.yaml:5:9: chairs: is too small. Give 1 or more."),
        (
            "hours:\n",
            "chairs: yes\nhours:\n",
            "shop.yaml:5:9: chairs: must be a whole number, not text",
        ),
    ],
)
def test_every_mistake_is_told_with_its_place_and_its_cure(
    before: str, after: str, message: str
) -> None:
    assert before in SMALL
    assert refusal(SMALL.replace(before, after, 1)).startswith(message)


def test_a_service_that_is_not_there_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        default_shop().service("perm")


def test_without_a_file_there_is_the_built_in_shop(tmp_path: Path) -> None:
    assert load_shop(tmp_path) == default_shop()
    assert load_shop(None) == default_shop()


def test_the_example_is_written_once_and_reads_back(tmp_path: Path) -> None:
    path = write_default_shop(tmp_path / "new")
    assert path.read_text(encoding="utf-8") == DEFAULT_SHOP
    assert load_shop(tmp_path / "new") == default_shop()
    path.write_text(SMALL, encoding="utf-8")
    write_default_shop(tmp_path / "new")
    assert load_shop(tmp_path / "new").name == "Barber"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"name: \xff\n", "is not UTF-8 at byte 6"),
        (b"x" * 70_000, "is over 64 KiB"),
    ],
)
def test_a_file_that_is_no_text_is_refused_by_name(
    tmp_path: Path, content: bytes, what: str
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_shop(tmp_path)
    assert caught.value.where.startswith(str(path))
    assert caught.value.what == what


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_shop(tmp_path)


def shop_or_error(text: str) -> Shop | ConfigError:
    try:
        return parse_shop(text, "shop.yaml")
    except ConfigError as error:
        return error


@given(st.integers(0, len(DEFAULT_SHOP)), st.integers(0, 30), st.text(max_size=12))
def test_any_edit_of_the_file_is_a_shop_or_an_error_with_a_place(
    at: int, cut: int, put: str
) -> None:
    found = shop_or_error(DEFAULT_SHOP[:at] + put + DEFAULT_SHOP[at + cut :])
    assert isinstance(found, Shop) or found.where.startswith("shop.yaml")
