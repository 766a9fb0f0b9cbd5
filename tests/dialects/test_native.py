import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core import commands, events
from voicegw.core.jobs import Word
from voicegw.dialects import native
from voicegw.errors import InputError, MalformedMessage, MessageTooBig, UnknownMessageType, WrongFrameKind

LIMITS = events.Limits(max_message_bytes=65_536, max_burst_ms=5000, idle_timeout_ms=300_000)
WORDS = (Word("Grüß", 16_000, 20_000, 0.98765), Word("Gott.", 20_000, 24_000, 0.5))

COMMANDS: list[tuple[str, commands.Command]] = [
    ('{"type": "commit"}', commands.Commit()),
    ('{"type": "cancel"}', commands.Cancel()),
    ('{"type": "text", "text": "hello"}', commands.TypeText("hello")),
    ('{"type": "configure", "end_silence_ms": 300}', commands.Configure(end_silence_ms=300)),
    ('{"type": "configure", "key_terms": []}', commands.Configure(key_terms=())),
    (
        '{"type": "configure", "key_terms": ["Quilter", "Abigail Claflin"]}',
        commands.Configure(key_terms=("Quilter", "Abigail Claflin")),
    ),
    ('{"type": "configure", "reply": false}', commands.Configure(reply=commands.ReplyMode.NONE)),
    ('{"type": "configure", "reply": true}', commands.Configure(reply=commands.ReplyMode.TEXT)),
    ('{"type": "configure", "reply": "audio"}', commands.Configure(reply=commands.ReplyMode.AUDIO)),
    ('{"type": "played", "audio_ms": 500, "turn": 3}', commands.Played(500, turn=3, received_only=True)),
    ('{"type": "played", "audio_ms": 40}', commands.Played(40, received_only=True)),
    ('{"type": "ack", "seq": 7}', commands.Acknowledge(7)),
    ('{"type": "refresh", "token": "a.b.c"}', commands.Refresh("a.b.c")),
    ('{"type": "end"}', commands.End()),
]

MESSAGES: list[tuple[events.Event, dict[str, Any]]] = [
    (
        events.SessionReady("s", 1, resumed=False, next_input_sample=9, limits=LIMITS),
        {
            "type": "ready",
            "session": "s",
            "epoch": 1,
            "resumed": False,
            "next_sample": 9,
            "next_message": 0,
            "limits": {
                "max_message_bytes": 65_536,
                "max_burst_ms": 5000,
                "idle_timeout_ms": 300_000,
                "max_session_ms": 0,
            },
            "development": False,
            "reply_audio": None,
        },
    ),
    (events.SpeechStarted(1, 16_000), {"type": "speech_started", "turn": 1, "at_ms": 1000}),
    (
        events.PartialTranscript(1, "so be", "it", 16_015),
        {"type": "partial", "turn": 1, "stable": "so be", "tentative": "it", "audio_ms": 1000},
    ),
    (
        events.PartialTranscript(1, "今日", "は", 16_015, joined=True),
        {"type": "partial", "turn": 1, "stable": "今日", "tentative": "は", "audio_ms": 1000, "joined": True},
    ),
    (
        events.SpeechStopped(1, 24_000, events.EndReason.SILENCE),
        {"type": "speech_stopped", "turn": 1, "at_ms": 1500, "reason": "silence"},
    ),
    (
        events.FinalTranscript(1, "Grüß Gott.", WORDS, 11_200, 32_000),
        {
            "type": "final",
            "turn": 1,
            "text": "Grüß Gott.",
            "words": [
                {"word": "Grüß", "start_ms": 1000, "end_ms": 1250, "probability": 0.988},
                {"word": "Gott.", "start_ms": 1250, "end_ms": 1500, "probability": 0.5},
            ],
            "start_ms": 700,
            "end_ms": 2000,
        },
    ),
    (
        events.FinalTranscript(2, "Ja.", (), 11_200, 32_000, "de"),
        {
            "type": "final",
            "turn": 2,
            "text": "Ja.",
            "words": [],
            "start_ms": 700,
            "end_ms": 2000,
            "language": "de",
        },
    ),
    (events.ReplyStarted(1), {"type": "reply_started", "turn": 1}),
    (events.ReplyStarted(1, greeting=True), {"type": "reply_started", "turn": 1, "greeting": True}),
    (events.ReplyDelta(1, "good "), {"type": "reply_delta", "turn": 1, "text": "good "}),
    (
        events.ReplyStep(1, events.ToolCalled("c1", "clock", "{}")),
        {"type": "tool_call", "turn": 1, "id": "c1", "name": "clock", "arguments": "{}"},
    ),
    (
        events.ReplyStep(1, events.ToolAnswered("c1", "clock", "noon", ok=True)),
        {"type": "tool_result", "turn": 1, "id": "c1", "name": "clock", "content": "noon", "ok": True},
    ),
    (
        events.ReplyStep(1, events.ToolAnswered("c1", "clock", "accepted", ok=True, background_call="e1")),
        {"type": "tool_progress", "turn": 1, "id": "c1", "name": "clock", "content": "accepted"},
    ),
    (
        events.ReplyStep(1, events.ReplyNotice("llm_timeout", "asked again")),
        {"type": "notice", "turn": 1, "code": "llm_timeout", "message": "asked again"},
    ),
    (
        events.ReplyDone(1, "good", events.ReplyReason.CANCELLED),
        {"type": "reply_done", "turn": 1, "text": "good", "reason": "cancelled"},
    ),
    (
        events.BackgroundCallReport(1, "c1", "clock", "half", done=False, ok=True),
        {"type": "tool_progress", "turn": 1, "id": "c1", "name": "clock", "content": "half"},
    ),
    (
        events.BackgroundCallReport(1, "c1", "clock", "noon", done=True, ok=True),
        {"type": "tool_result", "turn": 1, "id": "c1", "name": "clock", "content": "noon", "ok": True},
    ),
    (
        events.Moderated(1, events.ModerationTarget.REPLY, ("violence",)),
        {"type": "moderated", "turn": 1, "what": "reply", "categories": ["violence"]},
    ),
    (
        events.TurnLatency(1, 500.4, 0.0, 80.6, 510.0, attempts=2, speculative=True),
        {
            "type": "latency",
            "turn": 1,
            "endpoint_ms": 500,
            "queue_ms": 0,
            "decode_ms": 81,
            "final_ms": 510,
            "attempts": 2,
            "speculative": True,
        },
    ),
    (events.AudioAcknowledged(8000, 2), {"type": "ack", "samples": 8000, "messages": 2}),
    (events.GoingAway(1000), {"type": "going_away", "retry_after_ms": 1000}),
    (events.Ending("idle_timeout", 900), {"type": "ending", "code": "idle_timeout", "in_ms": 900}),
    (events.Refreshed(60_000), {"type": "refreshed", "expires_in_ms": 60_000}),
    (
        events.Fault("llm_timeout", "slow", retryable=True),
        {"type": "error", "code": "llm_timeout", "message": "slow", "retryable": True},
    ),
    (
        events.Fault("rate_limited", "much", retryable=True, retry_after_ms=70),
        {"type": "error", "code": "rate_limited", "message": "much", "retryable": True, "retry_after_ms": 70},
    ),
]


