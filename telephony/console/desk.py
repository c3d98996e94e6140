"""What the routes work with; the database is only asked in threads."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel

from telephony.console.problems import RETRY_S, Refused
from telephony.follower import Standing
from tools.threads import Threads
from tools.versions.versions import Versions

THREADS = 2
MOST_WAITING = 32

T = TypeVar("T")
Headers = Mapping[str, str]


class Desk:
    """Threads for what blocks.

    They are few and shared with nothing: whatever is asked of the API, the calls have all others
    to themselves.
    """

    def __init__(self, name: str) -> None:
        self._threads = Threads(name, THREADS)
        self._waiting = 0

    async def do(self, work: Callable[[], T]) -> T:
        """Run what blocks. Raises Refused when too much of it is waiting already."""
        if self._waiting >= MOST_WAITING:
            detail = "Too many requests at once; try again in a second."
            raise Refused(503, "busy", detail, headers={"Retry-After": RETRY_S})
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._threads.submit(work))
        finally:
            self._waiting -= 1

    async def show(
        self, work: Callable[[], BaseModel], headers: Callable[[Any], Headers] | None = None
    ) -> Response:
        """Run what blocks and write its answer down, both away from the event loop: a whole
        configuration takes longer to write than a call may wait. `headers` come from the answer.
        """

        def written() -> Response:
            view = work()
            named = dict(headers(view)) if headers else {}
            return Response(view.model_dump_json(), 200, named, "application/json")

        return await self.do(written)


class ConfigDesk(Desk):
    """The versions, and what is known of the folder."""

    def __init__(
        self,
        versions: Versions,
        schemas: Mapping[str, Callable[[], dict[str, Any]]],
        standing: Callable[[], Standing],
        moved: Callable[[], None],
    ) -> None:
        """`schemas` are JSON Schemas by kind of file; `moved` is told when something else is
        published."""
        super().__init__("api")
        self.versions = versions
        self.schemas = schemas
        self.standing = standing
        self.moved = moved
