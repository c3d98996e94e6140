"""Calls that come from the console: from a phone in a page, or from a scenario it plays."""

from telephony.selfcalls import SelfCalls
from telephony.twilio.softphone import Softphones


class Trials:
    """What a console needs to try the agent; `close` at the end."""

    def __init__(self, phones: Softphones, self_calls: SelfCalls) -> None:
        self.phones = phones
        self.self_calls = self_calls

    async def close(self) -> None:
        await self.self_calls.close()
