"""Who tells the operator about refusals, without letting strangers fill the log?"""

import time

import structlog

from telephony.twilio.guard import Sampler
from telephony.twilio.ports import Count

_log = structlog.get_logger(__name__)


class Noise:
    """Counts every refusal and logs one line for each code and ten seconds."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self._sampler = Sampler()

    def refused(self, code: str) -> None:
        """`code` is static: from the lists in docs/wire.md."""
        self.count(code)
        if (events := self._sampler.due(code, time.monotonic())) is not None:
            _log.warning("twilio_refused", code=code, events=events)
