"""Figures of an invented machine, on which decodes take as long as their windows say and nothing varies."""

from collections.abc import Mapping

from benchmarks.sizing.deployment import ASSUMED
from benchmarks.sizing.measured_figures import BATCHES, PERCENTS, WINDOWS_S, Measured, decode_figure
from voicegw.core.jobs import DecodeKind


def constant(name: str, ms: float) -> dict[str, float]:
    """A distribution of one value."""
    return {f"{name}_p{percent}_ms": ms for percent in PERCENTS}


def measured(decode_ms: float = 20.0, **replaced: float) -> Measured:
    """Decodes of `decode_ms`, in batches a quarter more for each further window; utterances of 2 s with 3
    words a second, each recognised with 100 ms of audio after it. replaced: figures by name."""
    decodes = {
        decode_figure(kind, window_s, batch): decode_ms * (1 + (batch - 1) / 4)
        for kind in DecodeKind
        for window_s in WINDOWS_S
        for batch in BATCHES
    }
    figures: Mapping[str, float] = {
        **ASSUMED,
        **decodes,
        **{f"{kind}_variation_ratio": 0.0 for kind in DecodeKind},
        "decodes_at_once": 2,
        "batch_limit": 1,
        "gather_ms": 0,
        "side_by_side_ratio": 1,
        **constant("lookahead", 100),
        **constant("utterance", 2000),
        **constant("pause", 200),
        "words_per_speech_s": 3,
        "pauses_per_speech_s": 0.001,
        "gateway_cpu_ms_per_audio_s": 4,
        "frame_vad_us": 40,
        "traffic_speech_ratio": 0.5,
        "redis_cpu_ms_per_speech_s": 4,
        "redis_in_bytes_per_speech_s": 500_000,
        "redis_out_bytes_per_speech_s": 400_000,
        "jobs_per_speech_s": 4,
        "gateway_memory_mb": 100,
        "worker_memory_mb": 300,
        "active_connection_bytes": 50_000,
    }
    return Measured({**figures, **replaced})
