"""The functions for coverage-guided fuzzing: they accept any bytes, and raise no other errors than those that
a client may cause.

A dialect adds a function that accepts any bytes, and its seeds, to TARGETS.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.fuzz import corpus, rest_targets
from benchmarks.scripted_gateway import SilenceScorer
from benchmarks.simulation import make_session
from voicegw.core.commands import ReplyMode
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects import native
from voicegw.dialects.native import query
from voicegw.dialects.port import Audio, Codec, Opening, Received, ReplyAudio
from voicegw.dialects.twilio.codec import TwilioCodec
from voicegw.errors import InputError

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


def _reply(codec: Codec, number: int) -> None:
    for frame in codec.send_audio(ReplyAudio(1, bytes(number), number / 8)):
        json.loads(frame.data)
    if number % 8 == 7:
        for frame in codec.stop_audio():
            json.loads(frame.data)


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
OTHER_CALL = [
    b'{"event":"start","stream_sid":"e","start":{"media_format":{"encoding":"base64","sample_rate":"16000"}}}',
    b'{"event":"media","media":{"payload":"AQACAA=="}}',
]

TARGETS = {
    "client-secret": Target(rest_targets.run_client_secret, rest_targets.CLIENT_SECRETS),
    "form": Target(rest_targets.run_form, rest_targets.FORMS),
    "native": Target(run_native, [*corpus.seeds(), BOUNDARY.join(corpus.seeds()), bytes([255, 0] * 320)]),
    "twilio": Target(run_twilio, [BOUNDARY.join(CALL), BOUNDARY.join(OTHER_CALL), CALL[0]]),
    "url": Target(run_url, [b"lang=en", b"rate=8000&format=mulaw&reply=none&lang=en"]),
}
