import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from voicegw.core import events
from voicegw.core.commands import End, TypeText
from voicegw.dialects.bridge import MAX_MESSAGE_BYTES, BridgeDialect, VonageOptions
from voicegw.dialects.bridge.codec import BridgeCodec
from voicegw.dialects.port import Audio, Codec, Handshake, Opening, ReplyAudio
from voicegw.errors import (
    InputError,
    InvalidParameter,
    MalformedMessage,
    MessageTooBig,
    TokenMissing,
    UnsupportedFormat,
    UnsupportedRate,
)

JAMBONZ = {"Sec-WebSocket-Protocol": "audio.jambonz.org"}
CALL = '{"callSid": "c1", "sampleRate": 8000, "mixType": "mono"}'
CONNECTED = '{"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}'
AUDIO = ReplyAudio(1, b"\x10\x00" * 800, 100.0)
KEY = '{"event": "dtmf", "dtmf": "%s"}'


def connect(query: str = "", **headers: str) -> BridgeCodec:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return BridgeDialect(VonageOptions()).connect(Handshake("/bridge", query, Headers(named)))


def jambonz(first: str = CALL, query: str = "") -> BridgeCodec:
    codec = connect(query, **JAMBONZ)
    assert list(codec.receive(first))
    return codec


def opened(codec: Codec, frame: str | bytes) -> Opening:
    [opening] = codec.receive(frame)
    assert isinstance(opening, Opening)
    return opening


@pytest.mark.parametrize(
    ("frame", "query", "rate"),
    [
        (CALL, "", 8_000),
        ('{"sample_rate": "16000"}', "", 16_000),
        ('{"rate": "48k"}', "", 48_000),
        (CONNECTED.replace("rate=8000", "rate=24000"), "", 24_000),
        (CONNECTED.replace("rate=8000", " rate=16000"), "", 16_000),
        ('{"sampleRate": 64000}', "rate=8000", 64_000),
        ("{}", "rate=32000", 32_000),
        ("any text", "rate=16k", 16_000),
        ("[1, 2]", "rate=16k", 16_000),
        ("[" * 10_000, "rate=16k", 16_000),
        (b"", "rate=8000", 8_000),
    ],
)
def test_the_rate_is_in_the_first_message_or_the_url(frame: str | bytes, query: str, rate: int) -> None:
    assert opened(connect(query), frame).profile.rate == rate


def test_the_token_of_the_first_message_goes_before_that_of_the_request() -> None:
    assert opened(connect("rate=8k&token=query"), '{"token": "message"}').token == "message"
    assert opened(connect("rate=8k&token=query"), '{"token": 1}').token == "query"
    assert opened(connect("rate=8k", Authorization="Basic dTpzZWNyZXQ="), b"").token == "secret"
    assert opened(connect("rate=8k"), b"").token is None


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"\0\0", UnsupportedRate),
        ("{}", UnsupportedRate),
        ('{"sampleRate": 11025}', UnsupportedRate),
        ('{"sampleRate": [8000]}', UnsupportedRate),
        (CONNECTED.replace("l16", "pcmu"), UnsupportedRate),
        ('{"sampleRate": 8000, "mixType": "quad"}', UnsupportedFormat),
        ('{"sampleRate": 8000, "lang": "?"}', InvalidParameter),
        ("x" * (MAX_MESSAGE_BYTES + 1), MessageTooBig),
        (bytes(MAX_MESSAGE_BYTES + 1), MessageTooBig),
    ],
)
def test_a_call_that_cannot_be_served_is_refused(frame: str | bytes, error: type[InputError]) -> None:
    with pytest.raises(error):
        list(connect().receive(frame))


def test_the_reason_of_a_refusal_is_in_a_message_that_the_client_shows() -> None:
    [frame] = connect().refuse(TokenMissing("none"))
    assert json.loads(frame.data) == {"type": "error", "data": {"code": "token_missing", "message": "none"}}
    codec = connect()
    assert opened(codec, CONNECTED)
    assert list(codec.refuse(TokenMissing())) == []


