"""May this call be recorded? Asked in our own words, before the call gets to its business.

Neither the question nor what follows from the answer is the model's: the words are a clip of
ours, the answer is read here, and until it is there no reply of the model's is heard. What has
happened so far is withheld from the disk meanwhile: `telephony.transcripts.withholding`.
"""

from collections.abc import Iterable, Sequence
from enum import Enum

from agents.engine import Answer, CancelResponse, Dismiss, Say
from telephony.call.commands import CallCommand, EndCall, Record
from telephony.call.config import CallConfig, ConsentMode, ConsentTerms
from telephony.call.disclosure import Disclosure, version_of
from telephony.call.ending import Ending
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.turns import Floor
from telephony.transcripts.entry import AgentLine, Agreement, AnyEntry, ConsentLine
from tools.assent import Reply, reply
from tools.words import holds, tokens

YES, NO = "1", "2"
"""The keys that answer."""
CLIP = "consent"
_REPLY_S = 1.0
"""An engine that answers by itself begins its reply to a `yes` by then; it is not wanted."""


class Stage(Enum):
    """Where the asking stands."""

    BEFORE = "before"
    """The call has not come to it: what must be disclosed comes first."""
    ASKED = "asked"
    LEAVING = "leaving"
    """Answered; the engine's own reply to that is let pass."""
    SETTLED = "settled"


