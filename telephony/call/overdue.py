"""What follows when somebody was silent for too long, or a call has gone on for too long."""

from agents.engine import Say
from telephony.call.commands import CallCommand, Note
from telephony.call.config import CallConfig
from telephony.call.ending import Ending
from telephony.call.limits import Due, Patience
from telephony.call.relay import Relay
from telephony.transcripts.entry import EndedReason


class Overdue:
    """Of one call. Methods return the commands that follow."""

    def __init__(
        self, config: CallConfig, ending: Ending, patience: Patience, relay: Relay
    ) -> None:
        self._persona = config.persona
        self._ending = ending
        self._patience = patience
        self._relay = relay

    def due(self, due: Due, now: float) -> list[CallCommand]:
        """This deadline has passed."""
        persona = self._persona
        match due:
            case Due.ENGINE_NOT_READY:
                return [Note("engine_not_ready"), *self._relay.end(now)]
            case Due.ANSWER_OWED:
                noted = Note("owed_silence", value=1)
                if (moved := self._relay.mute(now)) is not None:
                    return [noted, *moved]
                return [noted, *self._say(persona.reprompt, now)]
            case Due.ANSWER_MISSING:
                return [Note("owed_silence", value=2), *self._relay.end(now)]
            case Due.SILENCE_PROMPT:
                return self._say(persona.silence_prompt, now)
            case Due.SECOND_PROMPT:
                return self._say(persona.second_prompt, now)
            case Due.IDLE:
                return self._ending.with_words(persona.idle_goodbye, EndedReason.IDLE, now)
            case _:
                assert due is Due.MAX_LENGTH, due
                return self._ending.with_words(persona.length_goodbye, EndedReason.MAX_LENGTH, now)

    def _say(self, text: str, now: float) -> list[CallCommand]:
        self._patience.answer_owed(now)
        return [Say(text)]
