import msgspec
import pytest

from benchmarks.recording import RecordedTurn, Recording, turns_of
from benchmarks.simulation import DECODE_S, Decode, Decoder, simulate
from clients.audio import FRAME_S
from clients.samples import Sample
from tests.speech import job, pcm, said, single_utterances, word_error_rate
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.session import SessionOptions
from voicegw.dialects import native


def echo(job: DecodeJob) -> DecodeResult:
    """One word that ends 200 ms before the window does."""
    end = job.start + max(0, len(job.pcm) // 2 - to_samples(200))
    return DecodeResult(job.session, job.number, (Word("aha", job.start, end, 1.0),))


def played(decode: Decode = echo) -> Recording:
    return simulate(shortest(), SessionOptions(), make_scorer(VadOptions()), decode)


def shortest() -> Sample:
    return single_utterances()[0]


def only_turn(recording: Recording) -> RecordedTurn:
    [turn] = turns_of(recording)
    return turn


def test_a_session_is_played_to_its_end() -> None:
    turn = only_turn(played())
    assert turn.final is not None
    assert turn.final.text == "aha"
    acknowledged = [r.message for r in played().received if isinstance(r.message, native.AckedMessage)]
    assert acknowledged[-1].samples <= played().sent_samples == len(pcm(shortest())) // 2


def test_the_clock_is_the_audio_and_decodes_take_their_time() -> None:
    asked: list[DecodeJob] = []

    def decode(job: DecodeJob) -> DecodeResult:
        asked.append(job)
        return echo(job)

    recording = played(decode)
    shown = min(r.at_s for r in recording.received if isinstance(r.message, native.PartialMessage))
    heard_s = (asked[0].start + len(asked[0].pcm) // 2) / recording.rate
    assert shown == pytest.approx(heard_s - FRAME_S + DECODE_S)


def test_a_decode_may_take_longer_and_knows_the_language() -> None:
    asked: list[DecodeJob] = []

    def decode(job: DecodeJob) -> DecodeResult:
        asked.append(job)
        return echo(job)

    spoken = msgspec.structs.replace(shortest(), language="de")
    recording = simulate(spoken, SessionOptions(), make_scorer(VadOptions()), decode, decode_s=0.15)
    shown = min(r.at_s for r in recording.received if isinstance(r.message, native.PartialMessage))
    heard_s = (asked[0].start + len(asked[0].pcm) // 2) / recording.rate
    assert shown == pytest.approx(heard_s - FRAME_S + 0.15)
    assert {job.language for job in asked} == {"de"}


def test_the_same_audio_gives_the_same_recording() -> None:
    assert played() == played()


def test_the_bundled_model_hears_the_sentence() -> None:
    turn = only_turn(played(Decoder(WhisperOptions(model="bundled")).with_beam(1)))
    assert turn.final is not None
    assert word_error_rate(said(shortest()), turn.final.text) < 0.5


def test_a_window_is_decoded_once_wherever_it_stands() -> None:
    decoder = Decoder(WhisperOptions(model="bundled"))
    partial = job(pcm(shortest()), kind=DecodeKind.PARTIAL)
    later = job(pcm(shortest()), kind=DecodeKind.PARTIAL, start=1600)
    words, moved = decoder.with_beam(1)(partial), decoder.with_beam(5)(later)
    assert [word.start + 1600 for word in words.words] == [word.start for word in moved.words]
    assert len(decoder._known) == 1


def test_finals_of_another_beam_are_decoded_anew() -> None:
    decoder = Decoder(WhisperOptions(model="bundled"))
    for beam_size in (1, 2):
        decoder.with_beam(beam_size)(job(pcm(shortest())))
    assert len(decoder._known) == 2
