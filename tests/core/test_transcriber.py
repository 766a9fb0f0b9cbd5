import numpy as np
import pytest

from tests.core.scenario import ramp, spoken
from voicegw.core.audio import WINDOW_SAMPLES
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.transcriber import Transcriber
from voicegw.core.utterance import RecognitionOptions

PRE_ROLL = 4800


class Desk:
    """A transcriber whose audio is a ramp, all of it voiced once an utterance runs."""

    def __init__(self, language: str = "de", context_ms: int = 0) -> None:
        options = RecognitionOptions(partial_interval_ms=100, context_ms=context_ms)
        self.transcriber = Transcriber("s", options, 300, language)

    def roll(self, windows: int) -> None:
        for _ in range(windows):
            self.transcriber.append(ramp(WINDOW_SAMPLES, self.transcriber.position))
            if self.transcriber.running is not None:
                self.transcriber.running.speech_end = self.transcriber.position

    def begin(self, turn: int = 1, back: int = 0) -> None:
        self.transcriber.begin(turn, self.transcriber.position - back)

    def job(self) -> DecodeJob:
        job = self.transcriber.next_job()
        assert job is not None
        return job

    def say(self, text: str, language: str, windows: int = 150) -> str:
        """An utterance of 3 s, or so many windows; the language that its final decode was to be in."""
        self.begin()
        self.roll(windows)
        self.transcriber.finish()
        job = self.job()
        self.transcriber.receive(DecodeResult("s", job.number, spoken(text), language=language))
        assert self.transcriber.take_complete() is not None
        return job.language


@pytest.fixture
def desk() -> Desk:
    return Desk()


def answer(job: DecodeJob) -> DecodeResult:
    return DecodeResult(job.session, job.number, ())


def test_nothing_is_due_in_silence(desk: Desk) -> None:
    desk.roll(100)
    assert desk.transcriber.next_job() is None
    assert desk.transcriber.running is None
    assert desk.transcriber.idle


def test_a_job_carries_the_utterance_from_its_pre_roll_to_now(desk: Desk) -> None:
    desk.roll(100)
    desk.begin(back=640)
    desk.roll(5)
    start = 100 * WINDOW_SAMPLES - 640 - PRE_ROLL
    pcm = ramp(105 * WINDOW_SAMPLES - start, start).tobytes()
    assert desk.job() == DecodeJob("s", 1, DecodeKind.PARTIAL, start, pcm, language="de")


def test_the_pre_roll_is_what_there_is_at_the_start_of_the_session(desk: Desk) -> None:
    desk.roll(2)
    desk.begin(back=640)
    desk.roll(5)
    assert desk.job().start == 0


def test_the_pre_roll_does_not_reach_into_the_utterance_before(desk: Desk) -> None:
    desk.roll(2)
    desk.begin(turn=1)
    desk.roll(10)
    desk.transcriber.finish()
    desk.roll(3)
    desk.begin(turn=2)
    desk.transcriber.receive(answer(desk.job()))
    assert desk.transcriber.take_complete()
    desk.roll(6)
    assert desk.job().start == 12 * WINDOW_SAMPLES