def test_the_audio_of_the_first_message_is_not_lost() -> None:
    codec = connect("rate=8000")
    assert opened(codec, b"\1\0\2\0")
    assert list(codec.receive(b"\3\0")) == [Audio(b"\1\0\2\0\3\0")]


def test_an_empty_message_of_mod_audio_fork_ends_the_call() -> None:
    codec = connect("rate=8000", **JAMBONZ)
    assert opened(codec, b"\1\0")
    assert list(codec.receive(b"")) == [Audio(b"\1\0"), End()]
    assert list(codec.receive(b"")) == []
    assert list(codec.receive(b"\1\0")) == []


def test_an_empty_message_of_another_client_is_nothing() -> None:
    codec = connect("rate=8000")
    assert opened(codec, b"")
    assert list(codec.receive(b"")) == []
    assert list(codec.receive(b"\1\0")) == [Audio(b"\1\0")]


@pytest.mark.parametrize(("side", "heard"), [("left", b"\1\0\3\0"), ("right", b"\2\0\4\0")])
def test_the_callers_side_of_stereo_audio_is_chosen(side: str, heard: bytes) -> None:
    codec = jambonz(CALL.replace("mono", "stereo"), f"side={side}")
    assert list(codec.receive(b"\1\0\2\0\3\0\4\0")) == [Audio(heard)]


@pytest.mark.parametrize("frame", ["hello", "[]", KEY % "55", KEY % "x", '{"event": "dtmf", "dtmf": 5}'])
def test_a_message_that_jambonz_never_sends_is_an_error(frame: str) -> None:
    with pytest.raises(MalformedMessage):
        list(jambonz().receive(frame))


def test_mod_audio_stream_may_send_any_text() -> None:
    codec = connect("rate=8000")
    assert opened(codec, "metadata")
    for frame in ("hello", "[]", "{", '{"anything": 1}', '{"type": "mark", "data": 1}'):
        assert list(codec.receive(frame)) == []
    assert list(codec.receive(KEY % "#")) == [TypeText("#")]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "mark", "data": {"name": "0:9:100", "event": "playout"}},
        {"type": "mark", "data": {"event": "playout"}},
        {"type": "mark", "data": {"name": {}, "event": "playout"}},
        {"type": "playDone", "data": {}},
        {"event": "websocket:notify", "payload": "0:1:100"},
    ],
)
def test_an_invented_mark_means_nothing(message: dict[str, Any]) -> None:
    codec = jambonz()
    assert list(codec.send_audio(AUDIO))
    assert list(codec.receive(json.dumps(message))) == []


def test_events_other_than_errors_have_no_messages() -> None:
    assert list(jambonz().send_event(events.ReplyStarted(1), 1)) == []
    assert list(connect().send_event(events.Fault("x", "y", retryable=False), 1)) == []


def test_nothing_is_sent_before_the_call_has_begun() -> None:
    codec = connect()
    assert [*codec.send_audio(AUDIO), *codec.stop_audio(), *codec.end(None)] == []


def test_a_build_of_mod_audio_stream_may_not_discard_audio() -> None:
    assert opened(connect("rate=8000"), b"").profile.playout.drops
    assert not opened(connect("rate=8000&clears=no"), b"").profile.playout.drops


def test_binary_replies_can_be_chosen_for_mod_audio_stream() -> None:
    codec = connect("rate=8000&replies=binary")
    assert opened(codec, b"")
    [frame] = codec.send_audio(AUDIO)
    assert (frame.text, frame.data) == (False, AUDIO.data)


@given(st.lists(st.text(max_size=60) | st.binary(max_size=60), max_size=8))
def test_nothing_raises_another_error_than_a_client_may_cause(frames: list[str | bytes]) -> None:
    codec = connect("rate=8000")
    for frame in frames:
        with suppress(InputError):
            list(codec.receive(frame))
