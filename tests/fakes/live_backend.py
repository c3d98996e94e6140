"""The Responses backend of a fake GPT-Live session: calls functions, waits, goes on."""

import json
from typing import Any, Protocol

from tests.fakes.live_script import LiveFaults, Timing
from tests.fakes.realtime_schema import Refused
from tests.fakes.realtime_script import FunctionCall, Reply


class _Session(Protocol):
    faults: LiveFaults
    timing: Timing

    def new_id(self, prefix: str) -> str: ...

    def next_reply(self) -> Reply: ...

    def say(self, reply: Reply, in_ms: int) -> None: ...

    async def send(self, kind: str, **fields: Any) -> None: ...


class Backend:
    """The work of one session, one response at a time."""

    def __init__(self, session: _Session) -> None:
        self._session = session
        self._waiting: set[str] = set()
        self._delegation_id = ""
        self._failed = 0
        self._again: tuple[FunctionCall, ...] | None = None
        self.outputs: list[tuple[str, str]] = []
        """(call id, output) as they came."""
        self.responses = 0

    async def begin(self, calls: tuple[FunctionCall, ...]) -> None:
        """The model that speaks hands work over."""
        self._delegation_id = self._session.new_id("item")
        delegation = {"id": self._delegation_id, "type": "delegation", "target": "responses"}
        await self._session.send("session.delegation.created", offset_ms=0, delegation=delegation)
        await self._respond(calls)

    async def _respond(self, calls: tuple[FunctionCall, ...]) -> None:
        response_id = self._session.new_id("resp")
        self.responses += 1
        await self._event("response.created", response={"id": response_id, "output": []})
        if self._failed < self._session.faults.failed_responses:
            self._failed += 1
            self._again = calls
            code = self._session.faults.failure_code
            error = {"code": code, "message": "As scripted."}
            await self._event("response.failed", response={"id": response_id, "error": error})
            return
        await self._event(
            "response.output_item.done",
            output_index=0,
            item={"type": "reasoning", "id": "rs_1", "summary": []},
        )
        for index, call in enumerate(calls, 1):
            await self._call(call, index)
        usage = {
            "input_tokens": 120,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens": 30,
            "total_tokens": 150,
        }
        # The snapshot's output is empty, whatever was called.
        done = {"id": response_id, "status": "completed", "output": [], "usage": usage}
        await self._event("response.completed", response=done)

    async def _call(self, call: FunctionCall, index: int) -> None:
        call_id = call.call_id or self._session.new_id("call")
        item = {
            "type": "function_call",
            "id": f"fc_{call_id}",
            "call_id": call_id,
            "name": call.name,
            "arguments": call.arguments,
            "status": call.status,
        }
        if call.status == "completed":
            self._waiting.add(call_id)
        for _ in range(2 if self._session.faults.repeated_calls else 1):
            await self._event("response.output_item.done", output_index=index, item=item)

    async def _event(self, kind: str, **fields: Any) -> None:
        inner = json.loads(json.dumps({"type": kind, "sequence_number": 0, **fields}))
        await self._session.send(
            "response.event", event=inner, delegation_id=self._delegation_id or None
        )

    async def call_early(self) -> None:
        """A function call before the session has begun."""
        await self._call(FunctionCall("book", call_id="call_early"), 0)

    async def item_created(self, event: dict[str, Any]) -> None:
        item = event["item"]
        if item.get("type") != "function_call_output" or item.get("call_id") not in self._waiting:
            raise Refused("invalid_value", "No function call waits for it.", "item.call_id")
        self._waiting.discard(item["call_id"])
        self.outputs.append((item["call_id"], item["output"]))

    async def continued(self, _event: dict[str, Any]) -> None:
        if self._waiting:
            raise Refused("missing_outputs", f"No tool output found for {sorted(self._waiting)}.")
        if self._again is not None:
            calls, self._again = self._again, None
            await self._respond(calls)
            return
        reply = self._session.next_reply()
        await self._respond(() if reply.text else reply.calls)
        if reply.text:
            self._session.say(reply, self._session.timing.think_ms)
