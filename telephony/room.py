"""May one more call come? By how many there are on this machine, and by how it fares."""

from collections.abc import Callable

from telephony.workers.crew import Crew

AT_CAPACITY = "at_capacity"


def _fine() -> str | None:
    return None


class Room:
    """Places for calls. Those of other workers count, too."""

    def __init__(
        self, limit: int, crew: Crew | None = None, strain: Callable[[], str | None] = _fine
    ) -> None:
        """At most `limit` calls on this machine; `strain` is why none is to come now, a code."""
        self.limit = limit
        self._crew = crew or Crew()
        self._strain = strain

    def take(self, held: int) -> str | None:
        """Keep a place for one more beside the `held` that are here; a code: why not."""
        if (strain := self._strain()) is not None:
            return strain
        return None if self._crew.claim(held, self.limit) else AT_CAPACITY

    def why_not(self, held: int) -> str | None:
        """Why one more would not be taken; keeps no place."""
        if held + self._crew.others_held >= self.limit:
            return AT_CAPACITY
        return self._strain()

    def counts(self, held: int, live: int) -> None:
        """So many are held here now, so many of them have a stream."""
        self._crew.counts(held, live)
