"""A caller on a simulated clock: what its session asks for while it talks, as core/windowed_transcription.py
does, and when its words are shown.

While it speaks, a partial of all audio so far is due when there is new audio for an interval; at a pause, a
final. One decode is in flight; a final replaces a partial. A word is shown by the first window that has
enough audio after it, or by the final.
"""

from dataclasses import dataclass
from functools import partial

from simpy import Environment

from benchmarks.sizing.infrastructure import Infrastructure
from benchmarks.sizing.measured_figures import Quantiles
from benchmarks.sizing.outcome import Log
from benchmarks.sizing.speech import Speech, Talker
from benchmarks.sizing.workers import Job, Steps, WorkerGroup, after
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.jobs import DecodeKind
from voicegw.core.utterance import RecognitionOptions

_RECOGNITION, _ENDPOINT = RecognitionOptions(), EndpointOptions()
INTERVAL_S = _RECOGNITION.partial_interval_ms / 1000
LONGEST_S = _RECOGNITION.trim_after_ms / 1000  # of a window
PAUSE_S = _ENDPOINT.pause_ms / 1000
END_SILENCE_S = _ENDPOINT.end_silence_ms / 1000
PRE_ROLL_S = _ENDPOINT.pre_roll_ms / 1000
_SOON_S = 1e-6  # beyond the rounding of times


@dataclass
class Place:
    """Where callers are in an installation, and the parts they share."""

    env: Environment
    infrastructure: Infrastructure
    workers: WorkerGroup
    talker: Talker
    lookahead: Quantiles
    log: Log


class Utterance:
    """One that is being said. Times are seconds of the simulation."""

    def __init__(self, place: Place, caller: "Caller", speech: Speech) -> None:
        self.begun = place.env.now
        self.pauses = [(self.begun + start, self.begun + end) for start, end in speech.pauses]
        self.decoded_until = self.begun
        self.in_flight: Job | None = None
        self._log = place.log
        self._caller = caller
        random = place.talker.random
        self._unseen = [  # the end of a word, and how much audio has to be in its window
            (end := self.begun + offset, end + place.lookahead.draw(random)) for offset in speech.word_ends
        ]

    @property
    def end(self) -> float:
        return self.pauses[-1][0]

    def next_partial(self, now: float) -> float | None:
        """When a partial is due next; None when there will be none."""
        due = max(now, self.decoded_until + INTERVAL_S)
        for start, end in self.pauses:
            if due < start + PAUSE_S:
                return due
            due = max(due, end)
        return None

    def show(self, kind: DecodeKind, until: float, now: float) -> None:
        """The words of the window that ended at `until` are at the caller."""
        self.decoded_until = max(self.decoded_until, until)
        is_final = kind is DecodeKind.FINAL
        unseen = []
        for end, needed in self._unseen:
            if needed <= until or (is_final and end <= until):
                self._log.word(now, now - end, lost=end < self._caller.away_until)
            else:
                unseen.append((end, needed))
        self._unseen = unseen
        if is_final and until >= self.end:
            self._log.final(max(0.0, now - self.end - END_SILENCE_S))


class Caller:
    """`number` decides which gateway and which shard it is at. `away_from`, `away_until`: the last time at
    which its gateway or its shard was lost."""

    def __init__(self, place: Place, number: int) -> None:
        self.number = number
        self.away_from = self.away_until = -1.0
        self._place = place

    def run(self) -> Steps:
        """Talks until the simulation ends."""
        env, talker = self._place.env, self._place.talker
        while True:
            yield env.timeout(talker.silence_s())
            utterance = Utterance(self._place, self, talker.utterance())
            finals = env.process(self._decode_pauses(utterance))
            yield from self._decode_speech(utterance)
            yield finals

    def lose(self, until: float) -> None:
        """Its gateway or its shard is lost, with the decodes in flight, until then."""
        self.away_from, self.away_until = self._place.env.now, until

    def _decode_speech(self, utterance: Utterance) -> Steps:
        """The partials."""
        env = self._place.env
        while (due := utterance.next_partial(env.now)) is not None:
            if due > env.now + _SOON_S:
                yield env.timeout(due - env.now)  # a final may begin meanwhile
            elif utterance.in_flight is not None:
                yield utterance.in_flight.done
                yield env.timeout(0)  # the process that asked for it takes the answer first
            else:
                yield from self._decode(utterance, DecodeKind.PARTIAL, env.now)

    def _decode_pauses(self, utterance: Utterance) -> Steps:
        """The finals."""
        env = self._place.env
        for start, _ in utterance.pauses:
            yield env.timeout(max(0.0, start + PAUSE_S - env.now))
            if utterance.in_flight is not None:
                utterance.in_flight.withdraw()
            yield from self._decode(utterance, DecodeKind.FINAL, start + PAUSE_S)

    def _decode(self, utterance: Utterance, kind: DecodeKind, until: float) -> Steps:
        """Has the window up to `until` decoded and shows its words; asks again if the answer was lost."""
        env, place = self._place.env, self._place
        window_s = min(LONGEST_S, until - utterance.begun + PRE_ROLL_S)
        while True:
            job = utterance.in_flight = Job(kind, window_s, env.event())  # also while it cannot be sent
            if env.now < self.away_until:
                yield env.timeout(self.away_until - env.now)
            asked = env.now
            passing_s = place.infrastructure.pass_on(self.number, asked)
            after(env, passing_s, partial(place.workers.submit, job))
            yield job.done
            if job.withdrawn:
                return
            utterance.in_flight = None
            if asked > self.away_from or env.now < self.away_from:
                utterance.show(kind, until, env.now)
                return