OF_OTHER_DIALECTS = {
    commands.HoldAudio,  # a native client has room: it is sent little ahead
    *(commands.Discard, commands.CreateReply, commands.Relay),
    *(commands.AddItem, commands.DeleteItem, commands.TruncateReply),
}


@pytest.mark.parametrize(("text", "command"), COMMANDS)
def test_reads_every_message(text: str, command: commands.Command) -> None:
    assert native.decode(text) == command


def test_knows_a_message_for_every_command() -> None:
    known = {type(command) for _, command in COMMANDS}
    assert known | OF_OTHER_DIALECTS == set(commands.Command.__args__)


@pytest.mark.parametrize(("event", "message"), MESSAGES)
def test_writes_every_event(event: events.Event, message: dict[str, Any]) -> None:
    assert json.loads(native.encode(event, 42)) == {"seq": 42, **message}


def test_has_a_message_for_every_event() -> None:
    known = list(dict.fromkeys(type(event) for event, _ in MESSAGES))
    assert known == [event for event in events.Event.__args__ if event is not events.Relayed]


BAD = {
    "not JSON": "hello",
    "cut short": '{"type": "commit"',
    "no object": "[]",
    "no type": "{}",
    "a field too many": '{"type": "commit", "now": true}',
    "a field too few": '{"type": "text"}',
    "an empty text": '{"type": "text", "text": ""}',
    "a text too long": json.dumps({"type": "text", "text": "x" * (native.MAX_TEXT_CHARACTERS + 1)}),
    "a wrong kind of value": '{"type": "configure", "end_silence_ms": "300"}',
    "a text for key terms": '{"type": "configure", "key_terms": "Quilter"}',
    "an empty key term": '{"type": "configure", "key_terms": ["Quilter", ""]}',
    "a long key term": json.dumps({"type": "configure", "key_terms": ["x" * 51]}),
    "too many key terms": json.dumps({"type": "configure", "key_terms": ["x"] * 51}),
    "a bool for a number": '{"type": "configure", "end_silence_ms": true}',
    "a negative position": '{"type": "ack", "seq": -1}',
    "nested too deeply": '{"x":' + '{"x":' * 12_000,
    "half a surrogate pair": '{"type": "text", "text": "\\ud800"}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_says_what_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        native.decode(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "%s"}',
        '{"type": "text", "%s": 1}',
        '{"type": "configure", "reply": "%s"}',
        '{"type": "configure", "%s": 1}',
    ],
)
def test_what_is_wrong_is_said_shortly(text: str) -> None:
    with pytest.raises((MalformedMessage, UnknownMessageType)) as refused:
        native.decode(text % ("x" * 60_000))
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("text", ['{"type": "sing"}', '{"type": 5}', '{"type": ""}'])
def test_says_what_type_is_unknown(text: str) -> None:
    with pytest.raises(UnknownMessageType):
        native.decode(text)


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\0", "\u200b \ufeff", "\u00a0", "\u3000"])
def test_a_typed_message_has_something_visible_in_it(text: str) -> None:
    with pytest.raises(MalformedMessage, match=r"with a visible character - at `\$\.text`|length >= 1"):
        native.decode(json.dumps({"type": "text", "text": text}))


