"""What work is under way behind the voice, and which tools it waits for?

The model that speaks hands work over to a backend of the server's, whose events come wrapped
(OpenAI guide, Delegation and tools in GPT-Live; Responses API, streaming events). A response that
called functions goes on once all their outputs were given and `response.create` was sent.
"""

import msgspec

from agents.engine import (
    AnyEngineEvent,
    EngineNotice,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    ToolCalled,
    Usage,
)
from agents.live import wire
from agents.realtime import failures
from agents.realtime.wire import BadMessage

_ENDINGS = {
    "response.completed": ResponseStatus.COMPLETED,
    "response.failed": ResponseStatus.FAILED,
    "response.incomplete": ResponseStatus.INCOMPLETE,
}


class _Work(msgspec.Struct):
    """One response of the backend."""

    response_id: str
    waiting: set[str]
    """Calls without an output."""
    over: bool = False
    goes_on: bool = False
    """An output was given that wants an answer."""


class Delegations:
    """The backend of one session."""

    def __init__(self) -> None:
        self.prefix = ""
        """Of the ids of responses whose beginning nobody told."""
        self._running: dict[str | None, _Work] = {}
        """By the delegation they belong to; the events inside do not all name their response."""
        self._called: dict[str, _Work] = {}
        """By call. Ids are kept for the whole session: a repeated call must be known, however
        late it comes."""
        self._count = 0

    def event(self, delegation_id: str | None, event: wire.BackendEvent) -> list[AnyEngineEvent]:
        """One event of the backend's; raises BadMessage."""
        match event.type:
            case "response.created":
                return self._created(delegation_id, _response(event).id)
            case "response.output_item.done":
                return self._item_done(delegation_id, event.item)
            case "response.completed" | "response.failed" | "response.incomplete":
                return self._ended(delegation_id, _response(event), _ENDINGS[event.type])
            case _:
                return []

    def _created(self, delegation_id: str | None, response_id: str) -> list[AnyEngineEvent]:
        before = self._running.get(delegation_id)
        if before is not None and before.response_id == response_id:
            return []
        lost = [] if before is None else self._over(before, ResponseStatus.FAILED, "unnamed")
        self._running[delegation_id] = _Work(response_id, set())
        return [*lost, ResponseStarted(response_id)]

    def _item_done(
        self, delegation_id: str | None, item: wire.BackendItem | None
    ) -> list[AnyEngineEvent]:
        if item is None or item.type != "function_call":
            return []
        # Calls that were broken off are told as well; their arguments are cut off anywhere.
        if item.status != "completed":
            return [EngineNotice("tool_call_incomplete")]
        if not item.call_id or not item.name:
            raise BadMessage("wrong_fields")
        if item.call_id in self._called:
            return [EngineNotice("tool_call_repeated")]
        events: list[AnyEngineEvent] = []
        if delegation_id not in self._running:
            self._count += 1
            events += self._created(delegation_id, f"{self.prefix}_work_{self._count}")
        work = self._running[delegation_id]
        work.waiting.add(item.call_id)
        self._called[item.call_id] = work
        call = ToolCalled(work.response_id, item.call_id, item.name, item.arguments or "{}")
        return [*events, call]

    def _ended(
        self, delegation_id: str | None, response: wire.BackendResponse, status: ResponseStatus
    ) -> list[AnyEngineEvent]:
        work = self._running.pop(delegation_id, None)
        if work is None:
            return [EngineNotice("unknown_response_done")]
        return self._over(work, status, _reason(response), _usage(response.usage))

    def _over(
        self, work: _Work, status: ResponseStatus, reason: str, usage: Usage | None = None
    ) -> list[AnyEngineEvent]:
        work.over = True
        return [ResponseDone(work.response_id, status, reason, usage)]

    def output(self, tool_call_id: str, *, respond: bool) -> bool:
        """An output is about to be sent; False where no open call wants one."""
        work = self._called.get(tool_call_id)
        if work is None or tool_call_id not in work.waiting:
            return False
        work.waiting.discard(tool_call_id)
        work.goes_on = work.goes_on or respond
        return True

    def goes_on(self) -> bool:
        """Some response is over and all its calls have outputs: it is to be continued, once."""
        ready = [each for each in self._called.values() if each.over and not each.waiting]
        going = any(work.goes_on for work in ready)
        for work in ready:
            work.goes_on = False
        return going


def _response(event: wire.BackendEvent) -> wire.BackendResponse:
    if event.response is None:
        raise BadMessage("wrong_fields")
    return event.response


def _reason(response: wire.BackendResponse) -> str:
    if response.error is not None:
        return failures.plain(response.error.code, "unnamed")
    details = response.incomplete_details
    return "" if details is None else failures.plain(details.reason, "unnamed")


def _usage(count: wire.BackendUsage | None) -> Usage | None:
    """The backend hears and speaks nothing: all its tokens are text."""
    if count is None or count.input_tokens is None or count.output_tokens is None:
        return None
    details = count.input_tokens_details
    return Usage(
        input_text_tokens=count.input_tokens,
        cached_text_tokens=(details.cached_tokens or 0) if details is not None else 0,
        output_text_tokens=count.output_tokens,
    )
