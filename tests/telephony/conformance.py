"""What a WebSocket peer may send, lawful or not, and what the media endpoint must do: RFC 6455.

    python -m tests.telephony.conformance    prints the table of docs/conformance.md

Every case is sent after a lawful upgrade, `connected` and `start`, so that it meets the code that
carries calls. It hears nothing back but pongs and the close; whether messages were taken is seen
in what the call was told.
"""

import struct
from collections.abc import Iterator

import msgspec

from tests.telephony import twilio_peer as peer
from tests.telephony.raw_phone import (
    BINARY,
    CLOSE,
    CONT,
    NO_CODE,
    PING,
    PONG,
    TEXT,
    closing,
    frame,
)

LIMIT = 65_536
CLOSES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
NOT_TO_BE_SENT = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
BROKEN_TEXTS = {
    "a lone continuation byte": b"\x80",
    "a byte no encoding has": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xe0\x80\x80",
    "half of a surrogate pair": b"\xed\xa0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "a character cut off": b"\xce\xba\xe1",
    "five bytes for one character": b"\xf8\x88\x80\x80\x80",
}


class Case(msgspec.Struct, frozen=True):
    """One conversation."""

    section: str
    """Of RFC 6455."""
    name: str
    sent: bytes
    heard: int = 0
    """Media messages of `sent` that reach the call, in order."""
    closed: int | None = None
    """The server's close code; None: the stream goes on."""
    pongs: tuple[bytes, ...] = ()
    dripped: bool = True
    """Is also sent byte by byte."""


def media(number: int) -> bytes:
    """The text of the stream's media message of this number, from 0."""
    return peer.text(peer.media(2 + number, 20 * number)).encode()


def text(payload: bytes, fin: bool = True) -> bytes:
    return frame(TEXT, payload, fin)


def more(payload: bytes, fin: bool = False) -> bytes:
    return frame(CONT, payload, fin)


def padded(size: int) -> bytes:
    """A lawful message of exactly so many bytes that means nothing: an event of a later day."""
    around = b'{"event":"later","x":"' + b'"}'
    return around[:-2] + b"x" * (size - len(around)) + around[-2:]


def cases() -> Iterator[Case]:
    yield from _sizes()
    yield from _bits()
    yield from _fragments()
    yield from _control()
    yield from _closes()
    yield from _texts()


def _sizes() -> Iterator[Case]:
    for size in (125, 126, 127, 128, 65_535, LIMIT):
        sent = text(padded(size)) + text(media(0))
        yield Case("5.2", f"a message of {size:,} bytes", sent, heard=1, dripped=size < 1_000)
    yield Case("5.2", "an empty message", text(b"") + text(media(0)), heard=1)
    long = {
        "16 bits for a length of 7": struct.pack("!BH", 126, 2),
        "64 bits for a length of 7": struct.pack("!BQ", 127, 2),
    }
    for name, length in long.items():
        sent = frame(TEXT, b"{}", length=length) + text(media(0))
        yield Case("5.2", f"{name} bits", sent, heard=1)
    for size in (LIMIT + 1, 1 << 20, 17 << 20, (1 << 63) - 1):
        head = frame(TEXT, length=struct.pack("!BQ", 127, size))
        sent = text(media(0)) + head
        yield Case("10.4", f"{size:,} bytes announced, none sent", sent, heard=1, closed=1009)
    whole = frame(TEXT, b"x" * (LIMIT + 1))
    yield Case("10.4", "one byte above the limit", whole, closed=1009, dripped=False)
    pieces = text(b"x" * 40_000, fin=False) + more(b"x" * 40_000)
    yield Case("10.4", "fragments above the limit together", pieces, closed=1009, dripped=False)
    empties = text(b"", fin=False) + more(b"") * 2_000
    yield Case("10.4", "two thousand empty fragments", empties, closed=1009, dripped=False)
    head = frame(TEXT, length=struct.pack("!BQ", 127, 1 << 63))
    yield Case("5.2", "a length with the highest bit set", text(media(0)) + head, 1, 1009)