@pytest.mark.parametrize("text", [".", " a ", "\u200b東", "👋", "\0a"])
def test_however_little_that_is(text: str) -> None:
    assert native.decode(json.dumps({"type": "text", "text": text})) == commands.TypeText(text)


def test_a_text_frame_of_no_json_is_told_where_audio_goes() -> None:
    with pytest.raises(MalformedMessage, match="binary frames audio"):
        native.decode("RIFF....WAVE")


@pytest.mark.parametrize("text", ["x" * 65_537, "ü" * 32_769])
def test_the_size_of_a_message_is_limited_in_bytes(text: str) -> None:
    with pytest.raises(MessageTooBig, match="the limit is 65536"):
        native.decode(text)


@given(st.text() | st.from_regex(r'\{"type": ?"(text|ack|configure)", ?"\w+": ?("\w*"|-?\d+|null)\}'))
def test_any_text_is_a_command_or_the_clients_mistake(text: str) -> None:
    with suppress(InputError):
        assert isinstance(native.decode(text), commands.Command)


class TestAudioFrame:
    @pytest.mark.parametrize("data", [b"", bytes(65_536), b"{}", b'{"type'])
    def test_may_hold_any_audio(self, data: bytes) -> None:
        native.check_audio(data)

    def test_is_limited_in_size(self) -> None:
        with pytest.raises(MessageTooBig, match="65537 bytes"):
            native.check_audio(bytes(65_537))

    def test_is_no_place_for_json(self) -> None:
        with pytest.raises(WrongFrameKind, match="send it as text"):
            native.check_audio(b'{"type": "commit"}')


def test_the_schema_names_every_message_and_follows_its_references() -> None:
    schema = json.loads(json.dumps(native.schema()))
    types = {
        direction: set(schema[direction]["discriminator"]["mapping"]) for direction in ("client", "server")
    }
    assert types["client"] == {json.loads(text)["type"] for text, _ in COMMANDS}
    assert types["server"] == {message["type"] for _, message in MESSAGES}
    for direction in ("client", "server"):
        for reference in schema[direction]["anyOf"]:
            assert reference["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def test_every_text_that_a_client_may_send_is_bounded() -> None:
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    inbound = [kind.__name__ for kind in native.Inbound.__subclasses__()]
    texts = [
        (name, field, kind)
        for name in inbound
        for field, kind in definitions[name]["properties"].items()
        if kind.get("type") == "string"
    ]
    assert len(texts) >= 2
    assert not [(name, field) for name, field, kind in texts if "maxLength" not in kind]


def test_the_schema_has_the_bounds_of_key_terms() -> None:
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    [described, _] = definitions["ConfigureMessage"]["properties"]["key_terms"]["anyOf"]
    assert (described["maxItems"], described["items"]["maxLength"]) == (50, 50)


def test_the_schema_says_what_everything_is() -> None:
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    assert not [name for name, definition in definitions.items() if not definition.get("description")]
    fields = definitions["ConfigureMessage"]["properties"].items()
    assert not [name for name, field in fields if name != "type" and not field["anyOf"][0].get("description")]


@pytest.mark.parametrize(
    ("knob", "low", "high"),
    [
        *((f"{which}end_silence_ms", 100, 5_000) for which in ("", "min_", "max_")),
        ("max_utterance_ms", 1_000, 28_000),
        ("partial_interval_ms", 100, 5_000),
    ],
)
def test_the_schema_has_the_range_that_the_session_checks(knob: str, low: int, high: int) -> None:
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    [described, _] = definitions["ConfigureMessage"]["properties"][knob]["anyOf"]
    assert (described["minimum"], described["maximum"]) == (low, high)
    decoded = native.decode(json.dumps({"type": "configure", knob: high + 1}))
    assert getattr(decoded, knob) == high + 1  # so that the session can say `invalid_value`


def test_no_message_may_have_fields_that_nobody_knows() -> None:
    definitions: dict[str, Any] = native.schema()["$defs"]  # type: ignore[assignment]
    for kind in native.Inbound.__subclasses__():
        assert definitions[kind.__name__]["additionalProperties"] is False
