"""The contracts of a session, for any order of speech, results, messages, replies and failures.

The first half plays clients, recognisers and models that do anything they legally can: a machine that met an
impossible signal would raise, and the scenario itself counts the replies that are being written. The second
half follows the samples, at every rate and in every format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.core.scenario import QUICK, Scenario
from voicegw.core import commands, events
from voicegw.core.audio import INPUT_RATES, SAMPLE_RATE, WINDOW_SAMPLES, AudioFormat, InputDecoder, to_samples
from voicegw.core.events import EndReason, FinalTranscript, PartialTranscript, SpeechStarted, SpeechStopped
from voicegw.core.jobs import DecodeKind
from voicegw.errors import LLMTimeout

SPEECH = st.sampled_from(["##", "#####", "...", ".....", "." * 8, "." * 20, "#" * 40]) | st.text(
    "#.", max_size=5
)
WORDS = st.sampled_from(
    ["so be it", "so be it then", "So, be it then", "or not", "", "it", "+今 +日 +は", "+今 +日 +は so be"]
)
ORDER = [
    *(SpeechStarted, PartialTranscript, SpeechStopped, FinalTranscript),
    *(events.ReplyStarted, events.ReplyDelta, events.ReplyDone, events.TurnLatency),
]


class AnySession(RuleBasedStateMachine):
    """Every legal input, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario()
        self.ended = False

    @precondition(lambda self: not self.ended)
    @rule(speech=SPEECH)
    def hear(self, speech: str) -> None:
        self.scenario.hear(speech)

    @precondition(lambda self: not self.ended)
    @rule(speech=SPEECH, samples=st.integers(0, 5000))
    def hear_a_piece_of_any_size(self, speech: str, samples: int) -> None:
        self.scenario.scorer.expect(speech)
        self.scenario.send(samples)

    @precondition(lambda self: not self.ended)
    @rule(
        command=st.sampled_from([commands.Commit(), commands.Cancel()])
        | st.builds(commands.TypeText, WORDS.filter(bool))
        | st.builds(commands.Configure, end_silence_ms=st.integers(100, 300), reply=st.booleans())
    )
    def command(self, command: commands.Command) -> None:
        self.scenario.command(command)

    @precondition(lambda self: not self.ended)
    @rule()
    def end(self) -> None:
        self.ended = True
        self.scenario.end()

    @rule(milliseconds=st.integers(0, 700))
    def wait(self, milliseconds: int) -> None:
        self.scenario.wait(milliseconds)

    @precondition(lambda self: self.scenario.job)
    @rule(text=WORDS)
    def answer(self, text: str) -> None:
        self.scenario.answer(text)

    @precondition(lambda self: self.scenario.job)
    @rule()
    def fail(self) -> None:
        self.scenario.fail()

    @precondition(lambda self: self.scenario.jobs)
    @rule(text=WORDS, which=st.integers(0, 99))
    def answer_any_job_there_was(self, text: str, which: int) -> None:
        self.scenario.answer(text, self.scenario.jobs[which % len(self.scenario.jobs)])

    @precondition(lambda self: self.scenario.request)
    @rule(pieces=st.lists(st.sampled_from(["", "a", "b "]), max_size=3))
    def reply(self, pieces: list[str]) -> None:
        self.scenario.reply(*pieces)

    @precondition(lambda self: self.scenario.request)
    @rule(error=st.none() | st.builds(LLMTimeout))
    def finish_reply(self, error: LLMTimeout | None) -> None:
        self.scenario.finish_reply(error)

    @rule(attempt=st.integers(1, 9))
    def finish_a_reply_nobody_waits_for(self, attempt: int) -> None:
        if attempt not in self.scenario.open_attempts:
            self.scenario.reply("stale", attempt=attempt)
            self.scenario.finish_reply(attempt=attempt)

    @invariant()
    def stable_text_is_never_taken_back(self) -> None:
        assert_stable_text_only_grows(self.scenario)

    @invariant()
    def the_events_of_a_turn_come_in_order(self) -> None:
        reached: dict[int, int] = {}
        for event in self.scenario.events:
            if type(event) in ORDER:
                turn, place = getattr(event, "turn", 0), ORDER.index(type(event))
                assert reached.get(turn, 0) <= place
                reached[turn] = place

    def teardown(self) -> None:
        """After `end` all turns are finished, the session closes once, and every turn has all its events."""
        if not self.ended:
            self.scenario.end()
        self.scenario.settle()
        self.scenario.wait(10)
        assert self.scenario.closed == 1
        told = [event for event in self.scenario.events if not is_of_nothing(event)]
        turns = {
            kind: [getattr(event, "turn", 0) for event in told if isinstance(event, kind)] for kind in ORDER
        }
        requested = [request.turn for request in self.scenario.seen]
        assert turns[SpeechStarted] == turns[SpeechStopped] == turns[FinalTranscript]
        assert sorted(turns[events.ReplyDone]) == sorted(requested)
        assert set(turns[events.ReplyStarted]) <= set(requested)
        assert sorted(turns[events.TurnLatency]) == sorted({*turns[SpeechStarted], *requested})


TestAnySession = AnySession.TestCase


def assert_stable_text_only_grows(scenario: Scenario) -> None:
    """And begins the final, letter for letter."""
    shown: dict[int, str] = {}
    for event in scenario.events:
        match event:
            case PartialTranscript(turn, stable=text) | FinalTranscript(turn, text=text):
                assert text.startswith(shown.get(turn, ""))
                shown[turn] = text


