"""A whole call over a distant line in virtual time, with what the caller truly heard beside what
the call said was heard.

The call is the real one, and so are the messages on the wire; the carrier is the simulated one,
whose play-out clock is the truth. Between them lie two lines that delay and keep order. Each
sample is known by the event that sent it: this book is kept here, not read from the call.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from math import inf
from random import Random

import msgspec

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    Capabilities,
    DeleteItem,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
    TruncateItem,
)
from agents.persona import Persona
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    CloseStream,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.config import CallConfig, Claimable
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
)
from telephony.call.machine import Call
from telephony.simulator.carrier import Carrier
from telephony.simulator.dialect import Narration
from telephony.simulator.network import DistantCarrier, Line
from telephony.transcripts.entry import AgentLine, TruncationLine
from telephony.twilio import wire

SID = "MZ" + "0" * 32
SILENCE = b"\xff" * 160


class Network(msgspec.Struct, frozen=True):
    """How far away the carrier is, and how unsteadily."""

    there_s: float = 0.05
    back_s: float = 0.05
    jitter: str = "none"
    """`none`, `uniform` or `exponential`."""
    jitter_s: float = 0.0
    """Mean of each way."""
    lost: float = 0.0
    """Share of echoes that never come; as many come twice, as many half a second late."""
    frames: bool = True
    """The caller's audio comes, 50 frames a second, on the same line as the echoes."""
    returns_cleared_marks: bool = True
    began_ms: int = 0
    """The carrier's stream is so old when its start reaches us."""

    def delay(self, base_s: float, chance: Random) -> Callable[[], float]:
        match self.jitter:
            case "uniform":
                return lambda: base_s + chance.uniform(0, 2 * self.jitter_s)
            case "exponential":
                return lambda: base_s + chance.expovariate(1 / self.jitter_s)
            case _:
                return lambda: base_s


class Reply(msgspec.Struct, frozen=True):
    """One reply of the model and what the caller does about it."""

    items_ms: tuple[int, ...]
    speed: float = 5.0
    """Times faster than real time."""
    delta_samples: tuple[int, ...] = (1_600,)
    """Sizes of its deltas at 8,000 a second, in turn."""
    pause_at_ms: int = -1
    """The model halts when so much has come, long enough for the line to run dry or nearly."""
    pause_s: float = 0.0
    second_item_after_s: float = 0.0
    interrupt_after_s: float | None = None
    """From its first delta."""
    again_after_s: float | None = None
    """The caller stops and begins again so long after the interruption, in the same reply."""
    cancel_after_s: float = 0.05
    """What the model still sends after it was interrupted."""


class Verdict(msgspec.Struct):
    """One item the call was sure about, and the truth."""

    item_id: str
    told_ms: int
    """What the model, or the transcript, was told was heard."""
    played_ms: float
    sent_ms: float
    received_ms: float

    @property
    def error_ms(self) -> float:
        return self.told_ms - self.played_ms


