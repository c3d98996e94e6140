"""What can carry out a tool: our own tools by module and name, and sections of the file itself."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import msgspec

from tools.registry import parameters_of
from tools.spec import AnyArguments, Tool
from tools.validation import Problem


def _nothing_wrong(_base: Tool, _section: Mapping[str, Any]) -> Iterable[Problem]:
    return ()


def _none(_base: Tool, _section: Mapping[str, Any], _taken: Container[str]) -> Iterable[Tool]:
    return ()


class Section(msgspec.Struct, frozen=True):
    """Handlers like `http` and `mcp`: what the tool does stands in its file, below that name.

    Both functions get the tool as the rest of the file describes it, without a handler, and what
    the section says. Its `parameters` are those its handler will get, hidden ones and fixed ones
    too; with `told_late` it has none yet.
    """

    make: Callable[[Tool, Mapping[str, Any]], Tool]
    """The tool with its handler, which takes a plain dict. Raises ConfigError."""
    problems: Callable[[Tool, Mapping[str, Any]], Iterable[Problem]] = _nothing_wrong
    """Everything wrong with the section; paths begin within it. Pure."""
    told_late: bool = False
    """The tool's parameters become known only by `make`, which sets them; the file narrows them."""
    make_several: Callable[[Tool, Mapping[str, Any], Container[str]], Iterable[Tool]] = _none
    """All tools of a section that is about several (`ToolFile.several`), as they are known at this
    moment; none is called like those of other files, whose names it gets."""


class Handlers(msgspec.Struct, frozen=True):
    """Everything the `handler:` of a tool's file may say."""

    own: Mapping[str, Tool] = {}
    """Tools in code, by module and name: `booking.book_appointment`."""
    sections: Mapping[str, Section] = {}

    def names(self) -> list[str]:
        return sorted([*self.own, *self.sections])


def handlers_of(
    modules: Mapping[str, Iterable[Tool]], sections: Mapping[str, Section] | None = None
) -> Handlers:
    """The tools of each module, as `tools.catalogue.modules` has them, and the sections."""
    own = {f"{module}.{tool.name}": tool for module, tools in modules.items() for tool in tools}
    return Handlers(own, sections or {})


def own_parameters(tool: Tool) -> Mapping[str, Any] | None:
    """JSON Schema of what the tool takes by itself; None when only its file says."""
    if tool.arguments is AnyArguments and tool.parameters is None:
        return None
    return tool.parameters if tool.parameters is not None else parameters_of(tool)
