"""A model far from the phone: what it sends of its replies, and when it stops."""

from collections.abc import Callable, Iterator
from math import inf

import msgspec

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    Capabilities,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
)
from telephony.call.config import BargeIn
from telephony.call.events import CallEvent
from tests.telephony.caller_sounds import Sound
from tests.telephony.voices import Voices

SORRY = Sound()
"""A word nobody could mistake, over at once."""


class Manner(msgspec.Struct, frozen=True):
    """How the floor changes hands, and what the engine does by itself."""

    barge_in: BargeIn = BargeIn.CONFIRMED
    answers_on_request: bool = False
    cancels_on_speech: bool = True
    early_s: float | None = 0.2
    reply_s: float = 90.0
    """The longest reply the call lets an engine give."""

    def capabilities(self, output: AudioFormat) -> Capabilities:
        return Capabilities(
            "far",
            AudioFormat.ULAW_8K,
            output,
            self.cancels_on_speech,
            True,
            answers_on_request=self.answers_on_request,
        )


BY_ITSELF = Manner()
"""An engine that stops and answers when it hears the caller: `confirmed` is not to be had then."""
CONFIRMED = Manner(answers_on_request=True, cancels_on_speech=False)


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
    sound: Sound = SORRY
    """What the caller interrupts with."""
    again: Sound = SORRY
    late_s: float | None = None
    """So long after the reply is over the model sends one more piece of it."""


class Model:
    """What is sent of each reply: until its end, or until the model knows that it shall stop."""

    def __init__(
        self, voices: Voices, manner: Manner, at: Callable[[float, AnyEngineEvent], None]
    ) -> None:
        """`at`: let this be sent at that time, if `sends` still says so then."""
        self._voices = voices
        self._manner = manner
        self._at = at
        self._done: set[str] = set()
        self._late: list[AnyEngineEvent] = []
        self._replies: dict[str, Reply] = {}
        """Those under way."""
        self._stopped_s: dict[str, float] = {}
        self.words: dict[str, list[tuple[int, int, str]]] = {}
        """Of each item the words of each piece, with where it begins and ends in its audio."""

    @property
    def replying(self) -> bool:
        return bool(self._replies)

    def begins(self, response_id: str, reply: Reply, begin_s: float) -> None:
        self._replies[response_id] = reply
        at_s = begin_s
        for after_s, event in self._events(response_id, reply):
            at_s = begin_s + after_s
            self._at(at_s, event)
        self._at(at_s, ResponseDone(response_id, ResponseStatus.COMPLETED))

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
                at = item_ms * 8 - left
                text = f"Hello{delta} dear{delta} caller{delta}. "
                self.words.setdefault(item_id, []).append((at, at + samples, text))
                yield at_s, TextDelta(response_id, item_id, text)
                audio = self._voices.gives(item_id, samples)
                yield at_s, AudioDelta(response_id, item_id, 0, audio)
                come, left, delta = come + samples, left - samples, delta + 1
            yield late_s + come / 8_000 / reply.speed, ItemDone(response_id, item_id)

    def stops(self, response_id: str, now: float) -> None:
        """It is told, or hears, that this reply is not wanted."""
        if (reply := self._replies.get(response_id)) is None or response_id in self._stopped_s:
            return
        at_s = now + reply.cancel_after_s
        self._stopped_s[response_id] = at_s
        for number in range(len(reply.items_ms)):
            self._at(at_s, ItemDone(response_id, f"{response_id}i{number}"))
        self._at(at_s, ResponseDone(response_id, ResponseStatus.CANCELLED))

    def sends(self, event: CallEvent, now: float) -> bool:
        """Whether it comes to this event; asked when it is due."""
        match event:
            case CallerSpeechStarted() if self._manner.cancels_on_speech:
                for response_id in tuple(self._replies):
                    self.stops(response_id, now)
            case ResponseDone(response_id):
                return self._ends(response_id, now)
            case AudioDelta() | TextDelta() | ItemDone() | ResponseStarted():
                return self.late(event) or now <= self._stopped_s.get(event.response_id, inf)
        return True

    def late(self, event: CallEvent) -> bool:
        """Whether its reply was over before it came."""
        return any(event is each for each in self._late)

    def _ends(self, response_id: str, now: float) -> bool:
        """False: it was over before."""
        if response_id in self._done:
            return False
        self._done.add(response_id)
        reply = self._replies.pop(response_id, None)
        if reply is not None and reply.late_s is not None:
            item_id = f"{response_id}i{len(reply.items_ms) - 1}"
            audio = self._voices.gives(item_id, 800)
            last = TextDelta(response_id, item_id, "Oh. ")
            self._late += [last, AudioDelta(response_id, item_id, 0, audio)]
            for event in self._late[-2:]:
                self._at(now + reply.late_s, event)
        return True
