"""The declarations of the functions that the model may call, and their validation.

A declaration is a table in the configuration or an object in a JSON file: name, description, a JSON Schema of
the parameters, and the target of the call, either `url` or `entry_point`. An invalid declaration stops the
start.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from voicegw.core.options import option
from voicegw.errors import ConfigurationError
from voicegw.reply.endpoints.http_client import without_secrets

CALLER = "caller"  # the argument with the user and the session of the call
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One function. `url` receives the arguments in an HTTP POST as JSON, and answers in JSON; `entry_point`
    is `package.module:function`, which is called with the arguments as keywords.

    timeout_ms: None takes the default of ToolOptions. background: calls are background calls, and the
    conversation does not wait for their results. tell_caller: each call names its user and session.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: dict(_NO_PARAMETERS))
    url: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    entry_point: str | None = None
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] | None = None
    background: bool = False
    tell_caller: bool = False

    def definition(self) -> dict[str, Any]:
        """The definition for the model, as an entry of `tools` in a chat completion request."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class ToolOptions:
    """The functions that the model may call, and the limits of calls."""

    functions: tuple[dict[str, Any], ...] = option(
        (), "declared functions; in TOML, one [[tools.functions]] table each", secret=True
    )
    mcp: tuple[dict[str, Any], ...] = option(
        (), "MCP servers whose tools are used; in TOML, one [[tools.mcp]] table each", secret=True
    )
    mcp_timeout_ms: int = option(
        20_000, "longest wait for the connection to an MCP server", ge=100, le=600_000
    )
    file: Path | None = option(None, "JSON file with a list of more declared functions")
    timeout_ms: int = option(10_000, "longest wait for the result of one call", ge=1, le=600_000)
    background_timeout_ms: int = option(600_000, "the same for a call in the background", ge=1, le=86_400_000)
    max_result_bytes: int = option(8_000, "longest result", ge=100, le=1_000_000)
    max_rounds: int = option(4, "rounds of function calls in one turn", ge=1, le=50)
    max_calls: int = option(8, "calls in one round", ge=1, le=100)
    max_background: int = option(100, "calls in the background that may wait", ge=1, le=100_000)
    background_at_once: int = option(4, "calls in the background that run at the same time", ge=1, le=1000)


def declared_tools(options: ToolOptions) -> tuple[Tool, ...]:
    """The declared functions. Raises ConfigurationError, whose message is one line and names the function."""
    tools = _convert(options.functions, "tools.functions")
    if options.file is not None:
        tools += _convert(_read(options.file), str(options.file))
    names = [tool.name for tool in tools]
    for tool in tools:
        if names.count(tool.name) > 1:
            raise ConfigurationError(f"tool {tool.name}: declared twice")
        _check(tool)
    return tools


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise ConfigurationError(f"the tool file {path} cannot be read: {error}") from error


def _convert(raw: Sequence[Any], where: str) -> tuple[Tool, ...]:
    try:
        return msgspec.convert(raw, tuple[Tool, ...])
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _check(tool: Tool) -> None:
    if (tool.url is None) == (tool.entry_point is None):
        raise ConfigurationError(f"tool {tool.name}: needs either `url` or `entry_point`")
    if tool.url is not None and not re.match(r"https?://\w", tool.url):
        raise ConfigurationError(
            f"tool {tool.name}: {without_secrets(tool.url)} is not an http:// or https:// URL"
        )
    check_schema(tool)
    if tool.tell_caller and CALLER in tool.parameters.get("properties", {}):
        raise ConfigurationError(f"tool {tool.name}: with `tell_caller`, the server sets `{CALLER}`")


def check_schema(tool: Tool) -> None:
    """Raises ConfigurationError unless the tool's parameters are a valid JSON Schema of an object."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if tool.parameters.get("type") != "object":
        raise ConfigurationError(f'tool {tool.name}: the parameters\' schema needs type = "object"')
    try:
        Draft202012Validator.check_schema(tool.parameters)
    except SchemaError as error:
        place = f"parameters{error.json_path[1:]}"
        raise ConfigurationError(f"tool {tool.name}: {place}: {error.message}") from error
