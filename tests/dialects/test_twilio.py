import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core import events
from voicegw.core.audio import AudioFormat, InputDecoder
from voicegw.core.commands import Command, Played, ReplyMode, TypeText
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Opening, Received, ReplyAudio
from voicegw.dialects.telephony.keypad import MAX_DIGITS, PAUSE_MS
from voicegw.dialects.twilio import MAX_MESSAGE_BYTES
from voicegw.dialects.twilio.codec import TwilioCodec
from voicegw.errors import (
    InputError,
    InvalidParameter,
    InvalidState,
    MalformedMessage,
    MessageTooBig,
    UnsupportedFormat,
    UnsupportedRate,
    WrongFrameKind,
)

MULAW = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
L16 = {"encoding": "L16", "sampleRate": 16_000}
AUDIO = ReplyAudio(1, b"\xff" * 800, 100.0, 100.0)


def start(media_format: dict[str, Any] | None = None, **parameters: Any) -> str:
    content = {"mediaFormat": MULAW if media_format is None else media_format, "customParameters": parameters}
    return json.dumps({"event": "start", "streamSid": "MZ1", "start": content})


def media(data: bytes, track: str = "inbound") -> str:
    content = {"track": track, "payload": base64.b64encode(data).decode()}
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": content})


def key(digit: str) -> str:
    return json.dumps({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": digit}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}})


def started(media_format: dict[str, Any] | None = None) -> TwilioCodec:
    codec = TwilioCodec(None)
    assert list(codec.receive(start(media_format)))
    return codec


def opened(frame: str, token: str | None = None) -> Opening:
    [opening] = TwilioCodec(token).receive(frame)
    assert isinstance(opening, Opening)
    return opening


def received(codec: TwilioCodec, frames: Iterable[str]) -> list[Received]:
    return [each for frame in frames for each in codec.receive(frame)]


def marked(codec: TwilioCodec, end_ms: float = 100, turn: int = 1) -> str:
    """Sends 100 ms of reply audio; the name of the mark behind it."""
    _, behind = codec.send_audio(replace(AUDIO, turn=turn, end_ms=end_ms))
    return str(json.loads(behind.data)["mark"]["name"])


class TestOpening:
    @pytest.mark.parametrize(
        ("media_format", "audio_format", "rate"),
        [
            (MULAW, AudioFormat.MULAW, 8_000),
            ({}, AudioFormat.MULAW, 8_000),
            ({"encoding": "PCMU"}, AudioFormat.MULAW, 8_000),
            ({"encoding": "audio/x-mulaw;rate=8000"}, AudioFormat.MULAW, 8_000),
            ({"encoding": "PCMA", "sample_rate": "8000"}, AudioFormat.ALAW, 8_000),
            ({"encoding": "audio/x-l16", "sampleRate": 16_000}, AudioFormat.PCM, 16_000),
            ({"encoding": "raw/slin", "sample_rate": "24000", "channels": "1"}, AudioFormat.PCM, 24_000),
        ],
    )
    def test_says_how_audio_is_encoded(
        self, media_format: dict[str, Any], audio_format: AudioFormat, rate: int
    ) -> None:
        profile = SessionProfile(rate, audio_format, ReplyMode.AUDIO, playout=Playout(drops=True))
        assert opened(start(media_format)).profile == profile

    def test_is_linear_where_an_exotel_stream_does_not_say(self) -> None:
        frame = json.dumps({"event": "start", "stream_sid": "1", "start": {"stream_sid": "1"}})
        assert opened(frame).profile.audio_format is AudioFormat.PCM

    @pytest.mark.parametrize(("rate", "frame_ms"), [(8_000, 200), (16_000, 100), (24_000, 80)])
    def test_exotel_gets_no_message_of_less_than_3200_bytes(self, rate: int, frame_ms: int) -> None:
        shape = {"encoding": "raw/slin", "sample_rate": rate}
        frame = json.dumps({"event": "start", "stream_sid": "1", "start": {"media_format": shape}})
        assert opened(frame).profile.playout == Playout(frame_ms, drops=True)

    @pytest.mark.parametrize(
        "headers",
        [
            "token=a.b.c,lang=de",
            "userId=1;token=a.b.c;lang=de",
            "{X-PH-token: a.b.c, X-PH-lang: de}",
            '{"token": "a.b.c", "lang": "de"}',
        ],
    )
    def test_takes_parameters_from_the_extra_headers_of_plivo(self, headers: str) -> None:
        frame = json.dumps({"event": "start", "start": {"streamId": "p"}, "extra_headers": headers})
        opening = opened(frame, "path")
        assert (opening.token, opening.profile.language) == ("a.b.c", "de")

    @pytest.mark.parametrize("headers", ["", "{}", "token", ",;=", 5, None, ["token=a"]])
    def test_other_extra_headers_are_no_parameters(self, headers: object) -> None:
        frame = json.dumps({"event": "start", "start": {"streamId": "p"}, "extra_headers": headers})
        assert opened(frame, "path").token == "path"

    @pytest.mark.parametrize(
        ("media_format", "error"),
        [
            ({"encoding": "OPUS"}, UnsupportedFormat),
            ({"encoding": "x" * 10_000}, UnsupportedFormat),
            ({**MULAW, "channels": 2}, UnsupportedFormat),
            ({**MULAW, "sampleRate": 11_025}, UnsupportedRate),
            ({**MULAW, "sampleRate": "fast"}, UnsupportedRate),
            ({**MULAW, "sampleRate": -8000}, UnsupportedRate),
        ],
    )
    def test_refuses_what_cannot_be_heard(
        self, media_format: dict[str, Any], error: type[InputError]
    ) -> None:
        with pytest.raises(error) as refused:
            TwilioCodec(None).receive(start(media_format))
        assert len(refused.value.message) < 300

    def test_takes_the_token_of_the_parameters_before_that_of_the_path(self) -> None:
        assert opened(start(token="a.b.c"), "path").token == "a.b.c"
        assert opened(start(), "path").token == "path"
        assert opened(start(token=5)).token is None
        assert "a.b.c" not in repr(opened(start(token="a.b.c")))

    def test_takes_a_language(self) -> None:
        assert opened(start(lang="de")).profile.language == "de"
        with pytest.raises(InvalidParameter):
            TwilioCodec(None).receive(start(lang="klingon"))

    def test_comes_once(self) -> None:
        codec = started()
        with pytest.raises(InvalidState):
            codec.receive(start())
        assert received(codec, [media(b"\xff")]) == [Audio(b"\xff")]

    def test_comes_before_anything_is_used(self) -> None:
        codec = TwilioCodec(None)
        assert received(codec, [media(b"\xff"), key("1"), key("#"), mark("0:1:20"), '{"event":"stop"}']) == []
        assert list(codec.send_audio(AUDIO)) == []
        assert list(codec.stop_audio()) == []


class TestAudio:
    @given(st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=8), st.sampled_from([MULAW, L16]))
    def test_is_the_same_however_it_is_cut(
        self, data: bytes, cuts: list[int], media_format: dict[str, Any]
    ) -> None:
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        pieces = received(started(media_format), [media(data[begin:end]) for begin, end in pairwise(places)])
        heard = [piece.data for piece in pieces if isinstance(piece, Audio)]
        sample_bytes = 2 if media_format is L16 else 1
        assert len(heard) == len(pieces)
        assert all(piece and not len(piece) % sample_bytes for piece in heard)
        assert b"".join(heard) == data[: len(data) - len(data) % sample_bytes]

    def test_of_the_other_direction_is_not_the_callers(self) -> None:
        assert received(started(), [media(b"\xff", "outbound"), media(b"\xfe")]) == [Audio(b"\xfe")]

    def test_is_limited_in_size(self) -> None:
        largest = (MAX_MESSAGE_BYTES - 200) // 4 * 3
        assert received(started(), [media(bytes(largest))]) == [Audio(bytes(largest))]
        with pytest.raises(MessageTooBig, match="the limit is 65536"):
            started().receive(media(bytes(MAX_MESSAGE_BYTES)))

    @pytest.mark.parametrize("payload", ["%%%%", "AAA", "AA==AA==", "AAAA\n", "é", 5, None, ["AAAA"]])
    def test_that_is_no_base64_is_malformed(self, payload: object) -> None:
        frame = json.dumps({"event": "media", "media": {"payload": payload}})
        with pytest.raises(MalformedMessage):
            received(started(), [frame])


BAD = {
    "not JSON": "hello",
    "cut short": '{"event": "media"',
    "no object": "[]",
    "no text for an event": '{"event": 5}',
    "nested too deeply": '{"x":' + '{"x":' * 12_000,
    "media without media": '{"event": "media"}',
    "a key that no telephone has": '{"event": "dtmf", "dtmf": {"digit": "12"}}',
    "no key": '{"event": "dtmf"}',
    "half a surrogate pair": '{"event": "start", "start": {"customParameters": {"token": "\\ud800"}}}',
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD.keys())
def test_says_what_is_malformed(frame: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        received(started(), [frame])
    assert len(refused.value.message) < 300


def test_has_no_use_for_binary_frames() -> None:
    with pytest.raises(WrongFrameKind):
        started().receive(b"\xff\xff")


@pytest.mark.parametrize("frame", ["{}", '{"event": "sing", "name": 5}', '{"event": "", "stop": []}'])
def test_ignores_what_it_does_not_know(frame: str) -> None:
    assert received(started(), [frame]) == []


def test_tells_of_no_event() -> None:
    assert list(started().send_event(events.ReplyStarted(1), 1)) == []


@given(st.lists(st.text() | st.from_regex(r'\{"event": ?"(start|media|dtmf|mark)", ?"\w+": ?(\{\}|"\w*")\}')))
def test_any_text_is_something_known_or_the_clients_mistake(frames: list[str]) -> None:
    codec = TwilioCodec(None)
    for frame in frames:
        with suppress(InputError):
            assert all(isinstance(each, Opening | Audio | Command) for each in codec.receive(frame))


class TestMarks:
    def test_of_audio_that_was_played_say_how_much(self) -> None:
        codec = started()
        names = [marked(codec, end_ms) for end_ms in (100, 200, 300)]
        assert received(codec, map(mark, names)) == [Played(100, 1), Played(200, 1), Played(300, 1)]

    def test_begin_anew_with_each_reply(self) -> None:
        codec = started()
        marked(codec)
        assert received(codec, [mark(marked(codec, end_ms=50, turn=2))]) == [Played(50, 2)]

    def test_that_are_echoed_because_of_a_clear_say_nothing(self) -> None:
        codec = started()
        names = [marked(codec, end_ms) for end_ms in (100, 200, 300, 400)]
        assert received(codec, [mark(names[0])]) == [Played(100, 1)]
        assert len(list(codec.stop_audio())) == 1
        assert received(codec, map(mark, names)) == []

    def test_after_a_clear_differ_from_those_before(self) -> None:
        codec = started()
        before = marked(codec)
        codec.stop_audio()
        after = marked(codec)
        assert received(codec, [mark(before)]) == []
        assert received(codec, [mark(after)]) == [Played(100, 1)]

    def test_never_go_back(self) -> None:
        codec = started()
        names = [marked(codec, end_ms) for end_ms in (100, 200, 300)]
        assert received(codec, [mark(names[1]), mark(names[0]), mark(names[2])]) == [
            Played(200, 1),
            Played(300, 1),
        ]

    @pytest.mark.parametrize("name", ["", "0:1:100", "0:9:999999", "x"])
    def test_that_were_not_sent_say_nothing(self, name: str) -> None:
        assert received(started(), [mark(name)]) == []

    def test_of_a_carrier_that_echoes_none_are_forgotten(self) -> None:
        codec = started()
        names = [marked(codec, 100 * number) for number in range(1, 1_002)]
        assert received(codec, [mark(names[0])]) == []
        assert received(codec, [mark(names[1])]) == [Played(200, 1)]

    @given(st.lists(st.sampled_from(["play", "clear", "echo", "next turn"]), max_size=40), st.randoms())
    def test_count_what_was_played_before_a_clear_and_no_more(self, steps: list[str], rng: Any) -> None:
        """Against a model of the carrier, which plays in order and echoes all at a clear."""
        codec, turn, waiting, sent_ms = started(), 1, [], 0
        for step in steps:
            if step == "play":
                sent_ms += 100
                waiting.append((marked(codec, sent_ms, turn), Played(sent_ms, turn)))
            elif step == "next turn":
                turn, sent_ms = turn + 1, 0
            elif step == "echo" and waiting:
                name, played = waiting.pop(0)
                assert received(codec, [mark(name)]) == [played]
            elif step == "clear":
                codec.stop_audio()
                assert received(codec, [mark(name) for name, _ in waiting]) == []
                waiting, sent_ms = [], 0


class TestKeypad:
    def test_digits_are_a_message_once_enter_is_pressed(self) -> None:
        codec = started()
        assert received(codec, map(key, "12*3")) == []
        assert received(codec, [key("#"), key("4"), key("#")]) == [TypeText("12*3"), TypeText("4")]

    def test_enter_alone_is_a_message(self) -> None:
        assert received(started(), [key("#")]) == [TypeText("#")]

    def test_digits_are_a_message_after_a_pause(self) -> None:
        codec, frame = started(), media(b"\xff" * 160)
        before = [*map(key, "12"), *[frame] * (round(PAUSE_MS) // 20 - 1)]
        assert not [each for each in received(codec, before) if isinstance(each, TypeText)]
        assert received(codec, [key("3"), *[frame] * (round(PAUSE_MS) // 20)])[-1] == TypeText("123")
        assert TypeText("123") not in received(codec, [frame] * 1_000)

    def test_of_audio_at_another_rate_the_pause_is_as_long(self) -> None:
        codec = started(L16)
        frames = [key("1"), *[media(bytes(640))] * (round(PAUSE_MS) // 20 - 1)]
        assert TypeText("1") not in received(codec, frames)
        assert TypeText("1") in received(codec, [media(bytes(640))])

    def test_digits_without_end_are_cut(self) -> None:
        assert received(started(), [key("1")] * (MAX_DIGITS + 1)) == [TypeText("1" * MAX_DIGITS)]


class TestReplyAudio:
    @given(st.integers(1, 1600), st.sampled_from([MULAW, L16, {"encoding": "PCMA"}]))
    def test_is_filled_up_with_silence_to_whole_pieces(
        self, samples: int, media_format: dict[str, Any]
    ) -> None:
        sample_bytes, rate = (2, 16_000) if media_format is L16 else (1, 8_000)
        data = b"\x12" * samples * sample_bytes
        first, _ = started(media_format).send_audio(ReplyAudio(1, data, samples * 1000 / rate))
        payload = base64.b64decode(json.loads(first.data)["media"]["payload"])
        piece = rate // 50 * sample_bytes
        assert payload.startswith(data)
        assert len(payload) % piece == 0
        assert len(payload) - len(data) < piece
        decoder = InputDecoder(opened(start(media_format)).profile.audio_format, rate)
        assert np.abs(decoder.decode(payload[len(data) :])).max(initial=0) <= 10  # A-law has no zero


class TestByteOrder:
    """The high byte comes first in linear audio of Telnyx, unless the stream says otherwise."""

    def codec(self, **parameters: str) -> TwilioCodec:
        shape = {"encoding": "L16", "sample_rate": 16_000, "channels": 1}
        content = {"media_format": shape, "custom_parameters": parameters}
        codec = TwilioCodec(None)
        received(codec, [json.dumps({"event": "start", "stream_id": "t", "start": content})])
        return codec

    def test_is_changed_both_ways(self) -> None:
        codec = self.codec()
        assert received(codec, [media(b"\1\2\3\4")]) == [Audio(b"\2\1\4\3")]
        first, _ = codec.send_audio(ReplyAudio(1, b"\1\2" * 320, 20.0, 20.0))
        assert base64.b64decode(json.loads(first.data)["media"]["payload"]) == b"\2\1" * 320

    def test_is_kept_where_the_stream_says_so(self) -> None:
        assert received(self.codec(byte_order="little"), [media(b"\1\2")]) == [Audio(b"\1\2")]
        assert received(started(L16), [media(b"\1\2")]) == [Audio(b"\1\2")]


class TestLostPackets:
    def packet(self, number: int, carrier: str = "streamSid") -> str:
        """Its audio says which one it is."""
        content = {"chunk": str(number), "timestamp": str(5 + 20 * number), "track": "inbound"}
        content["payload"] = base64.b64encode(bytes([number]) * 160).decode()
        return json.dumps({"event": "media", carrier: "1", "media": content})

    def heard(self, carrier: str, numbers: Iterable[int]) -> list[int]:
        """The first byte of each packet that is heard. A replaced one begins like the one before it."""
        codec = TwilioCodec(None)
        received(codec, [json.dumps({"event": "start", carrier: "1", "start": {carrier: "1"}})])
        found = received(codec, [self.packet(number, carrier) for number in numbers])
        return [each.data[0] for each in found if isinstance(each, Audio)]

    @pytest.mark.parametrize("carrier", ["streamSid", "streamId"])
    def test_are_replaced(self, carrier: str) -> None:
        heard = self.heard(carrier, [0, 1, 2, 3, 6, 7, 8])
        assert [heard[at] for at in (0, 1, 2, 3, 4, 7, 8)] == [0, 1, 2, 3, 3, 7, 8]
        assert len(heard) == 9

    def test_a_short_packet_at_the_end_is_no_loss(self) -> None:
        codec = started()
        short = json.loads(self.packet(5))
        short["media"]["payload"] = base64.b64encode(b"\5" * 24).decode()
        frames = [*(self.packet(number) for number in range(5)), json.dumps(short)]
        assert [each.data[0] for each in received(codec, frames) if isinstance(each, Audio)] == list(range(6))

    def test_late_ones_are_put_in_order(self) -> None:
        assert self.heard("stream_id", [0, 1, 2, 4, 3, 5, 8, 7, 6]) == list(range(9))

    def test_of_two_tracks_the_numbers_are_not_used(self) -> None:
        codec = TwilioCodec(None)
        received(codec, [json.dumps({"event": "start", "stream_id": "1", "start": {}})])
        frames = [media(b"\0" * 160, "outbound"), *(self.packet(number, "stream_id") for number in (0, 2, 4))]
        assert [each.data[0] for each in received(codec, frames) if isinstance(each, Audio)] == [0, 2, 4]
