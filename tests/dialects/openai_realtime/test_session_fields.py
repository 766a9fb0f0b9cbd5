from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from tests.dialects.openai_realtime.realtime import Client, connected, nested
from voicegw.core.commands import Configure, CreateReply, ReplyMode
from voicegw.core.profile import MAX_TOOLS
from voicegw.core.reply_parameters import ClientTool, ReplyParameters

TOOL = {"type": "function", "name": "weather", "description": "Tells it.", "parameters": {"type": "object"}}


def configured(**session: Any) -> Configure:
    """The command for an update of a new session."""
    client = Client()
    client.update(**session)
    [command] = client.commands
    assert isinstance(command, Configure)
    return command


def heard(**audio_input: Any) -> Configure:
    return configured(audio={"input": audio_input})


def test_only_what_changes_is_configured() -> None:
    assert configured(instructions="Be brief.") == Configure(instructions="Be brief.")
    client = Client()
    client.update(type="realtime", model="any", audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert client.commands == []


def test_the_client_may_end_turns_itself() -> None:
    command = heard(turn_detection=None)
    assert command == Configure(manual=True, automatic=False, interruptible=False)


def test_a_fixed_silence_does_not_depend_on_the_words() -> None:
    command = heard(turn_detection={"type": "server_vad", "silence_duration_ms": 700, "threshold": 0.6})
    silences = command.end_silence_ms, command.min_end_silence_ms, command.max_end_silence_ms
    assert (silences, command.adaptive, command.threshold) == ((700, 700, 700), False, 0.6)


def test_eagerness_is_a_range_of_silences() -> None:
    eager = heard(turn_detection={"type": "semantic_vad", "eagerness": "high"})
    patient = heard(turn_detection={"type": "semantic_vad", "eagerness": "low"})
    assert (eager.min_end_silence_ms, eager.max_end_silence_ms) == (200, 800)
    assert (patient.min_end_silence_ms, patient.max_end_silence_ms) == (800, 5_000)


def test_replies_may_be_requested_only_and_not_be_interrupted() -> None:
    given = {"type": "server_vad", "create_response": False, "interrupt_response": False}
    command = heard(turn_detection=given)
    assert command == Configure(automatic=False, interruptible=False)


@pytest.mark.parametrize(
    ("transcription", "language"),
    [
        ({"language": "de"}, "de"),
        ({"language": "en-US"}, "en"),
        ({"languages": ["de", "en"]}, "auto"),
        ({"languages": ["de"]}, "de"),
    ],
)
def test_the_language_of_the_speech(transcription: dict[str, Any], language: str) -> None:
    assert heard(transcription=transcription) == Configure(language=language)


def test_keywords_are_key_terms() -> None:
    assert heard(transcription={"keywords": ["Quilter"]}) == Configure(key_terms=("Quilter",))


def test_only_so_many_tools_are_kept_and_nothing_else_in_their_place() -> None:
    client = Client()
    tools = [TOOL | {"name": f"tool_{number}"} for number in range(MAX_TOOLS + 1)]
    assert client.update(tools=[0] * 20_000)["tools"] == []
    assert client.update(tools="any")["tools"] == []
    assert client.update(tools=[0, *tools])["tools"] == tools[: MAX_TOOLS - 1]


def test_tools_are_converted_once_and_no_more_than_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    converted = Mock(wraps=msgspec.convert)
    client = Client()
    monkeypatch.setattr(msgspec, "convert", converted)
    client.update(tools=[{}] * 10_000)
    assert converted.call_count == MAX_TOOLS
    client.update()
    client.update(temperature=1)
    assert converted.call_count == MAX_TOOLS
    client.send("response.create", response={"tools": [0] * 10_000 + [{}] * 10_000})
    assert converted.call_count == MAX_TOOLS


def test_tools_and_parameters_of_replies() -> None:
    command = configured(
        tools=[TOOL, {"type": "mcp", "server_label": "x"}],
        tool_choice={"type": "function", "name": "weather"},
        max_output_tokens=50,
        parallel_tool_calls=False,
        reasoning={"effort": "low"},
    )
    tool = ClientTool("weather", "Tells it.", '{"type":"object"}')
    assert command.parameters == ReplyParameters((tool,), "", "weather", 50, False, "low")


def test_a_history_may_be_shorter() -> None:
    limits = {"post_instructions": 1_000}
    given = {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": limits}
    assert configured(truncation=given) == Configure(history_characters=4_000, retained=0.8)


@pytest.mark.parametrize(
    ("voice", "name"),
    [("alloy", ""), ("en-us+f3", "en-us+f3"), ({"id": "anna"}, "anna"), ("../x", ""), (5, "")],
)
def test_voices_of_the_service_are_the_servers_own(voice: Any, name: str) -> None:
    client = Client()
    shown = client.update(audio={"output": {"voice": voice, "speed": 9}})
    assert (shown["audio"]["output"]["voice"], shown["audio"]["output"]["speed"]) == (voice, 1.5)
    assert client.commands == [Configure(voice=name or None, speed=1.5)]


def test_a_number_that_is_no_float_is_brought_within_its_bounds() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 10**400}}})
    client.update(audio={"output": {"speed": 10**400}})
    assert client.commands == [Configure(threshold=1.0), Configure(speed=1.5)]


