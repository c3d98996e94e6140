"""Is what the agent says it has done really done? A sentence that claims too much is not heard.

Words come ahead of their sound. Each sentence is looked at as its words arrive, and nothing
waits for that: what is honest is sent as if nobody looked. A sentence that claims what no tool
has done is stopped before it sounds, the model is told, and the caller hears a question instead.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import product

import msgspec

from agents.engine import CancelResponse, Inform, Say, TextDelta, ToolCalled
from telephony.call.commands import CallCommand, Note, Record
from telephony.call.config import CallConfig, Claimable
from telephony.call.ending import Ending
from telephony.call.events import ToolFinished
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.turns import Floor
from telephony.transcripts.entry import ClaimLine, ToolLine
from tools.claims import Index, Rule, claims, parse, plain

MOST_CORRECTIONS = 3
"""A model that claims more often what is not so is not to be talked to any longer."""
_OWN_TEXTS = 64
_MOST_CHARS = 500
"""Of a sentence without an end, so much of the latest is looked at."""
_LEAST_WORDS = 2
"""Fewer are found in too many texts to be a quotation of one."""

_ENDS = re.compile(r"[.!?\u2026]+[\"')\]\u201d]*\s+")
_STOPS = (".", "!", "?", "\u2026")
_LAST_WORD = re.compile(r"[\w'\u2019]+$")
_IN_WORDS = "_'\u2019"


class Standing(Enum):
    """What has become of the tool that would have had to be done."""

    NEVER = "never"
    """Not asked for in this call."""
    RUNNING = "running"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DONE = "done"


_BEST = (Standing.FAILED, Standing.UNKNOWN, Standing.DONE)
_STATES = {"done": Standing.DONE, "unknown": Standing.UNKNOWN}
_TRUTH = {
    Standing.NEVER: "has not been called. If the caller has agreed to it, call it",
    Standing.RUNNING: "has not answered yet. Wait for its answer",
    Standing.FAILED: "was called and did nothing. Go by its answer",
    Standing.UNKNOWN: "may or may not have done it, nobody knows. Say so",
}


class Deeds:
    """Which tools were asked for in a call, and what came of it; the best of each counts."""

    def __init__(self) -> None:
        self._running: dict[str, str] = {}
        self._ended: dict[str, Standing] = {}

    def began(self, called: ToolCalled) -> None:
        self._running[called.tool_call_id] = called.name

    def ended(self, finished: ToolFinished | ToolLine) -> None:
        self._running.pop(finished.tool_call_id, None)
        standing = _STATES.get(finished.state, Standing.FAILED)
        before = self._ended.get(finished.name, Standing.FAILED)
        self._ended[finished.name] = max(standing, before, key=_BEST.index)

    @property
    def running(self) -> bool:
        return bool(self._running)

    def done(self, tools: set[str]) -> bool:
        return any(self._ended.get(tool) is Standing.DONE for tool in tools)

    def standing(self, tools: set[str]) -> Standing:
        """The most hopeful of them; none of them is done."""
        if tools & set(self._running.values()):
            return Standing.RUNNING
        ended = {self._ended[tool] for tool in tools if tool in self._ended}
        for standing in (Standing.UNKNOWN, Standing.FAILED):
            if standing in ended:
                return standing
        return Standing.NEVER


class Stopped(msgspec.Struct, frozen=True):
    """A sentence that claims what is not so."""

    begin: int
    """Its first letter in the item's text."""
    sentence: str
    tools: tuple[str, ...]
    standing: Standing


