"""What a call's journal is made of, and what can be believed of a file that claims to be one.

A journal is a sequence of frames: payload length and CRC-32 (both little-endian, 32 bits; the
CRC covers the length too, so that a run of zeros is no frame), then the payload, one record in
msgpack. The first record is the Header. Every event carries a running CRC-32 of all commands
asked for so far, every checkpoint a running BLAKE2b of the same: together they let a replay say
at which event it first differs, and prove that it does not.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from telephony.call.commands import CallCommand
from telephony.call.events import CallEvent

SCHEMA_VERSION = 1
_FRAME = struct.Struct("<II")
MAX_RECORD_BYTES = 4 << 20
MAX_FRAME_BYTES = _FRAME.size + MAX_RECORD_BYTES
"""A record with its head."""


class Header(msgspec.Struct, frozen=True, tag="header", kw_only=True):
    """What was known when the call began."""

    schema: int = SCHEMA_VERSION
    call_id: str
    started_at: str
    """Wall clock, ISO 8601 with its offset."""
    engine: str
    from_number: str | None = None
    to_number: str | None = None
    version: str = ""
    """Of this program: a later one may rightly answer differently."""
    config: bytes = b""
    """What the Call was built from, encoded by its owner."""
    config_version: int = 0
    """The version of the configuration it went by; 0 where none was kept."""
    persona: str = ""
    """Who answered; empty for the built-in one."""


class Happened(msgspec.Struct, frozen=True, tag="event", gc=False):
    """One event as it was handed to the call."""

    now: float
    commands_crc: int
    """Of every command up to and including this event's answer."""
    event: CallEvent


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    events: int
    commands: int
    digest: bytes
    """BLAKE2b-256 of all commands so far."""
    chain: bytes = b""
    """BLAKE2b-256 of every byte of this journal before this record; empty in older ones."""
    lines: bytes = b""
    """BLAKE2b-256 of every byte of the transcript so far; empty in older ones."""


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """So many events could not be kept here: what follows cannot be replayed."""

    events: int


class Redacted(msgspec.Struct, frozen=True, tag="redacted"):
    """From here on the events lack what may not be kept, and fingerprints are left out: they would
    tell of it to whoever tries all numbers. So nothing that follows can be compared."""


Record = Header | Happened | Checkpoint | Gap | Redacted


class Seal(msgspec.Struct, frozen=True, gc=False):
    """The fingerprint of one event's answer, to be kept with the event."""

    crc: int
    checkpoint: Checkpoint | None = None
    """Follows the event."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class Damage(msgspec.Struct, frozen=True):
    """Where a journal stops making sense."""

    offset: int
    """Bytes before it are good."""
    what: str


class Reading(msgspec.Struct, frozen=True):
    """The good part of a journal, and why it ends where it ends."""

    records: tuple[Record, ...]
    damage: Damage | None


class CommandDigest:
    """Running fingerprints of every command a call has asked for."""

    def __init__(self) -> None:
        self._blake = hashlib.blake2b(digest_size=32)
        self._buffer = bytearray()
        self.crc = 0
        self.commands = 0

    def add(self, commands: Sequence[CallCommand]) -> int:
        """Take one event's answer; return the running CRC."""
        if commands:
            # One behind the other: both fingerprints run on, so they need no parts.
            at = 0
            for command in commands:
                _encoder.encode_into(command, self._buffer, at)
                at = -1
            self.crc = zlib.crc32(self._buffer, self.crc)
            self._blake.update(self._buffer)
            self.commands += len(commands)
        return self.crc

    def digest(self) -> bytes:
        return self._blake.digest()


class Chain:
    """A running fingerprint of all bytes so far."""

    def __init__(self) -> None:
        self._blake = hashlib.blake2b(digest_size=32)
        self.add: Callable[[bytes], None] = self._blake.update

    def digest(self) -> bytes:
        return self._blake.digest()


def frame(record: Record) -> bytes:
    payload = _encoder.encode(record)
    length = len(payload).to_bytes(4, "little")
    crc = zlib.crc32(payload, zlib.crc32(length))
    return b"".join((length, crc.to_bytes(4, "little"), payload))


def read(data: bytes) -> Reading:
    """Every whole record up to the first damage. Never raises, whatever the bytes are.

    A record may be whole and yet not be the one that was written: then the chain does not fit.
    """
    records: list[Record] = []
    offset, chain = 0, Chain()
    for found in records_from(data, first=True):
        if isinstance(found, Damage):
            return Reading(tuple(records), found)
        record, end = found
        if isinstance(record, Checkpoint) and record.chain not in (b"", chain.digest()):
            return Reading(tuple(records), Damage(offset, "something before it was changed"))
        chain.add(data[offset:end])
        offset = end
        records.append(record)
    return Reading(tuple(records), None)


def records_from(data: bytes, first: bool) -> Iterator[tuple[Record, int] | Damage]:
    """Each whole record of a part of a journal with the offset behind it, then what ends them if
    not the end of the part. `first`: the part begins where the journal does, with its header.

    Never raises, whatever the bytes are. What is cut off at the end is damage like any other: who
    reads part by part goes on from the last good offset.
    """
    offset = 0
    while offset < len(data):
        found = _record_at(data, offset, header=first and offset == 0)
        yield found
        if isinstance(found, Damage):
            return
        offset = found[1]


def header_of(data: bytes) -> Header | None:
    """The header, from the first part of a journal; None when it is not whole."""
    found = _record_at(data, 0, header=True) if data else None
    return found[0] if isinstance(found, tuple) and isinstance(found[0], Header) else None


def _record_at(data: bytes, offset: int, *, header: bool) -> tuple[Record, int] | Damage:
    body = offset + _FRAME.size
    if body > len(data):
        return Damage(offset, "torn frame head")
    length, crc = _FRAME.unpack_from(data, offset)
    if not 0 < length <= MAX_RECORD_BYTES:
        return Damage(offset, "impossible record length")
    payload = data[body : body + length]
    if len(payload) < length:
        return Damage(offset, "torn record")
    if _crc(payload) != crc:
        return Damage(offset, "wrong checksum")
    try:
        record = _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Damage(offset, "unknown kind of record")
    if isinstance(record, Header) is not header:
        return Damage(offset, "header missing or repeated")
    return record, body + length


def _crc(payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(len(payload).to_bytes(4, "little")))