class Distance:
    """One call over one line. Tell it replies, then read the verdicts."""

    def __init__(
        self,
        network: Network,
        chance: Random,
        output: AudioFormat,
        claimable: tuple[Claimable, ...] = (),
    ) -> None:
        capabilities = Capabilities("far", AudioFormat.ULAW_8K, output, True, True)
        self._pcm = output is AudioFormat.PCM16_24K
        self.call = Call(CallConfig("CA1", Persona(), capabilities, claimable=claimable))
        narration = Narration("AC1", "CA1", SID)
        self.carrier = Carrier(narration, SID, returns_cleared_marks=network.returns_cleared_marks)
        self._narration = narration
        self._network = network
        self._chance = chance
        self._there: Line[str | bytes] = Line(network.delay(network.there_s, chance))
        back: Line[str] = Line(network.delay(network.back_s, chance))
        self._distant = DistantCarrier(self.carrier, self._there, back)
        self._envelopes = wire.Envelopes(SID)
        self._schedule: list[tuple[float, int, CallEvent]] = []
        self._scheduled = 0
        self._frames = 0
        self._item_id = ""
        self.now = 0.0
        self.commands: list[CallCommand] = []
        self._item_of_clip: list[str] = []
        self._sent: Counter[str] = Counter()
        self._received: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        self.rejected = 0
        """Truncations a model would refuse: of more than it has given out."""
        self._final: Counter[str] | None = None
        self._replies = self._utterances = 0
        self._deliver(StreamStarted(SID))
        self.at(0.3, EngineReady("s1"))
        self.run_until(0.5)

    # ---- the model ----------------------------------------------------------------------------

    def at(self, moment_s: float, event: CallEvent) -> None:
        self._scheduled += 1
        heapq.heappush(self._schedule, (moment_s, self._scheduled, event))

    def gives(self, reply: Reply) -> None:
        """Let one reply happen, from its first word until the line is silent again."""
        self._replies += 1
        events = list(self._events(f"r{self._replies}", reply))
        begin_s = self.now + 0.1
        last_s = max(at_s for at_s, _ in events)
        cut_s = reply.interrupt_after_s
        if cut_s is not None:
            last_s = min(last_s, cut_s + reply.cancel_after_s)
            self._speak(begin_s + cut_s, reply.again_after_s)
        for at_s, event in events:
            if at_s < last_s or (at_s == last_s and cut_s is None):
                self.at(begin_s + at_s, event)
        self._end(f"r{self._replies}", reply, begin_s + last_s, cancelled=cut_s is not None)
        spoken_s = sum(reply.items_ms) / 1000 + reply.pause_s + reply.second_item_after_s
        heard_s = spoken_s if cut_s is None else max(cut_s + (reply.again_after_s or 0), last_s)
        self.run_until(begin_s + max(heard_s, last_s) + 0.7)

    def _events(self, response_id: str, reply: Reply) -> Iterator[tuple[float, AnyEngineEvent]]:
        """What the model sends of a reply nobody interrupts, with its times from the first."""
        yield 0.0, ResponseStarted(response_id)
        come = delta = 0
        late_s = 0.0
        for number, item_ms in enumerate(reply.items_ms):
            item_id = f"{response_id}i{number}"
            late_s += reply.second_item_after_s if number == 1 else 0.0
            left = item_ms * 8
            while left:
                samples = min(left, reply.delta_samples[delta % len(reply.delta_samples)])
                if 0 <= reply.pause_at_ms <= come // 8 and late_s < reply.pause_s:
                    late_s += reply.pause_s
                at_s = late_s + come / 8_000 / reply.speed
                yield at_s, TextDelta(response_id, item_id, "Hello dear caller. ")
                yield at_s, AudioDelta(response_id, item_id, 0, self._audio(samples))
                come, left, delta = come + samples, left - samples, delta + 1
            yield late_s + come / 8_000 / reply.speed, ItemDone(response_id, item_id)

    def _audio(self, samples: int) -> bytes:
        return bytes(samples * 6) if self._pcm else b"\x2a" * samples

    def _end(self, response_id: str, reply: Reply, at_s: float, *, cancelled: bool) -> None:
        for number in range(len(reply.items_ms)):
            self.at(at_s, ItemDone(response_id, f"{response_id}i{number}"))
        status = ResponseStatus.CANCELLED if cancelled else ResponseStatus.COMPLETED
        self.at(at_s, ResponseDone(response_id, status))

    # ---- the caller ---------------------------------------------------------------------------

    def _speak(self, at_s: float, again_after_s: float | None) -> None:
        for after_s in (0.0,) if again_after_s is None else (0.0, again_after_s):
            self._utterances += 1
            begun = CallerSpeechStarted(f"u{self._utterances}", 0)
            self.at(at_s + after_s, begun)
            self.at(at_s + after_s + 0.01, CallerSpeechStopped(begun.item_id, 0))
            self.at(at_s + after_s + 0.02, CallerTranscript(begun.item_id, "Sorry?"))

    def hang_up_in_mid_reply(self, reply: Reply, after_s: float) -> None:
        """The caller hangs up: from that moment on nothing is heard any more."""
        for at_s, event in self._events("last", reply):
            self.at(self.now + at_s, event)
        self.run_until(self.now + after_s)
        self._distant.advance(self.now)
        self._final = self.played()
        self._distant.say(self._narration.stop(), self.now)
        while self.call.phase is not Phase.ENDED:
            self._step(self._next())

    # ---- the clock ----------------------------------------------------------------------------

    def run_until(self, end_s: float) -> None:
        while (at_s := self._next()) <= end_s and self.call.phase is not Phase.ENDED:
            self._step(at_s)
        self.now = max(self.now, end_s)

    def _next(self) -> float:
        scheduled = self._schedule[0][0] if self._schedule else None
        times = (scheduled, self._distant.next_deadline(), self.call.next_deadline(), self._frame_s)
        return min((at_s for at_s in times if at_s is not None), default=inf)

    @property
    def _frame_s(self) -> float | None:
        """When the caller has spoken another frame."""
        return (self._frames + 1) * 0.02 if self._network.frames else None

    def _step(self, at_s: float) -> None:
        self.now = max(self.now, at_s)
        if self._frame_s is not None and self._frame_s <= self.now:
            self._distant.say(
                self._narration.media(SILENCE, self._network.began_ms + self._frames * 20), self.now
            )
            self._frames += 1
        for text in self._distant.advance(self.now):
            self._arrives(wire.parse(text))
        while self._schedule and self._schedule[0][0] <= self.now:
            self._deliver(heapq.heappop(self._schedule)[2])
        deadline_s = self.call.next_deadline()
        if deadline_s is not None and deadline_s <= self.now:
            self._deliver(DeadlineReached())

    def _arrives(self, frame: object) -> None:
        match frame:
            case wire.Mark():
                for late_s in self._echoes():
                    if late_s:
                        self.at(self.now + late_s, MarkEchoed(frame.name))
                    else:
                        self._deliver(MarkEchoed(frame.name))
            case wire.Media():
                self._deliver(CallerAudio(frame.ulaw, frame.timestamp_ms))
            case wire.Stop():
                self._deliver(StreamStopped())

    def _echoes(self) -> tuple[float, ...]:
        """When one echo is seen: lost, twice, late, or as it should be."""
        drawn = self._chance.random() if self._network.lost else 1.0
        share = self._network.lost
        if drawn < share:
            return ()
        if drawn < 2 * share:
            return (0.0, 0.3)
        return (0.5,) if drawn < 3 * share else (0.0,)

    def _deliver(self, event: CallEvent) -> None:
        if isinstance(event, AudioDelta | ItemDone):
            self._item_id = event.item_id
        item_id = self._item_id
        if isinstance(event, AudioDelta):
            self._received[item_id] += len(event.audio) // (6 if self._pcm else 1)
        commands = self.call.handle(event, self.now)
        self.commands += commands
        for command in commands:
            self._perform(command, item_id)

    def _perform(self, command: CallCommand, item_id: str) -> None:
        match command:
            case PlayAudio(ulaw):
                self._item_of_clip.append(item_id)
                self._sent[item_id] += len(ulaw)
                self._distant.receive(self._envelopes.media(ulaw), self.now)
            case PlaceMark(name):
                self._distant.receive(self._envelopes.mark(name), self.now)
            case ClearPlayback():
                self._distant.receive(self._envelopes.clear(), self.now)
            case CloseStream():
                self._final = self._heard_until_closed()
            case TruncateItem():
                self._tell(command.item_id, command.audio_end_ms)
            case DeleteItem():
                self._tell(command.item_id, 0)

    def _heard_until_closed(self) -> Counter[str]:
        """A close comes behind all that was sent before it."""
        at_s = self.now + self._network.there_s
        while (arrives_s := self._there.next_deadline()) is not None:
            at_s = max(at_s, arrives_s)
            self._distant.advance(arrives_s)
        self._distant.advance(at_s)
        return self.played()

    def _tell(self, item_id: str, heard_ms: int) -> None:
        assert item_id not in self._told, f"{item_id} was cut twice"
        self._told[item_id] = heard_ms
        self.rejected += heard_ms * 8 > self._received[item_id]

    # ---- the truth ----------------------------------------------------------------------------

    def played(self) -> Counter[str]:
        """Samples of each item truly played, in the item's own audio."""
        if self._final is not None:
            return self._final
        played: Counter[str] = Counter()
        for item_id, clip in zip(self._item_of_clip, self.carrier.clips, strict=False):
            played[item_id] += clip.played
        put_off = 24 if self._pcm else 0
        return Counter({item: max(0, samples - put_off) for item, samples in played.items()})

    def told(self) -> list[Verdict]:
        """Everything the model was told of interruptions."""
        return self._verdicts(self._told)

    def lines(self) -> list[AgentLine]:
        entries = [c.entry for c in self.commands if isinstance(c, Record)]
        return [entry for entry in entries if isinstance(entry, AgentLine)]

    def cuts(self) -> list[TruncationLine]:
        entries = [c.entry for c in self.commands if isinstance(c, Record)]
        return [entry for entry in entries if isinstance(entry, TruncationLine)]

    def recorded(self) -> int:
        """Samples of the agent the recording holds as heard."""
        stored = [c for c in self.commands if isinstance(c, StoreAudio)]
        return sum(len(piece.ulaw) for piece in stored if piece.track is Track.HEARD)

    def written(self) -> list[Verdict]:
        """Everything the transcript says of the agent's lines."""
        return self._verdicts({line.item_id: line.heard_ms for line in self.lines()})

    def _verdicts(self, claims: dict[str, int]) -> list[Verdict]:
        played, sent = self.played(), self._sent
        return [
            Verdict(
                item_id, claim, played[item_id] / 8, sent[item_id] / 8, self._received[item_id] / 8
            )
            for item_id, claim in claims.items()
        ]
