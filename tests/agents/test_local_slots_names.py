"""Names: freed of the words around them, or put together from letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.names import introduced, name, spelled

PARTS = st.sampled_from(["Jane", "Kim", "O'Brien", "Smith", "Mary-Jane", "Zoë", "Ng", "Lopez"])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("My name is John Smith.", "John Smith"),
        ("It's Jane", "Jane"),
        ("um, it is Jane, please", "Jane"),
        ("Yes, Maria Lopez", "Maria Lopez"),
        ("this is Alex speaking", "Alex"),
        ("O'BRIEN", "O'Brien"),
        ("mary-jane watson", "Mary-Jane Watson"),
        ("zoë", "Zoë"),
        ("J O N E S", "Jones"),
        ("J-O-N-E-S", "Jones"),
        ("Jones, that's J, O, N, E, S.", "Jones"),
        ("John Smith, S M Y T H", "John Smyth"),
        ("John Brown, S M Y T H", "John Brown Smyth"),
        ("double l o y d", "Lloyd"),
        ("j as in juliet, o, n, e for echo, s", "Jones"),
        ("Kim Ng", "Kim Ng"),
        ("d as in boy, o, y, b for dog", "Boyd"),
        ("double l as in london, o, y, d", "Lloyd"),
        ("Will Smith", "Will Smith"),
        ("It's Will.", "Will"),
        ("Doris Day", "Doris Day"),
        ("An Nguyen", "An Nguyen"),
        ("An Nguien, N G U Y E N", "An Nguyen"),
        ("Can Yilmaz, please", "Can Yilmaz"),
    ],
)
def test_names_are_written_as_meant(said: str, written: str) -> None:
    assert name(said) == written


@pytest.mark.parametrize(
    "said",
    [
        *("", "yes", "um", "please", "I don't want to say", "what times do you have", "42"),
        *("can you repeat that", "one two three four five six seven eight", "it's", "R2D2"),
        *(
            "an hour",
            "An hour.",
            "will do",
            "I will",
            "Any day",
            "What day?",
            "a person",
            "Can Will",
        ),
        *("Will Friday work?", "Can I?", "Day", "A real person", "Will you?", "Person"),
    ],
)
def test_what_is_no_name_is_none(said: str) -> None:
    assert name(said) is None


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Hi, my name is John Smith and I'd like a haircut", "John Smith"),
        ("a haircut on Tuesday under the name of Maria Lopez, please", "Maria Lopez"),
        ("my name's Kim. Tuesday works", "Kim"),
        ("I'd like a haircut", None),
        ("my name is", None),
        ("my name is what you have on file", None),
        ("My name is Robert Day", "Robert Day"),
        ("My name is Robert Day and I'd like a haircut", "Robert Day"),
        ("My name is Will Smith.", "Will Smith"),
        ("my name's Will. Can I come on Tuesday?", "Will"),
        ("My name is Kim. Will Tuesday do?", "Kim"),
        ("My name is Kim will Tuesday do", "Kim"),
        ("My name is Kim day after tomorrow", "Kim"),
    ],
)
def test_a_name_in_a_longer_sentence_must_be_introduced(said: str, written: str | None) -> None:
    assert introduced(said) == written


@given(st.lists(PARTS, min_size=1, max_size=3).map(" ".join))
def test_a_name_said_plainly_is_itself(written: str) -> None:
    assert name(written) == written
    assert name(f"my name is {written.lower()}, thanks") == written


@given(st.sampled_from(["Jones", "Smyth", "Lloyd", "Ng", "Lopez"]))
def test_a_name_spelled_is_itself(written: str) -> None:
    assert name(" ".join(written.upper())) == written


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (name(text), introduced(text)):
        assert found is None or found.strip()


@pytest.mark.parametrize(
    ("said", "letters"),
    [
        ("Jones, that's J, O, N, E, S.", "Jones"),
        ("b as in boy, o, y, d", "Boyd"),
        ("Boyd", None),
        ("", None),
        ("yes", None),
    ],
)
def test_letters_are_told_from_a_name_said_plainly(said: str, letters: str | None) -> None:
    assert spelled(said) == letters


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Change the name to James", "James"),
        ("please correct my name to Mary Jones", "Mary Jones"),
        ("the name should be Ann", "Ann"),
        ("yes, what's the name to give", None),
        ("the name to call is Mary Jones", None),
        ("I forgot my name to be honest", None),
    ],
)
def test_a_name_to_do_something_with_is_none(said: str, written: str | None) -> None:
    assert introduced(said) == written
