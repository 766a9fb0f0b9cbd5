"""A recording becomes utterances, each of which is decoded once."""

import numpy as np

from tests.core.scenario import QUICK, ScriptedScorer, ramp, spoken, windowed
from voicegw.core.actions import Recognize
from voicegw.core.audio import WINDOW_SAMPLES
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult
from voicegw.core.recording_listener import RecordingListener
from voicegw.core.transcription import Final


class Recording:
    """A recording whose speech is written as in scenario.py. jobs: the decodes that were requested."""

    def __init__(self, speech: str) -> None:
        self.transcription = windowed(QUICK)
        self.jobs: list[DecodeJob] = []
        scorer = ScriptedScorer()
        scorer.expect(speech)
        self.listener = RecordingListener(self.transcription, scorer, QUICK.endpoint)
        self.listener.receive(ramp(len(speech) * WINDOW_SAMPLES))
        self.listener.finish()

    def finals(self) -> list[Final]:
        """The final of each utterance, once its decode has been answered with a word."""
        finals: list[Final] = []
        while len(finals) < self.listener.ended:
            update = self.transcription.next_update()
            if isinstance(update, Recognize):
                job = update.request
                self.jobs.append(job)
                self.transcription.receive_answer(DecodeResult("s", job.number, spoken("word", job.start)))
            elif isinstance(update, Final):
                finals.append(update)
        return finals


def test_silence_has_no_utterance() -> None:
    assert Recording("." * 200).listener.ended == 0


def test_each_utterance_is_decoded_once_and_as_a_final() -> None:
    recording = Recording("#####" + "." * 30 + "##########" + "." * 30)
    first, second = recording.finals()
    assert (first.turn, second.turn) == (1, 2)
    assert first.end <= second.start
    assert [job.kind for job in recording.jobs] == [DecodeKind.FINAL] * 2


def test_a_short_pause_is_part_of_its_utterance() -> None:
    recording = Recording("#####....#####" + "." * 30)
    [final] = recording.finals()
    assert final.voiced_ms == 20 * 14


def test_speech_at_the_end_of_the_recording_is_an_utterance() -> None:
    recording = Recording("." * 10 + "#####")
    [final] = recording.finals()
    assert final.end == 15 * WINDOW_SAMPLES


def test_the_last_window_may_be_incomplete() -> None:
    transcription, scorer = windowed(QUICK), ScriptedScorer()
    scorer.expect("###")
    listener = RecordingListener(transcription, scorer, QUICK.endpoint)
    listener.receive(np.zeros(2 * WINDOW_SAMPLES + 1, dtype=np.int16))
    listener.finish()
    assert (listener.ended, transcription.running) == (1, None)


def test_long_speech_is_split_and_no_sample_is_lost() -> None:
    recording = Recording("#" * 120)  # 2.4 s; the longest utterance has 1 s
    finals = recording.finals()
    assert len(finals) > 2
    assert [before.end for before in finals[:-1]] == [after.start for after in finals[1:]]
    assert all(len(job.pcm) <= 2 * 16_000 for job in recording.jobs)


def test_an_utterance_that_becomes_too_long_in_a_pause_ends_there() -> None:
    recording = Recording("#" * 32 + "." * 30)  # with its pre-roll, it has 1 s after 80 ms of the pause
    [final] = recording.finals()
    assert final.end < 37 * WINDOW_SAMPLES
