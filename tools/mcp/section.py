"""What the `mcp:` section of a tool file may say: one server, and its tools that are offered."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

EVERYTHING = "*"
RiskName = Literal["read", "write-own", "write-other", "message", "money", "delete"]


class ToolOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said here of one tool goes before what its server says of it."""

    name: Annotated[
        str, Meta(max_length=64, description="How the model calls it; prefix and own name else.")
    ] = ""
    description: Annotated[
        str, Meta(max_length=1_000, description="For the model, instead of the server's text.")
    ] = ""
    risk: Annotated[
        Literal["", "read", "write-own", "write-other", "message", "money", "delete"],
        Meta(description="What it can do to the world; write-other or more if not said."),
    ] = ""
    deadline_s: Annotated[
        float, Meta(ge=0, le=60, description="How long it may take; 0: as the file says.")
    ] = 0.0
    message: Annotated[
        str, Meta(max_length=300, description="What may be said when it is done.")
    ] = ""
    fixed: Annotated[
        dict[str, Any],
        Meta(
            description="Arguments the model neither sees nor gives:"
            " {context.idempotency_key}, {secret.NAME} or plain values."
        ),
    ] = {}
    errors_change_nothing: Annotated[
        bool,
        Meta(description="An error it reports proves that nothing was changed; else unknown."),
    ] = False
    confirm: Annotated[
        tuple[str, ...], Meta(description="Arguments read back, heard and answered yes first.")
    ] = ()


class McpSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One MCP server: a program (`command`) or an address (`url`)."""

    tool: Annotated[
        str, Meta(max_length=128, description="The one tool of the server that this file is about.")
    ] = ""
    include: Annotated[
        tuple[str, ...],
        Meta(max_length=64, description='Instead of one, several of its tools; "*" for all.'),
    ] = ()
    command: Annotated[
        str, Meta(max_length=500, description="The program, with its whole path.")
    ] = ""
    args: Annotated[tuple[str, ...], Meta(max_length=64, description="Its arguments.")] = ()
    env: Annotated[
        dict[str, str],
        Meta(description="The variables it sees, and no others; {secret.NAME} for a secret."),
    ] = {}
    cwd: Annotated[str, Meta(max_length=500, description="The folder it runs in.")] = ""
    url: Annotated[str, Meta(max_length=1_000, description="Of a server over HTTP.")] = ""
    headers: Annotated[
        dict[str, str], Meta(description="Sent with every request; {secret.NAME} for a secret.")
    ] = {}
    allow_private: Annotated[
        tuple[str, ...],
        Meta(description="Private addresses or networks the URL may lead to all the same."),
    ] = ()
    prefix: Annotated[
        str,
        Meta(pattern="^([a-z][a-z0-9_]*)?$", max_length=24, description="Before each tool's name."),
    ] = ""
    tools: Annotated[
        dict[str, ToolOf], Meta(description="By the server's name of a tool, what holds for it.")
    ] = {}
    start_s: Annotated[
        float, Meta(ge=0.1, le=60, description="For starting, greeting and listing its tools.")
    ] = 10.0
    max_bytes: Annotated[
        int, Meta(ge=1_000, le=4_000_000, description="The longest message it may send.")
    ] = 500_000


def read(section: Mapping[str, Any]) -> McpSection:
    """The section as data. Only for one without problems: msgspec.ValidationError otherwise."""
    return msgspec.convert(section, McpSection)


def called(section: McpSection, remote: str) -> str:
    """What the model calls a tool of a section with `include:`. May be no name for a tool."""
    if own := section.tools.get(remote, ToolOf()).name:
        return own
    plain = re.sub(r"[^a-z0-9_]+", "_", (section.prefix + remote).lower(), flags=re.ASCII)
    return plain.strip("_")[:64]


def several(section: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The tools of a section with `include:` by the names that the model calls them, as far as the
    file tells; None for a section about one tool. Of a section with problems, none."""
    if not section.get("include"):
        return None
    try:
        about = read(section)
    except msgspec.ValidationError:
        return ()
    said = [*about.include, *(about.tools if EVERYTHING in about.include else ())]
    return tuple(dict.fromkeys(called(about, each) for each in said if each != EVERYTHING))


def connection(section: McpSection) -> McpSection:
    """What of it says how the server is reached: the same for all files about one server."""
    return msgspec.structs.replace(section, tool="", include=(), prefix="", tools={})


def key(section: McpSection) -> str:
    """The same text for the same server, without any secret."""
    return msgspec.json.encode(connection(section), order="sorted").decode()
