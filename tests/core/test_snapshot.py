"""A session that moves to another process sends the same events as one that does not."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.core.scenario import END, PAUSE, QUICK, Scenario, assert_final, windowed
from voicegw.core import commands, events, snapshot
from voicegw.core.actions import FollowBackgroundCall
from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.events import ClientToolCalled, FinalTranscript, ReplyReason, ToolAnswered, ToolCalled
from voicegw.core.jobs import DecodeJob, DecodeResult, Word
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.session import Session
from voicegw.core.snapshot import SessionState
from voicegw.core.transcription import KeptAudio

BLOCK = 1600  # samples that make a word
SPEECH = st.lists(st.sampled_from(["#####", "#" * 12, ".", "...", "." * 7, "." * 14, "#"]), max_size=12)


def heard(job: DecodeJob) -> DecodeResult:
    """The result of a recogniser for which each tenth of a second is a word."""
    end = job.start + len(job.pcm) // 2
    words = [
        Word(f"w{block}", block * BLOCK, (block + 1) * BLOCK, 0.9)
        for block in range(-(-job.start // BLOCK), end // BLOCK)
    ]
    return DecodeResult(job.session, job.number, tuple(words))


def answer(scenario: Scenario) -> None:
    while (job := scenario.job) is not None:
        scenario.job = None
        scenario.session.receive_recognition(heard(job), scenario.now)
        scenario.perform()


def moved(scenario: Scenario) -> None:
    """The session moves to another process with another clock; requests in flight are lost."""
    taken = snapshot.encode(scenario.session.snapshot(scenario.now))
    transcription = scenario.session.transcription
    kept = transcription.kept_audio(transcription.kept_audio(0).needed_from)
    state = snapshot.decode(taken, SessionState)
    assert isinstance(state, SessionState)
    scenario.session = Session(
        *(scenario.session.name, scenario.options, scenario.session.profile, scenario.scorer),
        windowed(scenario.options),
    )
    scenario.now += 1_000
    scenario.job = scenario.request = None
    scenario.scorer.ignoring = True
    scenario.session.restore(state, kept.pcm, kept.start, 0.0, scenario.now)
    scenario.scorer.ignoring = False
    scenario.session.receive_reconnect(scenario.now)
    scenario.perform()


def finals(speech: list[str], cuts: set[int], slow: set[int]) -> Iterator[FinalTranscript]:
    """The finals of a session that moves after the windows `cuts`, and whose decodes are late after
    `slow`."""
    scenario = Scenario(QUICK)
    scenario.configure_replies(commands.ReplyMode.NONE)
    for number, window in enumerate("".join(speech) + "." * 30):
        scenario.hear(window)
        if number not in slow:
            answer(scenario)
        if number in cuts:
            moved(scenario)
            answer(scenario)
    answer(scenario)
    yield from scenario.all(FinalTranscript)


def test_key_terms_move_with_the_session() -> None:
    scenario = Scenario()
    scenario.command(commands.Configure(key_terms=("Quilter",)))
    moved(scenario)
    scenario.hear("#" * 10)
    assert scenario.jobs[-1].key_terms == ("Quilter",)


@given(SPEECH, st.sets(st.integers(0, 120), max_size=4))
def test_the_finals_are_those_of_a_session_left_alone(speech: list[str], cuts: set[int]) -> None:
    assert list(finals(speech, cuts, set())) == list(finals(speech, set(), set()))


@given(SPEECH, st.sets(st.integers(0, 120), max_size=4), st.sets(st.integers(0, 120), max_size=20))
def test_a_decode_in_flight_is_requested_again(speech: list[str], cuts: set[int], slow: set[int]) -> None:
    alone = [(final.turn, final.text) for final in finals(speech, set(), slow)]
    assert [(final.turn, final.text) for final in finals(speech, cuts, slow)] == alone


@given(
    st.sampled_from(INPUT_RATES),
    st.lists(st.integers(0, 700), min_size=1, max_size=20),
    st.sets(st.integers(0, 19)),
)
def test_no_sample_is_lost_or_doubled(rate: int, pieces: list[int], cuts: set[int]) -> None:
    heard_audio = []
    for places in (set(), cuts):
        scenario = Scenario(QUICK, rate=rate)
        for number, samples in enumerate(pieces):
            scenario.send(samples)
            if number in places:
                moved(scenario)
        heard_audio.append((scenario.session.transcription.kept_audio(0), scenario.session.next_input_sample))
    assert heard_audio[0] == heard_audio[1]


def test_a_reply_without_delivered_text_is_requested_again() -> None:
    scenario = Scenario()
    scenario.say("What time is it?")
    moved(scenario)
    assert scenario.request is not None
    assert scenario.request.messages[-1].content == "What time is it?"
    scenario.reply("Noon.")
    scenario.finish_reply()
    assert scenario.last(events.ReplyDone) == events.ReplyDone(1, "Noon.", ReplyReason.COMPLETED)


def test_a_speculative_reply_is_requested_again_at_the_final() -> None:
    scenario = Scenario()
    scenario.hear("#" * 5 + PAUSE)
    scenario.answer("what time is it")
    assert [request.speculative for request in scenario.requests] == [True]
    moved(scenario)
    assert scenario.request is None
    scenario.hear(END)
    answer(scenario)
    assert [request.speculative for request in scenario.requests] == [True, False]


def test_a_spoken_reply_fails_with_its_heard_part() -> None:
    scenario = Scenario()
    scenario.configure_replies(commands.ReplyMode.AUDIO)
    scenario.say("What time is it?")
    scenario.reply("It is ten past ten in the morning.")
    scenario.finish_reply()
    scenario.utter(2000)
    for _ in range(10):
        scenario.wait(100)
    scenario.speak = None
    moved(scenario)
    assert scenario.last(events.ReplyDone) == events.ReplyDone(1, "It is ten past", ReplyReason.FAILED)
    assert scenario.session.profile.speaks


@pytest.mark.parametrize("place", ["before its end", "before the echo", "in the echo"])
def test_an_echo_is_one_in_another_process_too(place: str) -> None:
    scenario = Scenario(replace(QUICK, reply=ReplyOptions(barge_in=BargeInOptions(echo=True))))
    scenario.configure_replies(commands.ReplyMode.AUDIO)
    scenario.say("What time is it?")
    scenario.reply("It is ten past ten.")
    scenario.finish_reply()
    scenario.utter(1000)
    for _ in range(8 if place == "before its end" else 11):
        scenario.wait(100)
    scenario.hear("" if place == "before the echo" else "#####")
    moved(scenario)
    scenario.hear("#####" + END)
    scenario.answer("it is ten")
    assert_final(scenario, 2, "it is ten")
    assert len(scenario.requests) == 1


def test_wrongly_declared_audio_is_reported_once() -> None:
    scenario = Scenario(rate=8_000)
    for cut in (False, True):
        if cut:
            moved(scenario)
        for _ in range(250):
            scenario.now += 0.02
            scenario.send(320)
    assert [fault.code for fault in scenario.all(events.Fault)] == ["audio_misdeclared"]


def test_a_restored_spoken_reply_waits_while_the_user_speaks() -> None:
    scenario = Scenario(QUICK)
    scenario.configure_replies(commands.ReplyMode.AUDIO)
    scenario.say("What time is it?")
    scenario.hear("#" * 10)
    moved(scenario)
    scenario.reply("Noon.")
    scenario.finish_reply()
    scenario.utter(500)
    assert scenario.played == b""
    scenario.hear(END)
    scenario.answer("")
    assert scenario.played


def test_a_partly_delivered_reply_fails() -> None:
    scenario = Scenario()
    scenario.say("What time is it?")
    scenario.reply("It is")
    moved(scenario)
    assert scenario.request is None
    assert scenario.last(events.ReplyDone) == events.ReplyDone(1, "It is", ReplyReason.FAILED)
    scenario.say("Go on.")
    assert [message.content for message in scenario.requests[-1].messages[-2:]] == [
        "It is [cut off]",
        "Go on.",
    ]


def test_an_answer_over_a_reply_that_has_failed_answers_no_later_one() -> None:
    scenario = Scenario()
    scenario.say("A table, please.")
    scenario.reply("Shall I book it?")
    scenario.hear("#####" + END)
    scenario.answer("okay")
    moved(scenario)
    assert [report.turn for report in scenario.all(events.TurnLatency)] == [1, 2]
    scenario.say("Book two.")
    scenario.reply("For eight?")
    scenario.finish_reply()
    assert scenario.request is None


def test_a_snapshot_of_a_partly_delivered_reply_has_no_prompt() -> None:
    scenario = Scenario()
    scenario.say("What time is it?")
    prompt = scenario.session.snapshot(0.0).dialogue.reply
    assert prompt is not None
    assert prompt.messages[-1].content == "What time is it?"
    scenario.reply("It is")
    begun = scenario.session.snapshot(0.0).dialogue.reply
    assert begun is not None
    assert begun.messages == ()


def test_background_calls_are_followed_until_their_results_are_there() -> None:
    scenario, call = Scenario(), ToolCalled("c1", "book", "{}")
    scenario.say("Book a table.")
    scenario.reply(call, ToolAnswered("c1", "book", "accepted", ok=True, background_call="e1"), "On it.")
    scenario.finish_reply()
    moved(scenario)
    assert scenario.followed == 2 * [FollowBackgroundCall(1, call, "e1")]
    scenario.session.dialogue.receive_call_progress(1, call, CallProgress("booked", done=True))
    moved(scenario)
    assert len(scenario.followed) == 2
    scenario.say("Thanks.")
    assert [message.content for message in scenario.requests[-1].messages[-2:]] == ["booked", "Thanks."]


def test_a_reply_that_called_a_tool_is_not_requested_again() -> None:
    scenario = Scenario()
    scenario.say("Book a table.")
    scenario.reply(ToolCalled("c1", "book", "{}"))
    moved(scenario)
    assert scenario.request is None
    assert scenario.last(events.ReplyDone).reason is ReplyReason.FAILED


def test_the_history_moves_to_another_process() -> None:
    scenario = Scenario()
    scenario.say("My name is Ada.")
    scenario.reply("Hello.")
    scenario.finish_reply()
    moved(scenario)
    scenario.say("What is it?")
    contents = [message.content for message in scenario.requests[-1].messages]
    assert contents[-3:] == ["My name is Ada.", "Hello.", "What is it?"]
    assert scenario.request is not None
    assert scenario.request.turn == 2


@pytest.mark.parametrize("kind", [ToolCalled, ClientToolCalled, AskedCall])
def test_calls_of_an_earlier_version_are_read_and_the_reverse(kind: type[ToolCalled]) -> None:
    call = kind("c1", "book", "{}", *(("alice", "s1") if kind is AskedCall else ()), extra="{}")
    *earlier, extra = msgspec.json.decode(msgspec.json.encode(call))
    assert extra == "{}"
    assert msgspec.json.decode(msgspec.json.encode(earlier), type=kind) == structs.replace(call, extra="")


def test_settings_and_positions_are_kept() -> None:
    scenario = Scenario()
    scenario.command(commands.Configure(end_silence_ms=300, reply=commands.ReplyMode.NONE))
    scenario.session.messages_taken = 3
    scenario.send(500)
    moved(scenario)
    assert scenario.session.next_input_sample == 500
    assert scenario.session.messages_taken == 3
    again = scenario.session.snapshot(0.0)
    assert again.listener.endpointer.options.end_silence_ms == 300
    assert scenario.session.profile.reply is commands.ReplyMode.NONE
    assert scenario.session.profile.end_silence_ms == 300


def test_a_restored_session_that_was_ending_ends() -> None:
    scenario = Scenario()
    scenario.hear("#" * 10)
    scenario.job = None
    scenario.end()
    moved(scenario)
    answer(scenario)
    scenario.settle()
    assert scenario.closed == 1


def test_a_snapshot_of_another_version_is_rejected() -> None:
    taken = snapshot.encode(Scenario().session.snapshot(0.0))
    assert snapshot.decode(taken, SessionState) is not None
    assert snapshot.decode(taken.replace(bytes([snapshot.VERSION]), b"\x7f", 1), SessionState) is None
    assert snapshot.decode(b"nonsense", SessionState) is None


def test_telephone_audio_is_converted_without_a_seam() -> None:
    def audio(*, move: bool) -> KeptAudio:
        scenario = Scenario(QUICK, audio_format=AudioFormat.MULAW, rate=8_000)
        scenario.send(777)
        if move:
            moved(scenario)
        scenario.send(777)
        return scenario.session.transcription.kept_audio(0)

    assert audio(move=True) == audio(move=False)


def test_the_language_of_the_user_moves_along() -> None:
    scenario = Scenario(language="auto")
    scenario.hear("#####" + END)
    scenario.answer("ja", language="de")
    moved(scenario)
    assert scenario.session.language == "de"
