"""The tables of native messages in clients/README.md, made from the JSON Schema of the messages."""

from collections.abc import Iterator
from typing import Any

from voicegw.dialects import native

TOLD_ABOVE = {"client": {"type"}, "server": {"type", "seq"}}  # what the text before the table says
TYPES = {"integer": "a number", "boolean": "true or false"}


def client_messages() -> str:
    """The messages of a client in Markdown."""
    return "\n".join(["| `type` | fields | effect |", "|---|---|---|", *_messages("client")])


def server_messages() -> str:
    """The messages of the server in Markdown."""
    return "\n".join(["| `type` | fields | what it says |", "|---|---|---|", *_messages("server")])


def _messages(direction: str) -> Iterator[str]:
    schema: dict[str, Any] = native.schema()
    for kind, reference in schema[direction]["discriminator"]["mapping"].items():
        message = schema["$defs"][reference.rpartition("/")[2]]
        fields = {
            name: each for name, each in message["properties"].items() if name not in TOLD_ABOVE[direction]
        }
        about = " ".join(message["description"].split())
        for name, field in fields.items():
            if values := _choices(field, schema["$defs"]):
                about += f" `{name}` is one of {values}."
        yield f"| `{kind}` | {', '.join(f'`{name}`' for name in fields)} | {about} |"


def configure_fields() -> str:
    """The fields of `configure` in Markdown."""
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    lines = ["| field of `configure` | values | what it is |", "|---|---|---|"]
    for name, field in definitions["ConfigureMessage"]["properties"].items():
        if name not in TOLD_ABOVE["client"]:
            kind = field["anyOf"][0]
            lines.append(f"| `{name}` | {_values(kind, definitions)} | {kind['description']} |")
    return "\n".join(lines)


def _values(kind: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Which values a JSON Schema allows, in words."""
    if "$ref" in kind:
        return _choices(kind, definitions)
    if "anyOf" in kind:
        return ", ".join(_values(each, definitions) for each in kind["anyOf"])
    if "minimum" in kind:
        return f"{kind['minimum']} to {kind['maximum']}"
    if kind["type"] == "array":
        return f"up to {kind['maxItems']} texts of up to {kind['items']['maxLength']} characters"
    if "maxLength" in kind:
        return f"up to {kind['maxLength']:,} characters"
    return TYPES.get(kind["type"], "a text")


def _choices(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The values of a field that refers to an enumeration, in their order; empty for others."""
    target = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
    return ", ".join(f"`{each}`" for each in target.get("enum", ()))
