"""When it would suit, without a time being named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.preferences import When, part_of, when, within
from agents.local.slots import choices_of
from agents.local.text import words

DAY = choices_of(["09:00", "11:30", "12:00", "16:30", "17:00", "20:00"])


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("in the afternoon", When.AFTERNOON),
        ("mornings are best", When.MORNING),
        ("tonight", When.EVENING),
        ("Good morning, a haircut please", None),
        ("Good morning, is there anything in the evening", When.EVENING),
        ("the morning or the afternoon", None),
        ("as soon as possible", When.SOONEST),
        ("I don't mind", When.SOONEST),
        ("any time in the afternoon", When.SOONEST),
        ("anything later?", When.LISTED),
        ("not in the morning, in the afternoon", When.AFTERNOON),
        ("I can't do mornings", None),
        ("mornings are no good", None),
        ("any time but the morning", When.LISTED),
        ("on Tuesday", None),
        ("", None),
    ],
)
def test_what_is_said_of_when(said: str, wanted: When | None) -> None:
    assert when(words(said)) is wanted


def test_parts_of_the_day_leave_out_no_hour_and_share_none() -> None:
    parts = [within(part, DAY) for part in (When.MORNING, When.AFTERNOON, When.EVENING)]
    assert [[each.value for each in part] for part in parts] == [
        ["09:00", "11:30"],
        ["12:00", "16:30"],
        ["17:00", "20:00"],
    ]
    assert within(None, DAY) == within(When.SOONEST, DAY) == DAY
    assert within(When.MORNING, choices_of(["haircut", "25:00"])) == ()


def test_only_a_part_of_the_day_has_a_name() -> None:
    assert [part_of(each) for each in When] == ["morning", "afternoon", "evening", "", ""]
    assert part_of(None) == ""


@given(st.text(max_size=80))
def test_any_text_says_something_of_when_or_nothing(text: str) -> None:
    assert when(words(text)) in {None, *When}
