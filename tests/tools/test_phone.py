"""Which number a text means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.phone import WITHHELD, e164


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+442079460001", "", "+442079460001"),
        (" +44 (0)20 7946-0001 ", "", "+442079460001"),
        ("+1 (415) 555.2671", "", "+14155552671"),
        ("0044 20 7946 0001", "", "+442079460001"),
        ("020 7946 0001", "44", "+442079460001"),
        ("4155552671", "1", "+14155552671"),
        ("020 7946 0001", "", None),
        ("anonymous", "44", None),
        ("Anonymous", "", None),
        ("", "44", None),
        ("+", "", None),
        ("+0123456789", "", None),
        ("+123456", "", None),
        ("+1234567890123456", "", None),
        ("sip:ann@example.com", "", None),
        ("+44 20 7946 ext 1", "", None),
        ("\u0664\u0664123456789", "44", None),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, country: str, number: str | None) -> None:
    assert e164(text, country) == number


@pytest.mark.parametrize("number", sorted(WITHHELD))
def test_stand_ins_for_withheld_numbers_are_no_numbers(number: str) -> None:
    assert e164(number) is None


@given(st.text(alphabet="+0123456789 ()-./x\n", max_size=30))
def test_an_answer_is_in_its_final_form(text: str) -> None:
    number = e164(text)
    assert number is None or e164(number) == number
