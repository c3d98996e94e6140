"""May this tool run now? The rules an operations team sets, decided in code, never in a prompt."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tools.assent import Reply, reply, takes_back
from tools.saying import says
from tools.spec import Audience, Evidence, Heard, Risk, StepLimits, Tool, ToolRequest

MAX_STEPS_PER_TURN: Final = 5
MAX_STEPS_PER_CALL: Final = 30

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DOUBT_ALLOWED: Final = frozenset({Risk.READ, Risk.WRITE_OWN})
_LEAST_DIGITS: Final = 7
"""Fewer digits are no telephone number."""
_MURMURS: Final = frozenset({"mhm", "mm hmm", "mm-hmm", "uh huh", "uh-huh", "mm", "okay", "ok"})


class Allow(msgspec.Struct, frozen=True):
    """Nothing stands against it."""


class Refused(msgspec.Struct, frozen=True):
    """It must not run. The message may be spoken; `mend` tells the model what to do instead."""

    rule: str
    """Which rule: `audience`, `steps`, `limits`, `requires`, `must_be_said` or `confirm`."""
    message: str
    mend: str
    field: str | None = None
    """The argument at fault, so that it can be asked for."""


class NeedsApproval(msgspec.Struct, frozen=True):
    """A person has to decide first."""

    deadline_s: float
    otherwise: str
    """What holds when nobody has decided by then: `refuse` or `allow`."""


Verdict = Allow | Refused | NeedsApproval


class Runs(msgspec.Struct, frozen=True):
    """How often a tool has run already: see `StepLimits`."""

    in_turn: int = 0
    in_call: int = 0
    today: int = 0


class Steps(msgspec.Struct, frozen=True):
    """How many tools the model has asked for before this one."""

    in_turn: int = 0
    """Since the caller last spoke."""
    in_call: int = 0


class History(msgspec.Struct, frozen=True):
    """What has happened before, as far as the tool's rules ask for it."""

    now: dt.datetime
    """With its zone: the shop's."""
    done: frozenset[str] = frozenset()
    """Tools that were done in this call."""
    runs: Runs = Runs()
    steps: Steps = Steps()


def decide(
    tool: Tool, arguments: Mapping[str, Any], request: ToolRequest, history: History
) -> Verdict:
    """The first rule that stands against it, or what is still needed. `arguments` are plain JSON
    data; those that were left out are not in it."""
    for rule in (_audience, _steps, _limits, _requires):
        if (refused := rule(tool, request, history)) is not None:
            return refused
    for spoken_rule in (_must_be_said, _confirm):
        if (refused := spoken_rule(tool, arguments, request, history)) is not None:
            return refused
    if tool.approval is not None:
        return NeedsApproval(tool.approval.deadline_s, tool.approval.otherwise)
    return Allow()


def needs_evidence(tool: Tool) -> bool:
    """Whether what was said in the call decides about this tool. Where a person decides, what the
    caller says meanwhile may call it off."""
    return bool(tool.must_be_said or tool.confirm or tool.approval)


def needs_history(tool: Tool) -> bool:
    """Whether the durable ledger has to be asked about this tool first."""
    return bool(tool.requires) or tool.limits != StepLimits()


# ---- who, when, how often ------------------------------------------------------------------------


def _audience(tool: Tool, request: ToolRequest, history: History) -> Refused | None:
    if offered(tool.audience, request.persona, request.called_number, history.now):
        return None
    mend = "This tool is not offered on this line at this time. Do not call it again."
    return Refused("audience", "I'm sorry, I can't do that here at the moment.", mend)


def offered(audience: Audience, persona: str, called_number: str | None, now: dt.datetime) -> bool:
    """Whether a tool is for this persona, the number that was called, and the time of day."""
    return (
        (not audience.personas or persona in audience.personas)
        and (not audience.numbers or called_number in audience.numbers)
        and (not audience.hours or _open(audience.hours, now))
    )


