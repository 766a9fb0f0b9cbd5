from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.events import Fault
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.dialects.asterisk import MAX_MESSAGE_BYTES, AsteriskDialect
from voicegw.dialects.asterisk.codec import AsteriskCodec
from voicegw.dialects.port import Handshake, Opening, ReplyAudio
from voicegw.errors import (
    InputError,
    InvalidParameter,
    InvalidState,
    MalformedMessage,
    MessageTooBig,
    TokenMissing,
    UnsupportedFormat,
)

MAX_COMMAND_BYTES = 128  # Asterisk ignores longer ones
FORMATS = {
    "ulaw": (AudioFormat.MULAW, 8_000, 160),
    "alaw": (AudioFormat.ALAW, 8_000, 160),
    "slin": (AudioFormat.PCM, 8_000, 320),
    "slin12": (AudioFormat.PCM, 12_000, 480),
    "slin16": (AudioFormat.PCM, 16_000, 640),
    "slin24": (AudioFormat.PCM, 24_000, 960),
    "slin32": (AudioFormat.PCM, 32_000, 1_280),
    "slin48": (AudioFormat.PCM, 48_000, 1_920),
}


def connect(path: str = "/asterisk", query: str = "", **headers: str) -> AsteriskCodec:
    return AsteriskDialect().connect(Handshake(path, query, Headers(headers)))


def line(codec: str = "ulaw", size: object = 160) -> str:
    return (
        f"MEDIA_START connection_id:1 channel:WebSocket/a format:{codec} optimal_frame_size:{size} ptime:20"
    )


def message(codec: object = "ulaw", size: object = 160, **variables: Any) -> str:
    content = {"event": "MEDIA_START", "format": codec, "optimal_frame_size": size, "ptime": 20}
    return msgspec.json.encode({**content, "channel_variables": variables}).decode()


def opened(frame: str, codec: AsteriskCodec | None = None) -> Opening:
    [opening] = (codec or connect()).receive(frame)
    assert isinstance(opening, Opening)
    return opening


def started(frame: str) -> AsteriskCodec:
    codec = connect()
    assert opened(frame, codec)
    return codec