@given(st.lists(WORDS | st.sampled_from([None, commands.Commit(), commands.TypeText("and?")]), min_size=5))
def test_stable_text_is_never_taken_back(steps: list[str | commands.Command | None]) -> None:
    """Someone speaks on while decodes agree, disagree, come back empty and fail (None)."""
    scenario = Scenario()
    for step in steps:
        scenario.hear("#####")
        if isinstance(step, commands.Command):
            scenario.command(step)
        elif scenario.job is not None:
            scenario.fail() if step is None else scenario.answer(step)
    scenario.command(commands.Commit())
    while scenario.job is not None:
        scenario.answer("or not")
    assert_stable_text_only_grows(scenario)


# --- no sample is lost -----------------------------------------------------------------------------------

ONSET = to_samples(QUICK.endpoint.onset_ms)
PRE_ROLL = to_samples(QUICK.endpoint.pre_roll_ms)
Step = tuple[str, int]  # what happens, and how many samples (at 16 kHz) come with it
STEPS = st.lists(
    st.tuples(st.just("audio"), st.integers(0, 3000))
    | st.tuples(st.sampled_from(["answer", "answer", "commit", "stall"]), st.just(0)),
    min_size=10,
    max_size=60,
)


@dataclass(frozen=True)
class Told:
    """What became of one utterance, from its three events."""

    started: SpeechStarted
    stopped: SpeechStopped
    final: FinalTranscript


def is_of_nothing(event: events.Event) -> bool:
    """Whether it answers a commit with which no utterance was open."""
    return isinstance(event, FinalTranscript) and event.start == event.end


def utterances(scenario: Scenario) -> list[Told]:
    finals = [final for final in scenario.all(FinalTranscript) if not is_of_nothing(final)]
    spoken = zip(scenario.all(SpeechStarted), scenario.all(SpeechStopped), finals, strict=True)
    return [Told(*three) for three in spoken]


def live(scenario: Scenario, speech: str, steps: list[Step]) -> None:
    """Plays a whole session with a recogniser that answers whenever the steps say so, and at the end."""
    scenario.scorer.expect(speech)
    for step, samples in steps:
        match step:
            case "audio":
                scenario.send(samples * scenario.rate // SAMPLE_RATE)
            case "commit":
                scenario.command(commands.Commit())
            case "stall":
                scenario.wait(600)
            case "answer" if scenario.job is not None:
                scenario.answer("so be it")
    scenario.end()
    scenario.settle()


def voices(speech: str, heard: int, cuts: set[int]) -> Iterator[tuple[int, int]]:
    """The stretches that are voiced for long enough, in samples; a forced end cuts a voice in two."""
    windows = speech[: -(-heard // WINDOW_SAMPLES)]
    begin: int | None = None
    for index, window in enumerate(windows + "."):
        position = index * WINDOW_SAMPLES
        if begin is not None and (window != "#" or position in cuts):
            if position - begin >= ONSET:
                yield begin, position
            begin = None
        if window == "#" and begin is None:
            begin = position


@given(
    st.sampled_from(AudioFormat),
    st.sampled_from(INPUT_RATES),
    st.lists(SPEECH, min_size=3, max_size=30).map("".join),
    STEPS,
)
@example(AudioFormat.PCM, 16_000, "##.....##", [("audio", 2880)])  # a voice begins in the window of the end
@example(
    AudioFormat.PCM, 16_000, "##...##", [("audio", 1600), ("answer", 0), ("audio", 640)]
)  # or in a pause
@example(AudioFormat.PCM, 16_000, "#" * 80, [("audio", 25_600)])  # or never ends
def test_no_sample_is_lost(audio_format: AudioFormat, rate: int, speech: str, steps: list[Step]) -> None:
    scenario = Scenario(audio_format=audio_format, rate=rate)
    live(scenario, speech, steps)
    heard = InputDecoder(audio_format, rate).decode(bytes(scenario.sent))
    told = utterances(scenario)
    assert_utterances_are_apart(told)
    assert_every_voice_is_in_one(told, speech, len(heard))
    assert_finals_heard_it_all(told, scenario, heard)
    acknowledged = scenario.all(events.AudioAcknowledged)
    assert scenario.sent == b"" or acknowledged[-1].input_samples == len(scenario.sent) // scenario.width


def assert_utterances_are_apart(told: list[Told]) -> None:
    assert all(one.final.start <= one.started.at < one.final.end for one in told)
    assert all(earlier.final.end <= later.final.start for earlier, later in pairwise(told))


def assert_every_voice_is_in_one(told: list[Told], speech: str, heard: int) -> None:
    """Each with 300 ms from before it, or all there is since the utterance before."""
    cuts = {one.final.end for one in told if one.stopped.reason is not EndReason.SILENCE}
    spans = [(one.final.start, one.final.end) for one in told]
    for begin, end in voices(speech, heard, cuts):
        assert any(span[0] <= begin and end <= span[1] for span in spans)
    for before, one in zip([0, *(one.final.end for one in told)], told, strict=False):
        assert one.final.start == max(before, one.started.at - PRE_ROLL)


def assert_finals_heard_it_all(told: list[Told], scenario: Scenario, heard: np.ndarray) -> None:
    """The last final decode of every utterance covers its last voiced sample and contains the sent audio."""
    padded = np.pad(heard.astype(int), (0, WINDOW_SAMPLES))
    for one in told:
        job = [j for j in scenario.jobs if j.kind is DecodeKind.FINAL and j.start == one.final.start][-1]
        pcm = np.frombuffer(job.pcm, np.int16)
        assert one.stopped.at <= job.start + len(pcm) <= one.final.end
        assert np.abs(pcm - padded[job.start : job.start + len(pcm)]).max() <= 1  # resampled in other pieces
