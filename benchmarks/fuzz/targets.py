"""The functions for coverage-guided fuzzing: they accept any bytes, and raise no other errors than those that
a client may cause.

A dialect adds a function that accepts any bytes, and its seeds, to TARGETS.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from websockets.datastructures import Headers

from benchmarks.fuzz import corpus, realtime_target, rest_targets, wyoming_targets
from benchmarks.scripted_gateway import SilenceScorer
from benchmarks.simulation import make_session
from voicegw.core.commands import ReplyMode
from voicegw.core.events import Fault
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects import native
from voicegw.dialects.asterisk import AsteriskDialect
from voicegw.dialects.bridge import BridgeDialect, VonageOptions
from voicegw.dialects.native import query
from voicegw.dialects.port import Audio, Codec, Handshake, Opening, Received, ReplyAudio
from voicegw.dialects.twilio.codec import TwilioCodec
from voicegw.dialects.vosk import VoskDialect
from voicegw.errors import InputError, MessageTooBig

BOUNDARY = b"\n\n"  # between messages; JSON may contain it too
FRAME_S = 0.02


@dataclass(frozen=True)
class Target:
    """`run` raises for a defect; the fuzzer starts with `seeds`."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def run_native(data: bytes) -> None:
    """Messages of the native dialect, to a session; those that are not UTF-8 are audio."""
    session = make_session(SessionOptions(), SilenceScorer(), reply=ReplyMode.TEXT)
    for number, message in enumerate(data.split(BOUNDARY)):
        try:
            _receive(session, message, number * FRAME_S)
        except InputError:
            continue
        session.actions()


def _receive(session: Session, message: bytes, now: float) -> None:
    try:
        text = message.decode()
    except UnicodeDecodeError:
        native.check_audio(message)
        session.receive_audio(message, now)
    else:
        session.receive_command(native.decode(text), now)


def run_url(data: bytes) -> None:
    """The query of a request."""
    try:
        query.parse(data.decode("latin-1"))
    except InputError:
        return


def run_twilio(data: bytes) -> None:
    """Messages of a telephone call, with a reply that is played and stopped."""
    codec, caller = TwilioCodec(None), _Caller()
    for number, message in enumerate(data.split(BOUNDARY)):
        try:
            for received in codec.receive(message.decode(errors="replace")):
                caller.receive(received, number * FRAME_S)
        except InputError:
            continue
        _reply(codec, number)


def _reply(codec: Codec, number: int, check: Callable[[bytes], object] = json.loads) -> None:
    """Plays and stops audio; `check` raises for a text frame that the client could not read."""
    frames = list(codec.send_audio(ReplyAudio(1, bytes(2 * number), number / 8)))
    if number % 8 == 7:
        frames += codec.stop_audio()
    for frame in frames:
        if frame.text:
            check(frame.data)


def run_bridge(data: bytes) -> None:
    """Messages of a raw bridge, of each kind of client."""
    for protocol in ("", "audio.jambonz.org"):
        headers = Headers({"Sec-WebSocket-Protocol": protocol} if protocol else {})
        dialect = BridgeDialect(VonageOptions())
        _run_raw(dialect.connect(Handshake("/bridge", "rate=8000", headers)), data, json.loads)


def run_asterisk(data: bytes) -> None:
    """Messages of chan_websocket."""
    _run_raw(AsteriskDialect().connect(Handshake("/asterisk", "", Headers())), data, _check_command)


def _check_command(command: bytes) -> None:
    if len(command) > 128:
        raise AssertionError(f"Asterisk does not read so long a command: {command!r}")


def _run_raw(codec: Codec, data: bytes, check: Callable[[bytes], object]) -> None:
    """Messages of a call; those that are not UTF-8 are audio."""
    caller = _Caller()
    for number, message in enumerate(data.split(BOUNDARY)):
        try:
            for received in codec.receive(_text_or_audio(message)):
                caller.receive(received, number * FRAME_S)
        except InputError:
            continue
        _reply(codec, number, check)


def _text_or_audio(message: bytes) -> str | bytes:
    try:
        return message.decode()
    except UnicodeDecodeError:
        return message


def run_vosk(data: bytes) -> None:
    """Messages of a Vosk client; those that are not UTF-8 are audio. Each audio message has one result."""
    codec, client = VoskDialect().connect(Handshake("/vosk", "plain=1", Headers())), _Caller()
    for number, message in enumerate(data.split(BOUNDARY)):
        frame = _text_or_audio(message)
        try:
            for received in codec.receive(frame):
                client.receive(received, number * FRAME_S)
        except MessageTooBig:
            return  # ends the session
        except InputError as error:
            list(codec.send_event(Fault.of(error), number))
        results = [json.loads(each.data) for each in codec.answer()]
        assert all("partial" in each for each in results)
    assert all(json.loads(each.data).keys() & {"text", "alternatives"} for each in codec.end(None))


