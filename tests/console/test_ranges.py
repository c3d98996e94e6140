"""Which part of a file a request asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.console.ranges import Part, Unsatisfiable, wanted


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", Part(0, 1_000)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=999-", Part(999, 1_000)),
        ("bytes=10-19", Part(10, 20)),
        ("BYTES= 10-19 ", Part(10, 20)),
        ("bytes=10-5000", Part(10, 1_000)),
        ("bytes=-1", Part(999, 1_000)),
        ("bytes=-5000", Part(0, 1_000)),
        # What makes no sense, or asks for several parts, is as if it had not been said.
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_a_range_is_read_as_rfc_9110_has_it(header: str | None, part: Part | None) -> None:
    assert wanted(header, 1_000) == part


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_what_is_not_there_cannot_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted(header, 1_000)
    with pytest.raises(Unsatisfiable):
        wanted("bytes=0-", 0)


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_whatever_is_asked_a_part_lies_inside(text: str, length: int) -> None:
    try:
        part = wanted("bytes=" + text, length)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.first < part.last <= length
