"""The journal: everything of a call on disk, and no disk that can hurt a call."""

import asyncio
import datetime as dt
import errno
import hashlib
import json
import resource
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine import Usage
from agents.money import UNKNOWN, Cost
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    PlaceMark,
    PlayAudio,
    StoreAudio,
    Track,
)
from telephony.call.events import CallerAudio, CallEvent, DtmfPressed, MarkEchoed
from telephony.transcripts import journal as journals
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    Charge,
    ChargeLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    UsageLine,
)
from telephony.transcripts.files import Disk
from telephony.transcripts.journal import CHECKPOINT_EVERY, Journal, JournalWriter
from telephony.transcripts.records import (
    Checkpoint,
    CommandDigest,
    Gap,
    Happened,
    Header,
    Record,
    frame,
    header_of,
    read,
)
from telephony.transcripts.summary import Tally
from tests.exploring import examples

STARTED = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-2)))
FRAME = b"\x12" * 160


class Call:
    """One journal under test, and what it complained of."""

    def __init__(self, data_dir: Path, disk: Disk | None = None, call_id: str = "CA1") -> None:
        self.writer = JournalWriter(data_dir, disk, period_s=0.01)
        self.complaints: list[str] = []
        self.journal = self.another(call_id)

    def another(self, call_id: str) -> Journal:
        return Journal.open(
            self.writer,
            call_id=call_id,
            started_at=STARTED,
            engine="local",
            from_number="+15550100",
            config=b"config",
            failed=self.complaints.append,
        )

    def speak(self, frames: int, first: int = 0) -> None:
        for number in range(first, first + frames):
            event = CallerAudio(FRAME, number * 20)
            self.journal.event(number * 0.02, event, [PlayAudio(FRAME)])
            self.journal.audio(Track.CALLER, number * 160, FRAME)

    async def end(self) -> None:
        self.journal.close(EndedReason.AGENT_HUNG_UP)
        assert await self.journal.written(10)

    def records(self) -> tuple[Record, ...]:
        reading = read((self.journal.folder / "journal.bin").read_bytes())
        assert reading.damage is None
        return reading.records

    def events(self) -> list[Happened]:
        return [record for record in self.records() if isinstance(record, Happened)]

    def summary(self) -> dict[str, object]:
        found = json.loads((self.journal.folder / "call.json").read_text())
        assert isinstance(found, dict)
        return found

    def lines(self) -> list[dict[str, object]]:
        text = (self.journal.folder / "transcript.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    it = Call(tmp_path)
    yield it
    await it.writer.shut(1)


def audio_of(path: Path) -> bytes:
    """The samples of a WAV, after checking every field of its header."""
    data = path.read_bytes()
    fields = struct.unpack_from("<4sI4s4sIHHIIHHH4sII4sI", data)
    length = fields[-1]
    assert fields == (
        *(b"RIFF", 50 + length + length % 2, b"WAVE"),
        *(b"fmt ", 18, 7, 1, 8000, 8000, 1, 8, 0),
        *(b"fact", 4, length),
        *(b"data", length),
    )
    assert len(data) == 58 + length + length % 2
    return data[58 : 58 + length]


async def test_a_call_leaves_one_folder_named_after_day_and_id(call: Call, tmp_path: Path) -> None:
    call.speak(1)
    await call.end()
    # 23:30 two hours west of Greenwich is already the next day in UTC.
    assert call.journal.folder == tmp_path / "calls" / "2026-11-21" / "CA1"
    names = {path.name for path in call.journal.folder.iterdir()}
    assert names == {"journal.bin", "caller.wav", "call.json"}


async def test_events_come_back_as_they_were_with_their_times(call: Call) -> None:
    events: list[CallEvent] = [CallerAudio(b"\x00\xff", 20), DtmfPressed("5"), MarkEchoed("1:2:3")]
    for number, event in enumerate(events):
        call.journal.event(number + 0.125, event, [])
    await call.end()
    header, *happened, last = call.records()
    assert isinstance(header, Header)
    assert (header.call_id, header.engine, header.config) == ("CA1", "local", b"config")
    assert header.started_at == "2026-11-20T23:30:00.000-02:00"
    assert [(one.now, one.event) for one in call.events()] == [
        (0.125, events[0]),
        (1.125, events[1]),
        (2.125, events[2]),
    ]
    assert len(happened) == 3
    assert isinstance(last, Checkpoint)


async def test_the_configuration_of_a_call_is_on_disk_and_not_in_memory(call: Call) -> None:
    config = b"with clips of what is said, a hundred kilobytes"
    held = sys.getrefcount(config)
    other = Journal.open(
        call.writer,
        call_id="CA2",
        started_at=STARTED,
        engine="local",
        config=config,
        failed=call.complaints.append,
    )
    assert sys.getrefcount(config) == held
    other.close(EndedReason.AGENT_HUNG_UP)
    assert await other.written(10)
    header = header_of((other.folder / "journal.bin").read_bytes())
    assert header is not None
    assert header.config == config


async def test_checkpoints_hold_a_digest_of_all_commands_so_far(call: Call) -> None:
    digest = CommandDigest()
    for number in range(CHECKPOINT_EVERY + 1):
        commands: list[CallCommand] = [PlaceMark(f"1:{number}:0")] * (number % 3)
        digest.add(commands)
        call.journal.event(float(number), DtmfPressed("1"), commands)
        if number == CHECKPOINT_EVERY - 1:
            expected = Checkpoint(CHECKPOINT_EVERY, digest.commands, digest.digest())
    await call.end()
    points = [record for record in call.records() if isinstance(record, Checkpoint)]
    assert [msgspec.structs.replace(each, chain=b"", lines=b"") for each in points] == [
        expected,
        Checkpoint(CHECKPOINT_EVERY + 1, digest.commands, digest.digest()),
    ]


def test_another_order_of_commands_is_another_digest() -> None:
    one, other = CommandDigest(), CommandDigest()
    one.add([ClearPlayback(), PlaceMark("1:1:1")])
    other.add([PlaceMark("1:1:1"), ClearPlayback()])
    assert one.digest() != other.digest()
    assert one.crc != other.crc


COMMANDS = st.one_of(
    st.builds(PlayAudio, st.binary(max_size=400)),
    st.builds(StoreAudio, st.sampled_from(Track), st.integers(0, 2**40), st.binary(max_size=40)),
    st.builds(PlaceMark, st.text(max_size=9)),
    st.just(ClearPlayback()),
)


@given(st.lists(st.lists(COMMANDS, max_size=5), max_size=6))
@settings(max_examples=examples(200))
def test_fingerprints_are_those_of_one_command_after_the_other(
    answers: list[list[CallCommand]],
) -> None:
    digest = CommandDigest()
    blake, crc, count = hashlib.blake2b(digest_size=32), 0, 0
    for commands in answers:
        for command in commands:
            encoded = msgspec.msgpack.encode(command)
            blake.update(encoded)
            crc = zlib.crc32(encoded, crc)
            count += 1
        assert digest.add(commands) == digest.crc == crc
        assert (digest.digest(), digest.commands) == (blake.digest(), count)


@given(st.binary(max_size=70_000))
@settings(max_examples=examples(100))
def test_a_frame_is_its_length_its_checksum_and_one_record(audio: bytes) -> None:
    record = Happened(1.5, 7, CallerAudio(audio, 20))
    payload = msgspec.msgpack.encode(record)
    crc = zlib.crc32(struct.pack("<I", len(payload)) + payload)
    assert frame(record) == struct.pack("<II", len(payload), crc) + payload


async def test_audio_lies_where_the_clock_says_and_silence_between(call: Call) -> None:
    call.journal.audio(Track.HEARD, 3, b"ab")
    call.journal.audio(Track.HEARD, 5, b"c")
    call.journal.audio(Track.HEARD, 8, b"de")
    call.journal.audio(Track.SENT, 0, b"x" * 400)
    await call.end()
    assert audio_of(call.journal.folder / "agent.wav") == b"\xff\xff\xffabc\xff\xffde"
    assert audio_of(call.journal.folder / "sent.wav") == b"x" * 400


async def test_later_audio_may_lie_before_or_over_earlier(call: Call) -> None:
    call.journal.audio(Track.CALLER, 4, b"dd")
    call.journal.audio(Track.CALLER, 0, b"aa")
    await asyncio.sleep(0.05)
    call.journal.audio(Track.CALLER, 1, b"bb")
    await call.end()
    assert audio_of(call.journal.folder / "caller.wav") == b"abb\xffdd"


async def test_a_long_pause_is_silence_too(call: Call) -> None:
    call.journal.audio(Track.CALLER, 200_001, b"a")
    await call.end()
    assert audio_of(call.journal.folder / "caller.wav") == b"\xff" * 200_001 + b"a"


@pytest.mark.parametrize("at_samples", [-1, journals.MAX_SAMPLES])
async def test_audio_at_an_impossible_place_is_dropped_and_counted(
    call: Call, at_samples: int
) -> None:
    call.journal.audio(Track.CALLER, at_samples, b"a")
    await call.end()
    assert call.summary()["dropped"] == 1
    assert not (call.journal.folder / "caller.wav").exists()


@settings(max_examples=examples(15))
@given(st.lists(st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=40)), max_size=12))
def test_recordings_are_what_was_placed(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, bytes]]
) -> None:
    async def run() -> Path:
        call = Call(tmp_path_factory.mktemp("calls"))
        for at_samples, ulaw in pieces:
            call.journal.audio(Track.CALLER, at_samples, ulaw)
        await call.end()
        await call.writer.shut(1)
        return call.journal.folder / "caller.wav"

    expected = bytearray()
    for at_samples, ulaw in pieces:
        expected += b"\xff" * (at_samples - len(expected))
        expected[at_samples : at_samples + len(ulaw)] = ulaw
    path = asyncio.run(run())
    assert (audio_of(path) if pieces else b"") == expected


