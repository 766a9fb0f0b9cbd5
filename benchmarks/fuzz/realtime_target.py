"""The fuzz function of the OpenAI Realtime dialect: events of a client, with a session that hears every
sample, is recognised, and answers with text, audio and calls at once."""

import base64
import json
from collections.abc import Iterable

import numpy as np
from websockets.datastructures import Headers

from benchmarks.simulation import make_session
from voicegw.core import actions, events
from voicegw.core.audio import Pcm
from voicegw.core.jobs import DecodeJob, DecodeResult, Word
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects.openai_realtime import PATH, RealtimeDialect
from voicegw.dialects.port import Audio, Frame, Handshake, Opening, Received, ReplyAudio
from voicegw.errors import InputError, LimitError

BOUNDARY = b"\n\n"
_TICK_S = 0.3
_READY = events.SessionReady("s", 1, False, 0, events.Limits(1, 1, 1))
_PIECES = ("Hello. ", events.ClientToolCalled("call_1", "weather", "{}"))


class _LoudnessScorer:
    """What is not silent is speech."""

    def score(self, window: Pcm) -> float:
        return float(np.abs(window).max() > 100)


class _Peer:
    """A codec, and the session behind it."""

    def __init__(self) -> None:
        self.codec = RealtimeDialect(speaks=True).connect(Handshake(PATH, "", Headers()))
        assert self.codec.opening is not None
        profile, options = self.codec.opening.profile, SessionOptions()
        shape = profile.language, profile.rate, profile.audio_format, profile.reply
        self._session: Session = make_session(options, _LoudnessScorer(), *shape)
        self._now = 0.0
        self._send(self.codec.send_event(_READY, 1))

    def receive(self, frame: str) -> None:
        """One message of the client, and what follows from it."""
        self._now += _TICK_S
        try:
            for received in self.codec.receive(frame):
                self._pass_on(received)
                self._perform()
        except (InputError, LimitError) as error:
            self._send(self.codec.send_event(events.Fault.of(error, self.codec.reference), 1))
        self._session.receive_tick(self._now)
        self._perform()

    def _pass_on(self, received: Received) -> None:
        match received:
            case Audio(data):
                self._session.receive_audio(data, self._now)
            case Opening():
                raise AssertionError("the session is open already")
            case _:
                self._session.receive_command(received, self._now)

    def _perform(self) -> None:
        while performed := self._session.actions():
            for action in performed:
                self._carry_out(action)

    def _carry_out(self, action: actions.Action) -> None:
        match action:
            case actions.SendEvent(event):
                self._send(self.codec.send_event(events.decode(events.encode(event)), 1))
            case actions.Recognize(job):
                self._session.receive_recognition(_answer(job), self._now)
            case actions.Respond(_, attempt):
                for piece in _PIECES:
                    self._session.replies.receive_piece(attempt, piece, self._now)
                self._session.replies.receive_end(attempt, None, self._now)
            case actions.Speak(turn, number):
                self._session.speech.receive_audio(turn, number, bytes(4_800), self._now)
                self._session.replies.receive_audio_end(turn, number, None, self._now)
            case actions.Play(turn, audio, audio_ms):
                self._send(self.codec.send_audio(ReplyAudio(turn, audio, audio_ms)))
            case actions.StopSpeaking():
                self._send(self.codec.stop_audio())
            case _:
                pass

    def _send(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            json.loads(frame.data)


def _answer(job: DecodeJob) -> DecodeResult:
    words = (Word("hello", job.start, job.start + 1_600, 0.9),)
    return DecodeResult(job.session, job.number, words, 1.0, 1.0, "")


def run_realtime(data: bytes) -> None:
    """Events of a client."""
    peer = _Peer()
    for message in data.split(BOUNDARY):
        peer.receive(message.decode(errors="replace"))


def _event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind} | fields).encode()


_LOUD = np.tile(np.array([8_000, -8_000], dtype="<i2"), 4_800).tobytes()  # 0.4 s


def _append(pcm: bytes) -> bytes:
    return _event("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())


_HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
_TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
_CALL = {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "call_1"}
_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
_BY_COMMIT = {"turn_detection": None, "format": {"type": "audio/pcmu"}}
SPOKEN = [
    _event("session.update", session={"type": "realtime", "audio": {"input": {"transcription": {}}}}),
    *(_append(_LOUD), _append(bytes(48_000))),
    _event("response.cancel"),
    _event("response.create", response={"metadata": {"a": "b"}, "conversation": "none", "input": [_HELLO]}),
]
MANUAL = [
    _event("session.update", session={"audio": {"input": _BY_COMMIT}}),
    *(_append(_LOUD), _event("input_audio_buffer.commit"), _event("response.create")),
    *(_append(_LOUD), _event("input_audio_buffer.clear")),
]
TYPED = [
    _event("session.update", session={"type": "realtime", "output_modalities": ["text"], "tools": [_TOOL]}),
    _event("conversation.item.create", item=_HELLO | {"id": "one"}, event_id="e1"),
    _event("conversation.item.create", item=_CALL, previous_item_id="one"),
    _event("conversation.item.create", item=_OUTPUT, previous_item_id="root"),
    _event("response.create", response={"instructions": "Be brief."}),
    _event("conversation.item.retrieve", item_id="one"),
    _event("conversation.item.truncate", item_id="item_e3b0c44298fc_r1", content_index=0, audio_end_ms=5),
    _event("conversation.item.delete", item_id="one"),
]
SEEDS = [BOUNDARY.join(each) for each in (SPOKEN, MANUAL, TYPED)]
