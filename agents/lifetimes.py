"""Which model is to be used today, when the one that is wanted may have been shut down?"""

import datetime as dt
from collections.abc import Mapping

from agents.models import Models, Shutdown


class Lifetimes:
    """What is known of models' ends: from the data file, from the provider, and from experience."""

    def __init__(self, models: Models, *, by_file: bool, step: bool = True) -> None:
        """`by_file`: the file's dates hold for this provider; a gateway may serve a model longer
        than its maker, or not as long. `step`: a model that is gone gives way to its successor.
        """
        self.models = models
        self._by_file = by_file
        self._step = step
        self._told: Mapping[str, dt.date] = {}
        self._missing: frozenset[str] = frozenset()

    def listed(self, dates: Mapping[str, dt.date | None]) -> None:
        """What the provider serves, and until when."""
        self._told = {model_id: date for model_id, date in dates.items() if date is not None}
        self._missing -= dates.keys()

    def missing(self, model_id: str) -> None:
        """A session was refused because there is no such model. It stays so until it is listed."""
        self._missing |= {model_id}

    def shutdown(self, model_id: str, today: dt.date) -> Shutdown | None:
        """When it is, or was, switched off; None where nobody says."""
        told = self._all(today)
        if self._by_file or model_id in told:
            return self.models.shutdown(model_id, today, told)
        return None

    def gone(self, model_id: str, today: dt.date) -> bool:
        shutdown = self.shutdown(model_id, today)
        return shutdown is not None and shutdown.days_left <= 0

    def successor(self, model_id: str, today: dt.date) -> str | None:
        """What would be used instead; None: nothing that is known."""
        return self.models.successor(model_id, today, self._all(today))

    def living(self, model_id: str, today: dt.date) -> str:
        """The model itself, or the successor of one that is gone. Where there is none, or it is
        not wanted, the provider is left to say so."""
        if self._step and self.gone(model_id, today):
            return self.successor(model_id, today) or model_id
        return model_id

    def _all(self, today: dt.date) -> dict[str, dt.date]:
        return {**self._told, **dict.fromkeys(self._missing, today)}
