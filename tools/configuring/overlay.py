"""Makes a tool out of a handler and a file."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from tools.config import ConfigError
from tools.configuring.handlers import Handlers
from tools.configuring.parameters import Parameters
from tools.configuring.toolfile import RISKS, ToolFile
from tools.configuring.toolset import Sheet, Toolset, shaped
from tools.registry import Registry
from tools.spec import (
    AnyArguments,
    Approval,
    Audience,
    BackendError,
    Handler,
    Result,
    Risk,
    StepLimits,
    Tool,
    ToolContext,
)

Renamed = Mapping[str, tuple[str, ...]]
"""How tools in code are called by their files; one that has no file is not there."""


def configured(toolset: Toolset, handlers: Handlers) -> Registry:
    """All tools of checked files. Raises ConfigError for what only making them could show."""
    renamed = {tool.name: toolset.of_handler(handler) for handler, tool in handlers.own.items()}
    return Registry(_made(sheet, handlers, renamed) for sheet in toolset.sheets)


def _made(sheet: Sheet, handlers: Handlers, renamed: Renamed) -> Tool:
    file = sheet.file
    tool = handlers.own.get(file.handler)
    if tool is not None:
        return _in_order(sheet, tool, renamed)
    return _in_order(sheet, handlers.sections[file.handler].make(file), {})


def _in_order(sheet: Sheet, tool: Tool, renamed: Renamed) -> Tool:
    parameters, problems = shaped(sheet.file, tool)
    if problems:
        found = [
            sheet.document.error(("parameters", *each.path), each.what, each.hint)
            for each in problems
        ]
        first, *others = found
        raise ConfigError(first.where, first.what, first.hint, others)
    return overlay(tool, sheet.file, parameters, renamed)


def overlay(tool: Tool, file: ToolFile, parameters: Parameters, renamed: Renamed) -> Tool:
    """`tool` as `file` wants it. What the file does not say stays as it is."""
    said = {
        name: tuple(value) if isinstance(value, list) else value
        for name in (
            *("name", "description", "phrases", "deadline_s", "filler", "confirm"),
            *("must_be_said", "requires", "claims", "idempotent"),
        )
        if (value := getattr(file, name)) is not UNSET
    }
    changed = msgspec.structs.replace(
        tool,
        **said,
        risk=_graver(tool.risk, file.risk),
        limits=_tighter(tool.limits, file),
        audience=Audience(
            tuple(file.audience.personas),
            tuple(file.audience.numbers),
            file.audience.hours.by_day(),
        ),
        approval=tool.approval if file.approval is UNSET else _approval(file),
        redact=tuple(dict.fromkeys([*tool.redact, *file.redact])),
        reopens=_called_now(tool.reopens, renamed) if renamed else tool.reopens,
    )
    return _reshaped(changed, parameters, renamed)


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


# ---- arguments -----------------------------------------------------------------------------------


def _reshaped(tool: Tool, parameters: Parameters, renamed: Renamed) -> Tool:
    """The tool with the file's parameters: its handler still gets what it was made for."""
    schema = {**parameters.schema, "properties": _hinted(parameters.schema, renamed)}
    shape, handler, transfer_to = tool.arguments, tool.handler, tool.transfer_to
    if shape is AnyArguments and not (parameters.defaults or parameters.fixed):
        return msgspec.structs.replace(tool, parameters=schema)

    def typed(given: Mapping[str, Any]) -> Any:
        filled = parameters.filled(given)
        return filled if shape is AnyArguments else msgspec.convert(filled, shape, strict=True)

    return msgspec.structs.replace(
        tool,
        arguments=AnyArguments,
        parameters=schema,
        enums={},
        handler=_filled(handler, typed),
        transfer_to=None if transfer_to is None else lambda given: transfer_to(typed(given)),
    )


def _hinted(schema: Mapping[str, Any], renamed: Renamed) -> dict[str, Any]:
    """The properties, with tools named as they are called now."""
    found = {}
    for name, each in schema["properties"].items():
        source = each.get("x-choices-from")
        rest = {key: value for key, value in each.items() if key != "x-choices-from"}
        if source is not None and (now := renamed.get(source, (source,))):
            rest["x-choices-from"] = now[0]
        found[name] = rest
    return found


def _filled(handler: Handler, typed: Any) -> Handler:
    """A handler of plain arguments; a coroutine function if `handler` is one."""

    def arguments(given: Mapping[str, Any]) -> Any:
        try:
            return typed(given)
        except msgspec.ValidationError as error:
            raise BackendError(f"a parameter of the file: {error}", permanent=True) from None

    if inspect.iscoroutinefunction(handler):

        async def awaited(given: Mapping[str, Any], context: ToolContext) -> Result:
            answer: Result = await handler(arguments(given), context)
            return answer

        return awaited
    return lambda given, context: handler(arguments(given), context)
