"""Where does one WebSocket frame end, and what is in a plain one?

Nearly all that passes a media socket are whole text messages in one frame. Those are read and
written here, in a few microseconds; everything else (fragments, pings, closes, whatever breaks the
rules) is cut out whole and left to the library that keeps the connection. Source: RFC 6455, 5.2.
"""

import secrets
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the library's C code
    from websockets.utils import apply_mask

_TEXT: Final = 0x81
"""First byte of a whole text message: FIN, no extension, opcode 1."""
_MASKED: Final = 0x80
_SHORT: Final = 125
_MIDDLE, _LONG = 126, 127
"""Of the second byte's length: the next two bytes have it, or the next eight."""
_KEY_BYTES: Final = 4
_KEYS: Final = 64
_FRAGMENTS: Final = frozenset({0x00, 0x01, 0x02})
"""Opcodes without FIN: more of a message follows."""

_head_bytes: Final = {_MIDDLE: 2, _LONG: 8}
_SHORT_HEAD: Final = 2 + _KEY_BYTES
_MIDDLE_HEAD: Final = 4 + _KEY_BYTES
_MIDDLE_TEXT: Final = _TEXT << 8 | _MASKED | _MIDDLE
_read_middle_head: Final = struct.Struct(f">HH{_KEY_BYTES}s").unpack_from
"""First two bytes, length, key: of a client's frame whose length takes two bytes."""

Frame = bytes
"""As it came: head, key, payload."""


class Splitter:
    """One direction of one connection, from behind its handshake on."""

    def __init__(self, *, masked: bool, most_bytes: int) -> None:
        """`masked`: the other side is a client. A frame of more than `most_bytes` is not waited
        for: from there on all bytes are handed on as they come, and who gets them refuses it."""
        self._masked = masked
        self._most_bytes = most_bytes
        self._most_whole = most_bytes if masked else -1
        self._rest = bytearray()
        self._wanted = 2
        """So many bytes are to be had before it is worth another look."""
        self._fragmented = False
        self._blind = False

    def whole(self, data: bytes) -> bytes | None:
        """The payload of bytes that are one plain text message of a client's, no more and no less,
        and below 64 KiB: the short way of nearly every packet of a call. None: `push` them. Nothing
        is changed either way."""
        if self._rest or self._fragmented or self._blind:
            return None
        size = len(data) - _MIDDLE_HEAD
        if 0 <= size <= self._most_whole:
            first, length, key = _read_middle_head(data)
            if first == _MIDDLE_TEXT and length == size:
                return apply_mask(data[_MIDDLE_HEAD:], key)
        size = len(data) - _SHORT_HEAD
        if 0 <= size <= min(_SHORT, self._most_whole) and data[:2] == bytes(
            (_TEXT, _MASKED | size)
        ):
            return apply_mask(data[_SHORT_HEAD:], data[2:_SHORT_HEAD])
        return None

    def push(
        self, data: bytes, plain: Callable[[Frame], None], other: Callable[[bytes], None]
    ) -> None:
        """More bytes. Each whole frame goes, in order, to `plain` if it is all of a text message
        (`payload` reads it), else to `other`."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return
            data = bytes(self._rest)
            self._rest.clear()
        if self._blind:
            other(data)
            return
        at = 0
        while (end := self._end(data, at)) is not None:
            self._hand_on(data[at:end] if at or end < len(data) else data, plain, other)
            at = end
        self._keep(data[at:], other)

    def _keep(self, data: bytes, other: Callable[[bytes], None]) -> None:
        """What is left after the last whole frame."""
        if self._blind:
            other(data)
        else:
            self._rest += data

    def _end(self, data: bytes, at: int) -> int | None:
        """Where the frame that begins there is over; None: not in these bytes."""
        left = len(data) - at
        if left < 2:
            self._wanted = 2
            return None
        length = data[at + 1] & 0x7F
        head = 2 + (_KEY_BYTES if data[at + 1] & _MASKED else 0)
        if length > _SHORT:
            more = _head_bytes[length]
            head += more
            if left < head:
                self._wanted = head
                return None
            length = int.from_bytes(data[at + 2 : at + 2 + more])
        if length > self._most_bytes:
            self._blind = True
            return None
        self._wanted = head + length
        return at + self._wanted if left >= self._wanted else None

    def _hand_on(
        self, frame: Frame, plain: Callable[[Frame], None], other: Callable[[bytes], None]
    ) -> None:
        if frame[0] == _TEXT and not self._fragmented and (frame[1] >= _MASKED) is self._masked:
            plain(frame)
            return
        if frame[0] & 0x0F in _FRAGMENTS:
            self._fragmented = not frame[0] & 0x80
        other(frame)

    @staticmethod
    def payload(frame: Frame) -> bytes:
        """Of a whole frame, unmasked."""
        at = 2 + _head_bytes.get(frame[1] & 0x7F, 0)
        if frame[1] < _MASKED:
            return frame[at:]
        return apply_mask(frame[at + _KEY_BYTES :], frame[at : at + _KEY_BYTES])


def text(payload: bytes) -> bytes:
    """A server's frame for a whole text message."""
    return _head(len(payload), 0) + payload


class Masking:
    """A client's frames. Each has a key of its own that nobody can foresee."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []

    def text(self, payload: bytes) -> bytes:
        """A client's frame for a whole text message."""
        if not self._keys:
            self._keys = _drawn()
        key = self._keys.pop()
        return _head(len(payload), _MASKED) + key + apply_mask(payload, key)


def _drawn() -> list[bytes]:
    """One question to the system for many frames."""
    return list(struct.unpack(f"{_KEY_BYTES}s" * _KEYS, secrets.token_bytes(_KEYS * _KEY_BYTES)))


@lru_cache(maxsize=256)  # audio comes in few lengths
def _head(length: int, masked: int) -> bytes:
    if length <= _SHORT:
        return bytes((_TEXT, masked | length))
    if length < 1 << 16:
        return bytes((_TEXT, masked | _MIDDLE, length >> 8, length & 0xFF))
    return bytes((_TEXT, masked | _LONG)) + length.to_bytes(8)
