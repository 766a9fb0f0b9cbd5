"""Sessions of real clients, event by event, as files of JSON lines.

`in` is an event of the client, `gives` the commands that the session gets, and `out` the events for the
client. `happens` is an event of the session: its class and its fields. Ids of events are left out.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.dialects.openai_realtime.realtime import Client, connected
from voicegw.core import events
from voicegw.dialects.port import Audio, Received

TRANSCRIPTS = sorted((Path(__file__).parent.parent / "transcripts/openai").glob("*.jsonl"))


def described(received: Received) -> dict[str, Any]:
    """The command by its class and the fields that are set."""
    if isinstance(received, Audio):
        return {"Audio": len(received.data)}
    given = {name: value for name, value in asdict(received).items() if value not in (None, "", ())}
    command: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({type(received).__name__: given}))
    return command


def without_id(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "event_id"}


def play(line: dict[str, Any], client: Client) -> dict[str, Any]:
    """The line with what really came of it."""
    client.commands.clear()
    if "in" in line:
        kind, fields = line["in"]["type"], {key: value for key, value in line["in"].items() if key != "type"}
        out = client.send(kind, **fields)
        return {"in": line["in"], "gives": [*map(described, client.commands)], "out": [*map(without_id, out)]}
    [(name, fields)] = line["happens"].items()
    out = client.hear(msgspec.convert([name, *fields], events.Event))
    return {"happens": line["happens"], "out": [*map(without_id, out)]}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_session_is_as_in_its_transcript(path: Path) -> None:
    first, *lines = map(json.loads, path.read_text().splitlines())
    client = Client(connected(first["query"]))
    assert without_id(client.received[0]) == first["out"][0]
    for line in lines:
        assert play(line, client) == line
