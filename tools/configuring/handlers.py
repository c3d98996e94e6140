"""What can carry out a tool: our own tools by module and name, and sections of the file itself."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from tools.configuring.toolfile import ToolFile
from tools.registry import parameters_of
from tools.spec import AnyArguments, Tool
from tools.validation import Problem


def _nothing_wrong(_file: ToolFile) -> Iterable[Problem]:
    return ()


class Section(msgspec.Struct, frozen=True):
    """Handlers like `http` and `mcp`: what the tool does stands in its file, below that name."""

    make: Callable[[ToolFile], Tool]
    """The tool, with a handler that takes a plain dict. Its `parameters`, if it sets them, are
    narrowed by those of the file; else the file's are all there are. Raises ConfigError."""
    problems: Callable[[ToolFile], Iterable[Problem]] = _nothing_wrong
    """Everything wrong with the section; paths lead from the top of the file. Does no I/O."""
    told_late: bool = False
    """The tool's parameters become known only by `make`."""


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