class _Caller:
    """The session of a call, after its start message."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def receive(self, received: Received, now: float) -> None:
        match received, self._session:
            case Opening(profile), None:
                shape = profile.language, profile.rate, profile.audio_format, profile.reply
                self._session = make_session(SessionOptions(), SilenceScorer(), *shape)
            case Audio(audio), Session() as session:
                session.receive_audio(audio, now)
                session.actions()
            case ((Opening() | Audio()), _):
                raise AssertionError(f"{received} out of turn")
            case command, Session() as session:
                session.receive_command(command, now)
                session.actions()
            case _:
                raise AssertionError(f"{received} before the opening")


CALL = [
    b'{"event":"start","start":{"streamSid":"MZ1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000},'
    b'"customParameters":{"token":"a.b.c","lang":"de"}}}',
    b'{"event":"media","media":{"track":"inbound","payload":"//8A/w=="}}',
    b'{"event":"dtmf","dtmf":{"digit":"5"}}',
    b'{"event":"dtmf","dtmf":{"digit":"#"}}',
    b'{"event":"mark","mark":{"name":"0:1:0"}}',
    b'{"event":"playedStream","streamId":"p","name":"0:1:0"}',
    b'{"event":"stop"}',
]
_TELNYX_START = {"media_format": {"encoding": "L16", "sample_rate": 16_000, "channels": 1}}
LOSSY_CALL = [
    json.dumps({"event": "start", "stream_id": "t", "start": _TELNYX_START}).encode(),
    *(
        b'{"event":"media","stream_id":"t","media":{"track":"inbound","chunk":"%d","payload":"AQACAA=="}}'
        % chunk
        for chunk in (1, 2, 3, 5, 4, 6, 20)
    ),
]
PLIVO_CALL = [
    b'{"event":"start","start":{"streamId":"p"},"extra_headers":"{X-PH-token: a.b.c, X-PH-lang: de}"}',
    b'{"event":"media","streamId":"p","media":{"chunk":1,"timestamp":"1700000000000","payload":"//8A/w=="}}',
]
OTHER_CALL = [
    b'{"event":"start","stream_sid":"e","start":{"media_format":{"encoding":"base64","sample_rate":"16000"}}}',
    b'{"event":"media","media":{"payload":"AQACAA=="}}',
]

AUDIO = bytes([255, 0] * 320)
BRIDGE_CALLS = [
    BOUNDARY.join([first, AUDIO, *rest])
    for first, *rest in (
        (
            b'{"callSid":"c1","sampleRate":8000,"mixType":"stereo","token":"a.b.c","lang":"de"}',
            b'{"event":"dtmf","dtmf":"5","duration":"1600"}',
            b'{"type":"mark","data":{"name":"0:1:0","event":"playout"}}',
            b'{"type":"playDone","data":{"id":"0:1:0"}}',
        ),
        (
            b'{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}',
            b'{"event":"websocket:dtmf","digit":"#","duration":260}',
            b'{"event":"websocket:notify","payload":{"name":"0:1:0"}}',
        ),
        (b"any text", b'{"event":"dtmf","digit":"#"}'),
    )
]
ASTERISK_CALLS = [
    BOUNDARY.join([first, AUDIO, *rest])
    for first, *rest in (
        (
            b"MEDIA_START connection_id:1 channel:a format:slin16 optimal_frame_size:640 ptime:20",
            b"DTMF_END digit:5 channel_id:1",
            b"MEDIA_MARK_PROCESSED 0:1:0",
            b"MEDIA_XOFF",
            b"MEDIA_XON",
        ),
        (
            b'{"event":"MEDIA_START","format":"ulaw","optimal_frame_size":160,"ptime":20,'
            b'"channel_variables":{"VOICEGW_TOKEN":"a.b.c","VOICEGW_LANG":"de"}}',
            b'{"event":"DTMF_END","digit":"#"}',
            b'{"event":"MEDIA_MARK_PROCESSED","correlation_id":"0:1:0"}',
            b'{"event":"MEDIA_XOFF"}',
        ),
    )
]
VOSK_CLIENT = [
    b'{"config" : {"sample_rate":16000, "words":1, "max_alternatives":2, "phrase_list":["a b","[unk]"]}}',
    bytes([255, 0] * 160),
    b'{"reset" : 1}',
    bytes([0, 200] * 160),
    b'{"eof" : 1}',
]
VOSK_MICROPHONE = [b'{"config" : {"sample_rate":44100}}', *VOSK_CLIENT[1:]]

TARGETS = {
    "asterisk": Target(run_asterisk, [*ASTERISK_CALLS, ASTERISK_CALLS[0].split(BOUNDARY)[0]]),
    "bridge": Target(run_bridge, [*BRIDGE_CALLS, BRIDGE_CALLS[0].split(BOUNDARY)[0]]),
    "client-secret": Target(rest_targets.run_client_secret, rest_targets.CLIENT_SECRETS),
    "form": Target(rest_targets.run_form, rest_targets.FORMS),
    "native": Target(run_native, [*corpus.seeds(), BOUNDARY.join(corpus.seeds()), bytes([255, 0] * 320)]),
    "realtime": Target(realtime_target.run_realtime, realtime_target.SEEDS),
    "twilio": Target(
        run_twilio,
        [
            BOUNDARY.join(CALL),
            BOUNDARY.join(OTHER_CALL),
            *map(BOUNDARY.join, (LOSSY_CALL, PLIVO_CALL)),
            CALL[0],
        ],
    ),
    "vosk": Target(run_vosk, [*map(BOUNDARY.join, (VOSK_CLIENT, VOSK_CLIENT[1:], VOSK_MICROPHONE))]),
    "wyoming": Target(wyoming_targets.run_wyoming, wyoming_targets.SEEDS),
    "url": Target(run_url, [b"lang=en", b"rate=8000&format=mulaw&reply=none&lang=en"]),
}
