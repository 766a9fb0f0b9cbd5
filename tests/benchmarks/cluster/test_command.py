import pytest

from benchmarks.cluster.command import hop_figures
from benchmarks.cluster.hop import SECONDS, Overheads, windows_of_all_lengths
from voicegw.core.audio import SAMPLE_RATE


def test_the_hop_is_the_added_time_of_redis() -> None:
    figures = hop_figures(Overheads(local_ms=[1.0] * 100, remote_ms=[2.5] * 100))
    assert figures["hop_p50_ms"] == pytest.approx(1.5)
    assert figures["remote_p99_ms"] == pytest.approx(2.5)


def test_windows_have_the_lengths_that_sessions_have() -> None:
    sizes = [len(job.pcm) for job in windows_of_all_lengths(len(SECONDS))]
    assert sizes == [2 * SAMPLE_RATE * seconds for seconds in SECONDS]
