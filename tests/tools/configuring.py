"""Tools' files for stories: a few handlers in code, and what is wrong with a file over them."""

from collections.abc import Container, Iterable, Mapping
from typing import Annotated, Any

import msgspec

from tools.config import ConfigError
from tools.configuring.handlers import Handlers, Section, handlers_of
from tools.configuring.toolset import Sheet, Toolset, check_tools, read_tool
from tools.spec import BackendError, Result, Risk, StepLimits, Tool, ToolContext, ToolRefusal
from tools.validation import Problem


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dish: Annotated[str, msgspec.Meta(max_length=40, description="What to cook.")]
    guests: Annotated[int, msgspec.Meta(ge=1, le=12)]
    note: Annotated[str, msgspec.Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    day: (
        Annotated[str, msgspec.Meta(extra_json_schema={"format": "date", "x-choices-from": "menu"})]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] | msgspec.UnsetType = msgspec.UNSET


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


def cook(asked: Order, _context: ToolContext) -> Result:
    if asked.dish == "soup":
        raise ToolRefusal("There is no soup today.", field="dish", choices=("bread",))
    if asked.dish == "fire":
        raise BackendError("the stove is out", permanent=False)
    if asked.dish == "bug":
        raise ZeroDivisionError
    note = asked.note if isinstance(asked.note, str) else ""
    return {"message": f"{asked.guests} {asked.dish}", "guests": asked.guests, "note": note}


async def menu(_asked: Nothing, context: ToolContext) -> Result:
    return {"message": f"Today, {context.now:%d %B %H:%M}.", "choices": ["bread", "soup"]}


TOOLS = (
    Tool(
        name="cook",
        description="Cook something.",
        arguments=Order,
        handler=cook,
        risk=Risk.WRITE_OWN,
        confirm=("dish", "guests"),
        enums={"dish": ("bread", "soup", "fire", "bug")},
        reopens=("cook", "menu", "gone"),
        limits=StepLimits(per_call=5),
        redact=("code",),
        transfer_to=lambda asked: asked.dish,
    ),
    Tool(name="menu", description="What there is.", arguments=Nothing, handler=menu),
    Tool(
        name="keys",
        description="Type.",
        arguments=Order,
        handler=cook,
        by_call=True,
    ),
)


def section_problems(base: Tool, section: Mapping[str, Any]) -> Iterable[Problem]:
    if "url" not in section:
        yield Problem(("url",), "is missing", "Give it")
    if base.parameters is None or "order" not in base.parameters["properties"]:
        yield Problem((), "has no order", "Add the parameter")


def made(base: Tool, section: Mapping[str, Any]) -> Tool:
    def call(given: dict[str, Any], _context: ToolContext) -> Result:
        return {"message": section["url"], "given": given}

    return msgspec.structs.replace(base, handler=call)


FROM_SERVER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "units": {"type": "string", "enum": ["c", "f"]}},
    "required": ["city"],
    "additionalProperties": False,
}


def connected(base: Tool, section: Mapping[str, Any]) -> Tool:
    return msgspec.structs.replace(made(base, {"url": section["server"]}), parameters=FROM_SERVER)


def connected_all(base: Tool, section: Mapping[str, Any], taken: Container[str]) -> Iterable[Tool]:
    """The server has what is included, and a tool that is called `cook`."""
    about = {"server": "there"}
    for name in (*section["include"], "cook"):
        if name not in taken:
            yield connected(msgspec.structs.replace(base, name=name), about)


def handlers(tools: Iterable[Tool] = TOOLS) -> Handlers:
    mcp = Section(connected, told_late=True, make_several=connected_all)
    sections = {"http": Section(made, section_problems), "mcp": mcp}
    return handlers_of({"kitchen": tools}, sections)


def toolset(**texts: str) -> Toolset:
    """Files that can be read, by stem."""
    found: list[ConfigError] = []
    sheets = [read_tool(text, f"tools/{stem}.yaml", stem, found) for stem, text in texts.items()]
    assert found == []
    return Toolset(tuple(sheet for sheet in sheets if isinstance(sheet, Sheet)))


def told(
    text: str, others: Mapping[str, str] | None = None, personas: Iterable[str] = ("anna",)
) -> list[str]:
    """Every problem of one file, `tools/a.yaml`, among others; without the file's name."""
    found: list[ConfigError] = []
    texts = {"a": text, **(others or {})}
    read = [read_tool(each, f"tools/{stem}.yaml", stem, found) for stem, each in texts.items()]
    good = tuple(sheet for sheet in read if isinstance(sheet, Sheet))
    unread = tuple(name for name in read if isinstance(name, str))
    check_tools(Toolset(good, unread), handlers(), personas)
    return [str(each).removeprefix("tools/a.yaml:") for each in found]
