"""Which document sends a caller on to somebody else, or to voicemail?

It is the only place where a target's name becomes a number.
"""

import msgspec

from telephony.call.commands import Onward, TakeMessage, Transfer
from telephony.line import Line
from telephony.twilio import twiml
from telephony.twilio.urls import (
    DIAL_RESULT_PATH,
    VOICEMAIL_PATH,
    VOICEMAIL_STATUS_PATH,
    PublicUrl,
)


class Documents:
    """The TwiML of everything that takes a caller out of the media stream."""

    def __init__(self, line: Line, public_url: PublicUrl, language: str = "") -> None:
        self._line = line
        self._public_url = public_url
        self._language = language

    def learn(self, line: Line) -> None:
        """Go by this line from now on; calls that began with another may still ask for its
        targets."""
        transfers = {**self._line.transfers, **line.transfers}
        self._line = msgspec.structs.replace(line, transfers=transfers)

    def onward(self, onward: Onward) -> bytes:
        """Raises KeyError for a target that is not configured."""
        match onward:
            case Transfer(target, announce):
                return self._dial(target, announce)
            case TakeMessage(announce):
                return self._record(announce)

    def _dial(self, target: str, announce: str) -> bytes:
        found = self._line.transfers[target]
        return twiml.dial(
            found.number,
            self._public_url.callback(DIAL_RESULT_PATH),
            found.timeout_s,
            announce,
            self._language,
        )

    def _record(self, announce: str) -> bytes:
        voicemail = self._line.voicemail
        return twiml.record(
            f"{announce} {voicemail.say}".strip(),
            self._public_url.callback(VOICEMAIL_PATH),
            self._public_url.callback(VOICEMAIL_STATUS_PATH),
            voicemail.max_seconds,
            self._language,
        )