class Consent:
    """The asking of one call. Methods return the commands that follow."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        ending: Ending,
        disclosure: Disclosure,
    ) -> None:
        self._terms = config.consent or ConsentTerms(ConsentMode.NONE)
        self._writes = config.consent is not None
        self._by_itself = not config.capabilities.answers_on_request
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._ending = ending
        self._disclosure = disclosure
        self._stage = Stage.BEFORE
        self._begun = False
        self._then: list[CallCommand] = []
        self._asked = self._clips = 0
        self._ours: set[str] = set()
        """What the caller said to us and not to the model."""
        self._asked_ms: int | None = None
        """When it was asked first."""
        self._quiet_from_s: float | None = None
        self._leave_by_s = 0.0
        self._replied = False
        """The engine has begun a reply since the caller last spoke."""
        self._voiced = bool(self._terms.ulaw)
        """The question does not depend on the engine, or it has begun to say it."""
        self._notice = Disclosure(self._terms.words)
        self._recall(config.before)

    def _recall(self, before: Iterable[AnyEntry]) -> None:
        """What was heard and answered in another process holds here."""
        before = tuple(before)
        self._disclosure.told(before)
        answered = [entry for entry in before if isinstance(entry, ConsentLine)]
        if answered or not self._writes:
            self._stage = Stage.SETTLED

    @property
    def pending(self) -> bool:
        """It is not known whether the call may be recorded."""
        return self._stage in (Stage.BEFORE, Stage.ASKED)

    @property
    def asking(self) -> bool:
        """Nothing of the engine's is to be heard but what it was asked to say."""
        return self._stage in (Stage.ASKED, Stage.LEAVING)

    # ---- asking --------------------------------------------------------------------------------

    def begin(self, then: list[CallCommand], now: float) -> list[CallCommand]:
        """The engine is ready: what must be told, then the question, and `then` at the end."""
        self._begun = True
        told = self._disclosure.say()
        if not self.pending:
            return [*told, *then]
        self._then = then
        if self._terms.mode is ConsentMode.NONE:
            line = self._settled(Agreement.NOT_ASKED, "rule", now)
            return [*line, *told, *self._released()]
        return [*told, *self._when_told(now)]

    def again(self, now: float) -> list[CallCommand]:
        """The line broke before there was an answer: on the new one it is asked anew."""
        self._asked = 0
        self._stage = Stage.BEFORE
        return [*self._disclosure.say(), *self._when_told(now)]

    def _when_told(self, now: float) -> list[CallCommand]:
        ready = self._disclosure.heard or self._disclosure.given_up
        if not (self._begun and ready and self._stage is Stage.BEFORE):
            return []
        self._stage = Stage.ASKED
        return [*map(CancelResponse, self._floor.silence_replies()), *self._ask(now)]

    def _ask(self, now: float) -> list[CallCommand]:
        self._asked += 1
        if self._asked_ms is None:
            self._asked_ms = self._playback.ledger.stream_ms(now)
        self._quiet_from_s = None
        if not self._terms.ulaw:
            self._voiced = False
            self._patience.answer_owed(now)
            return [Say(self._terms.words)]
        self._clips += 1
        name = f"{CLIP}_{self._clips}"
        return self._playback.own(name, self._terms.words, self._terms.ulaw, now)

    # ---- what the caller does ------------------------------------------------------------------

    def pressed(self, key: str, now: float) -> list[CallCommand] | None:
        """None: the key is no answer."""
        if self._stage is not Stage.ASKED or key not in (YES, NO):
            return None
        answer = Agreement.GRANTED if key == YES else Agreement.REFUSED
        return [*self._playback.interrupt(now), *self._answered(answer, "key", now, reply=False)]

    def words(self, item_id: str, text: str, began_ms: int, now: float) -> list[CallCommand]:
        """The caller's words are there; the engine is not to answer them."""
        if self._stage is not Stage.ASKED or self._terms.mode is not ConsentMode.ASK:
            return []
        self._ours.add(item_id)
        dismissed: list[CallCommand] = [] if self._by_itself else [Dismiss(item_id)]
        if began_ms < (self._asked_ms or 0):
            # A yes to whatever came before the question agrees to nothing.
            return dismissed
        meant = _meaning(text, self._terms)
        if meant is Reply.YES:
            return [*dismissed, *self._answered(Agreement.GRANTED, "voice", now)]
        if meant is Reply.NO:
            return [*dismissed, *self._answered(Agreement.REFUSED, "voice", now)]
        return [*dismissed, *self._unclear(now)]

    def spoke(self) -> None:
        """The caller begins to say something."""
        self._replied = False

    def _unclear(self, now: float) -> list[CallCommand]:
        """Asked once more; then it is taken for a no."""
        if self._playback.outstanding:
            return []
        if self._asked < self._terms.tries:
            return self._ask(now)
        return self._answered(Agreement.UNANSWERED, "silence", now, reply=False)

    def _answered(
        self, answer: Agreement, by: str, now: float, *, reply: bool = True
    ) -> list[CallCommand]:
        """`reply`: an engine that answers by itself is about to."""
        line = self._settled(answer, by, now)
        if reply and self._by_itself and not self._replied:
            self._stage, self._leave_by_s = Stage.LEAVING, now + _REPLY_S
            return line
        self._patience.answer_owed(now)
        return [*line, *self._released()]

    def _settled(self, answer: Agreement, by: str, now: float) -> list[CallCommand]:
        self._stage = Stage.SETTLED
        if not answer.allows and self._terms.refused and self._then:
            self._then = [Say(self._terms.refused), *self._then]
        version = version_of(self._terms.words) if self._asked else ""
        at_ms = self._playback.ledger.stream_ms(now)
        return [Record(ConsentLine(answer, by, version, self._terms.region, self._asked, at_ms))]

    def _released(self) -> list[CallCommand]:
        self._stage = Stage.SETTLED
        then, self._then = self._then, []
        return [] if self._ending.under_way else then

    # ---- what the engine does ------------------------------------------------------------------

    def reply_began(self, response_id: str, now: float) -> list[CallCommand]:
        """A reply while the question is open is to what the caller said to us."""
        self._replied = self._voiced = True
        if not self.asking or self._ending.under_way or not self._terms.ulaw:
            return []
        self._floor.silence(response_id)
        left = self._stage is Stage.LEAVING
        if left:
            self._patience.answer_owed(now)
        return [CancelResponse(response_id), *(self._released() if left else [])]

    # ---- after everything that happens ---------------------------------------------------------

    def check(self, commands: Sequence[CallCommand], now: float) -> list[CallCommand]:
        """What was just done, without what the engine is not told, and what follows from it."""
        commands = [*commands, *self._disclosure.check(list(commands))]
        kept = [each for each in commands if not self._withheld(each)]
        for command in commands:
            if isinstance(command, Record) and isinstance(command.entry, AgentLine):
                kept += self._told(command.entry, now)
        return [*kept, *self._when_told(now)]

    def concluded(self, commands: list[CallCommand], now: float) -> list[CallCommand]:
        """A call that ends before there was an answer has none."""
        if self.pending and any(isinstance(each, EndCall) for each in commands):
            return [*self._settled(Agreement.UNANSWERED, "end", now), *commands]
        return commands

    def _withheld(self, command: CallCommand) -> bool:
        asked = self._stage is Stage.ASKED
        return isinstance(command, Answer) and (asked or command.item_id in self._ours)

    def _told(self, line: AgentLine, now: float) -> list[CallCommand]:
        """A notice that was heard to its end is all there is to it."""
        if self._stage is not Stage.ASKED or self._terms.mode is not ConsentMode.NOTICE:
            return []
        if self._notice.is_whole(line):
            return self._answered(Agreement.TOLD, "notice", now, reply=False)
        return self._unclear(now) if line.item_id.startswith(CLIP) else []

    def watch(self, now: float) -> None:
        """Nobody waits for us while we wait for them."""
        if self._stage is not Stage.ASKED or self._ending.under_way:
            return
        if self._voiced:
            self._patience.nothing_owed()
        self._patience.caller_active()
        busy = self._playback.outstanding or self._floor.caller_item is not None
        if busy:
            self._quiet_from_s = None
        elif self._quiet_from_s is None:
            self._quiet_from_s = now

    def next_deadline(self) -> float | None:
        if self._ending.under_way:
            return None
        if self._stage is Stage.LEAVING:
            return self._leave_by_s
        waits = self._stage is Stage.ASKED and self._quiet_from_s is not None
        return (self._quiet_from_s or 0.0) + self._terms.answer_s if waits else None

    def due(self, now: float) -> list[CallCommand]:
        """Time has passed."""
        deadline_s = self.next_deadline()
        if deadline_s is None or now < deadline_s:
            return []
        if self._stage is Stage.LEAVING:
            self._patience.answer_owed(now)
            return self._released()
        self._quiet_from_s = None
        return self._unclear(now)


def _meaning(text: str, terms: ConsentTerms) -> Reply:
    said = tokens(text)
    if any(holds(said, tokens(phrase)) for phrase in terms.no):
        return Reply.NO
    if any(holds(said, tokens(phrase)) for phrase in terms.yes):
        return Reply.YES
    return reply([text], terms.words)
