"""A service with its server: in what order it lets go."""

from typing import cast

import pytest

from telephony import running
from telephony.app import Service
from telephony.switchboard import Switchboard


class Told:
    """A service that writes down what it is asked."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.asked: list[str] = []
        self._breaks = breaks
        self.switchboard = cast(Switchboard, self)

    async def drain(self) -> None:
        self.asked.append("drain")
        if self._breaks:
            raise RuntimeError("broken")

    async def linger(self) -> None:
        self.asked.append("linger")


async def test_fault_p1_the_carrier_is_answered_for_a_while_after_the_last_call() -> None:
    service = Told()
    await running.leave(cast(Service, service))
    assert service.asked == ["drain", "linger"]


async def test_a_drain_that_breaks_keeps_nobody_waiting() -> None:
    service = Told(breaks=True)
    with pytest.raises(RuntimeError):
        await running.leave(cast(Service, service))
    assert service.asked == ["drain"]
