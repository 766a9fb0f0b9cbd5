"""The hearing side, driven through a whole session: see scenario.py."""

from dataclasses import replace

import pytest

from tests.core.scenario import END, ONSET, PAUSE, QUICK, Scenario, assert_final, assert_partial
from voicegw.core import commands, events
from voicegw.core.audio import WINDOW_MS, to_samples
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.events import EndReason, Fault, FinalTranscript, SpeechStarted, SpeechStopped
from voicegw.core.jobs import DecodeJob, DecodeKind
from voicegw.core.session import SessionOptions
from voicegw.errors import InvalidValue


@pytest.fixture
def scenario() -> Scenario:
    return Scenario()


def windows(count: int) -> int:
    """The length of so many windows in samples."""
    return to_samples(count * WINDOW_MS)


def test_silence_is_never_decoded(scenario: Scenario) -> None:
    scenario.hear("." * 100 + "#" + "." * 100)
    assert scenario.jobs == []
    assert scenario.kinds() == []


def test_words_are_shown_while_they_are_spoken(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.answer("turn the lie")
    assert_partial(scenario, "", "turn the lie")
    scenario.hear("#####")
    scenario.answer("turn the light on")
    assert_partial(scenario, "turn the", "light on")
    assert scenario.last(events.PartialTranscript).audio_end == windows(10)


def test_words_without_blanks_are_marked_joined() -> None:
    scenario = Scenario(language="ja")
    for text in ("+今", "+今 +日 +は"):
        scenario.hear("#####")
        scenario.answer(text)
    assert_partial(scenario, "今", "日は")
    assert scenario.last(events.PartialTranscript).joined
    scenario.hear("#####")
    scenario.answer("+今 +日 +は 3 +時")
    assert_partial(scenario, "今日は", "3時")
    assert not scenario.last(events.PartialTranscript).joined


def answer(scenario: Scenario, text: str, job: DecodeJob | None = None) -> None:
    """By a model that knows single utterances only."""
    scenario.answer(text, job, context_dropped=True)


class TestWhatADecodeLeavesOut:
    """Words of 100 ms: 200 ms of speech, a pause of 100 ms, and 200 ms of speech."""

    @pytest.fixture
    def scenario(self) -> Scenario:
        scenario = Scenario()
        scenario.hear("#" * 10 + PAUSE)
        scenario.answer("the")
        scenario.hear(".." + "#" * 10 + PAUSE)
        return scenario

    def test_is_decoded_by_itself_and_added(self, scenario: Scenario) -> None:
        answer(scenario, "the bill")
        assert scenario.job is not None
        assert scenario.job.kind is DecodeKind.FINAL
        assert scenario.job.start == windows(10)
        answer(scenario, "is high")
        scenario.hear(END)
        assert_final(scenario, 1, "the bill is high")

    def test_is_none_if_the_last_word_ends_after_the_pause(self, scenario: Scenario) -> None:
        answer(scenario, "the bill is so high")
        scenario.hear(END)
        assert_final(scenario, 1, "the bill is so high")

    def test_is_requested_once(self, scenario: Scenario) -> None:
        answer(scenario, "the bill")
        answer(scenario, "")
        scenario.hear(END)
        assert_final(scenario, 1, "the bill")

    def test_may_fail(self, scenario: Scenario) -> None:
        answer(scenario, "the bill")
        scenario.fail()
        scenario.hear(END)
        assert_final(scenario, 1, "the bill")
        assert scenario.all(Fault) == []

    def test_may_never_arrive(self, scenario: Scenario) -> None:
        answer(scenario, "the bill")
        scenario.hear(END)
        scenario.wait(121_000)
        assert_final(scenario, 1, "the bill")

    def test_is_searched_in_a_window_without_words(self, scenario: Scenario) -> None:
        answer(scenario, "")
        answer(scenario, "is high")
        scenario.hear(END)
        assert_final(scenario, 1, "is high")

    def test_is_not_requested_while_speech_continues(self, scenario: Scenario) -> None:
        late = scenario.job
        scenario.hear("##")
        answer(scenario, "the bill", late)
        assert scenario.job is None
        scenario.hear("###")
        assert scenario.job is not None
        assert scenario.job.start == 0

    def test_is_decoded_again_if_speech_continues_meanwhile(self, scenario: Scenario) -> None:
        answer(scenario, "the bill")
        scenario.hear("##")
        answer(scenario, "is high")
        scenario.hear(PAUSE)
        assert scenario.job is not None
        assert scenario.job.start == 0

    def test_is_not_requested_from_a_model_that_uses_context(self, scenario: Scenario) -> None:
        scenario.answer("the bill")
        scenario.hear(END)
        assert_final(scenario, 1, "the bill")


def test_an_utterance_that_begins_with_the_session_has_a_lead_in_of_silence(scenario: Scenario) -> None:
    scenario.hear("...." + ONSET + END)
    assert scenario.job is not None
    assert scenario.job.lead_in == to_samples(300) - windows(4)


@pytest.mark.parametrize("context_ms", [0, 5000])
def test_an_utterance_right_after_a_commit_has_a_lead_in(context_ms: int) -> None:
    scenario = Scenario(replace(QUICK, recognition=replace(QUICK.recognition, context_ms=context_ms)))
    scenario.hear("." * 20 + "#####")
    scenario.command(commands.Commit())
    assert scenario.job is not None
    assert scenario.job.lead_in == 0
    scenario.answer("yes")
    scenario.hear("###" + END)
    assert scenario.job is not None
    assert (scenario.job.lead_in, scenario.job.context > 0) == (to_samples(300), context_ms > 0)


def test_a_trimmed_utterance_has_no_lead_in() -> None:
    scenario = Scenario(SessionOptions())
    scenario.hear("#" * 150)
    words = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    for _ in range(4):
        scenario.answer(words)
        scenario.hear("#" * 200)
    assert scenario.job is not None
    assert (scenario.job.start > 0, scenario.job.lead_in) == (True, 0)


@pytest.mark.parametrize(
    ("asked", "told", "shown"), [("", "en", "en"), ("auto", "de", "de"), ("de", "", "de"), ("auto", "", "")]
)
def test_a_final_has_a_language(asked: str, told: str, shown: str) -> None:
    scenario = Scenario(language=asked)
    scenario.hear(ONSET + END)
    scenario.answer("ja", language=told)
    assert scenario.last(FinalTranscript).language == shown


def test_a_final_without_words_has_no_language() -> None:
    scenario = Scenario(language="de")
    scenario.hear(ONSET + END)
    scenario.answer("", language="de")
    assert scenario.last(FinalTranscript).language == ""


@pytest.mark.parametrize(
    ("language", "silence_ms"),
    [("de", EndpointOptions().unfinished_ms), ("en", EndpointOptions().end_silence_ms)],
)
def test_the_pause_follows_the_words_of_the_language(language: str, silence_ms: int) -> None:
    windows_of_silence = silence_ms // WINDOW_MS
    scenario = Scenario(SessionOptions(), language="auto")
    scenario.hear("#" * 20 + "." * 8)
    scenario.answer("ich fahre zum", language=language)
    scenario.hear("." * (windows_of_silence - 9))
    assert "SpeechStopped" not in scenario.kinds()
    scenario.hear(".")
    assert "SpeechStopped" in scenario.kinds()


class TestWhileTheWordsBeforeAPauseAreDue:
    """With the usual lengths: 500 ms, and 1 s after an incomplete sentence."""

    @pytest.fixture
    def scenario(self) -> Scenario:
        scenario = Scenario(SessionOptions())
        scenario.hear("#" * 20 + "." * 30)
        return scenario

    def test_the_turn_does_not_end(self, scenario: Scenario) -> None:
        assert "SpeechStopped" not in scenario.kinds()

    @pytest.mark.parametrize(
        ("words", "stopped"), [("it is late.", True), ("it is", True), ("it and", False)]
    )
    def test_they_decide_when_they_arrive(self, scenario: Scenario, words: str, stopped: bool) -> None:
        scenario.answer(words)
        assert ("SpeechStopped" in scenario.kinds()) is stopped
        assert ("FinalTranscript" in scenario.kinds()) is stopped

    def test_they_do_not_end_what_goes_on(self, scenario: Scenario) -> None:
        scenario.hear("#")
        scenario.answer("it is late.")
        assert "SpeechStopped" not in scenario.kinds()

    def test_it_ends_as_after_an_incomplete_sentence(self, scenario: Scenario) -> None:
        scenario.hear("." * 19)
        assert "SpeechStopped" not in scenario.kinds()
        scenario.hear(".")
        assert scenario.last(SpeechStopped).reason is EndReason.SILENCE

    def test_it_ends_if_words_do_not_decide(self) -> None:
        scenario = Scenario(replace(SessionOptions(), endpoint=EndpointOptions(adaptive=False)))
        scenario.hear("#" * 20 + "." * 25)
        assert "SpeechStopped" in scenario.kinds()


@pytest.mark.parametrize(("language", "stopped"), [("de", 0), ("fr", 1)])
def test_backchannels_are_those_of_the_language(language: str, stopped: int) -> None:
    scenario = Scenario(language="auto")
    scenario.say("Erzähl mir was.")
    scenario.reply("Es war einmal")
    scenario.hear("#####")
    scenario.answer("genau", language=language)
    assert scenario.stopped == stopped


def test_a_partial_without_words_is_not_shown(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.answer("")
    assert scenario.kinds() == ["SpeechStarted"]


def test_words_that_are_not_in_the_next_decode_are_removed(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.answer("oh")
    scenario.hear("#####")
    scenario.answer("")
    assert_partial(scenario, "", "oh")
    scenario.hear(PAUSE)
    scenario.answer("")
    assert_partial(scenario, "", "")


def test_the_same_words_are_shown_once(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.answer("oh")
    scenario.hear("#####")
    scenario.answer("oh")
    assert len(scenario.all(events.PartialTranscript)) == 1


def test_load_makes_partials_rarer_and_queues_nothing(scenario: Scenario) -> None:
    scenario.hear("#" * 30)
    assert len(scenario.jobs) == 1
    scenario.answer("hello")
    assert len(scenario.jobs) == 2
    assert len(scenario.jobs[1].pcm) == 2 * windows(30)


def test_a_final_is_decoded_at_a_pause_and_not_again_at_the_end(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE)
    assert [job.kind for job in scenario.jobs] == [DecodeKind.FINAL]
    scenario.answer("hello there")
    scenario.hear(END)
    assert len(scenario.jobs) == 1
    assert_final(scenario, 1, "hello there")
    final = scenario.last(FinalTranscript)
    assert scenario.events[-2:] == [SpeechStopped(1, windows(2), EndReason.SILENCE), final]
    assert (final.start, final.end) == (0, windows(8))


def test_an_end_before_the_result_waits_for_it(scenario: Scenario) -> None:
    scenario.hear(ONSET + END)
    assert scenario.kinds() == ["SpeechStarted", "SpeechStopped"]
    scenario.answer("hello")
    assert_final(scenario, 1, "hello")


def test_speech_that_continues_changes_the_final(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE)
    scenario.answer("hello")
    scenario.hear(ONSET + END)
    scenario.answer("hello there")
    assert_final(scenario, 1, "hello there")


def test_a_final_that_arrives_after_speech_continued_is_a_partial(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE + ONSET)
    scenario.answer("hello")
    assert_partial(scenario, "", "hello")
    scenario.hear(END)
    scenario.answer("hello there")
    assert_final(scenario, 1, "hello there")


def test_a_commit_ends_the_utterance_now(scenario: Scenario) -> None:
    scenario.hear("####")
    scenario.command(commands.Commit())
    assert scenario.events[-1] == SpeechStopped(1, windows(4), EndReason.COMMIT)
    scenario.answer("go")
    assert_final(scenario, 1, "go")


def test_a_commit_in_silence_is_answered_and_changes_nothing(scenario: Scenario) -> None:
    scenario.hear("..")
    scenario.command(commands.Commit())
    assert scenario.events == [FinalTranscript(1, "", (), windows(2), windows(2))]
    scenario.hear("####")
    scenario.command(commands.Commit())
    scenario.answer("go")
    assert_final(scenario, 2, "go")


def test_a_commit_after_an_utterance_is_answered_by_its_final(scenario: Scenario) -> None:
    scenario.hear("####")
    scenario.command(commands.Commit())
    scenario.command(commands.Commit())
    scenario.answer("go")
    assert_final(scenario, 1, "go")
    assert len(scenario.all(FinalTranscript)) == 1


def test_no_words_are_shown_after_the_end(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE + ONSET)
    scenario.command(commands.End())
    scenario.answer("hello")
    assert scenario.kinds() == ["SpeechStarted", "SpeechStopped"]
    scenario.answer("hello there")
    assert_final(scenario, 1, "hello there")


def test_a_commit_makes_an_urgent_decode_of_what_was_said_since_a_pause(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE + ONSET)
    scenario.command(commands.Commit())
    assert scenario.jobs[-1].urgent
    scenario.answer("hello there")
    assert_final(scenario, 1, "hello there")


def test_endless_speech_is_split_before_the_maximum_length(scenario: Scenario) -> None:
    scenario.hear("#" * 100)
    assert {stop.reason for stop in scenario.all(SpeechStopped)} == {EndReason.MAX_LENGTH}
    scenario.command(commands.Commit())
    scenario.settle()
    finals = scenario.all(FinalTranscript)
    assert [final.start for final in finals] == [0, *(final.end for final in finals[:-1])]
    assert finals[-1].end == windows(100)
    assert all(final.end - final.start <= windows(50) for final in finals)


def test_no_reply_begins_between_the_parts_of_split_speech(scenario: Scenario) -> None:
    scenario.hear("#" * 20 + PAUSE)
    scenario.answer("well")
    scenario.hear("#" * 12)
    assert [stop.reason for stop in scenario.all(SpeechStopped)] == [EndReason.MAX_LENGTH]
    assert_final(scenario, 1, "well")
    assert scenario.seen == []


def test_it_is_cut_between_words_that_are_known(scenario: Scenario) -> None:
    scenario.hear("#" * 30)
    scenario.answer("a b c d e")  # 100 ms each
    scenario.hear("#" * 5)
    [stopped] = scenario.all(SpeechStopped)
    assert min(abs(stopped.at - gap) for gap in (windows(20), windows(25))) <= to_samples(120)
    assert scenario.last(SpeechStarted).at == stopped.at
    assert scenario.job is not None
    assert len(scenario.job.pcm) == 2 * stopped.at


def test_a_decode_beyond_the_split_does_not_count(scenario: Scenario) -> None:
    scenario.hear("#" * 34)
    late = scenario.job
    scenario.hear("#")
    scenario.answer("too much", late)
    scenario.answer("so much")
    assert_final(scenario, 1, "so much")


def test_an_utterance_that_is_too_long_is_over_in_a_pause(scenario: Scenario) -> None:
    scenario.hear("#" * 32 + "...")
    assert scenario.kinds() == ["SpeechStarted", "SpeechStopped"]


def test_an_utterance_whose_speech_is_all_stable_is_not_split(scenario: Scenario) -> None:
    scenario.hear("#" * 20)
    scenario.answer("a b c d e f g h")
    scenario.answer("a b c d e f g h")  # 100 ms each: seven are stable, up to window 35
    scenario.hear("#" * 13 + "..")
    assert scenario.kinds()[-1] == "SpeechStopped"
    assert len(scenario.all(SpeechStarted)) == 1


def test_an_utterance_ends_when_audio_stops(scenario: Scenario) -> None:
    scenario.hear("####")
    scenario.wait(400)
    assert scenario.kinds() == ["SpeechStarted"]
    scenario.wait(200)
    assert scenario.events[-1] == SpeechStopped(1, windows(4), EndReason.STALLED)


def test_a_failed_partial_changes_nothing(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.fail()
    assert scenario.kinds() == ["SpeechStarted"]
    scenario.hear("#####")
    assert len(scenario.jobs) == 2


def test_a_failed_final_is_reported_and_keeps_the_stable_words(scenario: Scenario) -> None:
    scenario.hear("#####")
    scenario.answer("turn the lie")
    scenario.hear("#####")
    scenario.answer("turn the light on")
    scenario.command(commands.Commit())
    scenario.fail()
    assert [fault.code for fault in scenario.all(Fault)] == ["recognition_failed"]
    assert_final(scenario, 1, "turn the")


def test_an_utterance_expires_without_words_and_its_audio_is_bounded(scenario: Scenario) -> None:
    for _ in range(1_000):  # 160 s
        scenario.hear(ONSET + END)
    assert len(scenario.all(FinalTranscript)) == len(scenario.all(Fault)) == 250
    assert scenario.session.next_input_sample - scenario.session.transcription.kept_audio(
        0
    ).needed_from <= to_samples(121_000)
    scenario.answer("hello")
    assert_final(scenario, 251, "hello")


def test_a_silent_client_keeps_its_language(scenario: Scenario) -> None:
    scenario.hear(ONSET + END)
    scenario.wait(119_000)
    assert scenario.all(Fault) == []
    scenario.wait(2_000)
    assert [fault.code for fault in scenario.all(Fault)] == ["recognition_failed"]
    assert_final(scenario, 1, "")


def test_a_failed_decode_at_a_pause_has_no_effect_when_speech_continues(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE + ONSET)
    scenario.fail()
    scenario.hear(ONSET + END)
    scenario.answer("all of it")
    assert_final(scenario, 1, "all of it")
    assert scenario.all(Fault) == []


def test_an_unexpected_answer_changes_nothing(scenario: Scenario) -> None:
    scenario.hear("#####")
    partial = scenario.job
    scenario.command(commands.Commit())
    scenario.answer("old news", partial)
    scenario.fail(partial)
    assert scenario.kinds() == ["SpeechStarted", "SpeechStopped"]


def test_the_pre_roll_is_decoded_too(scenario: Scenario) -> None:
    scenario.hear("." * 50 + "##")
    scenario.command(commands.Commit())
    assert SpeechStarted(1, windows(50)) in scenario.events
    assert scenario.jobs[0].start == windows(35)


def test_latency_counts_from_the_last_voiced_sample(scenario: Scenario) -> None:
    scenario.hear(ONSET + END)
    scenario.now += 0.05
    scenario.answer("")
    report = scenario.last(events.TurnLatency)
    assert report.endpoint_ms == pytest.approx(120)
    assert report.final_ms == pytest.approx(170)
    assert (report.queue_ms, report.decode_ms) == (3.0, 40.0)


class TestAPause:
    """QUICK: a decode after 60 ms; the end after 120, 100 after a finished sentence, 400 after a comma."""

    @pytest.fixture
    def scenario(self) -> Scenario:
        endpoint = replace(
            QUICK.endpoint, min_end_silence_ms=100, unlikely_end_silence_ms=200, max_end_silence_ms=400
        )
        return Scenario(replace(QUICK, endpoint=endpoint))

    @pytest.mark.parametrize(("said", "windows"), [("stop.", 2), ("stop it now", 3), ("well, and", 17)])
    def test_lasts_as_long_as_its_words_ask_for(self, scenario: Scenario, said: str, windows: int) -> None:
        scenario.hear(ONSET + PAUSE)
        scenario.answer(said)
        scenario.hear("." * (windows - 1))
        assert scenario.all(SpeechStopped) == []
        scenario.hear(".")
        assert_final(scenario, 1, said)

    @pytest.mark.parametrize(
        ("said", "end_of_turn", "windows"),
        [("stop it now", 1.0, 2), ("stop.", 0.0, 7), ("well, and", 1.0, 17)],
    )
    def test_lasts_as_long_as_what_the_model_hears_asks_for(
        self, scenario: Scenario, said: str, end_of_turn: float, windows: int
    ) -> None:
        scenario.hear(ONSET + PAUSE)
        scenario.answer(said, end_of_turn=end_of_turn)
        scenario.hear("." * (windows - 1))
        assert scenario.all(SpeechStopped) == []
        scenario.hear(".")
        assert_final(scenario, 1, said)

    def test_has_a_request(self, scenario: Scenario) -> None:
        scenario.hear(ONSET + PAUSE)
        scenario.answer("stop.")
        assert scenario.request is not None
        assert scenario.request.speculative
        scenario.hear("...")
        assert scenario.confirmed == [1]

    def test_in_the_middle_of_a_sentence_has_none(self, scenario: Scenario) -> None:
        scenario.hear(ONSET + PAUSE)
        scenario.answer("stop the")
        assert scenario.request is None

    def test_that_ends_has_the_model_stopped(self, scenario: Scenario) -> None:
        scenario.hear(ONSET + PAUSE)
        scenario.answer("stop.")
        scenario.hear("##")
        assert (scenario.request, scenario.stopped) == (None, 1)

    def test_that_arrives_too_late_changes_nothing(self, scenario: Scenario) -> None:
        scenario.hear(ONSET + PAUSE)
        late = scenario.job
        scenario.hear("##")
        scenario.answer("stop.", late)
        assert scenario.request is None
        scenario.hear("." * 5)
        assert scenario.all(SpeechStopped) == []


class TestConfigure:
    def test_changes_what_the_words_do_to_the_end_silence(self, scenario: Scenario) -> None:
        scenario.command(commands.Configure(min_end_silence_ms=100, max_end_silence_ms=160))
        scenario.hear(ONSET + PAUSE)
        scenario.answer("well,")
        scenario.hear("." * 5)
        assert len(scenario.all(SpeechStopped)) == 1

    def test_changes_the_end_silence(self, scenario: Scenario) -> None:
        scenario.command(commands.Configure(end_silence_ms=200))
        scenario.hear(ONSET + "." * 9)
        assert scenario.all(SpeechStopped) == []
        scenario.hear(".")
        assert len(scenario.all(SpeechStopped)) == 1

    def test_changes_the_cadence_and_the_maximum_length(self, scenario: Scenario) -> None:
        scenario.command(commands.Configure(partial_interval_ms=400, max_utterance_ms=2000))
        scenario.hear("#" * 50)
        assert len(scenario.jobs[0].pcm) == 2 * windows(20)
        assert scenario.all(SpeechStopped) == []

    def test_a_value_out_of_bounds_changes_nothing(self, scenario: Scenario) -> None:
        with pytest.raises(InvalidValue, match="partial_interval_ms must be at least 100, not 1"):
            scenario.command(commands.Configure(end_silence_ms=200, partial_interval_ms=1))
        scenario.hear(ONSET + END)
        assert len(scenario.all(SpeechStopped)) == 1

    def test_key_terms_hold_until_others_replace_them(self, scenario: Scenario) -> None:
        for number, terms in enumerate([("Quilter", "Claflin"), ()], start=1):
            scenario.command(commands.Configure(key_terms=terms))
            scenario.command(commands.Configure(end_silence_ms=120))
            scenario.hear("#" * 10 + END)
            scenario.settle()
            assert {job.key_terms for job in scenario.jobs} == {terms}
            assert {job.kind for job in scenario.jobs} == set(DecodeKind), f"utterance {number}"
            scenario.jobs.clear()

    def test_invalid_key_terms_change_nothing(self, scenario: Scenario) -> None:
        scenario.command(commands.Configure(key_terms=("Quilter",)))
        with pytest.raises(InvalidValue, match="key_terms: term 1 contains a control character"):
            scenario.command(commands.Configure(key_terms=("Claf\nlin",)))
        scenario.hear(ONSET + PAUSE)
        assert scenario.jobs[-1].key_terms == ("Quilter",)