@pytest.mark.parametrize("start", [line, message])
@pytest.mark.parametrize("name", FORMATS)
def test_the_codec_of_the_call_is_that_of_the_session(start: Any, name: str) -> None:
    audio_format, rate, size = FORMATS[name]
    playout = Playout(20, drops=True)
    profile = SessionProfile(rate, audio_format, ReplyMode.AUDIO, playout=playout)
    assert opened(start(name, size)).profile == profile
    assert opened(start(name, 2 * size)).profile.playout.frame_ms == 40


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("milliseconds", [1, 20, 99, 100])
def test_replies_are_in_whole_pieces(name: str, milliseconds: int) -> None:
    audio_format, rate, size = FORMATS[name]
    data = bytes(milliseconds * rate // 1000 * (2 if audio_format is AudioFormat.PCM else 1))
    audio, _ = started(line(name, size)).send_audio(ReplyAudio(1, data, milliseconds))
    assert not audio.text
    assert len(audio.data) % size == 0
    assert len(audio.data) - len(data) < size
    assert len(audio.data) < 65_500


def test_a_version_that_states_neither_size_nor_duration_of_a_piece_has_no_marks() -> None:
    [audio] = started("MEDIA_START channel:a format:slin16").send_audio(ReplyAudio(1, bytes(2), 1))
    assert len(audio.data) == 640


@pytest.mark.parametrize("start", [line(), message()])
def test_a_command_is_short_enough_for_asterisk(start: str) -> None:
    codec = started(start)
    for _ in range(3):
        codec.stop_audio()
    _, mark = codec.send_audio(ReplyAudio(999_999, bytes(160), 3_600_000.0))
    frames = [mark, *codec.stop_audio(), *codec.end(None), *codec.refuse(TokenMissing())]
    assert all(frame.text and len(frame.data) <= MAX_COMMAND_BYTES for frame in frames)


@pytest.mark.parametrize(
    ("codec", "frame", "token"),
    [
        (connect(), line(), None),
        (connect("/asterisk/path"), line(), "path"),
        (connect(query="token=query"), line(), "query"),
        (connect(Authorization="Basic dTpzZWNyZXQ="), line(), "secret"),
        (connect("/asterisk/path"), message(VOICEGW_TOKEN="variable"), "variable"),
        (connect("/asterisk/path"), message(VOICEGW_TOKEN=1), "path"),
        (connect("/asterisk/path"), message(VOICEGW_TOKEN=""), "path"),
    ],
)
def test_the_token_is_in_the_request_or_a_channel_variable(
    codec: AsteriskCodec, frame: str, token: str | None
) -> None:
    assert opened(frame, codec).token == token


def test_the_language_is_in_the_url_or_a_channel_variable() -> None:
    assert opened(line(), connect(query="lang=de")).profile.language == "de"
    assert opened(message(VOICEGW_LANG="fr"), connect(query="lang=de")).profile.language == "fr"
    with pytest.raises(InvalidParameter):
        connect(query="lang=?")


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (line("opus"), UnsupportedFormat),
        (line("slin44"), UnsupportedFormat),
        (message(None), UnsupportedFormat),
        (message(["ulaw"]), UnsupportedFormat),
        ("MEDIA_START", UnsupportedFormat),
        (line(size=0), MalformedMessage),
        (line(size=-160), MalformedMessage),
        (line(size="1" * 5000), MalformedMessage),
        (line(size="\N{ARABIC-INDIC DIGIT ONE}"), MalformedMessage),
        (line("slin", 321), MalformedMessage),
        (message(size=99_999), MalformedMessage),
        (message(VOICEGW_LANG="?"), InvalidParameter),
        ("", MalformedMessage),
        ("{", MalformedMessage),
        ("[" * 10_000, None),
        ("{" * 10_000, MalformedMessage),
        (b"\xff" * 160, InvalidState),
        ("x" * (MAX_MESSAGE_BYTES + 1), MessageTooBig),
        (bytes(MAX_MESSAGE_BYTES + 1), MessageTooBig),
    ],
)
def test_what_opens_no_call_is_refused(frame: str | bytes, error: type[InputError] | None) -> None:
    if error is None:
        assert list(connect().receive(frame)) == []
        return
    with pytest.raises(error) as raised:
        list(connect().receive(frame))
    assert len(raised.value.message) < 400


def test_a_second_start_changes_nothing() -> None:
    codec = started(line())
    with pytest.raises(InvalidState):
        list(codec.receive(message("slin16", 640)))
    [frame] = codec.stop_audio()
    assert frame.data == b"FLUSH_MEDIA"


@pytest.mark.parametrize("text", ["DTMF_END", "DTMF_END digit:55", '{"event": "DTMF_END", "digit": 5}'])
def test_a_key_without_a_digit_is_an_error(text: str) -> None:
    with pytest.raises(MalformedMessage):
        list(started(line()).receive(text))


@pytest.mark.parametrize("text", ["MEDIA_MARK_PROCESSED", "MEDIA_MARK_PROCESSED 9:9:9", "HELLO", "{}"])
def test_an_unknown_event_or_mark_means_nothing(text: str) -> None:
    assert list(started(line()).receive(text)) == []


def test_nothing_but_a_hang_up_is_sent_before_the_call_has_begun() -> None:
    codec = connect()
    fault = Fault("x", "y", retryable=False)
    sent = [*codec.send_audio(ReplyAudio(1, b"\xff", 1)), *codec.stop_audio(), *codec.send_event(fault, 1)]
    assert sent == []
    assert [frame.data for frame in codec.refuse(TokenMissing())] == [b"HANGUP"]


def test_is_found_by_its_path() -> None:
    paths = ("/asterisk", "/asterisk/a.b.c", "/asterisk2", "/twilio")
    assert [path for path in paths if AsteriskDialect().serves(path)] == ["/asterisk", "/asterisk/a.b.c"]


@given(st.lists(st.text(max_size=60) | st.binary(max_size=60), max_size=8))
def test_nothing_raises_another_error_than_a_client_may_cause(frames: list[str | bytes]) -> None:
    codec = connect()
    for frame in (line(), *frames):
        with suppress(InputError):
            list(codec.receive(frame))
