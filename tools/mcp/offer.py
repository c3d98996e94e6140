"""Makes our tools of a server's: same policy, same ledger, nobody else's word for what they do."""

from collections.abc import Container, Mapping
from typing import Any

import msgspec
import structlog

from tools.http import templates
from tools.mcp.listing import Offered, listing, one
from tools.mcp.results import result
from tools.mcp.section import McpSection
from tools.mcp.server import McpServer, NotAnsweredError, NotAskedError
from tools.spec import (
    AnyArguments,
    BackendError,
    Handler,
    OutcomeUnknownError,
    Result,
    Tool,
    ToolContext,
)

MARGIN_S = 0.2
"""Kept of a read's deadline, so that it ends before it is ended."""

log = structlog.get_logger()


def mcp_tools(
    server: McpServer,
    section: McpSection,
    base: Tool,
    secrets: Mapping[str, str],
    taken: Container[str] = (),
) -> tuple[Tool, ...]:
    """Of a section with `include:`, what the server offers at this moment; none while it has never
    been reached.

    `base`: every other field of the file, which holds for all of its tools. `taken`: what tools of
    other files are called: one that a server calls the same is not offered.
    """
    if server.listed is None:
        return ()
    found = listing(section, server.listed, base, taken)
    for remote, why in found.refused.items():
        log.warning("mcp_tool_not_offered", server=server.name, tool=remote, reason=why)
    return tuple(_tool(server, each, base, secrets) for each in found.offered)


def mcp_tool(
    server: McpServer, section: McpSection, base: Tool, secrets: Mapping[str, str]
) -> Tool:
    """Of a section with `tool:`, that tool. While its server has never been reached it has no
    `parameters`, and fails: even when the server comes up, for what it takes was never looked at.

    Raises `tools.mcp.schemas.UnfitError` for one that the server has not, or that cannot be used.
    """
    if server.listed is None:
        return unreached(server, base)
    return _tool(server, one(section, server.listed, base), base, secrets)


def unreached(server: McpServer, base: Tool) -> Tool:
    """Stands for a tool of which it is not known what it takes: it fails politely."""

    async def handler(_arguments: object, context: ToolContext) -> Result:
        _note(server, base, context, "server_down")
        raise BackendError("server_down", permanent=False)

    return msgspec.structs.replace(
        base,
        description=base.description or base.name,
        arguments=AnyArguments,
        handler=handler,
        parameters=None,
        confirm=(),
        must_be_said=(),
    )


def _tool(server: McpServer, offered: Offered, base: Tool, secrets: Mapping[str, str]) -> Tool:
    own = offered.own
    tool = msgspec.structs.replace(
        base,
        name=offered.name,
        description=offered.description,
        parameters=offered.parameters,
        risk=offered.risk,
        deadline_s=own.deadline_s or base.deadline_s,
        confirm=own.confirm or base.confirm,
    )
    handler = _handler(server, offered, tool, dict(secrets))
    return msgspec.structs.replace(tool, arguments=AnyArguments, handler=handler)


def _handler(
    server: McpServer, offered: Offered, tool: Tool, secrets: Mapping[str, str]
) -> Handler:
    writes, own = tool.risk.writes, offered.own

    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> Result:
        given = templates.values(arguments, context, secrets)
        filled = {**arguments, **templates.data(own.fixed, given)}
        try:
            said = await server.call(
                offered.remote,
                filled,
                context.idempotency_key,
                tool.deadline_s - (0.0 if writes else min(MARGIN_S, tool.deadline_s / 2)),
                writes=writes,
            )
        except NotAskedError as error:
            _note(server, tool, context, error.reason)
            raise BackendError(error.reason, permanent=error.permanent) from None
        except NotAnsweredError as error:
            _note(server, tool, context, str(error))
            raise _unanswered(str(error), writes=writes) from None
        if said.error and writes:
            _note(server, tool, context, "error_reported")
            raise _unanswered("error_reported", writes=not own.errors_change_nothing)
        return result(said, writes=writes, message=own.message, secrets=secrets.values())

    return handler


def _unanswered(reason: str, *, writes: bool) -> Exception:
    return OutcomeUnknownError(reason) if writes else BackendError(reason, permanent=False)


def _note(server: McpServer, tool: Tool, context: ToolContext, reason: str) -> None:
    log.warning(
        "mcp_tool_failed",
        call_id=context.call_id,
        tool=tool.name,
        server=server.name,
        reason=reason,
    )
