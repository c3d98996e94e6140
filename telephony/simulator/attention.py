"""What has the agent said that waits for an answer, and is it the caller's turn to give it?

Sound is put into words by somebody else: `ask(number, ulaw)` is called for an utterance, and
`understood(number, words)` follows sooner or later; meanwhile the call goes on.
"""

from collections.abc import Callable

import msgspec

from telephony.simulator.ear import Ear, Heard

THINKING_MS = 300
"""People do not answer at once; and the agent may only have drawn breath."""
WORDS_WITHIN_MS = 9_000
LONGEST_SAMPLES = 15 * 8_000
"""The end of a long speech holds the question."""

Ask = Callable[[int, bytes], None]


class Words(msgspec.Struct, frozen=True):
    """Words made out; `partial` when the agent was still talking."""

    text: str
    partial: bool


class _Question(msgspec.Struct, frozen=True):
    """An utterance whose words are awaited."""

    number: int
    partial: bool
    until_ms: int


class _Answer(msgspec.Struct, frozen=True):
    """Words to be answered, unless the agent goes on."""

    words: str
    due_ms: int


class Attention:
    """The caller's mind while it listens."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ear = Ear()
        self._unanswered = b""
        self._numbers = 0
        self._question: _Question | None = None
        self._answer: _Answer | None = None

    @property
    def agent_talks(self) -> bool:
        return self._ear.talking

    @property
    def agent_audible(self) -> bool:
        return self._ear.audible

    @property
    def agent_talked_ms(self) -> int:
        return self._ear.talking_ms

    def hear(self, ulaw: bytes, now_ms: int, *, speaking: bool) -> Heard:
        """20 ms of the agent, while the caller is `speaking` itself or not."""
        heard = self._ear.hear(ulaw)
        if heard is Heard.BEGAN:
            # It goes on; what it said before is answered with what it says now.
            self._answer = None
        elif heard is Heard.ENDED and not speaking:
            # An agent that stops while the caller speaks has given way, and will start afresh.
            self._unanswered = (self._unanswered + self._ear.utterance)[-LONGEST_SAMPLES:]
            self._wonder(self._unanswered, now_ms, partial=False)
        return heard

    def listen_in(self, now_ms: int) -> None:
        """Ask for the words of the sentence going on, unless words are awaited already."""
        if self._question is None:
            self._wonder(self._ear.utterance, now_ms, partial=True)

    def _wonder(self, ulaw: bytes, now_ms: int, *, partial: bool) -> None:
        self._numbers += 1
        self._question = _Question(self._numbers, partial, now_ms + WORDS_WITHIN_MS)
        self._ask(self._numbers, ulaw)

    def understood(self, number: int, text: str, now_ms: int) -> Words | None:
        """The words of an utterance; None when they come too late to matter."""
        question = self._question
        if question is None or question.number != number:
            return None
        self._question = None
        if not question.partial and not self._ear.talking:
            self._answer = _Answer(text, now_ms + THINKING_MS)
        return Words(text, question.partial)

    def turn(self, now_ms: int) -> str | None:
        """The words to be answered now; None when it is not the caller's turn."""
        if self._question is not None and now_ms >= self._question.until_ms:
            self.understood(self._question.number, "", now_ms)
        if self._answer is None or self._ear.talking or now_ms < self._answer.due_ms:
            return None
        words = self._answer.words
        self.forget()
        return words

    def forget(self) -> None:
        """Whatever the agent has said so far needs no answer any more."""
        self._unanswered = b""
        self._question = self._answer = None
        self._ear.forget()
