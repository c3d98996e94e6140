"""What a caller types in confidence, on its way past everything that keeps records."""

from collections import deque

from msgspec import structs

from telephony.call.collection import HIDDEN
from telephony.call.events import CallerAudio, CallEvent, DtmfPressed
from telephony.media import ulaw
from tools.calls.digits import MAX_DIGITS


class HiddenKeys:
    """The digits the call was not told. Kept until they are sealed or the call ends."""

    def __init__(self) -> None:
        self._digits: deque[str] = deque(maxlen=MAX_DIGITS)

    def hide(self, event: CallEvent) -> CallEvent:
        """The same event without what it must not tell; a digit is kept here."""
        match event:
            case DtmfPressed(digit):
                self._digits.append(digit)
                return DtmfPressed(HIDDEN)
            case CallerAudio():
                return structs.replace(event, ulaw=ulaw.silence(len(event.ulaw)))
            case _:
                return event

    def take(self, count: int) -> str:
        """The last `count` digits; nothing is kept."""
        digits = "".join(self._digits)
        self.clear()
        return digits[max(0, len(digits) - count) :]

    def clear(self) -> None:
        self._digits.clear()
