"""Days off, days with other hours, whose hours hold, and how mistakes in them are told."""

import datetime as dt

import pytest

from tests.tools.salon import SALON, SHOP
from tools.booking.hours import Range
from tools.booking.shop import parse_shop
from tools.config import ConfigError


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("2026-03-10", (Range(540, 1080),)),
        ("2026-03-13", ()),
        ("2026-03-17", ()),
        ("2026-03-18", ()),
        ("2026-03-19", ()),
        ("2026-03-20", (Range(720, 900),)),
        ("2026-03-27", (Range(540, 1080),)),
        ("2026-03-28", ()),
    ],
)
def test_days_off_and_other_hours_come_before_the_week(date: str, hours: tuple[Range, ...]) -> None:
    assert SHOP.hours(day(date)) == hours


def test_a_resource_without_hours_is_there_when_the_shop_is() -> None:
    anna, bo = SHOP.resources[:2]
    assert SHOP.hours_of(anna, day("2026-03-10")) is None
    assert SHOP.hours_of(bo, day("2026-03-04")) == (Range(720, 1080),)
    assert SHOP.hours_of(bo, day("2026-03-12")) == ()


def test_a_resource_with_days_off_alone_is_there_all_other_days() -> None:
    text = SALON.replace("person: true}", "person: true, closed: [2026-03-05]}", 1)
    text = text.replace("closed: [2026-03-05]}", "closed: [2026-03-05], exceptions: [OTHER]}")
    text = text.replace("OTHER", '{days: 2026-03-06, hours: ["10:00-11:00"]}')
    anna = parse_shop(text, "shop.yaml").resources[0]
    assert SHOP.hours_of(anna, day("2026-03-04")) == (Range(0, 1440),)
    assert SHOP.hours_of(anna, day("2026-03-05")) == ()
    assert SHOP.hours_of(anna, day("2026-03-06")) == (Range(600, 660),)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("2026-03-13,", "2026-03-32,", "closed.0: is not a date like 2026-03-31. Give a date"),
        ("2026-03-13,", "soon,", "closed.0: is not a date like 2026-03-31"),
        ("2026-03-17..2026-03-19", "2026-03-19..2026-03-17", "ends before it begins, or after a"),
        ("2026-03-17..2026-03-19", "2026-03-17..2028-03-19", "ends before it begins, or after a"),
        ("2026-03-17..2026-03-19", "a..b..c", "closed.1: is not a date"),
        (
            "days: 2026-03-20",
            "days: 2026-03-18",
            "exceptions.0.days: 2026-03-18 is there twice. Keep one",
        ),
        ('["12:00-15:00"]', '["12:00-11:00"]', "exceptions.0.hours.0: '12:00-11:00' ends before"),
        ("closed: [2026-03-12]", "closed: [x]", "resources.1.closed.0: is not a date"),
        (
            '{wednesday: ["12:00-18:00"]',
            '{wednesday: ["12-18"]',
            "resources.1.hours.wednesday.0: '12-18' is not a range of times",
        ),
        ("name: Bo", "name: anna", "resources.1.name: 'anna' is there twice"),
        ("name: Bo", "name: a/b", "resources.1.name: has the wrong form"),
        ("name: Bo", "name: room", "resources.1.name: 'room' is also a kind"),
        ("services: [cut]", "services: [perm]", "'perm' is no service of this shop. Known here"),
        (
            "needs: [stylist, front room]",
            "needs: [stylist, sauna]",
            "services.1.needs.1: 'sauna' is no kind and no resource. Known here: Anna, Bo, bar",
        ),
        (", needs: [counter]", "", "services.3.needs: is missing, and there are several kinds"),
        ("needs: [table]", "needs: [table, table]", "services.2.needs.1: 'table' is there twice"),
        ("party: 8", "party: 9", "services.2.needs: no 'table' that does 'tea' has 9 seats. Add"),
        ("needs: [stylist, front room]", "needs: [Bo]", "no 'Bo' that does 'massage' has 1 seats"),
        ("after: 10", "after: 7", "services.0.after: 7 is not a multiple of 5"),
        ("hold_minutes: 5", "hold_minutes: 0", "hold_minutes: is too small. Give 1 or more"),
        ("name: Bo", "name: Chair 1", "is one of the 2 chairs. Take out `chairs`"),
    ],
)
def test_every_mistake_is_told_with_its_place_and_its_cure(
    before: str, after: str, message: str
) -> None:
    assert before in SALON
    text = SALON.replace(before, after, 1)
    if "chairs" in message:
        text += "chairs: 2\n"
    with pytest.raises(ConfigError) as caught:
        parse_shop(text, "shop.yaml")
    assert message in str(caught.value)
    assert caught.value.where.startswith("shop.yaml:")
    assert caught.value.where.count(":") == 2


def test_chairs_beside_named_resources_are_one_more_kind() -> None:
    text = SALON.replace("needs: [stylist]", "needs: [stylist, chair]") + "chairs: 2\n"
    shop = parse_shop(text, "shop.yaml")
    assert [each.name for each in shop.everything][:3] == ["chair 1", "chair 2", "Anna"]
    assert SHOP.chairs == 0
