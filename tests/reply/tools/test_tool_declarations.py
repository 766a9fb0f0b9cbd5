"""An invalid declaration stops the start, with a message of one line that names it."""

import json
from pathlib import Path
from typing import Any

import pytest

from voicegw.errors import ConfigurationError
from voicegw.reply.tools.tool_declarations import ToolOptions, declared_tools

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "The weather.", "parameters": CITY, "url": "http://localhost/w"}


def refusal(**changes: Any) -> str:
    """The message for WEATHER with these changes; None removes a key."""
    declaration = {key: value for key, value in (WEATHER | changes).items() if value is not None}
    with pytest.raises(ConfigurationError) as refused:
        declared_tools(ToolOptions(functions=(declaration,)))
    assert "\n" not in refused.value.message
    return refused.value.message


def test_the_definition_for_the_model() -> None:
    (tool,) = declared_tools(ToolOptions(functions=(WEATHER,)))
    function = {"name": "weather", "description": "The weather.", "parameters": CITY}
    assert tool.definition() == {"type": "function", "function": function}


def test_a_function_may_have_no_parameters() -> None:
    (tool,) = declared_tools(
        ToolOptions(functions=({"name": "now", "description": "Time.", "entry_point": "time:time"},))
    )
    assert tool.parameters == {"type": "object", "properties": {}}


def test_declarations_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([WEATHER | {"name": "wind"}]))
    tools = declared_tools(ToolOptions(functions=(WEATHER,), file=path))
    assert [tool.name for tool in tools] == ["weather", "wind"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": None}, ["name", "[0]"]),
        ({"name": "two words"}, ["name", "[0]"]),
        ({"description": ""}, ["description"]),
        ({"colour": "red"}, ["colour"]),
        ({"timeout_ms": 0}, ["timeout_ms"]),
        ({"url": None}, ["weather", "either `url` or `entry_point`"]),
        ({"entry_point": "a:b"}, ["weather", "either `url` or `entry_point`"]),
        ({"url": "localhost/w"}, ["weather", "localhost/w"]),
        ({"parameters": {"type": "string"}}, ["weather", 'type = "object"']),
        (
            {"parameters": {"type": "object", "properties": {"city": {"type": "word"}}}},
            ["weather", "city", "word"],
        ),
    ],
)
def test_the_message_names_the_error(changes: dict[str, Any], words: list[str]) -> None:
    message = refusal(**changes)
    assert all(word in message for word in words), message


def test_a_name_may_be_declared_only_once() -> None:
    with pytest.raises(ConfigurationError, match="weather: declared twice"):
        declared_tools(ToolOptions(functions=(WEATHER, WEATHER)))


@pytest.mark.parametrize("content", [None, "[{", "{}"])
def test_an_unreadable_file_stops_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "tools.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"tools\.json"):
        declared_tools(ToolOptions(file=path))


def test_headers_are_not_in_the_representation() -> None:
    options = ToolOptions(functions=(WEATHER | {"headers": {"Authorization": "Bearer k3y"}},))
    assert "k3y" not in repr(options)
