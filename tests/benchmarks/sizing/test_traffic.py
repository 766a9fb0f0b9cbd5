"""What a real gateway, a real worker and a real Redis use, in a few seconds of speech."""

from benchmarks.sizing.traffic import beyond_idle, per_second, traffic_figures, worker_memory_mb


def test_what_is_used_without_speakers_is_subtracted() -> None:
    alone, before, after = (
        {"passed_s": passed_s, "redis_cpu_s": redis_cpu_s, "jobs": jobs}
        for passed_s, redis_cpu_s, jobs in ((100, 1.0, 7), (105, 1.5, 7), (115, 4.5, 27))
    )
    assert beyond_idle(alone, before, after) == {"redis_cpu_s": 2, "jobs": 20}
    assert beyond_idle(alone, before, {**after, "redis_cpu_s": 2.0})["redis_cpu_s"] == 0


def test_what_was_used_is_shared_out_over_audio_or_speech() -> None:
    used = {
        "gateway_cpu_s": 0.5,
        "jobs": 40,
        "redis_cpu_s": 0.1,
        "redis_in_bytes": 1e6,
        "redis_out_bytes": 5e5,
    }
    found = per_second(used, audio_s=100, speech_s=10)
    assert found == {
        "gateway_cpu_ms_per_audio_s": 5,
        "redis_cpu_ms_per_speech_s": 10,
        "redis_in_bytes_per_speech_s": 100_000,
        "redis_out_bytes_per_speech_s": 50_000,
        "jobs_per_speech_s": 4,
        "traffic_speech_ratio": 0.1,
    }


async def test_a_real_installation_is_measured() -> None:
    found = await traffic_figures(streams=1, seconds=4.0)
    assert 0 < found["gateway_cpu_ms_per_audio_s"] < 1000
    assert 0 < found["redis_cpu_ms_per_speech_s"] < 1000
    assert 16_000 < found["redis_in_bytes_per_speech_s"] < 5e6  # at least the audio, compressed
    assert 1 < found["jobs_per_speech_s"] < 8
    assert 0 < found["traffic_speech_ratio"] <= 1
    assert found["gateway_memory_mb"] > 50


async def test_the_memory_of_a_worker() -> None:
    assert 50 < await worker_memory_mb(["--model", "bundled"]) < 1000