async def test_the_summary_counts_what_the_transcript_holds(call: Call) -> None:
    usage = Usage(input_audio_tokens=10, output_text_tokens=1)
    for entry in (
        AgentLine("i1", 1, "Hello there", "Hello", Fate.CUT, 0, 900, 900, 1200),
        CallerLine("i2", "stop", 900, 1200),
        TruncationLine("i1", 1, 900, 905),
        ToolLine("t1", "book", "{}", "done", "{}", 1300, 1400),
        UsageLine("r1", "completed", usage, 1500),
        UsageLine("r2", "cancelled", None, 1600),
        UsageLine("r3", "completed", usage, 1700, Cost(7_206), "gpt-realtime-2.1"),
        ChargeLine(Charge.CARRIER, Cost(12_500), 0),
        EndLine(EndedReason.CALLER_HUNG_UP, 2000),
    ):
        call.journal.record(entry)
    call.journal.close(EndedReason.INTERNAL_ERROR)
    assert await call.journal.written(5)
    summary = call.summary()
    assert summary["ended_reason"] == "caller_hung_up"
    assert summary["duration_ms"] == 2000
    assert (summary["turns"], summary["interruptions"], summary["tool_calls"]) == (2, 1, 1)
    assert (summary["dropped"], summary["storage_trouble"]) == (0, None)
    total = summary["usage"]
    assert isinstance(total, dict)
    assert (total["input_audio_tokens"], total["output_text_tokens"]) == (20, 2)
    assert summary["cost"] == {"micros": 19_706, "unknown": False}
    kinds = [line["type"] for line in call.lines()]
    assert kinds[:3] == ["AgentLine", "CallerLine", "TruncationLine"]


