"""What people do with webhooks: receivers added, changed, tried out, told again; written down."""

import secrets
from collections.abc import Callable
from typing import TypeVar

from telephony.console.access.reception import NotDone
from telephony.console.access.roles import Who
from telephony.console.parts import Parts
from tools.hooks.endpoints import Change, Endpoint, Endpoints, NoEndpoint
from tools.hooks.outbox import Delivery, NoDelivery, Outbox
from tools.hooks.spec import BadEndpoint, Event, EventType, event_id

T = TypeVar("T")


class HookDesk:
    """Every method blocks; BackendError when the database cannot be asked, else NotDone."""

    def __init__(self, parts: Parts) -> None:
        self._endpoints = Endpoints(parts.store, parts.settings.webhook_private)
        self._outbox = Outbox(parts.store)
        self._audit = parts.access.audit
        self._clock = parts.clock

    def endpoints(self) -> list[Endpoint]:
        """The oldest first."""
        return self._endpoints.all()

    def find(self, endpoint_id: int) -> Endpoint:
        return _done(lambda: self._endpoints.find(endpoint_id))

    def add(self, who: Who, wanted: Change) -> tuple[Endpoint, str]:
        """The receiver and its secret, which is not shown again."""
        made, secret = _done(lambda: self._endpoints.add(wanted, who.name, self._clock()))
        self._audit.record(who, "webhook.add", _named(made), after=_facts(made))
        return made, secret

    def change(self, who: Who, endpoint_id: int, wanted: Change) -> Endpoint:
        before, after = _done(lambda: self._endpoints.change(endpoint_id, wanted))
        if _facts(before) != _facts(after):
            facts = _facts(before), _facts(after)
            self._audit.record(who, "webhook.change", _named(after), *facts)
        return after

    def remove(self, who: Who, endpoint_id: int) -> None:
        before = _done(lambda: self._endpoints.remove(endpoint_id))
        self._audit.record(who, "webhook.remove", _named(before), before=_facts(before))

    def rotate(self, who: Who, endpoint_id: int) -> str:
        """A new secret, which is not shown again; the old one signs beside it for a day."""
        secret = _done(lambda: self._endpoints.rotate(endpoint_id, self._clock()))
        self._audit.record(who, "webhook.secret", f"webhook {endpoint_id}")
        return secret

    def test(self, who: Who, endpoint_id: int) -> str:
        """Sends something that did not happen; its id."""
        self.find(endpoint_id)
        now, chance = self._clock(), secrets.token_hex(8)
        event = Event(event_id("test", chance), EventType.TEST, now, "", {"asked_by": who.name})
        self._outbox.test(endpoint_id, event, now)
        self._audit.record(who, "webhook.test", f"webhook {endpoint_id}")
        return event.id

    def deliveries(
        self,
        endpoint_id: int | None = None,
        state: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """The newest first."""
        return self._outbox.deliveries(endpoint_id, state, before, limit)

    def replay(self, who: Who, delivery_id: int) -> None:
        _done(lambda: self._outbox.replay(delivery_id, self._clock()))
        self._audit.record(who, "webhook.replay", f"delivery {delivery_id}")

    def replay_dead(self, who: Who, endpoint_id: int) -> int:
        """Everything the receiver never took; how much that is."""
        self.find(endpoint_id)
        count = self._outbox.replay_dead(endpoint_id, self._clock())
        self._audit.record(who, "webhook.replay", f"webhook {endpoint_id}", after={"count": count})
        return count


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except (NoEndpoint, NoDelivery) as error:
        raise NotDone(str(error), gone=True) from None
    except BadEndpoint as error:
        raise NotDone(str(error)) from None


def _named(endpoint: Endpoint) -> str:
    return f"webhook {endpoint.id}"


def _facts(endpoint: Endpoint) -> dict[str, object]:
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "numbers": endpoint.numbers,
        "words": endpoint.words,
        "enabled": endpoint.enabled,
    }
