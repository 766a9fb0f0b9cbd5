"""A session on a simulated clock: the server's core, scorer and engine, without sockets and without waiting.

Audio arrives as from a client, a frame every 20 ms, and every decode is answered a fixed time after its
request, independent of its real duration; so the result depends on the settings and the model only.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import msgspec

from benchmarks.recording import Received, Recording
from clients.audio import FRAME_MS, FRAME_S, SAMPLE_BYTES, read_pcm
from clients.samples import Sample
from voicegw.asr.weights import locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core import actions, commands
from voicegw.core.audio import SAMPLE_RATE, AudioFormat, to_samples
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session, SessionOptions
from voicegw.core.windowed_transcription import WindowedTranscription
from voicegw.dialects import native

DECODE_S = 0.03  # from a decode's request to its answer, about the time of the bundled model
WHISPER_DECODE_S = 0.2  # about the time of Whisper base for a final on a CPU
_NO_PARTIALS_MS = 5000  # the longest interval between partials that sessions accept

Decode = Callable[[DecodeJob], DecodeResult]
Likeliness = Callable[[bytes], float]  # of the end of a turn, by the audio before it
_message: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Decoder:
    """Decodes windows, each window once: the result is shared by all settings."""

    def __init__(self, options: WhisperOptions) -> None:
        """Raises ModelUnavailable."""
        self._options = options
        self._directory = locate(options.model)
        self._engines: dict[int, WhisperEngine] = {}
        self._known: dict[tuple[object, ...], DecodeResult] = {}

    def with_beam(self, beam_size: int) -> Decode:
        """Decoding with this beam size for finals; partials are greedy."""
        return lambda job: self._result(job, beam_size if job.kind is DecodeKind.FINAL else 1)

    def _result(self, job: DecodeJob, beam_size: int) -> DecodeResult:
        window = hashlib.sha256(job.pcm).digest()  # minutes of audio are thousands of windows
        asked = (job.kind, job.prompt, job.language, job.key_terms, job.context, job.lead_in)
        key = (beam_size, window, asked)
        if key not in self._known:
            [self._known[key]] = self._engine(beam_size).decode([msgspec.structs.replace(job, start=0)])
        known = self._known[key]
        words = tuple(_moved(word, job.start) for word in known.words)
        return msgspec.structs.replace(known, session=job.session, number=job.number, words=words)

    def _engine(self, beam_size: int) -> WhisperEngine:
        if beam_size not in self._engines:
            options = replace(self._options, beam_size=beam_size)
            self._engines[beam_size] = WhisperEngine(self._directory, options)
        return self._engines[beam_size]


def _moved(word: Word, by: int) -> Word:
    return msgspec.structs.replace(word, start=word.start + by, end=word.end + by)


def simulate(
    sample: Sample,
    options: SessionOptions,
    scorer: SpeechScorer,
    decode: Decode,
    decode_s: float = DECODE_S,
    likeliness: Likeliness | None = None,
) -> Recording:
    """The recording of a client that streams the sample from second 0 on. likeliness: the probability that
    the speaker has finished at the end of the audio of a final decode."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    session = make_session(options, scorer, sample.language)
    received = Stream(session, decode, decode_s, likeliness).play(pcm)
    return Recording(sample.file, 0.0, len(pcm) // SAMPLE_BYTES, SAMPLE_RATE, 0.0, tuple(received))


def make_session(
    options: SessionOptions,
    scorer: SpeechScorer,
    language: str = "",
    rate: int = SAMPLE_RATE,
    audio_format: AudioFormat = AudioFormat.PCM,
    reply: commands.ReplyMode = commands.ReplyMode.NONE,
) -> Session:
    """A session with windowed transcription, without replies unless `reply` says otherwise."""
    profile = SessionProfile(rate, audio_format, reply, language)
    pre_roll_ms = options.endpoint.pre_roll_ms
    transcription = WindowedTranscription("simulated", options.recognition, pre_roll_ms, language)
    return Session("simulated", options, profile, scorer, transcription)


def without_partials(options: SessionOptions) -> SessionOptions:
    """The options with hardly any partials, for figures that depend on finals only."""
    recognition = replace(options.recognition, partial_interval_ms=_NO_PARTIALS_MS)
    return replace(options, recognition=recognition)


class Stream:
    """Executes the actions of one session, in place of a connection and its workers. Times are in seconds."""

    def __init__(
        self, session: Session, decode: Decode, decode_s: float, likeliness: Likeliness | None
    ) -> None:
        self._session = session
        self._decode = decode
        self._likeliness = likeliness
        self._decode_s = decode_s
        self._asked: tuple[float, DecodeJob] | None = (
            None  # when the answer of the pending decode is due, and the decode
        )
        self._received: list[Received] = []

    def play(self, pcm: bytes, frame_ms: int = FRAME_MS) -> list[Received]:
        """Send all the audio, a message every `frame_ms`, then `end`; all received messages."""
        size = SAMPLE_BYTES * to_samples(frame_ms)
        return self.play_frames(([pcm[at : at + size]] for at in range(0, len(pcm), size)), frame_ms)

    def play_frames(self, frames: Iterable[Sequence[bytes]], frame_ms: int = FRAME_MS) -> list[Received]:
        """The same with audio in the session's format: the pieces of a frame every `frame_ms`. A lost frame
        has none."""
        now = 0.0
        for number, pieces in enumerate(frames):
            now = self._pass_time(now, number * frame_ms / 1000)
            for piece in pieces:
                self._session.receive_audio(piece, now)
            self._perform(now)
        self._session.receive_command(commands.End(), now)
        self._perform(now)
        self._answer(until=float("inf"))
        return self._received

    def _pass_time(self, since: float, until: float) -> float:
        """Advance the time, with a tick every 20 ms; returns `until`."""
        for step in range(1, round((until - since) / FRAME_S)):
            now = since + step * FRAME_S
            self._answer(until=now)
            self._session.receive_tick(now)
            self._perform(now)
        self._answer(until=until)
        return until

    def _answer(self, until: float) -> None:
        """Answer the decodes that are due by then, each at its time."""
        while self._asked is not None and self._asked[0] <= until:
            (due, job), self._asked = self._asked, None
            likelihood = self._likeliness if job.kind is DecodeKind.FINAL else None
            result = msgspec.structs.replace(
                self._decode(job),
                decode_ms=1000 * self._decode_s,
                end_of_turn=likelihood(job.pcm) if likelihood else None,
            )
            self._session.receive_recognition(result, due)
            self._perform(due)

    def _perform(self, now: float) -> None:
        for action in self._session.actions():
            match action:
                case actions.Recognize(job):
                    self._asked = (now + self._decode_s, job)  # a newer one replaces the pending one
                case actions.SendEvent(event):
                    encoded = native.encode(event, seq=len(self._received) + 1)
                    self._received.append(Received(now, _message.decode(encoded)))
                case _:
                    pass  # there is no socket and no model
