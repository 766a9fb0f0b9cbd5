import base64
import json

import pytest

from tests.dialects.openai_realtime.realtime import Client
from voicegw.core.commands import Cancel, Commit, Discard
from voicegw.core.events import Fault
from voicegw.dialects.openai_realtime import MAX_MESSAGE_BYTES
from voicegw.dialects.port import Audio
from voicegw.errors import (
    AudioMisdeclared,
    InputError,
    LLMTimeout,
    MalformedMessage,
    MessageTooBig,
    NoReply,
    NothingToCommit,
    OddByteCount,
    RateLimited,
    UnknownMessageType,
    WrongFrameKind,
)

SECOND = "AAAA" * 16_000  # of silence

BAD = {
    "not JSON": ("hello", MalformedMessage),
    "no object": ("[]", MalformedMessage),
    "no type": ("{}", MalformedMessage),
    "an unknown type": ('{"type": "transcription_session.update"}', UnknownMessageType),
    "audio that is no base64": ('{"type": "input_audio_buffer.append", "audio": "?"}', MalformedMessage),
    "half a sample": ('{"type": "input_audio_buffer.append", "audio": "AA=="}', OddByteCount),
    "a field too few": ('{"type": "conversation.item.delete"}', MalformedMessage),
    "very deep": ('{"type": "session.update", "session": ' + '{"a":' * 30_000, MalformedMessage),
    "rather deep": (
        '{"type": "session.update", "session": {"a": ' + 60 * "[" + 60 * "]" + "}}",
        MalformedMessage,
    ),
    "long without audio": (json.dumps({"type": "response.create", "x": "x" * 200_000}), MalformedMessage),
    "binary": (b"abc", WrongFrameKind),
    "half a surrogate pair": ('{"type": "\\ud800"}', MalformedMessage),
    "too long": (json.dumps({"type": "x", "x": "x" * MAX_MESSAGE_BYTES}), MessageTooBig),
}


@pytest.mark.parametrize(("frame", "error"), BAD.values(), ids=BAD)
def test_is_refused(frame: str | bytes, error: type[InputError]) -> None:
    with pytest.raises(error):
        Client().send_raw(frame)


def test_audio_is_decoded() -> None:
    client = Client()
    client.send("input_audio_buffer.append", audio="AQACAA==", unknown=1)
    client.send("input_audio_buffer.append", audio="")
    assert client.commands == [Audio(b"\1\0\2\0")]


def test_long_audio_is_converted_in_pieces() -> None:
    client = Client()
    client.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    client.send("input_audio_buffer.append", audio=base64.b64encode(bytes(8_000)).decode())
    assert [len(each.data) for each in client.commands if isinstance(each, Audio)] == [19_200, 19_200, 9_600]


def test_a_commit_needs_audio() -> None:
    client = Client()
    with pytest.raises(NothingToCommit):
        client.send("input_audio_buffer.commit")
    for audio in (SECOND, SECOND):
        client.send("input_audio_buffer.append", audio=audio)
    client.send("input_audio_buffer.commit")
    assert isinstance(client.commands[-1], Commit)
    with pytest.raises(NothingToCommit):
        client.send("input_audio_buffer.commit")
    client.send("input_audio_buffer.append", audio=SECOND)
    assert client.send("input_audio_buffer.clear")[-1]["type"] == "input_audio_buffer.cleared"
    assert isinstance(client.commands[-1], Discard)
    with pytest.raises(NothingToCommit):
        client.send("input_audio_buffer.commit")


def test_a_response_that_is_none_is_not_cancelled() -> None:
    client = Client()
    client.send("response.cancel")
    assert client.commands == [Cancel(expected=True)]
    with pytest.raises(NoReply):
        client.send("response.cancel", response_id="another")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (NoReply(), "invalid_request_error", "response_cancel_not_active"),
        (NothingToCommit(), "invalid_request_error", "input_audio_buffer_commit_empty"),
        (RateLimited("much"), "invalid_request_error", "rate_limit_exceeded"),
        (MalformedMessage("what"), "invalid_request_error", "malformed_message"),
    ],
)
def test_an_error_names_its_event(error: InputError, kind: str, code: str) -> None:
    client = Client()
    with pytest.raises(MalformedMessage):
        client.send_raw('{"type": "conversation.item.delete", "event_id": "mine"}')
    [answer] = client.hear(Fault.of(error, client.codec.reference))
    assert (answer["type"], answer["error"]["event_id"]) == ("error", "mine")
    assert (answer["error"]["type"], answer["error"]["code"]) == (kind, code)


@pytest.mark.parametrize("error", [LLMTimeout(), AudioMisdeclared("loud")])
def test_a_fault_that_is_no_mistake_of_the_client_is_no_error_event(error: InputError) -> None:
    assert Client().hear(Fault.of(error)) == []


def test_the_event_id_of_an_event_without_one_is_not_that_of_another() -> None:
    client = Client()
    client.send("output_audio_buffer.clear", event_id="first")
    client.send("output_audio_buffer.clear")
    assert client.codec.reference == ""
