"""Which of a server's tools are offered, as what, and why the others are not."""

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from tools.mcp.schemas import UnfitError, fit, words
from tools.mcp.section import EVERYTHING, McpSection, ToolOf, called
from tools.spec import Risk, Tool

MAX_TOOLS = 64
MAX_DESCRIPTION = 600
RISKS = tuple(Risk)
"""From harmless to grave."""


class Listed(msgspec.Struct, frozen=True):
    """One tool as its server describes it: untrusted, every word of it."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = {}
    destructive: bool = False


class Offered(msgspec.Struct, frozen=True):
    """One tool as the model may see it."""

    remote: str
    """What the server calls it."""
    name: str
    description: str
    parameters: Mapping[str, Any]
    risk: Risk
    own: ToolOf


class Listing(msgspec.Struct, frozen=True):
    offered: tuple[Offered, ...] = ()
    refused: Mapping[str, str] = {}
    """By the server's name, why a tool that was asked for is not offered."""


def listing(
    section: McpSection, listed: Iterable[Listed], base: Tool, taken: Container[str] = ()
) -> Listing:
    """`base`: what else the file says. Its risk is the least of all. `taken`: what tools of other
    files are called."""
    found = {each.name: each for each in reversed(list(listed))}
    wanted = sorted(found) if EVERYTHING in section.include else list(section.include)
    offered: dict[str, Offered] = {}
    refused: dict[str, str] = {}
    for remote in wanted:
        try:
            made = _offered(section, found.get(remote), base)
            if made.name in taken:
                raise UnfitError(f"another file has a tool {made.name}: give it another name")
            if made.name in offered or len(offered) >= MAX_TOOLS:
                raise UnfitError(f"there are two tools {made.name}, or more than {MAX_TOOLS}")
            offered[made.name] = made
        except UnfitError as error:
            refused[words(remote, 80)] = str(error)
    return Listing(tuple(offered.values()), refused)


def _offered(section: McpSection, listed: Listed | None, base: Tool) -> Offered:
    if listed is None:
        raise UnfitError("its server has no such tool")
    own = section.tools.get(listed.name, ToolOf())
    name = _name(section, listed.name)
    made = Offered(
        remote=listed.name,
        name=name,
        description=own.description or words(listed.description, MAX_DESCRIPTION) or name,
        parameters=_given_by_model(fit(listed.schema), own),
        risk=_risk(own, listed, base.risk),
        own=own,
    )
    return _confirmable(made, base)


def one(section: McpSection, listed: Iterable[Listed], base: Tool) -> Offered:
    """The tool a file is about, under the file's own name and with the risk it says.

    Raises UnfitError when the server has no such tool, or none that can be offered.
    """
    found = next((each for each in listed if each.name == section.tool), None)
    if found is None:
        raise UnfitError("its server has no such tool")
    own = section.tools.get(section.tool, ToolOf())
    said = base.description or own.description or words(found.description, MAX_DESCRIPTION)
    made = Offered(
        remote=found.name,
        name=base.name,
        description=said or base.name,
        parameters=_given_by_model(fit(found.schema), own),
        risk=Risk(own.risk) if own.risk else base.risk,
        own=own,
    )
    return _confirmable(made, base)


def _confirmable(offered: Offered, base: Tool) -> Offered:
    """A server that calls an argument otherwise than before does not get round its confirmation."""
    named = {*(offered.own.confirm or base.confirm), *base.must_be_said}
    if missing := sorted(named - offered.parameters["properties"].keys()):
        raise UnfitError(f"it has no argument {missing[0]}, which is to be confirmed or said")
    return offered


def _name(section: McpSection, remote: str) -> str:
    name = called(section, remote)
    if not re.match(r"[a-z]", name):
        raise UnfitError("its name cannot be a tool's name: give it one under `tools:`")
    return name


def _risk(own: ToolOf, listed: Listed, floor: Risk) -> Risk:
    """A server may call its tool graver than we think, never more harmless."""
    if own.risk:
        return Risk(own.risk)
    hinted = Risk.DELETE if listed.destructive else Risk.WRITE_OTHER
    return max(hinted, floor, key=RISKS.index)


def _given_by_model(schema: dict[str, Any], own: ToolOf) -> dict[str, Any]:
    """Without the arguments that the file fixes."""
    shown = {name: each for name, each in schema["properties"].items() if name not in own.fixed}
    required = [name for name in schema.get("required", []) if name not in own.fixed]
    rest = {name: value for name, value in schema.items() if name != "required"}
    return {**rest, "properties": shown, **({"required": required} if required else {})}