class Reader:
    """Looks for claims in sentences."""

    def __init__(self, claimable: tuple[Claimable, ...]) -> None:
        self._rules, self._index = _rules_of(claimable)
        self._silent = {each.tool for each in claimable if each.writes and not each.claims}
        """Tools without rules: once one of them is done, a claim may be about that."""
        self._own: deque[str] = deque(maxlen=_OWN_TEXTS)
        self.deeds = Deeds()

    def ours(self, text: str) -> None:
        """Words that are known to be true: we asked for them, or a tool gave them."""
        self._own.append(f" {plain(text)} ")

    def false_claim(self, text: str, begin: int, *, whole: bool) -> Stopped | None:
        """The first of the sentences from `begin` on that claims what is not so."""
        for first, sentence, ended in sentences(text, begin, whole=whole):
            found = self._claimed(sentence[-_MOST_CHARS:], whole=ended)
            for tools, writing in found:
                if not self.deeds.done(tools | self._silent) and not self._quoted(sentence):
                    standing = self.deeds.standing(writing)
                    return Stopped(first, sentence.strip(), tuple(sorted(writing)), standing)
        return None

    def _claimed(self, sentence: str, *, whole: bool) -> list[tuple[set[str], set[str]]]:
        """For each claim the tools that make it true, and those of them that write."""
        every: dict[int, set[str]] = {}
        writing: dict[int, set[str]] = {}
        for rule in self._index.likely(sentence):
            found = claims(sentence, rule, whole=whole)
            for claim, each in product(found, self._rules[rule]):
                if each.writes or claim.stands:
                    every.setdefault(claim.end, set()).add(each.tool)
                if each.writes:
                    writing.setdefault(claim.end, set()).add(each.tool)
        return [(every[end], writing[end]) for end in sorted(writing)]

    def _quoted(self, sentence: str) -> bool:
        said = plain(sentence)
        enough = len(said.split()) >= _LEAST_WORDS
        return enough and any(f" {said} " in own for own in self._own)


@lru_cache(16)
def _rules_of(
    claimable: tuple[Claimable, ...],
) -> tuple[Mapping[Rule, Sequence[Claimable]], Index]:
    """Who has each rule. Calls of one configuration share it: it is larger than all else here."""
    rules: dict[Rule, list[Claimable]] = {}
    for each in claimable:
        for rule in map(parse, each.claims):
            rules.setdefault(rule, []).append(each)
    return rules, Index(rules)


def sentences(text: str, begin: int, *, whole: bool) -> list[tuple[int, str, bool]]:
    """Each sentence from `begin` on: its first letter, its words, whether it has ended.

    Not `whole`: of the last one the word that may still grow is left out.
    """
    found = []
    for end in _ENDS.finditer(text, begin):
        found.append((begin, text[begin : end.end()], True))
        begin = end.end()
    rest = text[begin:] if whole else without_last_word(text[begin:])
    if rest.strip():
        found.append((begin, rest, whole or rest.endswith(_STOPS)))
    return found


def without_last_word(text: str) -> str:
    """Of what comes piece by piece: its last word may go on."""
    if text.endswith("\n"):
        return _LAST_WORD.sub("", text)
    # From the end: the expression would begin with every word there is, for each piece again.
    end = len(text)
    while end and (text[end - 1].isalnum() or text[end - 1] in _IN_WORDS):
        end -= 1
    return text[:end]


