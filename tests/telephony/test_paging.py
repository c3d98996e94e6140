"""A journal read a page at a time."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioDelta, ResponseDone, ResponseStatus, TextDelta, Usage
from telephony.call.events import CallerAudio, CallEvent, DtmfPressed, MarkEchoed
from telephony.transcripts.paging import PAGE, PART_BYTES, Page, Place, page, place
from telephony.transcripts.records import Checkpoint, Gap, Happened, Header, Record, frame
from tests.telephony.stored_call import store

HEADER = Header(call_id="CA1", started_at="2026-11-23", engine="local", config=b"secret")


def happened(event: CallEvent, at_s: float = 1.0) -> Happened:
    return Happened(at_s, 0, event)


def written(*records: Record) -> bytes:
    return b"".join(map(frame, (HEADER, *records)))


def pages(data: bytes, *, everything: bool = False, part: int = PART_BYTES) -> list[Page]:
    """All of them, reading `part` bytes for each."""
    found: list[Page] = []
    at = Place()
    while True:
        piece = data[at.offset : at.offset + part]
        last = at.offset + part >= len(data)
        found.append(page(piece, at, last=last, everything=everything))
        if found[-1].next is None:
            return found
        before, at = at, place(found[-1].next)
        assert at != before


def test_events_are_counted_as_replay_counts_them_and_audio_is_left_out() -> None:
    data = written(
        happened(CallerAudio(b"\xff" * 160, 20)), happened(DtmfPressed("5"), 1.2345),
        Checkpoint(2, 3, b"x" * 32), happened(MarkEchoed("1:1")), Gap(4),
    )  # fmt: skip
    (only,) = pages(data)
    assert [(row.number, row.kind, row.now_ms) for row in only.rows] == [
        (0, "header", None), (2, "DtmfPressed", 1_234), (0, "checkpoint", None), (0, "gap", None),
    ]  # fmt: skip
    (whole,) = pages(data, everything=True)
    assert [row.number for row in whole.rows] == [0, 1, 2, 0, 3, 0]


def test_audio_and_configuration_are_told_by_their_length() -> None:
    delta = AudioDelta("r1", "i1", 0, b"\x01" * 960)
    text_delta = TextDelta("r1", "i1", "a" * 9_000)
    over = ResponseDone("r1", ResponseStatus.COMPLETED, usage=Usage(output_text_tokens=7))
    (found,) = pages(written(happened(delta), happened(text_delta), happened(over)))
    header, audio, text, done = found.rows
    assert header.fields["config"] == "<6 bytes>"
    assert audio.fields["audio"] == "<960 bytes>"
    assert len(text.fields["text"]) == 4_001
    assert done.fields["status"] == "completed"
    assert done.fields["usage"]["type"] == "Usage"
    assert done.fields["usage"]["output_text_tokens"] == 7


@pytest.mark.parametrize("part", [PART_BYTES, 3_000, 700])
def test_pages_follow_each_other_however_much_is_read_at_once(part: int) -> None:
    keys = [happened(DtmfPressed("0123456789"[number % 10])) for number in range(PAGE * 2 + 7)]
    data = written(*keys)
    found = pages(data, part=part)
    rows = [row for each in found for row in each.rows]
    assert [row.number for row in rows] == list(range(len(keys) + 1))
    assert all(len(each.rows) <= PAGE for each in found)
    assert {each.damage for each in found} == {None}


def test_a_page_may_be_empty_where_only_audio_stands() -> None:
    data = written(*[happened(CallerAudio(b"\xff" * 160, 20))] * 50, happened(DtmfPressed("5")))
    rows = [row for each in pages(data, part=1_000) for row in each.rows]
    assert [(row.number, row.kind) for row in rows] == [(0, "header"), (51, "DtmfPressed")]


def test_exactly_one_page_has_no_second() -> None:
    data = written(*[happened(DtmfPressed("1"))] * (PAGE - 1))
    assert [len(each.rows) for each in pages(data)] == [PAGE]


def test_damage_ends_it_and_is_named_by_its_place() -> None:
    data = bytearray(written(happened(DtmfPressed("1")), happened(DtmfPressed("2"))))
    data[-1] ^= 1
    (found,) = pages(bytes(data))
    assert [row.number for row in found.rows] == [0, 1]
    start = len(written(happened(DtmfPressed("1"))))
    assert found.damage == f"damaged at byte {start}: wrong checksum"
    torn = page(bytes(data[:-3]), Place(), last=True, everything=False)
    assert torn.damage == f"damaged at byte {start}: torn record"


def test_a_place_where_no_record_begins_is_damage_not_nonsense() -> None:
    data = written(happened(DtmfPressed("1")))
    found = page(data[3:], Place(3, 0), last=True, everything=True)
    assert found.rows == ()
    assert found.damage is not None
    assert page(b"", Place(10**6, 5), last=True, everything=True) == Page((), None, None)
    # A record longer than all that is ever read at once can only be damage.
    assert page(data[:9], Place(), last=False, everything=True).damage is not None


@pytest.mark.parametrize(
    "text", ["", "1", ".", "1.", "-1.0", "1.0.0", "٣.1", "1e3.0", "9" * 39 + ".1"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        place(text)


@given(st.integers(0, 2**60), st.integers(0, 2**40))
def test_a_place_is_read_as_it_was_written(offset: int, number: int) -> None:
    assert place(str(Place(offset, number))) == Place(offset, number)


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_break_a_page(data: bytes, last: bool) -> None:
    page(data, Place(), last=last, everything=True)
    page(data, Place(7, 1), last=last, everything=True)


def test_a_stored_journal_is_read_to_its_end(tmp_path: Path) -> None:
    (found,) = pages((store(tmp_path) / "journal.bin").read_bytes(), everything=True)
    assert [row.kind for row in found.rows] == [
        "header", "CallerAudio", "MarkEchoed", "DtmfPressed", "checkpoint",
    ]  # fmt: skip
    assert found.damage is None
