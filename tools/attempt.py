"""One run of one tool's handler, turned into an answer whatever the handler does."""

import asyncio
import datetime as dt
import inspect
import json
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from tools.arguments import digest
from tools.elapsed import time_after
from tools.phone import e164
from tools.receipts import Claim, Receipt, Receipts
from tools.redacting.redactor import redact_json
from tools.redaction import redacted
from tools.results import UNTRUSTED, answer
from tools.spec import (
    AnyArguments,
    Arguments,
    BackendError,
    OutcomeUnknownError,
    Tool,
    ToolContext,
    ToolOutcome,
    ToolRefusal,
    ToolRequest,
    ToolState,
)
from tools.store import UnreachableError
from tools.validation import Schema

RETRIES = 2
"""Further tries of what may be repeated, where its tool does not say how many."""
UNKEPT = "What came of it was not kept, as the caller wished."

log = structlog.get_logger()


class Answer(msgspec.Struct, frozen=True):
    """How one run of a tool ended. `output` is JSON text."""

    state: ToolState
    output: str
    passing: bool = False
    """The backend broke in a way that may pass: trying again may help."""
    after_s: float = 0.0
    """Not before so long."""
    unreachable: bool = False
    """It was our own database that could not be asked."""


class Call(msgspec.Struct, frozen=True):
    """One handler at work."""

    answer: asyncio.Future[Answer]
    withdraw: Callable[[], bool]
    """Takes it back if it has not begun; says whether that was so."""
    unsure: Answer | None = None
    """How a try before it ended that may have worked."""


class Attempt(msgspec.Struct, frozen=True):
    """One request that names a tool we have, with arguments that fit it."""

    request: ToolRequest
    tool: Tool
    arguments: Arguments
    references: tuple[str, ...] = ()
    """Arguments that stand for digits in the vault."""
    digits: tuple[str, ...] = ()
    """What they stand for: known to the handler's own attempt only."""
    until_s: float = 0.0
    """When the model is to be answered, by the event loop's clock."""

    @property
    def plain(self) -> dict[str, Any]:
        """The arguments that were given, as plain JSON data."""
        data: dict[str, Any] = msgspec.to_builtins(self.arguments)
        return data

    @property
    def kept_arguments(self) -> str:
        """JSON text of what may be kept of them."""
        given = redacted(json.dumps(self.plain), self.tool.redact)
        return redact_json(given, self.request.unkept)

    @property
    def retries(self) -> bool:
        """It may be tried again without being done twice."""
        return self.tool.idempotent or not self.tool.risk.writes

    @property
    def further_tries(self) -> int:
        """How many there may be, if it may be tried again at all."""
        return RETRIES if self.tool.retries is None else self.tool.retries

    def context(self, receipt: Receipt, now: dt.datetime) -> ToolContext:
        number = self.request.caller_number
        return ToolContext(
            call_id=self.request.call_id,
            caller_number=e164(number) if number else None,
            now=now,
            idempotency_key=receipt.idempotency_key,
            verstat=self.request.verstat,
        )

    def claim(self, now: dt.datetime, print_of: Callable[[str], str]) -> Claim:
        """`print_of` gives a stand-in for the digits of a reference: the same digits typed again
        are the same wish, though their reference is another."""
        given = self.plain
        prints = {
            name: print_of(each)
            for name in self.references
            if isinstance(each := given.get(name), str)
        }
        number = self.request.caller_number
        return Claim(
            call_id=self.request.call_id,
            tool_call_id=self.request.tool_call_id,
            tool=self.tool.name,
            risk=self.tool.risk,
            digest=digest(with_values(self._settled, prints)),
            now=now,
            deadline_at=time_after(now, dt.timedelta(seconds=self.tool.deadline_s)),
            turn=self.request.evidence.turn,
            caller=(e164(number) or "") if number else "",
            limits=self.tool.limits,
            lasting=self.tool.lasting,
            unkept=None if self.request.wordless else self.request.unkept,
        )

    @property
    def _settled(self) -> Arguments:
        """What was left out filled in: asked for or not, it is the same wish."""
        if self.tool.settled is None:
            return self.arguments
        try:
            return self.tool.settled(self.arguments)
        except msgspec.ValidationError:
            return self.arguments

    def outcome(self, state: ToolState, output: str, *, repeated: bool = False) -> ToolOutcome:
        done, tool = state is ToolState.DONE, self.tool
        # What another process began is known without its arguments.
        target = tool.transfer_to if done and self.arguments is not None else None
        return ToolOutcome(
            tool_call_id=self.request.tool_call_id,
            name=tool.name,
            state=state,
            output=output,
            ends_call=tool.ends_call and done,
            repeated=repeated,
            transfer_to=target(self.arguments) if target else "",
        )


def request_of(receipt: Receipt) -> ToolRequest:
    """What is left of a request whose process died: enough to settle it, and what may be kept."""
    kept = {"wordless": True} if receipt.unkept is None else {"unkept": receipt.unkept}
    return ToolRequest(receipt.call_id, "", receipt.tool, "", **kept)


def with_values(arguments: Arguments, values: Mapping[str, str]) -> Arguments:
    """The arguments with these in place of what was given."""
    if isinstance(arguments, dict):
        return {**arguments, **values}
    return msgspec.structs.replace(arguments, **values)


def revealed(attempt: Attempt, take: Callable[[str], str | None]) -> Attempt | Answer:
    """The attempt with the digits its references stand for, or a refusal if one stands for none.

    `take` gives digits for a reference, once.
    """
    found: dict[str, str] = {}
    for name in attempt.references:
        if not isinstance(reference := attempt.plain.get(name), str):
            continue
        if (digits := take(reference)) is None:
            gone = ToolRefusal(_GONE, field=name)
            return Answer(ToolState.REFUSED, _refusal(gone))
        found[name] = digits
    if not found:
        return attempt
    arguments = with_values(attempt.arguments, found)
    return msgspec.structs.replace(attempt, arguments=arguments, digits=tuple(found.values()))


