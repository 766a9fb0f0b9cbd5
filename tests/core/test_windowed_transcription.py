import msgspec
import numpy as np
import pytest

from tests.core.scenario import ramp, spoken
from voicegw.core.actions import Recognize
from voicegw.core.audio import WINDOW_SAMPLES
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeFailure, DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.transcription import Final, KeptAudio
from voicegw.core.utterance import RecognitionOptions
from voicegw.core.windowed_transcription import WindowedTranscription
from voicegw.errors import InvalidValue

PRE_ROLL = 4800


class Desk:
    """A transcription whose audio is a ramp, all of it voiced once an utterance runs."""

    def __init__(self, language: str = "de", context_ms: int = 0) -> None:
        options = RecognitionOptions(partial_interval_ms=100, context_ms=context_ms)
        self.transcription = WindowedTranscription("s", options, 300, language)
        self._job: DecodeJob | None = None
        self._finals: list[Final] = []

    @property
    def kept(self) -> KeptAudio:
        return self.transcription.kept_audio(0)

    @property
    def position(self) -> int:
        """How many samples were received."""
        return self.kept.start + len(self.kept.pcm) // 2

    def roll(self, windows: int) -> None:
        for _ in range(windows):
            self.transcription.receive_audio(ramp(WINDOW_SAMPLES, self.position))
            if self.transcription.running is not None:
                self.transcription.running.speech_end = self.position

    def begin(self, turn: int = 1, back: int = 0) -> None:
        self.transcription.begin(turn, self.position - back)

    def asked(self) -> DecodeJob | None:
        """The requested decode, if one is due."""
        self._collect()
        job, self._job = self._job, None
        return job

    def job(self) -> DecodeJob:
        job = self.asked()
        assert job is not None
        return job

    def finals(self) -> list[Final]:
        """Those since the last call."""
        self._collect()
        finals, self._finals = self._finals, []
        return finals

    def _collect(self) -> None:
        while (update := self.transcription.next_update()) is not None:
            if isinstance(update, Recognize):
                assert isinstance(update.request, DecodeJob)
                self._job = update.request
            elif isinstance(update, Final):
                self._finals.append(update)

    def answer(self, job: DecodeJob, words: tuple[Word, ...] = ()) -> None:
        self.transcription.receive_answer(DecodeResult(job.session, job.number, words))

    def final(self, words: tuple[Word, ...]) -> Final:
        """The running utterance is over, and its final decode finds these words."""
        self.transcription.finish()
        self.answer(self.job(), words)
        [final] = self.finals()
        return final

    def say(self, text: str, language: str, windows: int = 150) -> str:
        """An utterance of 3 s, or so many windows; the language that its final decode was to be in."""
        self.begin()
        self.roll(windows)
        self.transcription.finish()
        job = self.job()
        self.transcription.receive_answer(DecodeResult("s", job.number, spoken(text), language=language))
        assert len(self.finals()) == 1
        return job.language


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nothing_is_due_in_silence(desk: Desk) -> None:
    desk.roll(100)
    assert desk.asked() is None
    assert desk.transcription.running is None
    assert desk.transcription.idle


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
    desk.transcription.finish()
    desk.roll(3)
    desk.begin(turn=2)
    desk.answer(desk.job())
    assert desk.finals()
    desk.roll(6)
    assert desk.job().start == 12 * WINDOW_SAMPLES


