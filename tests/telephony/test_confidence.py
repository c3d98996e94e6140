"""Digits typed in confidence, through a whole session and a whole call: nobody keeps them."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from agents.engine import (
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    Capabilities,
    ResponseStarted,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from agents.persona import Persona
from agents.tasks import Tasks
from telephony.call.commands import CallCommand, Onward
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DtmfPressed,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
)
from telephony.call.machine import Call
from telephony.cli.replay import make_call
from telephony.confidence import HiddenKeys
from telephony.media import ulaw
from telephony.session import Session
from telephony.simulator.phone import Recorded
from telephony.spare import Spare
from telephony.transcripts.archive import Archive, journal
from telephony.transcripts.entry import DtmfLine, EndedReason, ToolLine
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.transcripts.records import Happened
from telephony.transcripts.replay import replay
from telephony.transcripts.wav import HEADER_BYTES
from tests.databases import new_store
from tests.fakes.realtime_script import FunctionCall, Reply, Script, hum
from tests.fakes.scripted_engine import CAPABILITIES, ScriptedEngine
from tests.telephony.test_session import Control, RecordingLeg
from tests.telephony.test_whole_call import House, house
from tools.calls.offer import call_tools
from tools.dispatch import Dispatcher
from tools.receipts import Receipts
from tools.registry import Registry
from tools.schema import METADATA
from tools.spec import Risk, Tool, ToolContext
from tools.store import Store

CARD = "4929123456781234"
FRAME = b"\x10" * 160
ON_REQUEST = msgspec.structs.replace(CAPABILITIES, cancels_on_speech=False, answers_on_request=True)
"""With it the barge-in policy `confirmed`, the default, is at work."""


def test_a_hidden_key_is_kept_and_told_to_nobody() -> None:
    hidden = HiddenKeys()
    assert [hidden.hide(DtmfPressed(key)) for key in "123"] == [DtmfPressed("x")] * 3
    assert hidden.take(2) == "23"
    assert hidden.take(2) == ""


def test_of_hidden_keys_so_many_are_kept_as_an_entry_may_have() -> None:
    hidden = HiddenKeys()
    for number in range(100):
        hidden.hide(DtmfPressed(str(number % 10)))
    assert hidden.take(40) == "".join(str(number % 10) for number in range(68, 100))
    hidden.hide(DtmfPressed("1"))
    assert hidden.take(0) == ""
    hidden.hide(DtmfPressed("1"))
    hidden.clear()
    assert hidden.take(1) == ""


def test_hidden_audio_is_silence_of_the_same_length_at_the_same_place() -> None:
    hidden = HiddenKeys().hide(CallerAudio(FRAME, 480))
    assert hidden == CallerAudio(b"\xff" * 160, 480)
    assert HiddenKeys().hide(MarkEchoed("0:0:0")) == MarkEchoed("0:0:0")


# ---- a till that takes cards ------------------------------------------------------------------


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    card: Annotated[str, msgspec.Meta(extra_json_schema={"format": "digits-reference"})]


class Till:
    def __init__(self) -> None:
        self.cards: list[str] = []

    def charge(self, asked: Charge, context: ToolContext) -> Mapping[str, Any]:
        self.cards.append(asked.card)
        return {"message": "The deposit is paid."}

    def registry(self, *_: object) -> Registry:
        tool = Tool("charge_card", "Take a deposit.", Charge, self.charge, risk=Risk.MONEY)
        return Registry([*call_tools(), tool])


WANTED = json.dumps({"purpose": "card", "length": 16, "sensitive": True})


# ---- one session, everything it touches -------------------------------------------------------


class Around:
    """Surroundings of a session with a till."""

    def __init__(self, store: Store, till: Till) -> None:
        self.tasks = Tasks(lambda name, error: self.counted.append(f"failed {name} {error}"))
        self.counted: list[str] = []
        self.seen: list[tuple[CallEvent, Sequence[CallCommand]]] = []
        self.control = Control()
        self.later = Spare().later
        self.dispatcher = Dispatcher(
            till.registry(),
            Receipts(store),
            clock=lambda: dt.datetime.now(dt.UTC),
            start=self.tasks.start,
        )

    def count(self, code: str) -> None:
        self.counted.append(code)

    def onward(self, onward: Onward) -> bytes:
        raise AssertionError(f"nobody is passed on here: {onward}")

    def call_back(self, call_id: str, caller_number: str | None, why: str) -> None:
        self.counted.append("call_back")

    def watch(
        self, _call_id: str, _now: float, event: CallEvent, commands: Sequence[CallCommand]
    ) -> None:
        self.seen.append((event, commands))

    def show(self, *_seen: object) -> None:
        """Nobody looks on."""


class Line:
    """A live session whose caller types."""

    def __init__(self, around: Around, writer: JournalWriter, capabilities: Capabilities) -> None:
        self.around = around
        self.engine = ScriptedEngine()
        config = CallConfig("CA1", Persona(), capabilities, own_tools=("collect_digits",))
        self.over = asyncio.Event()
        self.appended = bytearray()
        self.journal = Journal.open(
            writer,
            call_id="CA1",
            started_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
            engine="scripted",
            config=msgspec.msgpack.encode(config),
            failed=around.count,
        )
        self.session = Session(
            "CA1",
            None,
            Call(config),
            RecordingLeg(),
            self.engine,
            self.journal,
            around,
            lambda _: self.over.set(),
        )

    async def begin(self) -> None:
        self.session.deliver(StreamStarted("MZ1"))
        await asyncio.sleep(0)

    def types(self, keys: str) -> None:
        for key in keys:
            self.session.deliver(CallerAudio(FRAME, 0))
            self.session.deliver(DtmfPressed(key))

    def outputs(self) -> list[dict[str, Any]]:
        return [json.loads(c.output) for c in self.engine.asked if isinstance(c, ToolOutput)]

    async def answered(self, count: int) -> dict[str, Any]:
        async with asyncio.timeout(5.0):
            while len(self.outputs()) < count:
                await asyncio.sleep(0.01)
        return self.outputs()[-1]


@pytest.fixture(params=[CAPABILITIES])
async def line(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[tuple[Line, Till, Path]]:
    store = new_store(tmp_path / "test.db")
    till = Till()
    around = Around(store, till)
    writer = JournalWriter(tmp_path)
    line = Line(around, writer, request.param)
    await line.begin()
    yield line, till, tmp_path
    await around.dispatcher.drain(1.0)
    await writer.shut(2.0)
    store.close()


async def test_fault_t20_a_typed_card_reaches_the_till_and_no_record(
    line: tuple[Line, Till, Path],
) -> None:
    call, till, folder = line
    with capture_logs() as logged:
        call.session.deliver(CallerAudio(FRAME, 0))
        call.engine.say(ToolCalled("r1", "t1", "collect_digits", WANTED))
        call.types(CARD)
        said = call.outputs()[-1]
        assert (said["status"], said["count"]) == ("done", 16)
        card = json.dumps({"card": said["digits"]})
        call.engine.say(ToolCalled("r2", "t2", "charge_card", card))
        assert (await call.answered(2))["status"] == "done"
        call.engine.say(ToolCalled("r3", "t3", "charge_card", json.dumps({"card": said["digits"]})))
        assert (await call.answered(3))["status"] == "done"
        call.session.deliver(StreamStopped())
        await call.over.wait()
    assert till.cards == [CARD], "once, whatever the model asks again"
    assert await call.journal.written(2.0)
    events = [event for event, _ in call.around.seen]
    assert [e.digit for e in events if isinstance(e, DtmfPressed)] == ["x"] * 16
    appended = [
        c.audio for _, asked in call.around.seen for c in asked if isinstance(c, AppendAudio)
    ]
    assert appended == [FRAME] + [b"\xff" * 160] * 16
    assert CARD not in repr(logged)
    assert CARD not in repr(call.engine.asked)
    refuse_card(folder)
    verdict = replay(journal(call.journal.folder / "journal.bin"), make_call)
    assert verdict.ok
    assert verdict.events == len(events)


@pytest.mark.parametrize("line", [CAPABILITIES, ON_REQUEST], indirect=True)
@pytest.mark.parametrize("words", ["uh-huh", "No, wait.", None])
@pytest.mark.parametrize("typed", [0, 5, 15])
async def test_fault_t20_a_card_typed_while_the_caller_also_speaks_reaches_no_record(
    line: tuple[Line, Till, Path], words: str | None, typed: int
) -> None:
    """The agent is interrupted, or held until that is known, in the midst of the digits."""
    call, till, folder = line
    with capture_logs() as logged:
        call.engine.say(ToolCalled("r1", "t1", "collect_digits", WANTED))
        for event in (ResponseStarted("r2"), TextDelta("r2", "i1", "Please type it.")):
            call.engine.say(event)
        call.engine.say(AudioDelta("r2", "i1", 0, bytes(8_000)))
        call.types(CARD[:typed])
        call.engine.say(CallerSpeechStarted("u1", 0))
        call.types(CARD[typed : typed + 1])
        call.engine.say(CallerSpeechStopped("u1", 100))
        if words is not None:
            call.engine.say(CallerTranscript("u1", words))
        call.types(CARD[typed + 1 :])
        said = call.outputs()[-1]
        assert (said["status"], said["count"]) == ("done", 16)
        card = json.dumps({"card": said["digits"]})
        call.engine.say(ToolCalled("r3", "t2", "charge_card", card))
        assert (await call.answered(2))["status"] == "done"
        call.session.deliver(StreamStopped())
        await call.over.wait()
    assert till.cards == [CARD]
    assert await call.journal.written(2.0)
    events = [event for event, _ in call.around.seen]
    assert [e.digit for e in events if isinstance(e, DtmfPressed)] == ["x"] * 16
    assert CARD not in repr(logged) + repr(call.engine.asked)
    refuse_card(folder)
    assert replay(journal(call.journal.folder / "journal.bin"), make_call).ok


async def test_a_caller_who_hangs_up_leaves_no_digits_behind(
    line: tuple[Line, Till, Path],
) -> None:
    call, till, folder = line
    call.engine.say(ToolCalled("r1", "t1", "collect_digits", WANTED))
    call.types(CARD)
    reference = call.outputs()[-1]["digits"]
    call.engine.say(ToolCalled("r2", "t2", "collect_digits", WANTED))
    call.types(CARD[:8])
    call.session.deliver(StreamStopped())
    await call.over.wait()
    assert call.around.dispatcher.vault.take("CA1", reference) is None
    assert call.session.ended is EndedReason.CALLER_HUNG_UP
    assert till.cards == []
    assert await call.journal.written(2.0)
    refuse_card(folder)


async def test_digits_that_are_no_secret_are_told(line: tuple[Line, Till, Path]) -> None:
    call, _, _ = line
    wanted = json.dumps({"purpose": "customer number", "length": 4})
    call.engine.say(ToolCalled("r1", "t1", "collect_digits", wanted))
    call.types("0815")
    assert call.outputs()[-1]["digits"] == "0815"
    call.session.deliver(StreamStopped())
    await call.over.wait()


def refuse_card(folder: Path) -> None:
    """No file may hold the card, or half of it, in any form a person could find."""
    reversed_card = CARD[::-1]
    for path in (path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for secret in (CARD, CARD[:8], CARD[8:], reversed_card):
            assert secret.encode() not in data, f"{path.name} holds digits of the card"


# ---- a whole call -----------------------------------------------------------------------------


def tone(key: str, samples: int) -> bytes:
    """The key's two tones, as a telephone sends them (ITU-T Q.23)."""
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    row, column = divmod("123456789*0#".index(key), 3)
    t = np.arange(samples) / 8_000
    both = np.sin(2 * np.pi * rows[row] * t) + np.sin(2 * np.pi * columns[column] * t)
    return ulaw.encode((both * 6_000).astype(np.int16))