_GONE = "I don't have those digits any more. Please type them again."
_TELLING_DIGITS = 5
"""Fewer may be shown: the last four of a card are how callers tell their cards apart."""


def _concealed(attempt: Attempt, ended: Answer) -> Answer:
    """A handler that repeats what was typed in confidence does not get it into our records."""
    telling = [digits for digits in attempt.digits if len(digits) >= _TELLING_DIGITS]
    if not any(digits in ended.output for digits in telling):
        return ended
    data = _without(msgspec.json.decode(ended.output), telling)
    return msgspec.structs.replace(ended, output=msgspec.json.encode(data).decode())


def _without(value: Any, telling: Sequence[str]) -> Any:
    match value:
        case dict():
            return {_without(key, telling): _without(each, telling) for key, each in value.items()}
        case list():
            return [_without(each, telling) for each in value]
        case str():
            for digits in telling:
                value = value.replace(digits, "#" * len(digits))
            return value
        case _ if any(digits in str(value) for digits in telling):
            return "#"
        case _:
            return value


def called(attempt: Attempt, context: ToolContext) -> Answer:
    try:
        ended = finished(attempt, attempt.tool.handler(attempt.arguments, context))
    except BaseException as error:
        ended = _broken(attempt, error)
    return _concealed(attempt, ended)


async def awaited(attempt: Attempt, context: ToolContext) -> Answer:
    try:
        pending = attempt.tool.handler(attempt.arguments, context)
        assert inspect.isawaitable(pending)
        ended = finished(attempt, await pending)
    except asyncio.CancelledError as error:
        if being_cancelled():
            raise
        ended = _broken(attempt, error)
    except BaseException as error:
        ended = _broken(attempt, error)
    return _concealed(attempt, ended)


def finished(attempt: Attempt, result: object) -> Answer:
    """The handler came back: for a write the effect is made, whatever its words are like."""
    try:
        if not isinstance(result, Mapping):
            raise TypeError(f"a tool's result is a mapping, not {type(result).__name__}")
        return Answer(ToolState.DONE, _told(attempt.tool, result))
    except Exception as error:
        log_failure("tool_result_unusable", attempt, error)
        return plain_answer(ToolState.DONE if attempt.tool.risk.writes else ToolState.FAILED)


def _told(tool: Tool, result: Mapping[str, Any]) -> str:
    """What a tool from outside answers is marked as data, apart from its message."""
    if tool.returns is not None and (wrong := Schema(tool.returns).problems(dict(result))):
        raise ValueError(f"the result does not fit `returns` at {[each.field for each in wrong]}")
    if tool.arguments is not AnyArguments:
        return answer(ToolState.DONE, result)
    data = {name: value for name, value in result.items() if name != "message"}
    head = {"message": result["message"]} if "message" in result else {}
    return answer(ToolState.DONE, head, **({"note": UNTRUSTED, "data": data} if data else {}))


def _broken(attempt: Attempt, error: BaseException) -> Answer:
    if isinstance(error, ToolRefusal):
        return Answer(ToolState.REFUSED, _refusal(error))
    error_id = log_failure("tool_failed", attempt, error)
    after_s = 0.0
    if isinstance(error, BackendError | OutcomeUnknownError):
        after_s = error.retry_after_s or 0.0
    if isinstance(error, BackendError):
        failed = plain_answer(ToolState.FAILED, error_id=error_id, try_again=not error.permanent)
        return msgspec.structs.replace(
            failed,
            passing=not error.permanent,
            after_s=after_s,
            unreachable=isinstance(error, UnreachableError),
        )
    state = ToolState.UNKNOWN if attempt.tool.risk.writes else ToolState.FAILED
    # With the same key nothing happens twice, so a write of which nobody knows may be repeated.
    passing = attempt.tool.risk.writes and attempt.tool.idempotent
    unsure = plain_answer(state, error_id=error_id)
    return msgspec.structs.replace(unsure, passing=passing, after_s=after_s)


def end(
    receipts: Receipts, attempt: Attempt, receipt: Receipt, ended: Answer, now: dt.datetime
) -> Receipt:
    """Write down how it ended, and return what stands; blocks."""
    tool = attempt.tool
    stands = tool.risk.writes and tool.lasting
    kept = kept_output(ended, attempt.request)
    found = receipts.finish(receipt.id, ended.state, kept, now, tool.reopens, stands=stands)
    # Who asked first is told all of it; who asks again is told what was kept.
    return msgspec.structs.replace(found, output=ended.output) if found.output == kept else found


def kept_output(ended: Answer, request: ToolRequest) -> str:
    """JSON text of what may be kept of how it ended; who asks again is answered with that."""
    if request.wordless:
        return plain_answer(ended.state, note=UNKEPT).output
    return redact_json(ended.output, request.unkept)


def _refusal(refusal: ToolRefusal) -> str:
    field = {"field": refusal.field} if refusal.field else {}
    choices = {"choices": refusal.choices} if refusal.choices else {}
    return answer(ToolState.REFUSED, {"message": refusal.message}, **field, **choices)


def plain_answer(state: ToolState, **details: Any) -> Answer:
    return Answer(state, answer(state, **details))


def being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def log_failure(event: str, attempt: Attempt, error: BaseException) -> str:
    """Log where it broke, not what it said: texts of exceptions hold callers' data."""
    error_id = secrets.token_hex(6)
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    log.error(
        event,
        error_id=error_id,
        call_id=attempt.request.call_id,
        tool=attempt.tool.name,
        error=type(error).__name__,
        trace=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return error_id