def test_one_decode_is_out_at_a_time(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    first = desk.job()
    desk.roll(50)
    assert desk.transcriber.next_job() is None
    desk.transcriber.receive(answer(first))
    assert len(desk.job().pcm) == 2 * 56 * WINDOW_SAMPLES


def test_a_final_takes_the_place_of_a_partial_that_is_out(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    partial = desk.job()
    desk.transcriber.finish()
    final = desk.job()
    assert (final.kind, final.number) == (DecodeKind.FINAL, partial.number + 1)
    assert desk.transcriber.receive(answer(partial)) is None
    assert desk.transcriber.take_complete() is None
    assert desk.transcriber.receive(answer(final)) is not None
    assert desk.transcriber.take_complete() is not None
    assert desk.transcriber.idle


def test_a_final_waits_for_a_final_that_is_out(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    assert desk.transcriber.running is not None
    desk.transcriber.running.paused = True
    ahead = desk.job()
    desk.roll(6)
    desk.transcriber.finish()
    assert desk.transcriber.next_job() is None
    desk.transcriber.receive(answer(ahead))
    assert len(desk.job().pcm) == 2 * 12 * WINDOW_SAMPLES


def test_utterances_are_handed_out_in_order(desk: Desk) -> None:
    for turn in (1, 2):
        desk.begin(turn)
        desk.roll(6)
        desk.transcriber.finish()
    settled = []
    while not desk.transcriber.idle:
        desk.transcriber.receive(answer(desk.job()))
        utterance = desk.transcriber.take_complete()
        assert utterance is not None
        settled.append((utterance.turn, utterance.start, utterance.end))
    assert settled == [(1, 0, 6 * WINDOW_SAMPLES), (2, 6 * WINDOW_SAMPLES, 12 * WINDOW_SAMPLES)]


def test_the_window_of_a_final_ends_with_its_utterance(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcriber.finish()
    desk.roll(50)
    assert desk.job().pcm == ramp(6 * WINDOW_SAMPLES).tobytes()


def test_a_failure_that_is_no_longer_awaited_changes_nothing(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcriber.finish()
    job = desk.job()
    desk.transcriber.receive_failure(job.number + 7)
    assert desk.transcriber.take_complete() is None
    desk.transcriber.receive_failure(job.number)
    assert desk.transcriber.take_complete() is not None


def test_what_was_given_up_waits_for_no_answer_and_lets_the_next_one_be_decoded(desk: Desk) -> None:
    for turn in (1, 2):
        desk.begin(turn)
        desk.roll(6)
        desk.transcriber.finish()
    job = desk.job()
    desk.transcriber.give_up()
    given_up = desk.transcriber.take_complete()
    assert given_up is not None
    assert (given_up.turn, given_up.failed) == (1, True)
    assert desk.transcriber.receive(answer(job)) is None
    desk.transcriber.receive(answer(desk.job()))
    settled = desk.transcriber.take_complete()
    assert settled is not None
    assert (settled.turn, settled.failed) == (2, False)


def test_no_utterance_is_cut_in_the_silence_behind_its_voice(desk: Desk) -> None:
    desk.begin()
    desk.roll(50)
    running = desk.transcriber.running
    assert running is not None
    for _ in range(5):
        desk.transcriber.append(np.zeros(WINDOW_SAMPLES, np.int16))
    place = desk.transcriber.place_for_cut()
    assert place is not None
    assert place < running.speech_end
    running.receive(answer(desk.job()), DecodeKind.FINAL, running.speech_end)
    assert desk.transcriber.place_for_cut() is None


def test_finish_without_an_utterance_changes_nothing(desk: Desk) -> None:
    desk.roll(50)
    desk.transcriber.finish()
    desk.begin()
    assert desk.transcriber.running is not None
    assert desk.transcriber.running.start == 50 * WINDOW_SAMPLES - PRE_ROLL


@pytest.mark.parametrize("asked", ["", AUTO_LANGUAGE])
def test_the_language_of_the_first_long_utterance_is_kept(asked: str) -> None:
    desk = Desk(asked)
    assert [desk.say("guten Tag", language) for language in ("de", "en", "fr")] == [asked, "de", "de"]


def test_the_language_of_the_last_utterance_is_known_before_one_is_kept() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert desk.transcriber.known_language == ""
    desk.say("ja", "de", windows=60)
    assert (desk.transcriber.language, desk.transcriber.known_language) == (AUTO_LANGUAGE, "de")


def test_a_language_that_was_given_is_kept() -> None:
    desk = Desk("xx")
    assert [desk.say("guten Tag", "en") for _ in range(2)] == ["xx", "xx"]


def test_short_utterances_tell_a_language_together() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert [desk.say("ja", "de", windows=60) for _ in range(4)] == [*[AUTO_LANGUAGE] * 3, "de"]


def test_another_language_in_between_starts_the_count_anew() -> None:
    desk = Desk(AUTO_LANGUAGE)
    asked = [desk.say("ja", language, windows=60) for language in ("de", "de", "en", "de", "de", "de", "de")]
    assert asked == [*[AUTO_LANGUAGE] * 6, "de"]


def test_neither_partials_nor_pauses_nor_noise_tell_a_language() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert desk.say("", "nn") == AUTO_LANGUAGE
    desk.begin()
    for paused in (False, True, False):
        desk.roll(150)
        assert desk.transcriber.running is not None
        desk.transcriber.running.paused = paused
        job = desk.job()
        assert job.language == AUTO_LANGUAGE
        desk.transcriber.receive(DecodeResult("s", job.number, spoken("da"), language="nn"))


def test_the_language_goes_on_in_another_process() -> None:
    desk, other = Desk(AUTO_LANGUAGE), Desk(AUTO_LANGUAGE)
    desk.say("guten Tag", "de")
    other.transcriber.restore(desk.transcriber.snapshot(), ramp(0), desk.transcriber.position)
    assert other.transcriber.language == "de"


def test_a_snapshot_without_a_language_leaves_the_one_that_was_asked_for() -> None:
    state = Desk("en").transcriber.snapshot()
    state.language = None
    desk = Desk("de")
    desk.transcriber.restore(state, ramp(0), 0)
    assert desk.transcriber.language == "de"


# --- what was said before --------------------------------------------------------------------------------


def told(desk: Desk, pause: int = 20) -> None:
    """An utterance of 2 s, its words, and a pause of so many windows."""
    desk.begin()
    desk.roll(100)
    desk.transcriber.finish()
    words = (Word("one", 0, 10_000, 0.9), Word("two", 10_000, 30_000, 0.9))
    desk.transcriber.receive(DecodeResult("s", desk.job().number, words))
    assert desk.transcriber.take_complete() is not None
    desk.roll(pause)


def test_a_window_begins_with_what_was_said_before() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(10)
    job = desk.job()
    assert (job.start, job.context) == (0, desk.transcriber.running.start)  # type: ignore[union-attr]
    assert len(job.pcm) == 2 * desk.transcriber.position


def test_what_was_told_is_not_told_again() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(10)
    heard = (
        Word("One", 0, 10_000, 0.9),
        Word("two.", 10_000, 30_000, 0.9),
        Word("three", 33_000, 39_000, 0.9),
    )
    desk.transcriber.finish()
    desk.transcriber.receive(DecodeResult("s", desk.job().number, heard))
    utterance = desk.transcriber.take_complete()
    assert utterance is not None
    assert [word.text for word in utterance.words()] == ["three"]


def test_a_model_that_does_without_context_has_told_nothing_twice() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(20)
    desk.transcriber.finish()
    heard = (Word("two", 33_000, 36_000, 0.9),)
    desk.transcriber.receive(DecodeResult("s", desk.job().number, heard, context_dropped=True))
    utterance = desk.transcriber.take_complete()
    assert utterance is not None
    assert [word.text for word in utterance.words()] == ["two"]


def test_after_a_long_silence_there_is_no_context() -> None:
    desk = Desk(context_ms=5000)
    told(desk, pause=150)
    desk.begin(turn=2)
    desk.roll(10)
    assert desk.job().context == 0


def test_audio_for_context_is_forgotten_in_silence() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    assert desk.transcriber.audio_needed_from == 0
    desk.roll(150)
    assert desk.transcriber.audio_needed_from > 100 * WINDOW_SAMPLES


def test_context_goes_on_in_another_transcriber() -> None:
    desk, other = Desk(context_ms=5000), Desk(context_ms=5000)
    told(desk)
    start, audio = desk.transcriber.audio_after(desk.transcriber.audio_needed_from)
    other.transcriber.restore(desk.transcriber.snapshot(), np.frombuffer(audio, np.int16), start)
    for each in (desk, other):
        each.begin(turn=2)
        each.roll(10)
    assert other.job() == desk.job()