def _open(hours: Mapping[str, Sequence[str]], now: dt.datetime) -> bool:
    clock = f"{now:%H:%M}"
    spans = [span.partition("-") for span in hours.get(_DAYS[now.weekday()], ())]
    return any(begin.strip() <= clock < end.strip() for begin, _, end in spans)


def _steps(tool: Tool, request: ToolRequest, history: History) -> Refused | None:
    leaves = tool.ends_call or tool.transfer_to is not None
    return in_circles(request.evidence.turn, history.steps, leaves=leaves)


def in_circles(turn: int, steps: Steps, *, leaves: bool = False) -> Refused | None:
    """Stops a model that calls tools without end. `turn` is 0 where nobody counts turns.

    `leaves`: the tool is a way out of the call; those stay open a little longer.
    """
    more = MAX_STEPS_PER_TURN if leaves else 0
    in_turn, in_call = MAX_STEPS_PER_TURN + more, MAX_STEPS_PER_CALL + more
    if turn == 0 or (steps.in_turn < in_turn and steps.in_call < in_call):
        return None
    return Refused("steps", "I'm sorry, I can't sort this out by myself.", _IN_CIRCLES)


_IN_CIRCLES: Final = (
    "Too many tool calls. Call no more tools now: apologise to the caller, and offer to put them "
    "through to a person or to take a message."
)


def _limits(tool: Tool, request: ToolRequest, history: History) -> Refused | None:
    return exhausted() if exceeds(tool.limits, history.runs) else None


def exceeds(limits: StepLimits, runs: Runs) -> bool:
    """Whether one more run is one too many."""
    ran = (
        (limits.per_turn, runs.in_turn),
        (limits.per_call, runs.in_call),
        (limits.per_day, runs.today),
    )
    return any(most is not None and count >= most for most, count in ran)


def exhausted() -> Refused:
    mend = "This tool has run as often as it may. Do not call it again; offer another way."
    return Refused("limits", "I'm sorry, I can't do that again for you just now.", mend)


def _requires(tool: Tool, request: ToolRequest, history: History) -> Refused | None:
    missing = [name for name in tool.requires if name not in history.done]
    if not missing:
        return None
    mend = f"Call {', '.join(missing)} first; once that is done, call this again."
    return Refused("requires", "Something else has to be done first.", mend)


# ---- what was said -------------------------------------------------------------------------------


def _must_be_said(
    tool: Tool, arguments: Mapping[str, Any], request: ToolRequest, history: History
) -> Refused | None:
    """The caller has said it, has said yes to it, or calls from that very number."""
    given = {name: arguments[name] for name in tool.must_be_said if arguments.get(name) is not None}
    evidence = request.evidence
    if not given or (in_doubt(evidence) and tool.risk in _DOUBT_ALLOWED):
        return None
    texts = [each.text for each in evidence.said if each.speaker == "caller" and each.text]
    unsaid = {name: value for name, value in given.items() if not says(texts, value, history.now)}
    agreed = [*texts, *_agreed(evidence)] if unsaid else []
    for name, value in unsaid.items():
        known = _is_own_number(value, request, history.now)
        if known or says(agreed, value, history.now):
            continue
        label = name.replace("_", " ")
        mend = f"The caller has not said the {label}. Ask for it and do not guess; then call again."
        return Refused("must_be_said", f"May I just ask you for the {label}?", mend, name)
    return None


def _is_own_number(value: Any, request: ToolRequest, now: dt.datetime) -> bool:
    number = request.caller_number
    whole = isinstance(value, str) and len(re.sub(r"[^0-9]", "", value)) >= _LEAST_DIGITS
    return whole and number is not None and says([number], value, now)