def test_text_where_there_is_no_voice() -> None:
    client = Client(connected(speaks=False))
    assert client.update(output_modalities=["audio"])["output_modalities"] == ["text"]


def test_what_is_set_stays_until_it_is_set_again() -> None:
    client = Client()
    client.update(audio={"input": {"transcription": {"model": "whisper-1", "language": "de"}}})
    client.update(audio={"input": {"noise_reduction": {"type": "near_field"}}})
    shown = client.update(audio={"input": {"transcription": {"language": "en"}}})["audio"]["input"]
    assert shown["transcription"] == {"model": "whisper-1", "language": "en"}
    assert shown["noise_reduction"] == {"type": "near_field"}
    assert client.update(audio={"input": {"transcription": None}})["audio"]["input"]["transcription"] is None


def test_what_is_kept_to_be_shown_has_a_limit() -> None:
    client = Client()
    for number in range(20):
        strange = {f"field{number}": "x" * 1_000}
        client.update(audio={"input": {"transcription": strange}})
    long = "x" * 50_000
    shown = client.update(audio={"input": {"noise_reduction": long}, "output": {"voice": long}})["audio"]
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": long}}})
    assert len(str(shown)) < 10_000
    assert len(str(client.received[-1])) < 10_000


def test_a_session_may_become_one_of_transcription() -> None:
    client = Client()
    assert client.update(type="transcription")["object"] == "realtime.transcription_session"
    assert client.commands == [Configure(reply=ReplyMode.NONE)]


def test_what_the_token_fixes_stays_and_is_shown() -> None:
    codec = connected()
    codec.fix(Configure(instructions="Sell pizza.", language="de", voice="anna"))
    client = Client(codec)
    assert client.received[0]["session"]["instructions"] == "Sell pizza."
    wanted = {"input": {"transcription": {"language": "en"}}, "output": {"voice": "bob"}}
    shown = client.update(instructions="Obey.", audio=wanted)
    client.send("response.create", response={"instructions": "Obey."})
    assert client.commands == [CreateReply(ReplyMode.AUDIO)]
    assert shown["instructions"] == "Sell pizza."
    assert shown["audio"]["input"]["transcription"]["language"] == "de"
    assert shown["audio"]["output"]["voice"] == "anna"


STRANGE: list[Any] = [
    *(None, 5, -1.5, True, "x", [], ["x"], {}, {"type": 5}, {"type": "x"}, [[]], "x" * 70_000, 1e30),
]
PATHS = [
    *("type", "model", "output_modalities", "instructions", "audio", "tools", "tool_choice", "truncation"),
    *("max_output_tokens", "parallel_tool_calls", "reasoning", "prompt", "include", "unknown"),
    *("audio.input", "audio.input.format", "audio.input.transcription", "audio.input.turn_detection"),
    *("audio.input.noise_reduction", "audio.output", "audio.output.format", "audio.output.voice"),
    *("audio.output.speed", "audio.input.turn_detection.threshold", "truncation.token_limits"),
    *(f"audio.input.transcription.{name}" for name in ("language", "languages", "keywords", "model")),
    *("audio.input.turn_detection.silence_duration_ms", "audio.input.turn_detection.create_response"),
    *("audio.input.turn_detection.prefix_padding_ms", "truncation.retention_ratio", "reasoning.effort"),
]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: repr(value)[:20])
def test_no_value_of_a_field_is_an_error(value: Any) -> None:
    client = Client()
    for path in PATHS:
        client.update(**nested(path, value))
    client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": value}}})
    assert set(client.kinds()) == {"session.created", "session.updated"}
