"""A whole call over a distant line in virtual time, with what the caller truly heard beside what
the call said was heard.

The call is the real one, and so are the messages on the wire; the carrier is the simulated one,
whose play-out clock is the truth. Between them lie two lines that delay and keep order. Each
sample is known by its sound (tests/telephony/voices.py): no book of the call's is read.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from random import Random

import msgspec

from agents.engine import (
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    DeleteItem,
    EngineFailed,
    EngineReady,
    TruncateItem,
)
from agents.persona import Persona
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    CloseStream,
    EndCall,
    Note,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.config import CallConfig, Claimable, Limits, TurnTaking
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
)
from telephony.call.lane import Lane
from telephony.call.machine import Call
from telephony.simulator.carrier import Carrier
from telephony.simulator.dialect import Narration
from telephony.simulator.network import DistantCarrier, Line
from telephony.transcripts.entry import AgentLine, TruncationLine
from telephony.twilio import wire
from tests.telephony.caller_sounds import SILENCE, Kind, Sound, frame
from tests.telephony.distant_model import BY_ITSELF, Manner, Model, Reply
from tests.telephony.voices import Heard, Place, Voices, heard

SID = "MZ" + "0" * 32


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
        manner: Manner = BY_ITSELF,
    ) -> None:
        self._pcm = output is AudioFormat.PCM16_24K
        self.manner = manner
        config = CallConfig(
            "CA1",
            Persona(),
            manner.capabilities(output),
            Limits(reply_s=manner.reply_s, answer_s=6.0, give_up_s=12.0),
            turn_taking=TurnTaking(manner.barge_in, early_s=manner.early_s),
            claimable=claimable,
        )
        self.call = Call(config)
        self._lane = Lane()
        self.voices = Voices(output)
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
        self._sounds: list[tuple[float, Sound]] = []
        self.now = 0.0
        self.commands: list[CallCommand] = []
        self.model = Model(self.voices, manner, self.at)
        self._places: list[Place] = []
        self._sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        self._come: dict[str, int] = {}
        """Of an item, when the model was told."""
        self.rejected = 0
        """Truncations a model would refuse: of more than it has given out."""
        self._over_at: int | None = None
        """The commands before that were given while caller and model were there."""
        self._final: dict[str, Heard] | None = None
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
        self.run_until(self._begins(reply, self.now + 0.1))
        while self.model.replying and self.call.phase is not Phase.ENDED:
            self._step(self._next())
        self.run_until(self.now + 0.7)

    def _begins(self, reply: Reply, begin_s: float) -> float:
        """When the caller has been heard, or all of a reply nobody interrupts."""
        self._replies += 1
        self.model.begins(f"r{self._replies}", reply, begin_s)
        if (cut_s := reply.interrupt_after_s) is None:
            return begin_s + sum(reply.items_ms) / 1000 + reply.pause_s
        end_s = self.speaks(reply.sound, begin_s + cut_s)
        if reply.again_after_s is not None:
            again_s = begin_s + cut_s + reply.again_after_s
            end_s = self.speaks(reply.again, max(again_s, end_s + 0.001))
        return end_s

    # ---- the caller ---------------------------------------------------------------------------

    def speaks(self, sound: Sound, at_s: float) -> float:
        """The caller makes a sound; when the engine knows that it is over."""
        self._utterances += 1
        item_id = f"u{self._utterances}"
        self._sounds.append((at_s, sound))
        stopped_s = at_s + sound.stopped_after_s
        if sound.noticed_after_s is None:
            return stopped_s
        begun_s = at_s + sound.noticed_after_s
        self.at(begun_s, CallerSpeechStarted(item_id, round(at_s * 1000)))
        self.at(stopped_s, CallerSpeechStopped(item_id, round(stopped_s * 1000)))
        if sound.words is not None:
            words = "" if sound.failed else sound.words
            said = CallerTranscript(item_id, words, failed=sound.failed)
            self.at(max(begun_s, stopped_s + sound.words_after_s), said)
        return stopped_s

    def _frame(self) -> bytes:
        """The next 20 ms of the caller's side."""
        at_s = self._frames * 0.02
        for begun_s, sound in reversed(self._sounds):
            if begun_s <= at_s < begun_s + sound.lasts_s and sound.kind is not Kind.NOTHING:
                return frame(sound.kind, at_s - begun_s, self.carrier.heard)
        return SILENCE

    def hang_up_in_mid_reply(self, reply: Reply, after_s: float) -> None:
        """The caller hangs up: from that moment on nothing is heard any more."""
        self._begins(reply, self.now)
        self.run_until(self.now + after_s)
        self._distant.advance(self.now)
        self._final = self.played()
        self._ends(len(self.commands))
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
            stamp_ms = self._network.began_ms + self._frames * 20
            self._distant.say(self._narration.media(self._frame(), stamp_ms), self.now)
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
        if not self.model.sends(event, self.now):
            return
        if isinstance(event, AudioDelta):
            # What comes of an item behind its end is not played.
            audio = b"" if self.model.late(event) else event.audio
            self.voices.comes(event.item_id, audio)
            self.received[event.item_id] += len(audio) // (6 if self._pcm else 1)
        if self._passes(event):
            if self._lane.full:
                self._catch_up()
            return
        if self._lane.waiting:
            self._catch_up()
        self._follow(event, self.now)

    def _passes(self, event: CallEvent) -> bool:
        if isinstance(event, MarkEchoed):
            return self.call.can_wait(event) and self._lane.takes_echo(event.name, self.now)
        return isinstance(event, CallerAudio) and self._lane.takes(event, self.now)

    def _catch_up(self) -> None:
        """As a session's pump does."""
        self._follow(self._lane.rest(), self._lane.came_s)

    def _follow(self, event: CallEvent, now: float) -> None:
        commands = self.call.handle(event, now)
        if isinstance(event, EngineFailed) or any(isinstance(c, EndCall) for c in commands):
            self._ends(len(self.commands))
        self.commands += commands
        self._plays([command.ulaw for command in commands if isinstance(command, PlayAudio)])
        for command in commands:
            self._perform(command)
        self._lane.grant(self.call.lane(self.now))

    def _ends(self, at: int) -> None:
        self._over_at = at if self._over_at is None else self._over_at

    def _plays(self, clips: Sequence[bytes]) -> None:
        places = self.voices.sent(clips)
        self._places += places
        for place, clip in zip(places, clips, strict=True):
            self._sent[place.item_id] = max(self._sent[place.item_id], place.at + len(clip))

    def _perform(self, command: CallCommand) -> None:
        match command:
            case PlayAudio(ulaw):
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
            case CancelResponse(response_id):
                self.model.stops(response_id, self.now)

    def _heard_until_closed(self) -> dict[str, Heard]:
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
        self._come[item_id] = self.received[item_id]
        self.rejected += heard_ms * 8 > self.received[item_id]

    # ---- the truth ----------------------------------------------------------------------------

    def played(self) -> dict[str, Heard]:
        """What was truly heard of each item."""
        if self._final is not None:
            return self._final
        clips = (clip.played for clip in self.carrier.clips)
        return heard(zip(self._places, clips, strict=False))

    def truth_ms(self, item_id: str) -> tuple[float, float]:
        """Of an item's own audio: how much was heard at all, and how far into it."""
        put_off = 24 if self._pcm else 0
        item = self.played().get(item_id, Heard())
        return max(0, item.once - put_off) / 8, max(0, item.reached - put_off) / 8

    def come(self, item_id: str) -> int:
        """Samples of the model's that the call had of it when it said what of it was heard."""
        return self._come.get(item_id, self.received[item_id])

    def told(self) -> list[Verdict]:
        """Everything the model was told of interruptions."""
        return self._verdicts(self._told)

    def lines(self) -> list[AgentLine]:
        entries = [c.entry for c in self.commands if isinstance(c, Record)]
        return [entry for entry in entries if isinstance(entry, AgentLine)]

    def lines_of_the_living(self) -> list[AgentLine]:
        """Those that were written while there were a model to be told and a caller to be heard."""
        entries = [c.entry for c in self.commands[: self._over_at] if isinstance(c, Record)]
        return [entry for entry in entries if isinstance(entry, AgentLine)]

    def cuts(self) -> list[TruncationLine]:
        entries = [c.entry for c in self.commands if isinstance(c, Record)]
        return [entry for entry in entries if isinstance(entry, TruncationLine)]

    def resumed(self) -> int:
        """How often a sound of the caller's was held to be nothing."""
        return sum(c.code == "interruption_dropped" for c in self.commands if isinstance(c, Note))

    def recorded(self) -> int:
        """Samples of the agent the recording holds as heard."""
        stored = [c for c in self.commands if isinstance(c, StoreAudio)]
        return sum(len(piece.ulaw) for piece in stored if piece.track is Track.HEARD)

    def written(self) -> list[Verdict]:
        """Everything the transcript says of the agent's lines."""
        return self._verdicts({line.item_id: line.heard_ms for line in self.lines()})

    def _verdicts(self, claims: dict[str, int]) -> list[Verdict]:
        return [
            Verdict(
                item_id,
                claim,
                self.truth_ms(item_id)[1],
                self._sent[item_id] / 8,
                self.received[item_id] / 8,
            )
            for item_id, claim in claims.items()
        ]
