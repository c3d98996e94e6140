"""What must hold whatever a peer sends: the parsers and the state behind them, fed with anything.

Input is a conversation: one message a line. Bytes that no message could hold are passed on all the
same where the parser takes bytes. `tests/fuzzer.py` makes inputs up; tests/fuzz/ keeps those that
once led somewhere new, and `make test` replays them.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from agents import frames
from agents.engine import (
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    EngineFailed,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.live import wire as live_wire
from agents.realtime import wire as realtime_wire
from agents.realtime.protocol import RealtimeProtocol
from agents.turns import wire as turns_wire
from agents.turns.reply import Ending, Reply
from telephony.call.events import CallerAudio, StreamLost, StreamStopped
from telephony.twilio import wire
from telephony.twilio.intake import Intake
from telephony.twilio.wire import BadFrame, Envelopes, MediaFormat, Start
from tests.agents.realtime_story import (
    PERSONA,
    SETTINGS,
    TOOLS,
    UNIX_S,
    session_created,
    session_updated,
)
from tests.agents.realtime_story import Story as RealtimeStory

CORPUS = Path(__file__).parent / "fuzz"
LONGEST = 70_000
"""Bytes of an input; just above what one message may have."""
_START = Start("MZ1", 1, "AC1", "CA1", {}, MediaFormat("audio/x-mulaw", 8_000, 1))
_COUNTER = re.compile(r"frame\.[a-z0-9_.]+")
_MOST_FILL = 3 * 8_000
_ECHO = RealtimeStory().echo()

_written = msgspec.msgpack.encode
"""As the journal does: what cannot be written down would end the call."""


def twilio(data: bytes) -> None:
    """The media socket after `start`; a line that begins with NUL stands for a binary message."""
    counted: list[str] = []
    counted_shortly: list[str] = []
    intake, now = Intake(_START, 0.0, counted.append), 0.0
    short = Intake(_START, 0.0, counted_shortly.append)
    for line in data.split(b"\n"):
        text = None if line.startswith(b"\0") else line.decode("utf-8", "surrogateescape")
        usual = None if text is None else wire.usual(line)
        if text is not None:
            _twilio_frame(text, usual)
        now += 0.02
        event = intake.take(text, now)
        assert event == (short.take(text, now) if usual is None else short.take_usual(usual, now))
        assert counted == counted_shortly
        assert all(map(_COUNTER.fullmatch, counted)), "a counter's name holds what a peer sent"
        if event is not None:
            assert len(_written(event)) < LONGEST + _MOST_FILL
        if isinstance(event, CallerAudio):
            assert 0 < len(event.ulaw) <= wire.MAX_FRAME_BYTES + _MOST_FILL
        if isinstance(event, StreamLost | StreamStopped):
            return


def _twilio_frame(text: str, usual: wire.Frame | None) -> None:
    """`usual`: what the short way makes of it."""
    try:
        frame = wire.parse(text)
    except BadFrame:
        assert usual is None
        return
    if usual is not None:
        assert frame == usual
        text.encode()
    if isinstance(frame, Start):
        # Whatever a stream is called, what we send stays one JSON message of the same three keys.
        sent = json.loads(Envelopes(frame.stream_sid).media(b"\xff"))
        assert (sent["event"], sent["streamSid"]) == ("media", frame.stream_sid)


def realtime(data: bytes) -> None:
    """A configured session. The call behind it interrupts, truncates and answers tools."""
    session, now = RealtimeProtocol(SETTINGS, PERSONA, TOOLS), 0.0
    session.start(now, UNIX_S)
    for opening in (session_created(), session_updated(_ECHO)):
        session.receive(json.dumps(opening), now)
    for line in data.split(b"\n"):
        now += 0.1
        _realtime_message(line)
        events = session.receive(line, now)
        events += session.submit(AppendAudio(b"\xff" * 160), now)
        for command in _answers(events):
            events += session.submit(command, now)
        deadline = session.next_deadline()
        if deadline is not None and deadline <= now:
            events += session.wake(now)
        for message in session.messages_to_send():
            json.loads(message)
        _events(events)


def _realtime_message(line: bytes) -> None:
    with contextlib.suppress(realtime_wire.BadMessage):
        realtime_wire.decode(line)


def _answers(events: Iterable[AnyEngineEvent]) -> list[TruncateItem | ToolOutput]:
    said = ""
    answers: list[TruncateItem | ToolOutput] = []
    for event in events:
        match event:
            case AudioDelta():
                said = event.item_id
            case CallerSpeechStarted() if said:
                answers.append(TruncateItem(said, 0, 10, "words"))
            case ToolCalled():
                answers.append(ToolOutput(event.tool_call_id, "{}"))
    return answers


def _events(events: list[AnyEngineEvent]) -> None:
    for event in events:
        _written(event)
    ends = [isinstance(event, EngineFailed) for event in events]
    assert not any(ends[:-1]), "something after the end"


def turns(data: bytes) -> None:
    """One streamed reply, in pieces whose length the first byte chooses."""
    reply = Reply("r")
    size = (data[0] if data else 0) + 1
    events: list[AnyEngineEvent] = []
    for at in range(1, len(data), size):
        events += reply.receive(data[at : at + size])
    events += reply.close()
    _events(events)
    assert sum(len(event.audio) for event in events if isinstance(event, AudioDelta)) <= len(data)
    assert reply.failure is not None or reply.ending in Ending


def live(data: bytes) -> None:
    """Messages of a session that hears and speaks at once."""
    for line in data.split(b"\n"):
        with contextlib.suppress(realtime_wire.BadMessage):
            live_wire.decode(line)


def events_of_a_stream(data: bytes) -> None:
    """However a stream is cut, its events are the same."""
    try:
        whole = turns_wire.EventStream()
        expected = whole.push(data) + whole.close()
        pieces = turns_wire.EventStream()
        found = [event for byte in data for event in pieces.push(bytes([byte]))] + pieces.close()
    except turns_wire.BadStream:
        return
    assert found == expected


def frames_of_a_socket(data: bytes) -> None:
    """However the bytes of a socket are cut, its frames are the same, and no byte is lost."""
    for masked in (True, False):
        whole, pieces = (_split(data, masked, size) for size in (max(1, len(data)), 1))
        assert b"".join(frame for _, frame in whole) == b"".join(frame for _, frame in pieces)
        assert data.startswith(b"".join(frame for _, frame in whole))
        assert [each for each in whole if each[0]] == [each for each in pieces if each[0]]


def _split(data: bytes, masked: bool, size: int) -> list[tuple[bool, bytes]]:
    """(whether it is a plain text message, frame)."""
    found: list[tuple[bool, bytes]] = []
    splitter = frames.Splitter(masked=masked, most_bytes=1_000)
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        whole = splitter.whole(piece)
        before = len(found)
        splitter.push(
            piece,
            lambda frame: found.append((True, frame)),
            lambda frame: found.append((False, frame)),
        )
        if whole is not None:
            assert found[before:] == [(True, piece)]
            assert frames.Splitter.payload(piece) == whole
    for plain, frame in found:
        if plain:
            assert len(frames.Splitter.payload(frame)) <= 1_000
    return found


TARGETS: dict[str, Callable[[bytes], None]] = {
    "twilio": twilio,
    "realtime": realtime,
    "turns": turns,
    "live": live,
    "stream": events_of_a_stream,
    "frames": frames_of_a_socket,
}
