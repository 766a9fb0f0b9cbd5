"""The tables of `clients/openai.md`: what the dialect makes of every event and field that the types of the
`openai` package have. Each is tried: a field is sent, and what the codec makes of it is compared with what it
makes without the field."""

from collections.abc import Iterator
from typing import Any, get_args

from openai.types.realtime import (
    RealtimeClientEvent,
    RealtimeResponseCreateParams,
    RealtimeServerEvent,
    RealtimeSessionCreateRequest,
)
from pydantic import BaseModel

from tests.dialects.openai_realtime.realtime import Client, nested
from voicegw.core.commands import Configure
from voicegw.core.events import ReplyDelta
from voicegw.dialects.openai_realtime.server_events import KINDS
from voicegw.errors import InputError

SUPPORTED, IGNORED, REFUSED = "supported", "ignored", "refused"
SENT, NOT_SENT = "sent", "not sent"
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
FUNCTION = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
VAD, SEMANTIC = {"type": "server_vad"}, {"type": "semantic_vad"}

REPLY = object()  # stands for the id of a spoken reply

# A value of each field that is not the default.
SESSION: dict[str, Any] = {
    "type": "transcription",
    "audio.input.format": {"type": "audio/pcmu"},
    "audio.input.noise_reduction": {"type": "near_field"},
    "audio.input.transcription.delay": "low",
    "audio.input.transcription.keywords": ["Quilter"],
    "audio.input.transcription.language": "de",
    "audio.input.transcription.languages": ["de"],
    "audio.input.transcription.model": "whisper-1",
    "audio.input.transcription.prompt": "names",
    "audio.input.turn_detection.type": SEMANTIC | {"eagerness": "low"},  # which the other type ignores
    "audio.input.turn_detection.create_response": VAD | {"create_response": False},
    "audio.input.turn_detection.idle_timeout_ms": VAD | {"idle_timeout_ms": 6_000},
    "audio.input.turn_detection.interrupt_response": VAD | {"interrupt_response": False},
    "audio.input.turn_detection.prefix_padding_ms": VAD | {"prefix_padding_ms": 100},
    "audio.input.turn_detection.silence_duration_ms": VAD | {"silence_duration_ms": 800},
    "audio.input.turn_detection.threshold": VAD | {"threshold": 0.7},
    "audio.input.turn_detection.eagerness": SEMANTIC | {"eagerness": "low"},
    "audio.output.format": {"type": "audio/pcmu"},
    "audio.output.speed": 1.2,
    "audio.output.voice": "en-us",
    "include": ["item.input_audio_transcription.logprobs"],
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "model": "another",
    "output_modalities": ["text"],
    "parallel_tool_calls": False,
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"effort": "low"},
    "tool_choice": "none",
    "tools": [FUNCTION],
    "tracing": "auto",
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
}
RESPONSE: dict[str, Any] = {
    "audio": {"output": {"voice": "en-us"}},
    "conversation": "none",
    "input": [MESSAGE],
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "metadata": {"a": "b"},
    "output_modalities": ["text"],
    "parallel_tool_calls": False,
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"effort": "low"},
    "tool_choice": "none",
    "tools": [FUNCTION],
}
EVENTS: dict[str, dict[str, Any]] = {
    "conversation.item.create": {"item": MESSAGE},
    "conversation.item.delete": {"item_id": "mine"},
    "conversation.item.retrieve": {"item_id": "mine"},
    "conversation.item.truncate": {"item_id": REPLY, "content_index": 0, "audio_end_ms": 1},
    "input_audio_buffer.append": {"audio": "AAAA" * 3_200},
    "input_audio_buffer.clear": {},
    "input_audio_buffer.commit": {},
    "output_audio_buffer.clear": {},
    "response.cancel": {},
    "response.create": {},
    "session.update": {"session": {"type": "realtime"}},
}


def tables() -> str:
    """All tables in Markdown."""
    parts = [
        _table("client event", ((kind, _of_event(kind)) for kind in kinds_of(RealtimeClientEvent))),
        _table("server event", ((kind, _of_server(kind)) for kind in kinds_of(RealtimeServerEvent))),
        _table("field of `session`", ((path, _of_session(path)) for path in session_paths())),
        _table(
            "field of `response.create`",
            ((name, _of_response(name)) for name in RealtimeResponseCreateParams.model_fields),
        ),
    ]
    return "\n\n".join(parts)


def _table(head: str, rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"| `{name}` | {verdict} |" for name, verdict in sorted(rows)]
    return "\n".join([f"| {head} | |", "|---|---|", *lines])


def kinds_of(union: Any) -> list[str]:
    """The types of events in a union of the package."""
    models = get_args(get_args(union)[0])
    return [get_args(model.model_fields["type"].annotation)[0] for model in models]


def session_paths() -> set[str]:
    """The fields of a session, as paths; formats, tools and the like as a whole."""
    return set(_paths(RealtimeSessionCreateRequest, ""))


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        nested = _nested(info.annotation) if path in _OPENED else []
        if not nested:
            yield path
        for each in nested:
            yield from _paths(each, f"{path}.")


_OPENED = {
    *("audio", "audio.input", "audio.output"),
    *("audio.input.transcription", "audio.input.turn_detection"),
}


def _nested(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _nested(each)]


def _of_event(kind: str) -> str:
    client = Client()
    client.send("conversation.item.create", item=MESSAGE | {"id": "mine"})
    client.hear(ReplyDelta(1, "Hello."))
    [reply] = {event["item_id"] for event in client.received if "delta" in event}
    client.send("input_audio_buffer.append", **EVENTS["input_audio_buffer.append"])
    client.commands.clear()
    fields = {name: reply if value is REPLY else value for name, value in EVENTS.get(kind, {}).items()}
    try:
        answers = client.send(kind, **fields)
    except InputError:
        return REFUSED
    return SUPPORTED if answers or client.commands else IGNORED


def _of_server(kind: str) -> str:
    return SENT if kind in KINDS else NOT_SENT


def _of_session(path: str) -> str:
    """Whether the session does something else with the field."""
    if path not in SESSION:
        return REFUSED
    value = SESSION[path]
    whole = path.rpartition(".")[0] if isinstance(value, dict) and "turn_detection." in path else path
    base = None
    if whole != path:
        base = value | VAD if path.endswith(".type") else {"type": value["type"]}
    with_field = _effect(nested(whole, value))
    without = _effect(nested(whole, base)) if base else _effect({})
    return SUPPORTED if with_field != without else IGNORED


def _effect(session: dict[str, Any]) -> object:
    """What the session does, apart from what it shows."""
    client = Client()
    client.send("session.update", session=session)
    fields = client.codec.fields
    changed = next(iter(client.commands), Configure())
    shaped = fields.input_format, fields.output_format, fields.type, fields.turn_detection.prefix_padding_ms
    return changed, shaped


def _of_response(name: str) -> str:
    if name not in RESPONSE:
        return REFUSED
    return SUPPORTED if _asked({name: RESPONSE[name]}) != _asked({}) else IGNORED


def _asked(response: dict[str, Any]) -> object:
    client = Client()
    answers = client.send("response.create", response=response)
    return client.commands, [_without_id(answer) for answer in answers]


def _without_id(event: dict[str, Any]) -> dict[str, Any]:
    """The event without its id."""
    return {name: value for name, value in event.items() if name != "event_id"}