class Honesty:
    """The gate of one call. Methods return the commands that follow."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        ending: Ending,
    ) -> None:
        self._persona = config.persona
        self._reader = Reader(config.claimable)
        self._watches = bool(config.claimable)
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._ending = ending
        self._read: dict[str, tuple[str, int]] = {}
        """Items under way: their reply, and where the sentence begins that is being read."""
        self._stopped: dict[str, Standing] = {}
        """Replies that were stopped and are not over."""
        self._corrections = 0

    # ---- what is true --------------------------------------------------------------------------

    def recall(self, config: CallConfig) -> None:
        """What tools did, or began, in another process."""
        for entry in config.before:
            if isinstance(entry, ToolLine):
                self.tool_finished(entry)
        for called in config.resumed.pending if config.resumed else ():
            self.tool_called(called)

    def tool_called(self, called: ToolCalled) -> None:
        self._reader.deeds.began(called)

    def tool_finished(self, finished: ToolFinished | ToolLine) -> None:
        """Also by its line, in a call that another process began."""
        self._reader.deeds.ended(finished)
        if message := _message(finished.output):
            self._reader.ours(message)

    def asked(self, commands: list[CallCommand]) -> None:
        """What the engine was asked to say is nobody's claim."""
        for command in commands:
            if self._watches and isinstance(command, Say):
                self._reader.ours(command.text)

    # ---- what is said --------------------------------------------------------------------------

    def words(self, delta: TextDelta, now: float) -> list[CallCommand]:
        """More words of a reply that is wanted have come, and the playback has them."""
        if not self._watches:
            return []
        _, begin = self._read.setdefault(delta.item_id, (delta.response_id, 0))
        return self._look(delta.item_id, delta.response_id, begin, now, whole=False)

    def item_done(self, item_id: str, now: float) -> list[CallCommand]:
        """All words of an item have come; it is not closed yet."""
        if item_id not in self._read:
            return []
        response_id, begin = self._read.pop(item_id)
        return self._look(item_id, response_id, begin, now, whole=True)

    def response_done(self, response_id: str, now: float) -> list[CallCommand]:
        """A reply is over: its items are, too."""
        left = [item for item, (reply, _) in self._read.items() if reply == response_id]
        return [command for item_id in left for command in self.item_done(item_id, now)]

    def engine_left(self, now: float) -> list[CallCommand]:
        """Nothing more comes of any reply."""
        replies = dict.fromkeys([*(reply for reply, _ in self._read.values()), *self._stopped])
        return [
            command
            for response_id in replies
            for command in (
                *self.response_done(response_id, now),
                *self.correction(response_id, now),
            )
        ]

    def _look(
        self, item_id: str, response_id: str, begin: int, now: float, *, whole: bool
    ) -> list[CallCommand]:
        if not self._floor.wants(response_id):
            self._read.pop(item_id, None)
            return []
        text = self._playback.words(item_id)
        stopped = self._reader.false_claim(text, begin, whole=whole)
        if stopped is not None:
            self._read.pop(item_id, None)
            return self._stop(item_id, response_id, stopped, now)
        if not whole:
            ends = [found.end() for found in _ENDS.finditer(text, begin)]
            self._read[item_id] = (response_id, max(ends, default=begin))
        return []

    # ---- what follows --------------------------------------------------------------------------

    def _stop(
        self, item_id: str, response_id: str, stopped: Stopped, now: float
    ) -> list[CallCommand]:
        self._floor.silence(response_id)
        at_ms = self._playback.ledger.stream_ms(now)
        line = ClaimLine(item_id, stopped.tools, stopped.standing.value, stopped.sentence, at_ms)
        commands = [
            Note("false_claim", detail=" ".join([stopped.standing.value, *stopped.tools])),
            Record(line),
            # First, so that no item is deleted that the engine still writes.
            CancelResponse(response_id),
            *self._playback.withhold(item_id, stopped.begin, now),
        ]
        self._corrections += 1
        if self._corrections > MOST_CORRECTIONS:
            return [*commands, Note("false_claims_given_up"), *self._ending.apologise(now)]
        if self._ending.under_way and self._ending.interruptible:
            # Whoever hung up now would never know.
            self._ending.interrupted()
        self._stopped[response_id] = stopped.standing
        if stopped.standing is not Standing.RUNNING:
            self._patience.answer_owed(now)
        return [*commands, Inform(_truth(stopped))]

    def correction(self, response_id: str, now: float) -> list[CallCommand]:
        """What the caller hears instead, once the reply that was stopped is over.

        Nothing where somebody else has the word: the caller, a tool that is about to answer, or
        a call that is ending in any case.
        """
        standing = self._stopped.pop(response_id, None)
        silent = self._floor.caller_item is not None or self._ending.under_way
        if standing is None or silent or self._floor.deserted or self._reader.deeds.running:
            return []
        self._patience.answer_owed(now)
        match standing:
            case Standing.UNKNOWN:
                return [Say(self._persona.not_sure)]
            case Standing.FAILED:
                return [Say(self._persona.not_worked)]
            case _:
                return [Say(self._persona.not_done)]


def _truth(stopped: Stopped) -> str:
    tools = " or ".join(stopped.tools)
    return (
        f"Your reply was stopped before the caller heard this of it: {stopped.sentence!r}."
        f" It says that something is done, but {tools} {_TRUTH[stopped.standing]}."
        " Never say that something is done before a tool's answer says so."
    )


def _message(output: str) -> str:
    try:
        return msgspec.json.decode(output, type=_Answer).message
    except msgspec.DecodeError:
        return ""


class _Answer(msgspec.Struct):
    """What is said of a tool's answer."""

    message: str = ""
