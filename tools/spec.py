"""What a tool is: its name and schema for the model, its risk and limits for us, its handler."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from tools.redacting.kinds import DEFAULT, Kinds

DIGITS_REFERENCE = "digits:"
"""How a reference to digits typed in confidence begins: see `tools.vault`."""


class Risk(Enum):
    """What a tool can do to the world; policy and the durable ledger go by it."""

    READ = "read"
    WRITE_OWN = "write-own"
    """Changes the caller's own records (their booking, their contact card)."""
    WRITE_OTHER = "write-other"
    MESSAGE = "message"
    MONEY = "money"
    DELETE = "delete"

    @property
    def writes(self) -> bool:
        return self is not Risk.READ


class ToolState(Enum):
    """How a tool call ended. The value is what journals and transcripts carry."""

    DONE = "done"
    REFUSED = "refused"
    """The tool cannot comply; the message may be spoken."""
    INVALID = "invalid"
    """Unknown tool or bad arguments; the model is told what to mend."""
    FAILED = "failed"
    """The backend broke and nothing was changed."""
    UNKNOWN = "unknown"
    """The backend broke or timed out after a write may have happened."""


class ToolRefusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The tool cannot comply and has changed nothing. The message may be spoken to the caller.

    `field`: the argument at fault, so that it can be asked for again.
    `choices`: values of that argument that would do.
    """

    def __init__(
        self, message: str, *, field: str | None = None, choices: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.choices = tuple(choices)


class BackendError(Exception):
    """A tool's backend broke and nothing was changed. Never spoken verbatim.

    Not to be raised when a write may have happened: any other exception says that.
    `permanent`: trying again with the same arguments cannot help.
    `retry_after_s`: how long the backend wants to be left alone before that.
    """

    def __init__(
        self, message: str, *, permanent: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class OutcomeUnknownError(Exception):
    """A backend outside was asked to do something, and nobody can tell whether it did.

    `retry_after_s`: as of BackendError.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ToolContext(msgspec.Struct, frozen=True):
    """What the server knows about this call; never taken from the model's arguments."""

    call_id: str
    caller_number: str | None
    """E.164, or None when withheld. A hint, never proof of who is calling."""
    now: dt.datetime
    """Time-zone aware."""
    idempotency_key: str
    """Stable for one effect, whatever is retried: pass it to every outside system."""
    verstat: str = ""
    """What the carrier says of the number (`TN-Validation-Passed-A`), or empty. A hint too."""


class Heard(msgspec.Struct, frozen=True):
    """One thing said in the call, as far as it is known to have been heard."""

    speaker: str
    """`caller` or `agent`."""
    text: str
    """The caller's words as transcribed; of the agent's, those that were heard."""
    whole: bool = True
    """False: the agent was cut before its end, or has not finished."""


class Evidence(msgspec.Struct, frozen=True):
    """What policy may go by: everything said before the tool was called, in order of speaking."""

    said: tuple[Heard, ...] = ()
    complete: bool = True
    """False: what the caller said last could not be transcribed in time."""
    turn: int = 0
    """Which turn of the caller's this is, from 1."""


class StepLimits(msgspec.Struct, frozen=True):
    """How often a tool may run; None: as often as it likes."""

    per_turn: int | None = None
    per_call: int | None = None
    per_day: int | None = None
    """For one caller's number; for all withheld ones together."""


class Audience(msgspec.Struct, frozen=True):
    """Who is offered a tool; empty: everybody, at any time."""

    personas: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Numbers that were called, in E.164."""
    hours: Mapping[str, tuple[str, ...]] = {}
    """By day (`mon` to `sun`), as `09:00-17:30`, in the shop's zone."""


class Approval(msgspec.Struct, frozen=True):
    """A person decides before the tool runs."""

    deadline_s: float = 45.0
    otherwise: str = "refuse"
    """What holds when nobody has decided by then: `refuse` or `allow`."""


Arguments = Any
"""An instance of the tool's `arguments` Struct."""
Result = Mapping[str, Any]
"""Plain JSON data. Always holds `message`: one or two sentences that may be spoken."""
Handler = Callable[[Arguments, ToolContext], Result | Awaitable[Result]]
"""Plain functions run in a thread; coroutine functions on the event loop."""
Reconcile = Callable[[ToolContext], Result | None]
"""Asks the backend whether the effect with this `idempotency_key` happened: its result, or None."""


