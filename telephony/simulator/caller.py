"""A caller who listens: says its part when it is its turn, and once when it is not.

Pure: sound comes in and goes out 20 ms at a time, words come when they come.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from telephony.simulator.attention import Ask, Attention
from telephony.simulator.carrier import FRAME_SAMPLES
from telephony.simulator.ear import Heard
from telephony.simulator.scenario import Interruption, Rule, Scenario, asks_again

FAREWELL_MS = 8_000
"""After its goodbye the caller leaves it to the agent to hang up for so long."""
MOST_WONDERINGS = 2
MOST_INSISTING = 2
PARTIAL_EVERY_MS = 700


class Said(msgspec.Struct, frozen=True, tag=True):
    """The caller begins to say this."""

    at_ms: int
    text: str
    rule: str


class Understood(msgspec.Struct, frozen=True, tag=True):
    """What the caller made out of what the agent said."""

    at_ms: int
    text: str


class Interrupted(msgspec.Struct, frozen=True, tag=True):
    """The caller speaks up while the agent is talking; Said follows."""

    at_ms: int
    text: str
    talked_ms: int
    """How long the agent had been talking."""


class PutDown(msgspec.Struct, frozen=True, tag=True):
    """The caller hangs up."""

    at_ms: int
    why: str


Observation = Said | Understood | Interrupted | PutDown


class Mood(Enum):
    TALKING = "talking"
    LEAVING = "leaving"
    """Has said goodbye."""
    GONE = "gone"


class SyntheticCaller:
    """One caller, for one call; a `CallerSide` that also has to be told words.

    `ask(number, ulaw)` is called when words are wanted for what the agent said; sooner or later
    `understood` must be called with that number.
    """

    def __init__(
        self,
        scenario: Scenario,
        speech: Mapping[str, bytes],
        noise: bytes,
        *,
        ask: Ask,
        observe: Callable[[Observation], None],
    ) -> None:
        """`speech`: mu-law of each of `scenario.lines`. `noise`: the line when nobody speaks."""
        self._scenario = scenario
        self._speech = speech
        self._noise = noise
        self._observe = observe
        self._attention = Attention(ask)
        self._speaking_up = SpeakingUp(scenario.interruption)
        self._given: set[str] = set()
        self._used: Counter[str] = Counter()
        self._mood = Mood.TALKING
        self._line = b""
        self._last: Rule | None = None
        self._quiet_since_ms = 0
        self._confusions = 0
        self._wonderings = 0
        self._insisted = 0

    # ---- the phone ----

    @property
    def hang_up(self) -> bool:
        return self._mood is Mood.GONE

    def keys(self, now_ms: int) -> str:
        """Presses none."""
        return ""

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        heard = self._attention.hear(ulaw, now_ms, speaking=bool(self._line))
        if heard is Heard.BEGAN:
            self._speaking_up.agent_began()
        if self._attention.agent_talks or self._line:
            self._quiet_since_ms = now_ms
        if self._mood is not Mood.GONE and not self._line:
            self._consider(now_ms)

    def frame(self, now_ms: int) -> bytes:
        piece, self._line = self._line[:FRAME_SAMPLES], self._line[FRAME_SAMPLES:]
        return piece + self._hiss(now_ms * 8)[len(piece) :]

    def _hiss(self, at: int) -> bytes:
        start = at % len(self._noise)
        return (self._noise[start : start + FRAME_SAMPLES] + self._noise)[:FRAME_SAMPLES]

    def understood(self, number: int, text: str, now_ms: int) -> None:
        """The words asked for by `number`; empty when there were none to make out."""
        words = self._attention.understood(number, text, now_ms)
        if words is None:
            return
        self._observe(Understood(now_ms, words.text))
        if words.partial and self._attention.agent_talks and self._speaking_up.matches(text):
            self._interrupt(now_ms)

    # ---- whose turn is it ----

    def _consider(self, now_ms: int) -> None:
        """What time alone brings about."""
        if now_ms >= self._scenario.most_ms:
            self._put_down(now_ms, "the call takes too long")
        elif self._attention.agent_talks:
            self._listen(now_ms)
        elif (words := self._attention.turn(now_ms)) is not None:
            self._reply(words, now_ms)
        else:
            self._wait(now_ms)

    def _listen(self, now_ms: int) -> None:
        if self._mood is Mood.LEAVING or not self._attention.agent_audible:
            return
        match self._speaking_up.moment(self._given, self._attention.agent_talked_ms):
            case Moment.NOW:
                self._interrupt(now_ms)
            case Moment.LISTEN_IN:
                self._attention.listen_in(now_ms)
            case Moment.NOT_YET:
                pass

    def _wait(self, now_ms: int) -> None:
        silent_ms = now_ms - self._quiet_since_ms
        if self._mood is Mood.LEAVING and silent_ms >= FAREWELL_MS:
            self._put_down(now_ms, "the agent did not hang up")
        elif self._mood is Mood.TALKING and silent_ms >= self._scenario.patience_ms:
            self._wonder(now_ms)

    def _wonder(self, now_ms: int) -> None:
        self._wonderings += 1
        if self._wonderings > MOST_WONDERINGS:
            self._put_down(now_ms, "nobody answers")
        else:
            self._say(Rule("wondering", "", self._scenario.wondering), now_ms)

    def _put_down(self, now_ms: int, why: str) -> None:
        self._mood = Mood.GONE
        self._observe(PutDown(now_ms, why))

    # ---- what to say ----

    def _reply(self, words: str, now_ms: int) -> None:
        self._wonderings = 0
        rule = self._scenario.answer(words, self._used)
        if self._mood is Mood.LEAVING:
            self._insist(rule, now_ms)
        elif rule is not None:
            self._confusions = 0
            self._say(rule, now_ms)
        elif self._last is None:
            self._say(self._scenario.opening, now_ms)
        elif asks_again(words):
            self._say(self._last, now_ms)
        else:
            self._be_confused(now_ms)

    def _insist(self, rule: Rule | None, now_ms: int) -> None:
        if rule is not None and rule.insists and self._insisted < MOST_INSISTING:
            self._insisted += 1
            self._say(rule, now_ms)

    def _be_confused(self, now_ms: int) -> None:
        self._confusions += 1
        if self._confusions > self._scenario.most_confusions:
            self._say(Rule("giving up", "", self._scenario.giving_up, ends=True), now_ms)
        else:
            self._say(Rule("confused", "", self._scenario.confused), now_ms)

    def _interrupt(self, now_ms: int) -> None:
        says = self._speaking_up.speak()
        self._observe(Interrupted(now_ms, says, self._attention.agent_talked_ms))
        self._attention.forget()
        self._say(Rule("interruption", "", says), now_ms)

    def _say(self, rule: Rule, now_ms: int) -> None:
        if not rule.says:
            return
        if rule.name not in ("confused", "wondering"):
            self._last = rule
        if rule.ends:
            self._mood = Mood.LEAVING
        self._given.update(rule.gives)
        self._used[rule.name] += 1
        self._line = self._speech[rule.says]
        self._observe(Said(now_ms, rule.says, rule.name))


class Moment(Enum):
    NOT_YET = "not_yet"
    LISTEN_IN = "listen_in"
    """Words of the sentence so far are wanted first."""
    NOW = "now"


class SpeakingUp:
    """When to interrupt the agent: once, and never before it makes sense."""

    def __init__(self, planned: Interruption | None) -> None:
        self._planned = planned
        self._from_ms = 0

    def agent_began(self) -> None:
        self._from_ms = 0 if self._planned is None else self._planned.after_ms

    def moment(self, given: set[str], talked_ms: int) -> Moment:
        planned = self._planned
        if planned is None or talked_ms < self._from_ms or not given.issuperset(planned.after):
            return Moment.NOT_YET
        if not planned.hears:
            return Moment.NOW
        self._from_ms += PARTIAL_EVERY_MS
        return Moment.LISTEN_IN

    def matches(self, words: str) -> bool:
        return self._planned is not None and self._planned.matches(words)

    def speak(self) -> str:
        """What to say. There is no second time."""
        if self._planned is None:
            raise AssertionError("the caller has interrupted already")
        says, self._planned = self._planned.says, None
        return says
