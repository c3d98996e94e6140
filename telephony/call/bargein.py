"""What happens when the caller speaks while we do: at once, or held until it proves to be meant."""

from agents.engine import Answer, CancelResponse, Capabilities, Dismiss
from telephony.call.carrierclock import RATE
from telephony.call.claim import Claim, Verdict
from telephony.call.commands import CallCommand, Note, StoreAudio, Track
from telephony.call.config import BargeIn, CallConfig
from telephony.call.ending import Ending
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.sound import CallerSound, OwnVoice, is_echo
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor

_DEAF_ENGINE_S = 2.5
"""An engine notices within half a second that somebody speaks, and soon that they have stopped."""
_ENDLESS_TURN_S = 4.0
"""One that judges by meaning may wait for the rest of a sentence, but hardly for so long."""
_SENTENCE_S = 0.6
"""Who makes so much sound of speech while nobody else speaks has said something."""
_DEAF_S = 0.5
"""Having looked at a loud sound once, leave it to the engine for so long."""


class BargeIns:
    """The caller's claims on the floor, one at a time. Methods return the commands that follow."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        tools: ToolCalls,
        ending: Ending,
    ) -> None:
        self._rules = config.turn_taking
        self._capabilities = config.capabilities
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._tools = tools
        self._ending = ending
        self._claim: Claim | None = None
        self._deaf_until_s = 0.0
        self._sound = CallerSound(self._rules.above_noise_db)
        self._own = OwnVoice()

    @property
    def _confirmed(self) -> bool:
        on_request = self._capabilities.answers_on_request
        return self._rules.barge_in is BargeIn.CONFIRMED and on_request

    def next_deadline(self) -> float | None:
        return self._claim.next_deadline() if self._claim else None

    # ---- what is on the line -------------------------------------------------------------------

    def caller_audio(self, line: bytes, now: float) -> list[CallCommand]:
        """What the caller's side carries; loud sound need not wait until the engine hears it."""
        if not self._confirmed:
            return []
        self._sound.heard(line)
        early_s = self._rules.early_s
        if early_s is None or self._sound.loud_s < early_s or not self._could_interrupt(now):
            return []
        self._deaf_until_s = now + _DEAF_S
        if self._is_echo(now):
            return []
        self._claim = Claim(None, now, self._rules)
        self._sound.begin()
        return [Note("early_hold"), *self._hold(self._claim, now)]

    def undecided_samples(self, now: float, alive_s: float) -> int | None:
        """How much more of the line it takes to make us fall silent, or to show that the engine,
        of which nothing has been heard for `alive_s`, does not hear it (`unheeded`); None: nothing
        on it does."""
        if not self._confirmed:
            return None
        early_s = self._rules.early_s
        if early_s is None or not self._interruptible():
            return self._undecided_deaf(alive_s)
        deaf_samples = round((self._deaf_until_s - now) * RATE)
        return max(self._sound.samples_to(early_s), deaf_samples)

    def _undecided_deaf(self, alive_s: float) -> int | None:
        endless = self._floor.caller_item is not None
        quiet = self._sound.samples_to_quiet(_ENDLESS_TURN_S if endless else _DEAF_ENGINE_S)
        mute = round((_DEAF_ENGINE_S - alive_s) * RATE)
        return max(quiet or 0, mute) if quiet is not None or mute > 0 else None

    def unheeded(self, alive_s: float) -> bool:
        """Whether the engine, of which nothing has been heard for `alive_s`, is deaf: the caller
        has spoken and fallen silent, and it noticed neither the beginning nor the end."""
        sound, playback = self._sound, self._playback
        if not self._confirmed or alive_s < _DEAF_ENGINE_S or sound.quiet_s < _DEAF_ENGINE_S:
            return False
        if self._floor.caller_item is not None:
            return sound.quiet_s >= _ENDLESS_TURN_S
        spoke = sound.unheeded_s >= _SENTENCE_S
        return spoke and not playback.open and not self._floor.replying

    def heeded(self) -> None:
        """What the caller has said until now is known to somebody."""
        self._sound.heeded()

    def _could_interrupt(self, now: float) -> bool:
        """And we have not just looked."""
        return self._interruptible() and now >= self._deaf_until_s

    def _interruptible(self) -> bool:
        """We are being heard, and nobody has claimed the floor."""
        free = self._claim is None and self._floor.caller_item is None
        return free and self._playback.outstanding and self._ending.interruptible

    def _is_echo(self, now: float) -> bool:
        ledger = self._playback.ledger
        for piece in ledger.sounding(now):
            self._own.played(round(piece.at_s * RATE), piece.ulaw)
        return is_echo(self._own.likeness(self._sound.latest, ledger.stream_samples(now)))

    def heard(self, commands: list[CallCommand]) -> None:
        """Of what was just done, what the caller has heard of us."""
        if not self._confirmed:
            return
        for command in commands:
            if isinstance(command, StoreAudio) and command.track is Track.HEARD:
                self._own.played(command.at_samples, command.ulaw)

    # ---- the caller speaks ---------------------------------------------------------------------

    def speech_started(self, item_id: str, now: float) -> list[CallCommand]:
        """A sound of speech: fall silent, unless it is our own echo."""
        if not self._ending.interruptible:
            return []
        if not self._confirmed:
            return self._take(now)
        if self._claim is not None and self._claim.verdict is Verdict.OPEN:
            return self._goes_on(self._claim, item_id, now)
        self._claim = Claim(item_id, now, self._rules)
        self._sound.begin()
        if not self._playback.outstanding and not self._floor.replying:
            self._claim.verdict = Verdict.TAKEN
            return self._take(now)
        return self._hold(self._claim, now)

    def _goes_on(self, claim: Claim, item_id: str, now: float) -> list[CallCommand]:
        """Nothing is decided of what we fell silent for."""
        if claim.item_id is None:
            claim.item_id = item_id
            return []
        claim.again(item_id, self._sound.speech_s, now)
        self._sound.begin()
        if self._is_echo(now):
            claim.echoes(item_id)
            return [Note("own_echo")]
        return []

    def _hold(self, claim: Claim, now: float) -> list[CallCommand]:
        if not self._is_echo(now):
            return self._playback.hold(now)
        claim.verdict = Verdict.DROPPED
        if claim.item_id is None:
            self._claim = None
        return [Note("own_echo"), *self._playback.resume(now)]

    def reply_began(self, response_id: str) -> list[CallCommand]:
        """A reply to what was said before a pause for breath must not be spoken into the rest."""
        claim = self._claim
        taken = claim is not None and claim.verdict is Verdict.TAKEN and not claim.over
        if not taken or not self._ending.interruptible or self._capabilities.cancels_on_speech:
            return []
        self._floor.silence(response_id)
        return [CancelResponse(response_id)]

    def reply_ended(self, reason: str, now: float) -> list[CallCommand]:
        """An engine that owns playback fell silent for the caller: what the carrier still has of
        the reply would be heard after it."""
        broken_off = self._capabilities.owns_playback and reason == "turn_detected"
        end_s = self._playback.ledger.expected_end_s()
        waits = end_s is not None and end_s > now
        if not (broken_off and waits and self._ending.interruptible):
            return []
        return self._playback.interrupt(now)

    def speech_stopped(self, item_id: str, now: float) -> list[CallCommand]:
        """Ask for the answer to a turn that counts; of one that is open the words decide."""
        if not self._capabilities.answers_on_request:
            return []
        claim = self._claim
        if claim is None or item_id not in claim.items:
            return [] if self._ending.under_way else [Answer(item_id)]
        if item_id != claim.item_id:
            return []
        claim.stopped(now, self._sound.speech_s)
        return [] if claim.verdict is Verdict.OPEN else self._closed(claim, now)

    def words(self, item_id: str, text: str, now: float) -> list[CallCommand]:
        claim = self._claim
        if claim is None or item_id not in claim.items or claim.verdict is not Verdict.OPEN:
            return []
        claim.words(item_id, text)
        return self._decided(claim, now)

    def judge(self, now: float) -> list[CallCommand]:
        """Time has passed: an open claim may be due."""
        claim = self._claim
        if claim is None or (due_s := claim.next_deadline()) is None or now < due_s:
            return []
        claim.judge(now, self._sound.speech_s)
        return self._decided(claim, now)

    def engine_left(self, now: float) -> list[CallCommand]:
        """The session that would have ended the claim is gone: who made a sound has the floor."""
        claim, self._claim = self._claim, None
        if claim is None or claim.verdict is not Verdict.OPEN:
            return []
        # A sound that no engine has called speech is none of the caller's.
        taken = claim.item_id is not None and self._ending.interruptible
        return self._take(now) if taken else self._playback.resume(now)

    def seat(self, capabilities: Capabilities) -> None:
        """Another session listens from now on."""
        self._capabilities = capabilities

    def _decided(self, claim: Claim, now: float) -> list[CallCommand]:
        match claim.verdict:
            case Verdict.OPEN:
                return []
            case Verdict.TAKEN if self._ending.interruptible and not self._floor.deserted:
                commands = self._take(now)
            case _:
                commands = [Note("interruption_dropped"), *self._playback.resume(now)]
        if claim.item_id is None:
            self._claim = None
            self._sound.ignore()
        return [*commands, *(self._closed(claim, now) if claim.over else [])]

    def _closed(self, claim: Claim, now: float) -> list[CallCommand]:
        """The turn is over and decided: it is answered, or it never was."""
        assert claim.item_id is not None, "only the engine ends a turn"
        self._claim = None
        if claim.verdict is Verdict.TAKEN:
            self._patience.answer_owed(now)
            return [Answer(item_id) for item_id in claim.items]
        if self._playback.says_words or self._tools:
            self._patience.nothing_owed()
        else:
            # What was asked before this sound still wants its answer, which a filler is not.
            self._patience.answer_owed(now)
        self._floor.forget_turn()
        return [Dismiss(item_id) for item_id in claim.items]

    def _take(self, now: float) -> list[CallCommand]:
        """The floor is the caller's: what we were saying is over."""
        self._ending.interrupted()
        self._patience.nothing_owed()
        if self._capabilities.owns_playback and self._playback.arriving:
            return []
        silenced = self._floor.silence_replies()
        held = self._playback.holding
        commands = self._playback.give_up(now) if held else self._playback.interrupt(now)
        if not self._capabilities.cancels_on_speech:
            commands += [CancelResponse(response_id) for response_id in silenced]
        return commands