def _bits() -> Iterator[Case]:
    before = text(media(0))
    for rsv in range(1, 8):
        sent = before + frame(TEXT, media(1), rsv=rsv) + text(media(2))
        yield Case("5.2", f"reserved bits {rsv:03b}", sent, heard=1, closed=1002)
    yield Case("5.2", "a reserved bit on a ping", before + frame(PING, rsv=4), 1, 1002)
    second = before + text(b"{", fin=False) + frame(CONT, b"}", rsv=4)
    yield Case("5.2", "a reserved bit on a fragment", second, 1, 1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        sent = before + frame(opcode, b"x") + text(media(1))
        yield Case("5.2", f"reserved opcode {opcode}", sent, heard=1, closed=1002)
    for name, opcode in {"text": TEXT, "ping": PING, "close": CLOSE}.items():
        sent = before + frame(opcode, b"", masked=False)
        yield Case("5.1", f"a {name} that is not masked", sent, heard=1, closed=1002)


def _fragments() -> Iterator[Case]:
    one = media(0)
    yield Case("5.4", "two fragments", text(one[:50], False) + more(one[50:], True), 1)
    letters = [bytes([byte]) for byte in one]
    each = text(letters[0], False) + b"".join(map(more, letters[1:])) + more(b"", True)
    yield Case("5.4", "a fragment for each byte", each, 1, dripped=False)
    hollow = text(b"", False) + more(b"") + more(one) + more(b"") + more(b"", True)
    yield Case("5.4", "empty fragments around one", hollow, 1)
    three = (text(one[:9], False), more(one[9:70]), more(one[70:], True))
    ping = frame(PING, b"between")
    answered = (b"between", b"between")
    yield Case("5.4", "pings between fragments", ping.join(three), 1, pongs=answered)
    yield Case("5.4", "pongs between fragments", frame(PONG, b"x").join(three), 1)
    yield Case("5.4", "a close between fragments", three[0] + closing(1000) + three[1], 0, 1000)
    yield Case("5.4", "a fragment of nothing", text(one) + more(b"x", True), 1, 1002)
    yield Case("5.4", "a last fragment twice", b"".join(three) + more(b"", True), 1, 1002)
    yield Case("5.4", "a message within another", three[0] + text(media(1)), 0, 1002)
    inside = three[0] + frame(BINARY, b"x")
    yield Case("5.4", "a binary message within a text", inside, 0, 1002)


def _control() -> Iterator[Case]:
    after = text(media(0))
    for payload in (b"", b"hello", bytes(range(125))):
        sent = frame(PING, payload) + after
        yield Case("5.5.2", f"a ping of {len(payload)} bytes", sent, 1, pongs=(payload,))
    ten = tuple(b"%d" % number for number in range(10))
    sent = b"".join(frame(PING, each) for each in ten) + after
    yield Case("5.5.2", "ten pings at once", sent, 1, pongs=ten)
    for name, payload in {"": b"", " with a text": b"unasked"}.items():
        yield Case("5.5.3", f"a pong nobody asked for{name}", frame(PONG, payload) + after, 1)
    for name, opcode in {"ping": PING, "pong": PONG, "close": CLOSE}.items():
        long = after + frame(opcode, b"\x03\xe8" + b"x" * 124)
        yield Case("5.5", f"a {name} of 126 bytes", long, 1, 1002)
        piece = after + frame(opcode, b"\x03\xe8", fin=False)
        yield Case("5.5", f"a fragment of a {name}", piece, 1, 1002)
    binary = frame(BINARY, b"\x00\xff") + frame(BINARY, after)
    yield Case("5.6", "binary messages", binary + after, 1)


def _closes() -> Iterator[Case]:
    before = text(media(0))
    yield Case("5.5.1", "a close without a code", before + frame(CLOSE), 1, NO_CODE)
    for code in CLOSES:
        yield Case("7.4", f"close {code}", before + closing(code), 1, code)
    for code in NOT_TO_BE_SENT:
        yield Case("7.4", f"close {code}, which nobody may send", before + closing(code), 1, 1002)
    yield Case("5.5.1", "a close of one byte", before + frame(CLOSE, b"\x03"), 1, 1002)
    reason = before + closing(1000, "zu früh".encode() + b"x" * 115)
    yield Case("5.5.1", "a close with the longest reason", reason, 1, 1000)
    broken = before + closing(1000, b"\xed\xa0\x80")
    yield Case("5.5.1", "a close whose reason is no UTF-8", broken, 1, 1007)
    late = {"a message": text(media(1)), "a ping": frame(PING), "a second close": closing(1001)}
    for name, sent in late.items():
        yield Case("5.5.1", f"{name} after the close", before + closing(1000) + sent, 1, 1000)


def _texts() -> Iterator[Case]:
    for name, broken in BROKEN_TEXTS.items():
        sent = text(media(0)) + text(b'{"event":"' + broken + b'"}') + text(media(1))
        yield Case("8.1", f"text with {name}", sent, heard=1, closed=1007)
    sent = text(media(0)) + text(b"{", False) + more(b"\xff\xff") + more(b"}", True)
    yield Case("8.1", "broken text in a fragment", sent, heard=1, closed=1007)
    wide = '{"event":"später","x":"κόσμε 𝄞"}'.encode()
    pieces = [bytes([byte]) for byte in wide]
    split = text(b"", False) + b"".join(map(more, pieces)) + more(b"", True)
    whole = text(wide) + split + text(media(0))
    yield Case("8.1", "characters split between fragments", whole, heard=1)


def table() -> str:
    """Markdown."""
    lines = ["| RFC 6455 | sent | must come of it |", "|---|---|---|"]
    return "\n".join(
        [*lines, *(f"| {each.section} | {each.name} | {_outcome(each)} |" for each in cases())]
    )


def _outcome(case: Case) -> str:
    taken = f"{case.heard} heard" if case.heard else "nothing heard"
    pongs = f", {len(case.pongs)} answered" if case.pongs else ""
    if case.closed is None:
        return f"{taken}{pongs}, the stream goes on"
    code = "without a code" if case.closed == NO_CODE else str(case.closed)
    return f"{taken}{pongs}, closed {code}"


if __name__ == "__main__":
    print(table())
