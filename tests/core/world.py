"""A simulation of whole conversations with the core, random but reproducible: a user who speaks with pauses,
a recogniser with a delay, and a model with its own speed. Time advances in windows of 20 ms.

Up to five voiced windows in a row are one word. Every decode that contains its beginning recognises it; the
last word of a partial may be wrong. The text of a reply contains the number of its attempt.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.core.scenario import Scenario
from voicegw.core import actions, events
from voicegw.core.audio import WINDOW_SAMPLES
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.events import FinalTranscript, Message, ReplyDelta, ReplyDone, ReplyReason, ReplyStarted
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.session import SessionOptions
from voicegw.core.utterance import RecognitionOptions

OPTIONS = SessionOptions(
    EndpointOptions(
        onset_ms=40, pause_ms=80, end_silence_ms=240, min_end_silence_ms=160, max_end_silence_ms=400
    ),
    RecognitionOptions(partial_interval_ms=100, shown_edge_ms=0),
    reply=ReplyOptions(barge_in=BargeInOptions(voiced_ms=60)),
    max_burst_ms=60_000,
)
WORD_WINDOWS = 5
BACKCHANNELS = ("mm-hm", "okay.")
VOCABULARY = ("lights", "on.", "and", "stop", "four", "please?", "the", "door,", *BACKCHANNELS)


@dataclass
class Pace:
    """In windows: the duration of a decode, of the first piece of a reply, and of each further piece. pieces:
    the number of pieces of a reply."""

    decode: int
    first: int
    each: int
    pieces: int


class World(Scenario):
    """One conversation, simulated by `play` and checked by the `assert_...` functions."""

    def __init__(self, seed: int, options: SessionOptions = OPTIONS) -> None:
        super().__init__(options)
        self.chance = random.Random(seed)
        self.pace = Pace(
            *(self.chance.randint(low, high) for low, high in ((1, 6), (0, 12), (1, 4), (1, 12)))
        )
        self.words: list[tuple[int, str]] = []  # the window in which each begins
        self._window = 0
        self._voiced = 0
        self._due: dict[str, int] = {}
        self._asked: DecodeJob | None = None
        self._writing: actions.Respond | None = None
        self._written = 0

    def speech(self, fits: int) -> str:
        """Words with pauses of many lengths, close to those at which the core decides something."""
        voice, quiet = self.chance.randint, self.chance.choice
        return "".join(
            "#" * voice(2, 20) + "." * quiet([1, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 20, 21, 22, 40, 60])
            for _ in range(fits)
        )

    def play(self, fits: int) -> None:
        """Speaks, waits for the reply, and ends the session."""
        for window in self.speech(fits) + "." * 30:
            self._step(window)
        self.end()
        for _ in range(2_000):
            if self.closed:
                return
            self._step("")
        raise AssertionError("the session does not end")

    def _step(self, window: str) -> None:
        self._window += 1
        self._voiced = self._voiced + 1 if window == "#" else 0
        if self._voiced % WORD_WINDOWS == 1:
            word = self.chance.choice(VOCABULARY)
            numbered = word if word in BACKCHANNELS else f"{len(self.words)}{word}"
            self.words.append((self._window, numbered))
        if window:
            self.hear(window)
        self._recognise()
        self._write()

    def _recognise(self) -> None:
        if self.job is not self._asked:
            self._asked = self.job
            self._due["decode"] = self._window + self.pace.decode
        if self.job is not None and self._due["decode"] <= self._window:
            job, self.job = self.job, None
            result = DecodeResult(job.session, job.number, self._heard(job))
            self.session.receive_recognition(result, self.now)
            self.perform()

    def _heard(self, job: DecodeJob) -> tuple[Word, ...]:
        begin, end = job.start // WINDOW_SAMPLES, (job.start + len(job.pcm) // 2) // WINDOW_SAMPLES
        heard = [
            Word(text, (at - 1) * WINDOW_SAMPLES, (at + WORD_WINDOWS - 1) * WINDOW_SAMPLES, 0.9)
            for at, text in self.words
            if begin < at <= end
        ]
        if heard and job.kind is DecodeKind.PARTIAL and self.chance.random() < 0.3:
            heard[-1] = Word("misheard", heard[-1].start, heard[-1].end, 0.3)
        return tuple(heard)

    def _write(self) -> None:
        if self.request is not self._writing:
            self._writing, self._written = self.request, 0
            self._due["piece"] = self._window + self.pace.first
        while self.request is not None and self._due["piece"] <= self._window:
            self._due["piece"] += self.pace.each
            if self._written == self.pace.pieces:
                self.finish_reply()
                return
            self._written += 1
            self.reply(f"{self.request.attempt}:{self._written} ")
            for stopped in {each.attempt for each in self.requests} - {*self.open_attempts}:
                self.reply(f"{stopped}: too late", attempt=stopped)


def played(seed: int, fits: int, options: SessionOptions = OPTIONS) -> World:
    """A simulation that has ended."""
    world = World(seed, options)
    world.play(fits)
    return world


def without_speculation(options: SessionOptions = OPTIONS) -> SessionOptions:
    """The same options without speculative requests."""
    return replace(options, reply=replace(options.reply, speculate=False))


def assert_only_confirmed_replies_are_delivered(world: World) -> None:
    """Every delivered piece was written by the attempt that answers its turn."""
    answered = {request.turn: request.attempt for request in world.seen}
    for delta in world.all(ReplyDelta):
        assert delta.text.startswith(f"{answered[delta.turn]}:")


def assert_every_turn_is_answered_once(world: World) -> None:
    """Each turn has one reply, and all final transcripts are in the last prompt."""
    turns = [request.turn for request in world.seen]
    assert len(turns) == len(set(turns))
    assert sorted(done.turn for done in world.all(ReplyDone)) == turns
    heard = [
        final for final in world.all(FinalTranscript) if final.text and not _possible_answer(world, final)
    ]
    prompt = world.seen[-1].messages if turns else ()
    assert [message.content for message in prompt if message.role == "user"] == [
        final.text for final in heard
    ]


def assert_nothing_follows_the_end_of_a_reply(world: World) -> None:
    """The events of each reply are: started, pieces, done; the text of done is that of the pieces."""
    shown: dict[int, str] = {}
    done: set[int] = set()
    for event in world.events:
        match event:
            case ReplyStarted(turn):
                assert turn not in shown
                shown[turn] = ""
            case ReplyDelta(turn, text):
                assert turn not in done
                shown[turn] += text
            case ReplyDone(turn, text):
                assert shown.get(turn, "") == text
                done.add(turn)


def assert_history_is_what_was_delivered(world: World) -> None:
    """Every prompt contains the earlier replies as delivered, marked where they were cut off."""
    delivered = {
        done.turn: done.text if done.reason is ReplyReason.COMPLETED else f"{done.text} [cut off]"
        for done in world.all(ReplyDone)
        if done.text
    }
    for request in world.requests:
        before = [text for turn, text in sorted(delivered.items()) if turn < request.turn]
        assert [message.content for message in _assistant_messages(request)] == before


def _assistant_messages(request: actions.Respond) -> Iterator[Message]:
    return (message for message in request.messages if message.role == "assistant")


def _possible_answer(world: World, final: events.FinalTranscript) -> bool:
    """Whether the words were a cough or a backchannel over a reply, which ended only after them."""
    after = world.events[world.events.index(final) :]
    return any(isinstance(event, ReplyDone) and event.turn < final.turn for event in after)