async def test_a_sum_with_an_unknown_part_says_so_and_one_without_prices_nothing(
    call: Call,
) -> None:
    plain = Tally()
    plain.add(UsageLine("r1", "completed", None, 1500))
    header = Header(call_id="CA1", started_at="2026-11-20T12:00:00", engine="local")
    assert plain.summary(header, last_ms=0).cost is None
    for entry in (
        UsageLine("r1", "completed", None, 1500, UNKNOWN, "gpt-unheard-of"),
        ChargeLine(Charge.CARRIER, Cost(12_500), 0),
    ):
        call.journal.record(entry)
    call.journal.close(EndedReason.CALLER_HUNG_UP)
    assert await call.journal.written(5)
    assert call.summary()["cost"] == {"micros": 12_500, "unknown": True}


async def test_a_call_without_an_end_line_takes_the_reason_of_its_close(call: Call) -> None:
    call.journal.event(3.5, DtmfPressed("1"), [])
    call.journal.close(EndedReason.INTERNAL_ERROR)
    assert await call.journal.written(5)
    assert call.summary()["ended_reason"] == "internal_error"
    assert call.summary()["duration_ms"] == 3500


async def test_after_the_close_nothing_is_taken(call: Call) -> None:
    await call.end()
    before = (call.journal.folder / "journal.bin").read_bytes()
    call.speak(5)
    call.journal.close(EndedReason.STREAM_LOST)
    await asyncio.sleep(0.05)
    assert (call.journal.folder / "journal.bin").read_bytes() == before
    assert call.summary()["ended_reason"] == "agent_hung_up"