def _confirm(
    tool: Tool, arguments: Mapping[str, Any], request: ToolRequest, history: History
) -> Refused | None:
    """The values were read back, heard to their end, and answered with a yes that still holds."""
    values = [arguments[name] for name in tool.confirm if arguments.get(name) is not None]
    if not values:
        return None
    found = _answer_to_read_back(values, request.evidence, history.now)
    doubted = found is Reply.UNKNOWN and tool.risk in _DOUBT_ALLOWED
    if found is Reply.YES or doubted:
        return None
    labels = ", ".join(name.replace("_", " ") for name in tool.confirm)
    mend = _MENDS[found].format(labels=labels)
    return Refused("confirm", "Let me just check that with you first.", mend)


_MENDS: Final = {
    None: "The caller has not heard all of it. Read back {labels} in one sentence, let the caller "
    "answer, and call this again with the same arguments after a yes.",
    Reply.NO: "The caller said no. Ask what to change, read back {labels}, and wait for a yes.",
    Reply.OTHER: "The caller has not said a plain yes. Take up what they said, read back {labels} "
    "again, and wait for a yes.",
    Reply.UNKNOWN: "The caller's answer could not be understood. Ask again whether {labels} are "
    "right, and wait for a yes.",
}


def _answer_to_read_back(
    values: Sequence[Any], evidence: Evidence, now: dt.datetime
) -> Reply | None:
    """The answer to the last exchange that read all of it back; None when none has."""
    later: list[str] = []
    for exchange in reversed(exchanges(evidence)):
        heard = [" ".join(_sentences(exchange.agent))]
        if all(says(heard, value, now) for value in values):
            answer = exchange.answer
            return Reply.OTHER if answer is Reply.YES and takes_back(later) else answer
        later += [each.text for each in exchange.caller]
    return None


class Exchange(msgspec.Struct, frozen=True):
    """What the agent said, and what the caller said to that."""

    agent: tuple[Heard, ...]
    caller: tuple[Heard, ...]

    @property
    def answer(self) -> Reply | None:
        """None while the caller has not answered."""
        if not self.caller:
            return None
        heard = " ".join(each.text for each in self.agent)
        words = [each.text for each in self.caller if each.text]
        told = reply(words, heard) if words else Reply.YES
        if told is Reply.YES and len(words) < len(self.caller):
            # What nobody made out may take a yes back; a no it does not.
            return Reply.UNKNOWN
        return told


def exchanges(evidence: Evidence) -> list[Exchange]:
    """In order. A murmur between two of the agent's sentences is no answer, but listening."""
    found: list[Exchange] = []
    agent: list[Heard] = []
    caller: list[Heard] = []
    for heard in _said(evidence):
        if heard.speaker == "caller":
            caller.append(heard)
            continue
        if caller and not _only_murmurs(caller):
            found.append(Exchange(tuple(agent), tuple(caller)))
            agent = []
        caller = []
        agent.append(heard)
    return [*found, Exchange(tuple(agent), tuple(caller))]


def _only_murmurs(caller: Sequence[Heard]) -> bool:
    texts = [re.sub(r"[^\w -]", "", each.text.lower()).strip() for each in caller]
    return all(text in _MURMURS for text in texts)


def _said(evidence: Evidence) -> tuple[Heard, ...]:
    unheard = any(not each.text and each.speaker == "caller" for each in evidence.said)
    if evidence.complete or unheard:
        return evidence.said
    return (*evidence.said, Heard("caller", "", whole=False))


def in_doubt(evidence: Evidence) -> bool:
    """Something the caller said could not be made out."""
    return any(each.speaker == "caller" and not each.text for each in _said(evidence))


def _agreed(evidence: Evidence) -> list[str]:
    """What the agent said and the caller said yes to."""
    return [
        " ".join(_sentences(each.agent)) for each in exchanges(evidence) if each.answer is Reply.YES
    ]


def _sentences(agent: Sequence[Heard]) -> list[str]:
    """What was heard to its end: of a line that was cut, its whole sentences."""
    return [each.text if each.whole else _whole_sentences(each.text) for each in agent]


def _whole_sentences(text: str) -> str:
    ends = [found.end() for found in re.finditer(r"[.!?](?=\s|$)", text)]
    return text[: ends[-1]] if ends else ""
