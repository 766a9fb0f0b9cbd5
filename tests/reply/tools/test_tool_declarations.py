"""A wrong declaration is found at the start, and named in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from voicegw.errors import ConfigurationError
from voicegw.reply.tools.tool_declarations import ToolOptions, declared

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "The weather.", "parameters": CITY, "url": "http://localhost/w"}


def refusal(**changes: Any) -> str:
    """The line in which WEATHER with these changes is refused; None takes a key out."""
    declaration = {key: value for key, value in (WEATHER | changes).items() if value is not None}
    with pytest.raises(ConfigurationError) as refused:
        declared(ToolOptions(functions=(declaration,)))
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_declaration_as_the_model_is_told_of_it() -> None:
    (tool,) = declared(ToolOptions(functions=(WEATHER,)))
    function = {"name": "weather", "description": "The weather.", "parameters": CITY}
    assert tool.offer() == {"type": "function", "function": function}


def test_a_function_may_have_no_parameters() -> None:
    (tool,) = declared(
        ToolOptions(functions=({"name": "now", "description": "Time.", "entry_point": "time:time"},))
    )
    assert tool.parameters == {"type": "object", "properties": {}}


def test_declarations_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([WEATHER | {"name": "wind"}]))
    tools = declared(ToolOptions(functions=(WEATHER,), file=path))
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
def test_what_is_wrong_is_named(changes: dict[str, Any], words: list[str]) -> None:
    message = refusal(**changes)
    assert all(word in message for word in words), message


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ConfigurationError, match="weather: declared twice"):
        declared(ToolOptions(functions=(WEATHER, WEATHER)))


@pytest.mark.parametrize("content", [None, "[{", "{}"])
def test_a_file_that_is_none(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "tools.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"tools\.json"):
        declared(ToolOptions(file=path))


def test_headers_may_hold_keys_and_are_not_shown() -> None:
    options = ToolOptions(functions=(WEATHER | {"headers": {"Authorization": "Bearer k3y"}},))
    assert "k3y" not in repr(options)
