"""What a tool is after its file has been laid over it, all but its arguments."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET

from tools.configuring.toolfile import RISKS, ToolFile
from tools.spec import (
    AnyArguments,
    Approval,
    Audience,
    BackendError,
    Risk,
    StepLimits,
    Tool,
    ToolContext,
)

Renamed = Mapping[str, tuple[str, ...]]
"""How tools in code are called by their files; one that has no file is not there."""


def _nobody(_given: Any, _context: ToolContext) -> NoReturn:
    raise BackendError("the section has not made a handler", permanent=True)


def base_tool(file: ToolFile, parameters: Mapping[str, Any] | None) -> Tool:
    """A tool that its file describes alone, for a section to give it a handler."""
    plain = Tool(name="", description="", arguments=AnyArguments, handler=_nobody)
    return msgspec.structs.replace(overlaid(plain, file, {}), parameters=parameters)


def overlaid(tool: Tool, file: ToolFile, renamed: Renamed) -> Tool:
    """`tool` as `file` wants it. What the file does not say stays as it is."""
    said = {
        name: tuple(value) if isinstance(value, list) else value
        for name in (
            *("name", "description", "phrases", "deadline_s", "filler", "confirm"),
            *("must_be_said", "requires", "idempotent"),
        )
        if (value := getattr(file, name)) is not UNSET
    }
    return msgspec.structs.replace(
        tool,
        **said,
        risk=_graver(tool.risk, file.risk),
        limits=_tighter(tool.limits, file),
        audience=Audience(
            tuple(file.audience.personas),
            tuple(file.audience.numbers),
            file.audience.hours.by_day(),
        ),
        claims=tuple(dict.fromkeys([*tool.claims, *(file.claims or ())])),
        approval=tool.approval if file.approval is UNSET else _approval(file),
        redact=tuple(dict.fromkeys([*tool.redact, *file.redact])),
        reopens=_called_now(tool.reopens, renamed) if renamed else tool.reopens,
    )


def _graver(own: Risk, said: object) -> Risk:
    return own if said is UNSET else max(own, Risk(said), key=RISKS.index)


def _tighter(own: StepLimits, file: ToolFile) -> StepLimits:
    said = msgspec.structs.asdict(file.limits)
    kept = msgspec.structs.asdict(own)
    bounds = {
        name: [each for each in (said[name], kept[name]) if isinstance(each, int)] for name in kept
    }
    return StepLimits(**{name: min(found, default=None) for name, found in bounds.items()})


def _approval(file: ToolFile) -> Approval:
    assert file.approval is not UNSET, "asked only of what is given"
    return Approval(file.approval.deadline_s, file.approval.otherwise)


def _called_now(names: Iterable[str], renamed: Renamed) -> tuple[str, ...]:
    return tuple(new for name in names for new in renamed.get(name, (name,)))
