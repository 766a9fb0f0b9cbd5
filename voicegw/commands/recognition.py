"""The recogniser of a process: its own recognition processes, or those of all machines."""

from voicegw.asr.pool import WorkerPool
from voicegw.asr.whisper_loader import WhisperSource
from voicegw.cluster.jobs.remote import RemoteRecognizer
from voicegw.config import Settings, WorkerSettings
from voicegw.core.recognizer import Recognizer
from voicegw.telemetry import Metrics


def new_recognizer(settings: Settings, metrics: Metrics) -> Recognizer:
    """Local recognition processes, or with Redis, the workers of all machines."""
    if settings.cluster.url is not None:
        return RemoteRecognizer(settings.cluster, settings.remote, metrics)
    return new_pool(settings, metrics)


def new_pool(settings: Settings | WorkerSettings, metrics: Metrics) -> WorkerPool:
    """Local recognition processes."""
    return WorkerPool(WhisperSource(settings.asr), settings.pool, metrics)


def gpu_count() -> int:
    """How many GPUs the speech engine can use."""
    from ctranslate2 import get_cuda_device_count

    return int(get_cuda_device_count())
