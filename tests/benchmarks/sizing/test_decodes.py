import time

import pytest

from benchmarks.sizing.decodes import lookahead_ms, timer
from benchmarks.sizing.measured_figures import BATCHES, WINDOWS_S, decode_figure
from benchmarks.tracks import sessions
from clients.samples import read_samples
from voicegw import config
from voicegw.asr.weights import BUNDLED, locate
from voicegw.core.jobs import DecodeKind

SERVER = config.load(["--model", "bundled", "--asr.max-batch", "1"])


@pytest.mark.thorough
def test_real_decodes_are_timed_on_the_clock_of_the_cpu() -> None:
    found = timer(SERVER, locate(BUNDLED), sessions()[:1], repeats=2)
    assert found.clock is time.process_time
    figures = found.figures()
    times_ms = [figures[decode_figure(kind, s, b)] for kind in DecodeKind for s in WINDOWS_S for b in BATCHES]
    assert min(times_ms) > 0
    one, two = (figures[decode_figure(DecodeKind.PARTIAL, 4, batch)] for batch in (1, 2))
    assert two > one  # batches beyond the limit count as several
    assert figures["partial_12s_batch_1_ms"] > figures["partial_1s_batch_1_ms"]
    assert (figures["batch_limit"], figures["gather_ms"]) == (1, 0)


def test_most_words_are_recognised_soon_after_their_end() -> None:
    [sample] = [one for one in read_samples() if one.file == "command-1.wav"]
    found = sorted(lookahead_ms(SERVER, [sample]))
    assert len(found) >= 5
    assert -500 < found[len(found) // 2] < 500
