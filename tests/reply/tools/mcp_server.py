"""A real MCP server for tests: `python -m tests.reply.tools.mcp_server stdio`, or `streamable-http PORT`."""

import asyncio
import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("shop")


@server.tool()
def price(item: str, count: int = 1) -> dict[str, int]:
    """The price of an item in cents."""
    return {"cents": 100 * count * len(item)}


@server.tool()
def greet(name: str) -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


@server.tool()
def fails() -> str:
    """Always fails."""
    raise ValueError("the till is empty")


@server.tool()
def long(size: int) -> str:
    """A long text."""
    return "x" * size


@server.tool()
async def slow() -> str:
    """Takes a minute."""
    await asyncio.sleep(60)
    return "done"


@server.tool()
def crash() -> str:
    """Ends the process."""
    os._exit(1)


@server.tool()
def variable(name: str) -> str:
    """A variable of its environment."""
    return os.environ.get(name, "none")


@server.tool()
def caller(context: Context) -> str:
    """Who calls."""
    meta = context.request_context.meta or {}
    return f"{meta.get('voicegw/user')} {meta.get('voicegw/session')}"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
