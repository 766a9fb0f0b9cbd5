"""Declarations of MCP servers, and what becomes of the tools that they describe."""

from typing import Any

import pytest

from voicegw.errors import ConfigurationError
from voicegw.reply.tools.mcp_declarations import McpServer, declared_servers, tool_of

SHOP = McpServer(name="shop", command=("shop-server",), timeout_ms=500, background=True, tell_caller=True)
SCHEMA = {"type": "object", "properties": {"item": {"type": "string"}}}


def test_servers() -> None:
    program, page = declared_servers(
        [{"name": "a", "command": ["server", "--fast"]}, {"name": "b", "url": "http://127.0.0.1:9000/mcp"}]
    )
    assert (program.command, page.url) == (("server", "--fast"), "http://127.0.0.1:9000/mcp")


BAD: dict[str, list[dict[str, Any]]] = {
    "needs either": [{"name": "a"}],
    "needs either `command` or": [{"name": "a", "command": ["x"], "url": "http://x/"}],
    "declared twice": [{"name": "a", "command": ["x"]}, {"name": "a", "command": ["y"]}],
    "not an http": [{"name": "a", "url": "ftp://x/"}],
    "unknown field": [{"name": "a", "command": ["x"], "colour": "red"}],
    "regex": [{"name": "a b", "command": ["x"]}],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_refused(reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        declared_servers(BAD[reason])


def test_a_tool_has_the_name_of_its_server_before_its_own() -> None:
    tool = tool_of(SHOP, "find.item", "", SCHEMA)
    assert tool is not None
    assert (tool.name, tool.description, tool.parameters) == ("shop_find_item", "find.item", SCHEMA)
    assert (tool.timeout_ms, tool.background, tool.tell_caller) == (500, True, True)


@pytest.mark.parametrize(
    ("name", "schema"),
    [("x" * 60, SCHEMA), ("item", {"type": "array"}), ("item", {"type": "object", "properties": 5})],
)
def test_a_tool_that_cannot_be_used_is_left_out(name: str, schema: dict[str, Any]) -> None:
    assert tool_of(SHOP, name, "", schema) is None


def test_a_description_is_bounded() -> None:
    tool = tool_of(SHOP, "item", "x" * 10_000, SCHEMA)
    assert tool is not None
    assert len(tool.description) == 4_000
