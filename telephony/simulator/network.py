"""What does the bridge see of a carrier that is some way off? A line with delay and jitter.

All in virtual time: nothing here waits. Messages keep their order, as on one TCP connection.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from telephony.simulator.carrier import Carrier

M = TypeVar("M")


class Line(Generic[M]):
    """One direction of a connection."""

    def __init__(self, delay: Callable[[], float]) -> None:
        """`delay()` is drawn once for each message: seconds on the way, jitter included."""
        self._delay = delay
        self._under_way: deque[tuple[float, M]] = deque()

    def send(self, message: M, now: float) -> None:
        at = now + self._delay()
        if self._under_way:
            at = max(at, self._under_way[-1][0])
        self._under_way.append((at, message))

    def next_deadline(self) -> float | None:
        return self._under_way[0][0] if self._under_way else None

    def arrived(self, now: float) -> list[tuple[float, M]]:
        """What has arrived by `now`, each with the time it did."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now:
            arrived.append(self._under_way.popleft())
        return arrived


class DistantCarrier:
    """A carrier behind two lines; driven as a `Carrier` is, with the bridge's own clock.

    `carrier` stays readable for the truth. What the carrier says besides marks (`media`, `stop`)
    goes through `say`.
    """

    def __init__(self, carrier: Carrier, there: Line[str | bytes], back: Line[str]) -> None:
        self.carrier = carrier
        self._there = there
        self._back = back

    def receive(self, text: str | bytes, now: float) -> None:
        """The bridge sends a message now."""
        self._there.send(text, now)

    def say(self, text: str, now: float) -> None:
        """The carrier sends a message of its own now."""
        self._pass_time(now)
        self._back.send(text, now)

    def advance(self, now: float) -> list[str]:
        """What has reached the bridge by `now`."""
        self._pass_time(now)
        return [text for _, text in self._back.arrived(now)]

    def next_deadline(self) -> float | None:
        """When something next happens at either end."""
        times = (
            self._there.next_deadline(),
            self.carrier.next_deadline(),
            self._back.next_deadline(),
        )
        return min((at for at in times if at is not None), default=None)

    def _pass_time(self, now: float) -> None:
        """Let the carrier live through everything up to `now`, each thing at its own time."""
        while (at := self._carrier_deadline()) is not None and at <= now:
            for _, text in self._there.arrived(at):
                self.carrier.receive(text, at)
            self._echo(at)
        self._echo(now)

    def _carrier_deadline(self) -> float | None:
        times = (self._there.next_deadline(), self.carrier.next_deadline())
        return min((at for at in times if at is not None), default=None)

    def _echo(self, at: float) -> None:
        for text in self.carrier.advance(at):
            self._back.send(text, at)