def test_one_decode_is_in_flight_at_a_time(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    first = desk.job()
    desk.roll(50)
    assert desk.asked() is None
    desk.answer(first)
    assert len(desk.job().pcm) == 2 * 56 * WINDOW_SAMPLES


def test_a_final_replaces_a_partial_in_flight(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    partial = desk.job()
    desk.transcription.finish()
    final = desk.job()
    assert (final.kind, final.number) == (DecodeKind.FINAL, partial.number + 1)
    desk.answer(partial, spoken("late"))
    assert desk.finals() == []
    desk.answer(final, spoken("told"))
    assert [word.text for final in desk.finals() for word in final.words] == ["told"]
    assert desk.transcription.idle


def test_a_final_waits_for_a_final_in_flight(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcription.pause()
    ahead = desk.job()
    desk.roll(6)
    desk.transcription.finish()
    assert desk.asked() is None
    desk.answer(ahead)
    assert len(desk.job().pcm) == 2 * 12 * WINDOW_SAMPLES


def test_an_urgent_final_replaces_a_final_of_less_speech(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcription.pause()
    ahead = desk.job()
    desk.transcription.resume(desk.position)
    desk.roll(6)
    desk.transcription.finish(urgent=True)
    job = desk.job()
    assert (job.urgent, len(job.pcm)) == (True, 2 * 12 * WINDOW_SAMPLES)
    desk.answer(ahead, spoken("late"))
    desk.answer(job, spoken("told"))
    assert [word.text for final in desk.finals() for word in final.words] == ["told"]


def test_an_urgent_final_waits_for_one_of_the_same_speech(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcription.pause()
    ahead = desk.job()
    desk.transcription.finish(urgent=True)
    assert desk.asked() is None
    desk.answer(ahead, spoken("told"))
    assert len(desk.finals()) == 1


def test_the_window_of_an_urgent_final_begins_with_the_last_stable_words(desk: Desk) -> None:
    words = spoken("one two three four five six")
    desk.begin()
    for _ in range(2):
        desk.roll(150)
        desk.answer(desk.job(), words)
    desk.roll(1)
    desk.transcription.finish(urgent=True)
    job = desk.job()
    assert words[1].end <= job.start <= words[2].start
    assert job.prompt == "one two"
    desk.answer(job, words[2:])
    assert [word.text for final in desk.finals() for word in final.words] == [word.text for word in words]


def test_finals_are_returned_in_order(desk: Desk) -> None:
    for turn in (1, 2):
        desk.begin(turn)
        desk.roll(6)
        desk.transcription.finish()
    settled = []
    while not desk.transcription.idle:
        desk.answer(desk.job())
        settled += [(final.turn, final.start, final.end) for final in desk.finals()]
    assert settled == [(1, 0, 6 * WINDOW_SAMPLES), (2, 6 * WINDOW_SAMPLES, 12 * WINDOW_SAMPLES)]


def test_the_window_of_a_final_ends_with_its_utterance(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcription.finish()
    desk.roll(50)
    assert desk.job().pcm == ramp(6 * WINDOW_SAMPLES).tobytes()


def test_an_unexpected_failure_changes_nothing(desk: Desk) -> None:
    desk.begin()
    desk.roll(6)
    desk.transcription.finish()
    job = desk.job()
    desk.transcription.receive_answer(DecodeFailure(job.number + 7))
    assert desk.finals() == []
    desk.transcription.receive_answer(DecodeFailure(job.number))
    assert [final.failed for final in desk.finals()] == [True]


def test_an_expired_utterance_ignores_answers_and_the_next_one_is_decoded(desk: Desk) -> None:
    for turn in (1, 2):
        desk.begin(turn)
        desk.roll(6)
        desk.transcription.finish()
    job = desk.job()
    desk.transcription.expire_oldest()
    assert [(final.turn, final.failed) for final in desk.finals()] == [(1, True)]
    desk.answer(job)
    assert desk.finals() == []
    desk.answer(desk.job())
    assert [(final.turn, final.failed) for final in desk.finals()] == [(2, False)]


def test_no_utterance_is_split_in_the_silence_after_its_speech(desk: Desk) -> None:
    desk.begin()
    desk.roll(50)
    running = desk.transcription.running
    assert running is not None
    for _ in range(5):
        desk.transcription.receive_audio(np.zeros(WINDOW_SAMPLES, np.int16))
    place = desk.transcription.split_point()
    assert place is not None
    assert place < running.speech_end
    desk.transcription.pause()
    desk.answer(desk.job())
    desk.transcription.resume(desk.position)
    assert desk.transcription.split_point() is None


@pytest.mark.parametrize("asked", ["", AUTO_LANGUAGE])
def test_the_language_of_the_first_long_utterance_is_kept(asked: str) -> None:
    desk = Desk(asked)
    assert [desk.say("guten Tag", language) for language in ("de", "en", "fr")] == [asked, "de", "de"]


def test_a_requested_language_is_kept() -> None:
    desk = Desk("xx")
    assert [desk.say("guten Tag", "en") for _ in range(2)] == ["xx", "xx"]


def test_short_utterances_tell_a_language_together() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert [desk.say("ja", "de", windows=60) for _ in range(4)] == [*[AUTO_LANGUAGE] * 3, "de"]


def test_another_language_in_between_restarts_the_count() -> None:
    desk = Desk(AUTO_LANGUAGE)
    asked = [desk.say("ja", language, windows=60) for language in ("de", "de", "en", "de", "de", "de", "de")]
    assert asked == [*[AUTO_LANGUAGE] * 6, "de"]


def test_partials_pauses_and_noise_do_not_count_for_the_language() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert desk.say("", "nn") == AUTO_LANGUAGE
    desk.begin()
    for paused in (False, True, False):
        desk.roll(150)
        if paused:
            desk.transcription.pause()
        else:
            desk.transcription.resume(desk.position)
        job = desk.job()
        assert job.language == AUTO_LANGUAGE
        desk.transcription.receive_answer(DecodeResult("s", job.number, spoken("da"), language="nn"))


def test_a_partial_of_noise_tells_no_language() -> None:
    desk = Desk(AUTO_LANGUAGE)
    desk.begin()
    desk.roll(200)
    noise = desk.job()
    desk.transcription.receive_answer(DecodeResult("s", noise.number, spoken("da"), language="nn"))
    final = desk.final(())
    assert (final.words, final.language) == ((), AUTO_LANGUAGE)
    assert desk.say("ja", "de", windows=60) == AUTO_LANGUAGE


def test_a_language_that_is_to_be_detected_again_needs_as_much_speech_as_before() -> None:
    desk = Desk(AUTO_LANGUAGE)
    assert [desk.say("ja", "de"), desk.say("ja", "de")] == [AUTO_LANGUAGE, "de"]
    desk.transcription.configure(None, None, AUTO_LANGUAGE)
    assert [desk.say("ja", "de", windows=50) for _ in range(2)] == [AUTO_LANGUAGE, AUTO_LANGUAGE]


def test_the_language_moves_to_another_process() -> None:
    desk, other = Desk(AUTO_LANGUAGE), Desk(AUTO_LANGUAGE)
    desk.say("guten Tag", "de")
    other.transcription.restore(desk.transcription.snapshot(), ramp(0), desk.position)
    assert other.say("guten Tag", "en") == "de"


def test_a_snapshot_of_another_implementation_is_rejected(desk: Desk) -> None:
    with pytest.raises(msgspec.MsgspecError):
        desk.transcription.restore(msgspec.msgpack.encode(["another"]), ramp(0), 0)


@pytest.mark.parametrize("settings", [(50, None, None), (None, ("A\nB",), None), (None, None, "tlh")])
def test_settings_out_of_bounds_change_nothing(
    desk: Desk, settings: tuple[int | None, tuple[str, ...] | None, str | None]
) -> None:
    before = desk.transcription.snapshot()
    with pytest.raises(InvalidValue):
        desk.transcription.configure(*settings)
    assert desk.transcription.snapshot() == before


# --- context ---------------------------------------------------------------------------------------------


def told(desk: Desk, pause: int = 20) -> None:
    """An utterance of 2 s, its words, and a pause of so many windows."""
    desk.begin()
    desk.roll(100)
    desk.final((Word("one", 0, 10_000, 0.9), Word("two", 10_000, 30_000, 0.9)))
    desk.roll(pause)


def test_a_window_begins_with_the_context() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(10)
    job = desk.job()
    assert (job.start, job.context) == (0, desk.transcription.running.start)  # type: ignore[union-attr]
    assert len(job.pcm) == 2 * desk.position


def test_published_events_are_not_repeated() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(10)
    heard = (
        Word("One", 0, 10_000, 0.9),
        Word("two.", 10_000, 30_000, 0.9),
        Word("three", 33_000, 39_000, 0.9),
    )
    assert [word.text for word in desk.final(heard).words] == ["three"]


def test_without_context_no_words_are_removed() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    desk.begin(turn=2)
    desk.roll(20)
    desk.transcription.finish()
    heard = (Word("two", 33_000, 36_000, 0.9),)
    result = DecodeResult("s", desk.job().number, heard, context_dropped=True)
    desk.transcription.receive_answer(result)
    [final] = desk.finals()
    assert [word.text for word in final.words] == ["two"]


def test_the_rest_of_a_window_with_more_text_than_a_decode_may_write_is_decoded_separately() -> None:
    desk = Desk()
    desk.begin()
    desk.roll(500)
    desk.transcription.finish()
    job = desk.job()
    first = (Word("ఒకటి", 0, 30_000, 0.9), Word("రెండు", 30_000, 60_000, 0.9))
    desk.transcription.receive_answer(DecodeResult("s", job.number, first, cut=True))
    rest = desk.job()
    assert (rest.start, rest.kind) == (60_000, DecodeKind.FINAL)
    last = (Word("మూడు", 70_000, 90_000, 0.9),)
    desk.transcription.receive_answer(DecodeResult("s", rest.number, last, cut=True))
    desk.answer(desk.job())
    [final] = desk.finals()
    assert final.words == (*first, *last)


def test_a_cut_decode_without_new_words_is_the_last_one() -> None:
    desk = Desk()
    desk.begin()
    desk.roll(500)
    desk.transcription.finish()
    words = (Word("ఒకటి", 0, 30_000, 0.9),)
    desk.transcription.receive_answer(DecodeResult("s", desk.job().number, words, cut=True))
    desk.transcription.receive_answer(DecodeResult("s", desk.job().number, (), cut=True))
    [final] = desk.finals()
    assert final.words == words


def test_after_a_long_silence_there_is_no_context() -> None:
    desk = Desk(context_ms=5000)
    told(desk, pause=150)
    desk.begin(turn=2)
    desk.roll(10)
    assert desk.job().context == 0


def test_audio_for_context_is_forgotten_in_silence() -> None:
    desk = Desk(context_ms=5000)
    told(desk)
    assert desk.kept.needed_from == 0
    desk.roll(150)
    assert desk.kept.needed_from > 100 * WINDOW_SAMPLES


def test_context_moves_to_another_transcription() -> None:
    desk, other = Desk(context_ms=5000), Desk(context_ms=5000)
    told(desk)
    kept = desk.transcription.kept_audio(desk.kept.needed_from)
    other.transcription.restore(desk.transcription.snapshot(), np.frombuffer(kept.pcm, np.int16), kept.start)
    for each in (desk, other):
        each.begin(turn=2)
        each.roll(10)
    assert other.job() == desk.job()
