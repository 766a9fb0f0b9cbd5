"""What decodes cost by length and batch, and how much audio after a word it takes to recognise it."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

from benchmarks.measures import percentile
from benchmarks.segments import segments, timings
from benchmarks.simulation import Decoder, simulate
from benchmarks.sizing.measured_figures import BATCHES, WINDOWS_S, decode_figure
from clients.audio import read_pcm
from clients.samples import Sample
from voicegw.asr.calibration import load
from voicegw.asr.engine import Engine
from voicegw.asr.pipe import Layout, Setup
from voicegw.asr.vad import make_scorer
from voicegw.asr.whisper_loader import spec_of
from voicegw.config import Settings
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE, to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind

Clock = Callable[[], float]

_MARGIN_MS = 100  # of silence, before and after an utterance
_QUARTILES = 1.349  # between them, in standard deviations of a normal distribution


@dataclass(frozen=True)
class DecodeTimer:
    """Times decodes of windows of real speech."""

    engine: Engine
    layout: Layout
    clock: Clock
    speech: bytes
    repeats: int

    def figures(self) -> dict[str, float]:
        """The median time of each kind, length and batch; how much single decodes vary, and how much longer
        they take where all workers decode."""
        found: dict[str, float] = {}
        for kind in DecodeKind:
            spreads = []
            for window_s in WINDOWS_S:
                for batch in BATCHES:
                    times_s = self._times_s(kind, window_s, batch)
                    found[decode_figure(kind, window_s, batch)] = 1000 * median(times_s)
                    spreads += [_variation(times_s)] if batch == 1 else []
            found[f"{kind}_variation_ratio"] = mean(spreads)
        at_once = self.layout.at_once
        return found | {
            "decodes_at_once": at_once,
            "batch_limit": self.layout.batch,
            "gather_ms": self.layout.gather_ms,
            "side_by_side_ratio": self._calibration_s(at_once) / self._calibration_s(1),
        }

    def _times_s(self, kind: DecodeKind, window_s: int, batch: int) -> list[float]:
        """Batches that are larger than those of the layout are never decoded; they count as several."""
        if batch > self.layout.batch:
            pieces = batch // self.layout.batch
            return [pieces * seconds for seconds in self._times_s(kind, window_s, self.layout.batch)]
        times_s = []
        for number in range(self.repeats):
            jobs = [self._job(kind, window_s, number * batch + place) for place in range(batch)]
            begun = self.clock()
            self.engine.decode(jobs)
            times_s.append(self.clock() - begun)
        return times_s

    def _job(self, kind: DecodeKind, window_s: int, number: int) -> DecodeJob:
        size = SAMPLE_BYTES * SAMPLE_RATE * window_s
        at = number * 977 * SAMPLE_RATE // 1000 * SAMPLE_BYTES % (len(self.speech) - size)
        return DecodeJob(f"speaker {number}", number + 1, kind, 0, self.speech[at : at + size])

    def _calibration_s(self, at_once: int) -> float:
        """One decode of so many at once, on the clock."""
        per_worker = 2 * self.repeats
        with ThreadPoolExecutor(at_once) as pool:
            begun = self.clock()
            for decode in [
                pool.submit(self.engine.decode_calibration, 1) for _ in range(at_once * per_worker)
            ]:
                decode.result()
            return (self.clock() - begun) / per_worker / (at_once if self.clock is time.process_time else 1)


def _variation(values: Sequence[float]) -> float:
    """The standard deviation over the median, from the quartiles: a decode that something else disturbed does
    not count."""
    return (percentile(values, 75) - percentile(values, 25)) / _QUARTILES / median(values)


def _spoken(sample: Sample) -> bytes:
    """The utterances without the silence between them."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    spans = [(max(0, said.start_ms - _MARGIN_MS), said.end_ms + _MARGIN_MS) for said in sample.utterances]
    return b"".join(pcm[SAMPLE_BYTES * to_samples(a) : SAMPLE_BYTES * to_samples(b)] for a, b in spans)


def timer(server: Settings, directory: Path, samples: Sequence[Sample], repeats: int) -> DecodeTimer:
    """On CPU cores with one thread a decode, the clock is that of the CPU, so that other programs on the
    machine hardly count. Raises ModelUnavailable."""
    cores = len(os.sched_getaffinity(0))
    engine, layout = load(Setup(spec_of(directory, server.asr), cores=cores))
    on_cpu = server.asr.device == "cpu" and layout.threads == 1
    speech = b"".join(map(_spoken, samples))
    longest = SAMPLE_BYTES * SAMPLE_RATE * max(WINDOWS_S)
    speech *= 1 + longest // len(speech)
    return DecodeTimer(engine, layout, time.process_time if on_cpu else time.perf_counter, speech, repeats)


FINE_INTERVAL_MS = 100  # the least that sessions accept


def lookahead_ms(server: Settings, samples: Sequence[Sample]) -> list[float]:
    """For each recognised word, how much audio after its end the first window has that shows it in its place.

    Windows end FINE_INTERVAL_MS apart and are decoded in no time, on a simulated clock; half of the interval
    is taken off, by which such a window is later on average than the earliest that would do.
    """
    decode = Decoder(server.asr).with_beam(server.asr.beam_size)
    recognition = replace(server.session.recognition, partial_interval_ms=FINE_INTERVAL_MS)
    options = replace(server.session, recognition=recognition)
    found: list[float] = []
    for sample in samples:
        recording = simulate(sample, options, make_scorer(server.vad), decode, decode_s=0.0)
        turns, _ = segments(recording, [word for said in sample.utterances for word in said.words])
        found += [ms - FINE_INTERVAL_MS / 2 for turn in turns for ms in timings(turn, None).words]
    return found
