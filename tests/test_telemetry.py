import pytest
import structlog

from voicegw.core.jobs import DecodeJob, DecodeKind
from voicegw.core.latency import TurnLatency
from voicegw.telemetry import CONTENT_TYPE, Metrics, trace_turn


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_a_turn_is_traced_in_one_record_of_numbers() -> None:
    with structlog.testing.capture_logs() as records:
        trace_turn("s1", TurnLatency(3, endpoint_ms=500.04, done_ms=900.0, attempts=2, speculative=True))
    assert records == [
        {
            "event": "turn",
            "log_level": "info",
            "session": "s1",
            "turn": 3,
            "endpoint_ms": 500.0,
            "done_ms": 900.0,
            "attempts": 2,
            "speculative": True,
        }
    ]


@pytest.mark.parametrize(
    ("speculative", "used", "wasted"), [(True, False, 7), (True, True, 0), (False, True, 0)]
)
def test_what_the_model_wrote_for_nobody_is_counted(
    metrics: Metrics, speculative: bool, used: bool, wasted: int
) -> None:
    metrics.observe_attempt(speculative=speculative, used=used, tokens=7)
    labels = {"speculative": str(speculative).lower(), "used": str(used).lower()}
    assert metrics.registry.get_sample_value("voicegw_replies_total", labels) == 1
    assert metrics.registry.get_sample_value("voicegw_wasted_tokens_total") == wasted


def test_two_servers_do_not_share_metrics(metrics: Metrics) -> None:
    metrics.sessions.set(3)
    assert Metrics().registry.get_sample_value("voicegw_sessions") == 0


def test_redis_is_spoken_of_only_where_there_is_one(metrics: Metrics) -> None:
    assert b"voicegw_cluster_" not in metrics.exposition()
    metrics.cluster.redis_up.set(1)
    assert b"voicegw_cluster_redis_up 1.0" in metrics.exposition()


def test_nothing_is_said_of_when_a_metric_was_made(metrics: Metrics) -> None:
    metrics.observe_turn(TurnLatency(1, endpoint_ms=520.0))
    assert b"_created" not in metrics.exposition()


def test_a_turn_is_counted_by_the_steps_it_took(metrics: Metrics) -> None:
    metrics.observe_turn(TurnLatency(1, endpoint_ms=520.0, decode_ms=20.0, final_ms=560.0))
    counted = {
        step: metrics.registry.get_sample_value("voicegw_turn_latency_seconds_sum", {"step": step})
        for step in ("endpoint", "queue", "decode", "final", "first_token", "done")
    }
    assert counted == {
        "endpoint": pytest.approx(0.52),
        "queue": None,
        "decode": pytest.approx(0.02),
        "final": pytest.approx(0.56),
        "first_token": None,
        "done": None,
    }
    assert metrics.registry.get_sample_value("voicegw_turns_total") == 1


def job(kind: DecodeKind) -> DecodeJob:
    """A decode job for two seconds of audio."""
    return DecodeJob("s1", 1, kind, 0, bytes(2 * 2 * 16_000))


@pytest.mark.parametrize("kind", DecodeKind)
def test_decodes_are_counted_by_kind(metrics: Metrics, kind: DecodeKind) -> None:
    metrics.observe_decode(job(kind), 40.0, retry_ms=0.0)
    labels = {"kind": kind.value}
    assert metrics.registry.get_sample_value("voicegw_decode_seconds_count", labels) == 1
    within = {"kind": kind.value, "le": "0.05"}
    assert metrics.registry.get_sample_value("voicegw_decode_seconds_bucket", within) == 1


def test_what_decoding_again_costs_is_counted(metrics: Metrics) -> None:
    for retry_ms in (0.0, 300.0, 200.0):
        metrics.observe_decode(job(DecodeKind.FINAL), 400.0, retry_ms)
    labels = {"kind": "final"}
    assert metrics.registry.get_sample_value("voicegw_decode_retry_seconds_count", labels) == 2
    assert metrics.registry.get_sample_value("voicegw_decode_retry_seconds_sum", labels) == pytest.approx(0.5)


def test_sentences_are_counted_by_how_long_they_took(metrics: Metrics) -> None:
    metrics.observe_synthesis(first_audio_s=0.05, real_time_factor=0.1)
    assert metrics.registry.get_sample_value("voicegw_voice_first_audio_seconds_sum") == 0.05
    assert metrics.registry.get_sample_value("voicegw_voice_real_time_factor_sum") == 0.1


def test_everything_is_in_the_exposition(metrics: Metrics) -> None:
    text = metrics.exposition().decode()
    assert "version=0.0.4" in CONTENT_TYPE
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert all(name.startswith(("voicegw_", "process_")) for name in families)
    assert {"voicegw_sessions", "voicegw_workers_ready", "voicegw_decode_queue"} <= families
    documented = [line.split(maxsplit=3) for line in text.splitlines() if line.startswith("# HELP")]
    assert all(len(words) == 4 for words in documented)


def test_the_process_s_own_memory_and_descriptors_are_among_them(metrics: Metrics) -> None:
    page = metrics.exposition().decode()
    assert "\nprocess_resident_memory_bytes " in page
    assert "\nprocess_open_fds " in page
