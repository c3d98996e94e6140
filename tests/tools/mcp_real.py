"""A real MCP server as a program: `stdio`, or `http`, which first says its port on a line."""

import asyncio
import base64
import os
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("Tickets")
calls: list[str] = []
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def find_ticket(number: int) -> dict[str, Any]:
    """Where a ticket stands."""
    return {"number": number, "state": "open"}


@server.tool()
def open_ticket(title: str, ctx: Context[Any, Any], caller: str = "") -> str:
    """Open a ticket."""
    key = str(dict(ctx.request_context.meta or {}).get("frontdesk/idempotency-key"))
    calls.append(key)
    return f"{title} for {caller}: {key}, {len(calls)}"


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def drop_ticket(number: int) -> str:
    """Drop a ticket."""
    raise ValueError(f"no ticket {number}; token is s3cr3t")


@server.tool()
def variables() -> list[str]:
    """Which variables this program sees."""
    return sorted(os.environ)


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """A picture with a word on it."""
    return ["a word", Image(data=PIXEL, format="png")]


@server.tool()
async def rest(seconds: float) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return "rested"


def http() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    http() if sys.argv[1] == "http" else server.run("stdio")