async def test_only_the_owner_may_read_what_callers_said(call: Call) -> None:
    call.speak(1)
    await call.end()
    for path in call.journal.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0
    assert call.journal.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "-x", "x\n", "a" * 101])
async def test_an_id_that_is_no_plain_name_is_refused(call: Call, name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        call.another(name)


async def test_several_calls_share_one_thread(call: Call) -> None:
    others = [call.another(f"CA{number}") for number in range(2, 22)]
    for number, other in enumerate(others):
        other.event(1.0, DtmfPressed(str(number % 10)), [])
        other.close(EndedReason.CALLER_HUNG_UP)
    assert all([await other.written(5) for other in others])
    for number, other in enumerate(others):
        records = read((other.folder / "journal.bin").read_bytes()).records
        assert [r.event for r in records if isinstance(r, Happened)] == [
            DtmfPressed(str(number % 10))
        ]
    assert sum(thread.name == "journal" for thread in threading.enumerate()) >= 1


class StuckDisk(Disk):
    """Takes nothing until it is let go, like a network disk whose server is gone."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        assert self.let_go.wait(30)
        return super().write(fd, data, at)


async def test_fault_p5_a_disk_that_hangs_never_holds_a_call_up(tmp_path: Path) -> None:
    disk = StuckDisk()
    call = Call(tmp_path, disk)
    call.speak(500)
    call.journal.close(EndedReason.CALLER_HUNG_UP)
    assert not await call.journal.written(0.05)
    disk.let_go.set()
    assert await call.journal.written(10)
    assert len(call.events()) == 500
    assert call.complaints == []
    assert await call.writer.shut(1) == 0


async def test_fault_p5_shutting_down_does_not_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    disk = StuckDisk()
    call = Call(tmp_path, disk)
    call.speak(1)
    call.journal.close(EndedReason.CALLER_HUNG_UP)
    assert await call.writer.shut(0.05) == 1
    disk.let_go.set()


async def test_what_does_not_fit_is_dropped_counted_and_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "CALL_LIMIT_BYTES", 20_000)
    disk = StuckDisk()
    call = Call(tmp_path, disk)
    call.speak(100)
    assert call.complaints == ["journal_overflow"]
    call.journal.record(CallerLine("i", "still here", 0, 10))
    disk.let_go.set()
    while call.journal._spool.queued != call.journal._spool.written:
        await asyncio.sleep(0.01)
    call.speak(10, first=100)
    call.journal.record(EndLine(EndedReason.CALLER_HUNG_UP, 2200))
    await call.end()
    assert [line["type"] for line in call.lines()] == ["CallerLine", "EndLine"]
    gaps = [record for record in call.records() if isinstance(record, Gap)]
    assert len(gaps) == 1
    assert len(call.events()) + gaps[0].events == 110
    assert call.events()[-1].now == pytest.approx(109 * 0.02)
    assert call.summary()["storage_trouble"] == "journal_overflow"
    assert call.summary()["dropped"] == call.journal.dropped > gaps[0].events
    assert call.complaints == ["journal_overflow"]
    await call.writer.shut(1)


async def test_all_calls_together_are_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "TOTAL_LIMIT_BYTES", 20_000)
    disk = StuckDisk()
    call = Call(tmp_path, disk)
    others = [call.another(f"CA{number}") for number in range(2, 12)]
    for other in others:
        for _ in range(20):
            other.event(0.0, CallerAudio(FRAME, 0), [])
    assert call.writer.room.waiting <= 20_000
    assert set(call.complaints) == {"journal_overflow"}
    disk.let_go.set()
    await call.writer.shut(1)


class FullDisk(Disk):
    """Takes so many bytes, the last write by half, then none until it is cleaned up."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        taken = min(len(data), self.room)
        self.room -= taken
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data[:taken], at)


def trouble(call: Call) -> str | None:
    return call.writer.trouble


async def test_fault_p4_a_full_disk_is_reported_and_made_up_for_when_there_is_room(
    tmp_path: Path,
) -> None:
    disk = FullDisk(5_000)
    call = Call(tmp_path, disk)
    call.speak(100)
    while trouble(call) is None:
        await asyncio.sleep(0.01)
    call.speak(1, first=100)
    assert call.complaints == ["disk_full"]
    assert trouble(call) == "disk_full"
    disk.room = 10_000_000
    call.speak(99, first=101)
    await call.end()
    while trouble(call) is not None:
        await asyncio.sleep(0.01)
    assert [one.now for one in call.events()] == [number * 0.02 for number in range(200)]
    assert audio_of(call.journal.folder / "caller.wav") == FRAME * 200
    assert (call.summary()["storage_trouble"], call.summary()["dropped"]) == ("disk_full", 0)
    assert call.complaints == ["disk_full"]
    await call.writer.shut(1)


