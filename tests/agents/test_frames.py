"""The short way for plain text frames agrees with the general parser on every stream of bytes."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import apply_mask

from agents import frames

MOST_BYTES = 70_000
SIZES = st.one_of(
    st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, MOST_BYTES, MOST_BYTES + 1]),
    st.integers(0, 400),
)


class Reader:
    """One side of a connection: a library's protocol, with or without a splitter before it, which
    may be asked for whole packets first."""

    def __init__(self, side: Side, *, split: bool, whole: bool = False) -> None:
        self.library = Protocol(side, state=State.OPEN, max_size=MOST_BYTES)
        self.messages: list[bytes] = []
        self._parts: list[bytes] = []
        self._whole = whole
        self._splitter = (
            frames.Splitter(masked=side is Side.SERVER, most_bytes=MOST_BYTES) if split else None
        )

    def feed(self, data: bytes) -> None:
        if self._splitter is None:
            self._general(data)
        elif not self._whole or (payload := self._splitter.whole(data)) is None:
            self._splitter.push(data, self._plain, self._general)
        elif self.library.state is State.OPEN:
            self.messages.append(payload)

    def _plain(self, frame: bytes) -> None:
        if self.library.state is State.OPEN:
            self.messages.append(frames.Splitter.payload(frame))

    def _general(self, data: bytes) -> None:
        self.library.receive_data(data)
        for event in self.library.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    self.messages.append(b"".join(self._parts))
                    self._parts = []

    @property
    def end(self) -> tuple[State, object]:
        sent = self.library.close_sent
        return self.library.state, None if sent is None else sent.code


def both(side: Side, pieces: Sequence[bytes]) -> tuple[Reader, Reader]:
    """Without a splitter and with one, whichever way it is asked."""
    alone, split = Reader(side, split=False), Reader(side, split=True)
    asked = Reader(side, split=True, whole=True)
    for piece in pieces:
        for reader in (alone, split, asked):
            reader.feed(piece)
    assert (asked.messages, asked.end) == (split.messages, split.end)
    return alone, split


@st.composite
def frame(draw: st.DrawFn, *, masked: bool) -> bytes:
    """A frame that is mostly right."""
    opcode = draw(st.sampled_from([1, 1, 1, 1, 0, 2, 8, 9, 10, 3]))
    fin = draw(st.sampled_from([True, True, True, False]))
    rsv = draw(st.sampled_from([0, 0, 0, 0, 0, 0x40]))
    size = draw(SIZES) if opcode < 8 else draw(st.integers(0, 125))
    payload = (draw(st.binary(min_size=1, max_size=8)) * (size // 1 + 1))[:size]
    wrong = draw(st.integers(0, 9)) == 0
    made = frames.Masking().text(payload) if masked is not wrong else frames.text(payload)
    return bytes([(0x80 if fin else 0) | rsv | opcode]) + made[1:]


@st.composite
def cut(draw: st.DrawFn, *, masked: bool) -> list[bytes]:
    """Some frames, in whatever pieces a network makes of them."""
    data = b"".join(draw(st.lists(frame(masked=masked), min_size=1, max_size=6)))
    at = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    bounds = [0, *at, len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


@given(cut(masked=True))
def test_a_server_reads_the_same_with_it_and_without(pieces: list[bytes]) -> None:
    alone, split = both(Side.SERVER, pieces)
    assert split.messages == alone.messages
    assert split.end == alone.end


@given(cut(masked=False))
def test_a_client_reads_the_same_with_it_and_without(pieces: list[bytes]) -> None:
    alone, split = both(Side.CLIENT, pieces)
    assert split.messages == alone.messages
    assert split.end == alone.end


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
def test_no_bytes_at_all_break_it(pieces: list[bytes]) -> None:
    alone, split = both(Side.SERVER, pieces)
    assert split.messages == alone.messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_what_it_writes_the_library_reads(size: int) -> None:
    payload = bytes(range(256)) * 256
    server, client = Reader(Side.SERVER, split=False), Reader(Side.CLIENT, split=False)
    server.feed(frames.Masking().text(payload[:size]))
    client.feed(frames.text(payload[:size]))
    assert server.messages == client.messages == [payload[:size]]


@given(st.integers(0, 70_000), st.booleans())
def test_what_it_writes_is_what_the_library_writes(size: int, masked: bool) -> None:
    payload = (bytes(range(251)) * 280)[:size]
    made = frames.Masking().text(payload) if masked else frames.text(payload)
    head = 2 + (0 if size < 126 else 2 if size < 65_536 else 8)
    parsed = Frame(Opcode.TEXT, payload)
    if masked:
        assert apply_mask(made[head + 4 :], made[head : head + 4]) == payload
        assert made[:head] == parsed.serialize(mask=True)[:head]
    else:
        assert made == parsed.serialize(mask=False)


def test_byte_by_byte() -> None:
    made = frames.Masking().text(b"x" * 300)
    alone, split = both(Side.SERVER, [bytes([byte]) for byte in made * 2])
    assert split.messages == alone.messages == [b"x" * 300] * 2


def test_a_frame_that_is_too_large_is_refused_before_it_has_come() -> None:
    _, split = both(Side.SERVER, [frames.Masking().text(b"x" * (MOST_BYTES + 1))[:14]])
    assert split.end == (State.CLOSING, 1009)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 119, 120, 125, 126, 127, 380, 65_535])
def test_a_packet_that_is_one_text_message_is_read_at_once(size: int) -> None:
    splitter = frames.Splitter(masked=True, most_bytes=MOST_BYTES)
    for n in range(3):
        assert splitter.whole(frames.Masking().text(bytes([n]) * size)) == bytes([n]) * size


MADE, SHORT = (frames.Masking().text(b"x" * size) for size in (300, 30))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MADE[:1],
        MADE[:7],
        MADE[:8],
        MADE[:-1],
        MADE + b"\x81",
        MADE * 2,
        b"\x01" + MADE[1:],
        b"\x82" + MADE[1:],
        b"\xc1" + MADE[1:],
        b"\x89" + MADE[1:],
        frames.Masking().text(b"x" * 65_536),
        SHORT[:5],
        SHORT[:6],
        SHORT[:-1],
        SHORT + b"\x81",
        SHORT * 2,
        b"\x01" + SHORT[1:],
        b"\x8a" + SHORT[1:],
        frames.text(b"x" * 30),
        frames.text(b"x" * 300),
        frames.text(b"x" * 304),
    ],
    ids=range(22),  # what is masked is another in each process that collects
)
def test_any_other_packet_is_none(data: bytes) -> None:
    assert frames.Splitter(masked=True, most_bytes=MOST_BYTES).whole(data) is None


def test_nor_is_one_in_the_midst_of_something_or_beyond_the_limit() -> None:
    begun, fragmented, blind = (
        frames.Splitter(masked=True, most_bytes=MOST_BYTES) for _ in range(3)
    )
    begun.push(MADE[:1], _no, _no)
    fragmented.push(b"\x01" + MADE[1:], _no, lambda data: None)
    blind.push(frames.Masking().text(b"x" * (MOST_BYTES + 1)), _no, lambda data: None)
    narrow = frames.Splitter(masked=True, most_bytes=29)
    from_a_server = frames.Splitter(masked=False, most_bytes=MOST_BYTES)
    for splitter in (begun, fragmented, blind, narrow, from_a_server):
        assert splitter.whole(MADE) is None
        assert splitter.whole(SHORT) is None


def _no(data: bytes) -> None:
    raise AssertionError(data)


def test_a_text_inside_a_fragmented_message_is_for_the_library_to_refuse() -> None:
    begun = bytes([0x01]) + frames.Masking().text(b"begun")[1:]
    _, split = both(Side.SERVER, [begun, frames.Masking().text(b"in between")])
    assert (split.messages, split.end) == ([], (State.CLOSING, 1002))


def test_no_two_frames_have_the_same_key() -> None:
    masking = frames.Masking()
    keys = {masking.text(b"")[2:6] for _ in range(1_500)}
    assert len(keys) == 1_500