class Tool(msgspec.Struct, frozen=True):
    """One thing the model may do.

    `arguments` is a msgspec Struct; its JSON Schema is derived from it. Field hints for the
    embedded engine go in `msgspec.Meta(extra_json_schema={...})`: `format` is one of `date`,
    `time`, `phone`, `name`, `digits-reference` (the model gives what `collect_digits` returned,
    the handler gets the digits themselves); `x-ask` is the question that asks a caller for it;
    `x-choices-from` names a read tool whose result's `choices` list the allowed values.
    Keys starting with `x-` are taken out before a cloud model sees the schema.
    """

    name: str
    description: str
    arguments: type[msgspec.Struct]
    handler: Handler
    risk: Risk = Risk.READ
    deadline_s: float = 8.0
    confirm: tuple[str, ...] = ()
    """Arguments to read back and have confirmed before the write runs."""
    phrases: tuple[str, ...] = ()
    """What callers say when they want this: examples for the embedded engine."""
    ends_call: bool = False
    """After its result, say goodbye and hang up."""
    transfer_to: Callable[[Arguments], str] | None = None
    """Whom the caller is to be put through to after its result, by the name of a target."""
    enums: Mapping[str, tuple[str, ...]] = {}
    """Allowed values known only at start, by argument: the schema's `enum`."""
    reopens: tuple[str, ...] = ()
    """Write tools whose earlier answers in the same call are no longer final once this one is
    done: after a cancellation, the same booking asked for again is a new wish, not a repeat."""
    reconcile: Reconcile | None = None
    """Only for a backend that makes effects unique by `idempotency_key`; runs in a thread."""
    by_call: bool = False
    """The call itself carries it out; the handler is never asked."""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema for a tool that is known only at start: its handler gets the arguments as a
    plain dict, and `arguments` is `AnyArguments`."""
    settled: Callable[[Arguments], Arguments] | None = None
    """Arguments with everything filled in that was left out, so that the same wish is known for
    the same; raises msgspec.ValidationError."""
    lasting: bool = True
    """False: what it did soon means nothing, so asked again under a new id it is done anew. Only
    for a write that may be repeated."""
    idempotent: bool = False
    """Running it again with the same `idempotency_key` changes nothing more: it may be retried."""
    retries: int | None = None
    """How many further tries a read, or an idempotent write, gets in its deadline (at most 3);
    None: 2. They are the dispatcher's alone: no handler tries again by itself."""
    must_be_said: tuple[str, ...] = ()
    """Arguments whose values the caller must have said."""
    requires: tuple[str, ...] = ()
    """Tools that must have been done in this call before."""
    limits: StepLimits = StepLimits()
    audience: Audience = Audience()
    approval: Approval | None = None
    claims: tuple[str, ...] = ()
    """What a sentence says that claims this was done: `booked`, `your appointment is confirmed`."""
    redact: tuple[str, ...] = ()
    """Arguments and fields of the result that are kept out of logs and transcripts."""
    filler: str = ""
    """Said when it takes long."""
    returns: Mapping[str, Any] | None = None
    """JSON Schema of the handler's result; what does not fit it is kept from the model."""

    @property
    def way_out(self) -> bool:
        """It only ends the call or hands it over: no caller may have to stay for want of it."""
        return not self.risk.writes and (self.ends_call or self.transfer_to is not None)


class AnyArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stands for arguments whose shape is only in the tool's `parameters`."""


class ToolSpec(msgspec.Struct, frozen=True):
    """The part of a tool that engines see: plain data, no handler."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema, with the `x-` hints still in it."""
    risk: Risk
    confirm: tuple[str, ...]
    phrases: tuple[str, ...]
    ends_call: bool
    by_call: bool = False
    hands_over: bool = False
    """After its result the caller is put through to somebody else."""
    needs_evidence: bool = False
    """What was said in the call decides whether it may run."""


class ToolRequest(msgspec.Struct, frozen=True):
    """One call of a tool as the model made it."""

    call_id: str
    tool_call_id: str
    name: str
    arguments: str
    """JSON text, unvalidated."""
    caller_number: str | None = None
    called_number: str | None = None
    persona: str = ""
    evidence: Evidence = Evidence()
    verstat: str = ""
    """What the carrier says of the caller's number: Twilio's `StirVerstat`."""
    unkept: Kinds = DEFAULT
    """What of the arguments and of the result is kept in no record."""
    wordless: bool = False
    """Nothing of them is: whoever calls has not agreed that their words are kept."""


class ToolOutcome(msgspec.Struct, frozen=True):
    """What is told to the model, journalled and shown."""

    tool_call_id: str
    name: str
    state: ToolState
    output: str
    """JSON text, size-capped."""
    ends_call: bool = False
    repeated: bool = False
    """True: the first answer again; the effect did not happen a second time."""
    transfer_to: str = ""
    """The target the caller is to be put through to."""
    gives_up: bool = False
    """The model calls tools without end, whatever it is told: it is not to be asked again."""