class Typist(Recorded):
    """A caller who says something at once and types the card, tones and all, from 4 s on."""

    def __init__(self, hang_up_ms: int) -> None:
        track = bytearray(ulaw.silence(hang_up_ms * 8))
        track[6_400:11_200] = ulaw.encode(hum("caller", 600, 8_000))
        keys = {4_000 + 120 * number: key for number, key in enumerate(CARD)}
        for at_ms, key in keys.items():
            track[(at_ms - 40) * 8 : (at_ms + 40) * 8] = tone(key, 640)
        super().__init__(bytes(track), hang_up_ms, keys)


def everything(store: Store) -> str:
    def read(connection: sa.Connection) -> str:
        return repr([connection.execute(table.select()).all() for table in METADATA.sorted_tables])

    return store.read(read)


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_fault_t20_after_a_whole_call_a_typed_card_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till()
    built: list[House] = []

    def replies() -> Iterator[Reply]:
        collect = FunctionCall("collect_digits", WANTED)
        yield Reply("Please type your card number.", 900, calls=(collect,))
        conversation = built[0].model.sessions[0].conversation
        (output,) = [text for role, text in conversation.context() if role == "output"]
        card = json.dumps({"card": json.loads(output)["digits"]})
        yield Reply("", calls=(FunctionCall("charge_card", card),))
        yield Reply("Thank you.", 500)

    def modules(*_about: object) -> dict[str, tuple[Tool, ...]]:
        return {"till": till.registry().tools()}

    monkeypatch.setattr("telephony.casting.modules", modules)
    with capture_logs() as logged:
        async with house(tmp_path, Script(replies=replies())) as home:
            built.append(home)
            await home.phone.dial(Typist(hang_up_ms=8_500))
            assert till.cards == [CARD]
            session = home.model.sessions[0]
            told = repr((session.client_events, session.server_events))
            kept = everything(home.service.store)
            entries = home.entries
    tools = [entry for entry in entries if isinstance(entry, ToolLine)]
    assert [(entry.name, entry.state) for entry in tools] == [
        ("collect_digits", "done"),
        ("charge_card", "done"),
    ]
    assert {entry.digit for entry in entries if isinstance(entry, DtmfLine)} == {"x"}
    for place in (told, kept, repr(logged), repr(entries)):
        assert CARD not in place
        assert CARD[:8] not in place
    refuse_card(tmp_path)
    (call,) = Archive(tmp_path / "data").newest(10)
    reading = journal(call.journal)
    assert replay(reading, make_call).ok
    pressed = [r.event for r in reading.records if isinstance(r, Happened)]
    assert {e.digit for e in pressed if isinstance(e, DtmfPressed)} == {"x"}
    heard = b"".join(e.ulaw for e in pressed if isinstance(e, CallerAudio))
    recorded = (call.journal.parent / "caller.wav").read_bytes()[HEADER_BYTES:]
    for audio in (heard, recorded):
        spoken = ulaw.decode(audio[: 2_000 * 8]).astype(int)
        assert np.abs(spoken).max() > 1_000, "what was said before is kept"
        typed = audio[3_950 * 8 : (4_000 + 120 * 16) * 8]
        assert set(typed) == {0xFF}, "a tone tells the digit as well as the digit does"