async def test_fault_p4_the_systems_own_refusal_counts_as_full(tmp_path: Path) -> None:
    """A real limit of the kernel's, reached in the middle of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    call = Call(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        call.speak(1_000)
        while call.writer.trouble is None:
            await asyncio.sleep(0.01)
        call.speak(1, first=1_000)
        assert call.complaints == ["disk_full"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await call.end()
    assert len(call.events()) == 1_001
    await call.writer.shut(1)


@pytest.mark.parametrize("name", ["calls", "calls/2026-11-21"])
async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, name: str) -> None:
    in_the_way = tmp_path / name
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("in the way")
    call = Call(tmp_path)
    while call.writer.trouble is None:
        await asyncio.sleep(0.01)
    call.speak(1)
    assert call.complaints == ["write_failed"]
    call.journal.close(EndedReason.CALLER_HUNG_UP)
    in_the_way.unlink()
    assert await call.journal.written(5)
    assert len(call.events()) == 1
    await call.writer.shut(1)


class FailingSync(Disk):
    def __init__(self) -> None:
        self.failures = 2

    def sync(self, fd: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EIO, "Input/output error")


async def test_a_failing_close_is_tried_again(tmp_path: Path) -> None:
    call = Call(tmp_path, FailingSync())
    call.speak(1)
    call.journal.record(CallerLine("i", "x", 0, 1))
    await call.end()
    assert call.summary()["storage_trouble"] == "write_failed"
    assert len(call.events()) == 1
    await call.writer.shut(1)


async def test_a_second_call_of_the_same_id_has_a_folder_of_its_own(call: Call) -> None:
    call.speak(1)
    await call.end()
    before = (call.journal.folder / "journal.bin").read_bytes()
    for number in (2, 3):
        again = call.another("CA1")
        again.close(EndedReason.NO_START)
        assert await again.written(5)
        assert again.folder == call.journal.folder.with_name(f"CA1-{number}")
    assert (call.journal.folder / "journal.bin").read_bytes() == before
    assert call.writer.trouble is None


CRASHING = """
import asyncio, datetime as dt, os, pathlib, sys
from telephony.call.commands import Track
from telephony.call.events import CallerAudio
from telephony.transcripts.entry import CallerLine
from telephony.transcripts.journal import Journal, JournalWriter

writer = JournalWriter(pathlib.Path(sys.argv[1]), period_s=0.01)
journal = Journal.open(writer, call_id="CA1", started_at=dt.datetime.now(dt.UTC), engine="local",
                       failed=print)
for number in range(100):
    journal.event(number * 0.02, CallerAudio(b"a" * 160, number * 20), [])
    journal.audio(Track.CALLER, number * 160, b"a" * 160)
journal.record(CallerLine("i", "hello", 0, 10))
while journal._spool.written != journal._spool.queued:
    pass
