"""Which number a text means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.phone import WITHHELD, e164


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+442079460001", "", "+442079460001"),
        (" +44 (0)20 7946-0001 ", "", "+442079460001"),
        ("+1 (415) 555.2671", "", "+14155552671"),
        ("0044 20 7946 0001", "", "+442079460001"),
        ("020 7946 0001", "GB", "+442079460001"),
        ("4155552671", "US", "+14155552671"),
        ("020 7946 0001", "", None),
        ("7946 0001", "GB", None),
        ("555-0123", "US", None),
        ("anonymous", "GB", None),
        ("Anonymous", "", None),
        ("", "GB", None),
        ("+", "", None),
        ("+0123456789", "", None),
        ("+123456", "", None),
        ("+1234567890123456", "", None),
        ("sip:ann@example.com", "", None),
        ("+44 20 7946 ext 1", "", None),
        ("0049 89 636 48018", "GB", "+498963648018"),
        ("06 698 1234", "IT", "+39066981234"),
        ("(0711) 123-4567", "DE", "+497111234567"),
        ("1-800-FLOWERS", "US", None),
        ("+999 123 456 789", "", None),
        ("12", "GB", None),
        ("+1" + " " * 50 + "4155552671", "", None),
        ("\u0664\u0664123456789", "GB", None),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, region: str, number: str | None) -> None:
    assert e164(text, region) == number


@pytest.mark.parametrize("number", sorted(WITHHELD))
def test_stand_ins_for_withheld_numbers_are_no_numbers(number: str) -> None:
    assert e164(number) is None


@pytest.mark.parametrize("region", ["", "GB", "US", "DE", "MX", "AR", "BR", "IT"])
@given(text=st.text(alphabet="+0123456789 ()-./x\n", max_size=30))
def test_an_answer_is_in_its_final_form(region: str, text: str) -> None:
    number = e164(text, region)
    assert number is None or e164(number) == e164(number, region) == number


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    number = e164(text, "GB")
    assert number is None or number[1:].isdecimal()
