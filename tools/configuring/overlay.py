"""Makes a tool out of a handler and a file."""

import inspect
from collections.abc import Container, Iterator, Mapping
from typing import Any

import msgspec

from tools.config import together
from tools.configuring.fields import Renamed, base_tool, overlaid
from tools.configuring.handlers import Handlers
from tools.configuring.parameters import Parameters
from tools.configuring.toolfile import ToolFile
from tools.configuring.toolset import Sheet, Toolset, shaped
from tools.registry import Registry
from tools.spec import AnyArguments, BackendError, Handler, Result, Tool, ToolContext


def configured(toolset: Toolset, handlers: Handlers) -> Registry:
    """All tools of checked files. Raises ConfigError for what only making them could show."""
    renamed = {tool.name: toolset.of_handler(handler) for handler, tool in handlers.own.items()}
    made: list[Tool] = []
    for sheet in toolset.sheets:
        if sheet.file.several is None:
            made.append(_made(sheet, handlers, renamed))
        else:
            others = {name for each in toolset.sheets if each is not sheet for name in each.names}
            made += _several(sheet, handlers, {*others, *(tool.name for tool in made)})
    return Registry(made)


def _several(sheet: Sheet, handlers: Handlers, taken: Container[str]) -> Iterator[Tool]:
    file = sheet.file
    make = handlers.sections[file.handler].make_several
    for tool in make(base_tool(file, None), file.section or {}, taken):
        yield _reshaped(tool, _shaped(sheet, tool), {})


def _made(sheet: Sheet, handlers: Handlers, renamed: Renamed) -> Tool:
    file = sheet.file
    own = handlers.own.get(file.handler)
    if own is not None:
        return overlay(own, file, _shaped(sheet, own), renamed)
    section = handlers.sections[file.handler]
    whole = None if section.told_late else _shaped(sheet, None).whole
    made = section.make(base_tool(file, whole), file.section or {})
    return _reshaped(made, _shaped(sheet, made if section.told_late else None), {})


def _shaped(sheet: Sheet, own: Tool | None) -> Parameters:
    parameters, problems = shaped(sheet.file, own)
    if problems:
        document = sheet.document
        raise together(
            [document.error(("parameters", *each.path), each.what, each.hint) for each in problems]
        )
    return parameters


def overlay(tool: Tool, file: ToolFile, parameters: Parameters, renamed: Renamed) -> Tool:
    """`tool` as `file` wants it. What the file does not say stays as it is."""
    return _reshaped(overlaid(tool, file, renamed), parameters, renamed)


# ---- arguments -----------------------------------------------------------------------------------


def _reshaped(tool: Tool, parameters: Parameters, renamed: Renamed) -> Tool:
    """The tool with the file's parameters: its handler still gets what it was made for."""
    schema = {**parameters.schema, "properties": _hinted(parameters.schema, renamed)}
    # What is fixed or hidden has no need to be read back, or to have been said.
    seen = schema["properties"]
    tool = msgspec.structs.replace(
        tool,
        confirm=tuple(name for name in tool.confirm if name in seen),
        must_be_said=tuple(name for name in tool.must_be_said if name in seen),
    )
    shape, handler, transfer_to = tool.arguments, tool.handler, tool.transfer_to
    if shape is AnyArguments and not (parameters.defaults or parameters.fixed):
        return msgspec.structs.replace(tool, parameters=schema)

    def typed(given: Mapping[str, Any]) -> Any:
        filled = parameters.filled(given)
        return filled if shape is AnyArguments else msgspec.convert(filled, shape, strict=True)

    # `arguments` stays what it was: it tells our own tools from those of outside.
    return msgspec.structs.replace(
        tool,
        parameters=schema,
        enums={},
        settled=typed,
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