os._exit(9)
"""


def test_a_crash_of_the_process_loses_nothing_that_was_written(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], check=False, timeout=30)
    assert done.returncode == 9
    folder = next((tmp_path / "calls").glob("*/CA1"))
    reading = read((folder / "journal.bin").read_bytes())
    assert reading.damage is None
    assert len(reading.records) == 101
    assert audio_of(folder / "caller.wav") == b"a" * 16_000
    assert not (folder / "call.json").exists()


def sample_journal() -> tuple[list[Record], bytes]:
    records: list[Record] = [
        Header(call_id="CA1", started_at="2026-11-20T10:00:00+00:00", engine="local"),
        Happened(0.0, 1, CallerAudio(FRAME, 0)),
        Happened(0.5, 2, DtmfPressed("#")),
        Checkpoint(2, 3, b"d" * 32),
        Gap(4),
        Happened(0.75, 3, MarkEchoed("1:2:800")),
    ]
    return records, b"".join(map(frame, records))


RECORDS, WHOLE = sample_journal()
BOUNDARIES = [0]
for _record in RECORDS:
    BOUNDARIES.append(BOUNDARIES[-1] + len(frame(_record)))


def test_a_whole_journal_reads_back_whole() -> None:
    assert read(WHOLE).records == tuple(RECORDS)
    assert read(WHOLE).damage is None


def test_a_torn_tail_costs_only_the_torn_record() -> None:
    for length in range(len(WHOLE)):
        reading = read(WHOLE[:length])
        whole = sum(boundary <= length for boundary in BOUNDARIES[1:])
        assert reading.records == tuple(RECORDS[:whole])
        torn_at = reading.damage.offset if reading.damage else None
        assert torn_at == (None if length in BOUNDARIES else BOUNDARIES[whole])


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_flipped_bit_is_found_and_nothing_after_it_believed(at: int, flip: int) -> None:
    hurt = bytearray(WHOLE)
    hurt[at] ^= flip
    reading = read(bytes(hurt))
    good = sum(boundary <= at for boundary in BOUNDARIES[1:])
    assert reading.records == tuple(RECORDS[:good])
    assert reading.damage is not None


@given(st.binary(max_size=400))
def test_arbitrary_bytes_hold_no_records(data: bytes) -> None:
    reading = read(data)
    assert reading.records == ()
    assert (reading.damage is None) == (data == b"")
    assert header_of(data) is None


@given(st.binary(min_size=1, max_size=200))
def test_bytes_after_a_journal_add_nothing_to_it(tail: bytes) -> None:
    reading = read(WHOLE + tail)
    assert reading.records == tuple(RECORDS)
    assert reading.damage is not None
    assert reading.damage.offset == len(WHOLE)


def test_zeros_left_by_a_power_cut_are_no_records() -> None:
    assert read(WHOLE + bytes(4096)).records == tuple(RECORDS)
    assert read(bytes(4096)).records == ()


def test_a_frame_of_something_else_is_damage_not_a_record() -> None:
    stranger = frame(Gap(1)).replace(b"\xa3gap", b"\xa3gup")
    reading = read(frame(RECORDS[0]) + stranger)
    assert len(reading.records) == 1
    assert reading.damage is not None
    assert reading.damage.what == "wrong checksum"


def test_a_later_programs_record_ends_what_can_be_read() -> None:
    payload = b"\x81\xa4type\xa5later"
    length = len(payload).to_bytes(4, "little")
    crc = zlib.crc32(length + payload).to_bytes(4, "little")
    reading = read(frame(RECORDS[0]) + length + crc + payload)
    assert len(reading.records) == 1
    assert reading.damage is not None
    assert reading.damage.what == "unknown kind of record"


def test_a_journal_that_begins_in_the_middle_is_none() -> None:
    assert read(WHOLE[BOUNDARIES[1] :]).records == ()
    doubled = read(frame(RECORDS[0]) + frame(RECORDS[0]))
    assert len(doubled.records) == 1
    assert doubled.damage is not None


def test_the_header_can_be_read_from_the_first_part_of_a_file() -> None:
    assert header_of(WHOLE[: BOUNDARIES[1]]) == RECORDS[0]
    assert header_of(WHOLE[: BOUNDARIES[1] - 1]) is None


class BuggyDisk(Disk):
    """Meets a bug of ours with one call's files."""

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        if b"broken" in bytes(data):
            raise ValueError("a bug")
        return super().write(fd, data, at)


async def test_a_bug_met_with_one_call_leaves_the_other_calls_their_journals(
    tmp_path: Path,
) -> None:
    call = Call(tmp_path, BuggyDisk())
    broken = call.another("CA2")
    broken.record(CallerLine("i", "broken", 0, 1))
    while broken._spool.trouble is None or not broken._spool.dropped:
        await asyncio.sleep(0.01)
    broken.record(CallerLine("i", "more", 0, 1))
    assert call.complaints == ["writer_failed"]
    assert broken.dropped == 1
    broken.close(EndedReason.CALLER_HUNG_UP)
    call.speak(3)
    await call.end()
    assert len(call.events()) == 3
    assert call.writer.trouble is None
    assert call.writer.room.waiting == 0
    assert await call.writer.shut(1) == 0


async def test_an_event_too_long_to_be_read_again_is_a_gap(call: Call) -> None:
    call.speak(1)
    call.journal.event(0.5, MarkEchoed("x" * (4 << 20)), [])
    call.speak(2, first=1)
    await call.end()
    kinds = [type(record) for record in call.records()]
    assert kinds == [Header, Happened, Gap, Happened, Happened, Checkpoint]
    assert call.summary()["dropped"] == 1
