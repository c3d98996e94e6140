"""Which regular expressions are quick, and which are refused."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tools.configuring.patterns import HarmfulPattern, check_pattern

QUICK = [
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    r"^\d{8}$",
    r"\d{5}",
    r"^(?:-\d+)*$",
    r"^(?:[A-Z]{2} )*[A-Z]{2}$",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    r"^[A-Z][a-z]+(?: [A-Z][a-z]+)?$",
    r"^\d+$|^x+$",
    r"^\w+\s\w+$",
    r"^[]a-c]+$",
    r"^[a-]+$",
    r"^[\-\d]+$",
    r"^[^]]$",
    r"^\.\*\n$",
    r"^(?:yes|no)$",
    r"^\D\W\S$",
    r"^a{2}b{0,3}c{4,}$",
    r"^a{,3}$",
    r"^a+?$",
    r"^(?:a|)b$",
    "^\u00e9+$",
    "",
]


@pytest.mark.parametrize("pattern", QUICK)
def test_a_plain_pattern_is_taken(pattern: str) -> None:
    check_pattern(pattern, 200)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"^(a+)+$", "what it repeats can be read in more than one way"),
        (r"^(a|a)*$", "what it repeats can be read in more than one way"),
        (r"^(a|ab)*$", "what it repeats can be read in more than one way"),
        (r"^(?:\d+ ?)+$", "what it repeats can be read in more than one way"),
        (r"^(.*?,){11}P", "what it repeats can be read in more than one way"),
        (r"^(x+x+)+y$", "what it repeats can be read in more than one way"),
        (r"^(?:\w|\d)+$", "what it repeats can be read in more than one way"),
        (r"^(?:[^\d]|\W)+$", "what it repeats can be read in more than one way"),
        ("^(?:\u00e9|\u00ea)+$", "what it repeats can be read in more than one way"),
        (r"^(a*)*$", "it repeats what may be empty"),
        (r"^(?:a?b?)+$", "it repeats what may be empty"),
        (r"^(?:a|)+$", "it repeats what may be empty"),
        (r".*.*x", "there are too many ways to read one text"),
        (r"^\d*\d*\d*\d*x$", "there are too many ways to read one text"),
        (r"^(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)"
         r"(?:a|a)$", "there are too many ways to read one text"),
        (r"(?=a)b", "only plain groups are allowed: ( ) and (?: )"),
        (r"(?P<n>a)(?P=n)", "only plain groups are allowed: ( ) and (?: )"),
        (r"(a)\1", r"\1 is not understood"),
        (r"\bword\b", r"\b is not understood"),
        (r"a**", "a repetition is repeated"),
        (r"a{3}{3}", "a repetition is repeated"),
        (r"a++", "a repetition is repeated"),
        (r"*a", "'*' at character 1 is not understood"),
        (r"a{,}", "'{' at character 2 is not understood"),
        (r"a]", "']' at character 2 is not understood"),
        (r"a$b", "'b' at character 3 is not understood"),
        (r"a)", "')' at character 2 is not understood"),
        (r"(a", "a group is not closed, or ^ or $ stands within one"),
        (r"(a$)", "a group is not closed, or ^ or $ stands within one"),
        (r"(^a)", "'^' at character 2 is not understood"),
        (r"[a", "it breaks off"),
        (r"[[:alpha:]]", r"[ within a set must be written \["),
        ("\\", "it breaks off"),
        (r"[z-a]", "it is no regular expression: bad character range z-a at position 1"),
        (r"a{3,2}", "it is no regular expression: min repeat greater than max repeat"),
        (r"a{1,5000}", "it repeats more than 1000 times"),
        ("(" * 11 + "a" + ")" * 11, "groups are nested more than 10 deep"),
        ("a" * 201, "it is longer than 200 characters"),
    ],
)  # fmt: skip
def test_fault_x12_what_cannot_be_shown_to_be_quick_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(HarmfulPattern, match=re.escape(why)):
        check_pattern(pattern, 200)


def test_the_longest_text_decides() -> None:
    check_pattern(r"^\w+\d+$", 900)
    with pytest.raises(HarmfulPattern):
        check_pattern(r"^\w+\d+$", 1_100)


@settings(max_examples=examples(150))
@given(st.text(alphabet="ab1.*+?|()[]{},^$\\-dws 23", max_size=24))
def test_what_is_taken_is_quick(pattern: str) -> None:
    """On the texts that are the worst for it: long runs of its own letters with a wrong end."""
    try:
        check_pattern(pattern, 100)
    except HarmfulPattern:
        return
    began = time.process_time()
    for letter in "ab1 ":
        re.search(pattern, letter * 99 + "!")
    assert time.process_time() - began < 2.0
