"""Who a caller may be, looked up while the telephone still rings."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from tools.crm.contacts import Contacts
from tools.spec import BackendError

log = structlog.get_logger()

_KEPT = 1_000
"""Names of calls that have not begun; the oldest are forgotten first."""


class CallerNames:
    """The names that contacts have, by call. A hint: numbers can be forged."""

    def __init__(
        self,
        contacts: Callable[[], Contacts],
        start: Callable[[str, Coroutine[Any, Any, Any]], object],
    ) -> None:
        """`contacts` gives those of the version that is published."""
        self._contacts = contacts
        self._start = start
        self._names: OrderedDict[str, str] = OrderedDict()

    def look_up(self, call_id: str, number: str | None, then: Callable[[], None]) -> None:
        """Begin to; never waits and never fails. `then` is called when it is done."""
        self._start(f"caller name {call_id}", self._look_up(call_id, number, then))

    def take(self, call_id: str) -> str:
        """The name, once; empty when it is not known, or not yet."""
        return self._names.pop(call_id, "")

    async def _look_up(self, call_id: str, number: str | None, then: Callable[[], None]) -> None:
        if number is not None:
            await self._find(call_id, number)
        then()

    async def _find(self, call_id: str, number: str) -> None:
        try:
            contact = await asyncio.to_thread(self._contacts().find, number)
        except BackendError as error:
            log.warning("caller_name_not_found", call_sid=call_id, error=str(error))
            return
        self._names[call_id] = contact.name if contact else ""
        while len(self._names) > _KEPT:
            self._names.popitem(last=False)
