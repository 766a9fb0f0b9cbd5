"""The check of the speech model: a short recording is decoded, and what that took is measured."""

from collections.abc import AsyncIterator
from pathlib import Path

from voicegw.commands.findings import Finding, Status
from voicegw.commands.recognition import new_pool
from voicegw.config import Settings
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, text_of
from voicegw.errors import RecognitionFailed, StartupError
from voicegw.telemetry import Metrics

_PART = "speech model"
_SAMPLE_PLACES = (
    "models/samples/command-1.wav",
    "../models/samples/command-1.wav",
)  # in a wheel, in a checkout
_SLOW = 0.5  # real-time factor of a final


async def check_speech_model(settings: Settings) -> AsyncIterator[Finding]:
    """Loads the model in a recognition process, as the server does, and decodes the recording."""
    if settings.cluster.url is not None:
        found = "with --redis, workers recognise speech"
        yield Finding(_PART, Status.NOTE, found, "their --consumer.probe-port serves /readyz")
        return
    try:
        yield await _decode(settings)
    except (StartupError, RecognitionFailed) as error:
        remedy = "choose another --model; the small one that --model bundled names is always there"
        yield Finding(_PART, Status.WRONG, error.message, remedy)


async def _decode(settings: Settings) -> Finding:
    audio = _sample()
    pool = new_pool(settings, Metrics())
    try:
        await pool.start()
        result = await pool.decode(DecodeJob("check", 1, DecodeKind.FINAL, 0, audio))
    finally:
        await pool.close()
    audio_s = len(audio) / 2 / SAMPLE_RATE
    factor = result.decode_ms / 1000 / audio_s
    name, text = Path(settings.asr.model).name, text_of(result.words)
    if not text:
        found = f"{name} recognised no words in a recording of English"
        return Finding(_PART, Status.WRONG, found, "choose another --model or --language")
    found = f"{name} decoded {audio_s:.1f} s in {result.decode_ms:.0f} ms: {text!r}"
    if factor > _SLOW:
        return Finding(_PART, Status.NOTE, found, "this is slow: choose a smaller --model or --device cuda")
    return Finding(_PART, Status.OK, found)


def _sample() -> bytes:
    import soundfile

    package = Path(__file__).resolve().parent.parent
    [path, *_] = [place for name in _SAMPLE_PLACES if (place := package / name).is_file()]
    samples, _ = soundfile.read(path, dtype="int16")
    return bytes(samples.tobytes())
