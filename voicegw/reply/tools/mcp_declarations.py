"""The MCP servers whose tools the model may call: their declarations, and the tools that they describe."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import structlog

from voicegw.errors import ConfigurationError
from voicegw.reply.endpoints.http_client import without_secrets
from voicegw.reply.tools.tool_declarations import Tool, check_schema

log = structlog.get_logger(__name__)

MAX_TOOLS = 128  # of one server
_NAME_CHARACTERS = 64
_DESCRIPTION_CHARACTERS = 4_000


class McpServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A server of the Model Context Protocol: a program (`command`) that is connected by its standard input
    and output, or a `url` (Streamable HTTP).

    name: prefix of the names of its tools. environment: variables of the program, besides a few such as PATH.
    tools: those that are used; None for all. timeout_ms, background, tell_caller: as in Tool.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,32}$")]
    command: tuple[str, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    url: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    tools: tuple[str, ...] | None = None
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] | None = None
    background: bool = False
    tell_caller: bool = False


def declared_servers(raw: Sequence[Any]) -> tuple[McpServer, ...]:
    """The declared servers. Raises ConfigurationError, whose message is one line."""
    try:
        servers = msgspec.convert(raw, tuple[McpServer, ...])
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"tools.mcp: {error}") from error
    names = [server.name for server in servers]
    for server in servers:
        if names.count(server.name) > 1:
            raise ConfigurationError(f"MCP server {server.name}: declared twice")
        if bool(server.command) == (server.url is not None):
            raise ConfigurationError(f"MCP server {server.name}: needs either `command` or `url`")
        if server.url is not None and not re.match(r"https?://\w", server.url):
            raise ConfigurationError(
                f"MCP server {server.name}: {without_secrets(server.url)} is not an http:// or https:// URL"
            )
    return servers


def tool_of(server: McpServer, name: str, description: str, schema: dict[str, Any]) -> Tool | None:
    """A tool as the server describes it, for the model; None, with a line in the log, when its name or its
    schema cannot be used."""
    own_name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server.name}_{name}")
    tool = Tool(
        name=own_name,
        description=(description or name)[:_DESCRIPTION_CHARACTERS],
        parameters=schema,
        timeout_ms=server.timeout_ms,
        background=server.background,
        tell_caller=server.tell_caller,
    )
    try:
        if len(own_name) > _NAME_CHARACTERS:
            raise ConfigurationError(
                f"tool {own_name}: the name is longer than {_NAME_CHARACTERS} characters"
            )
        check_schema(tool)
    except ConfigurationError as error:
        log.warning("tool of an MCP server left out", server=server.name, reason=error.message)
        return None
    return tool
