"""Locates the weights of a model, and reads the properties stated in its directory."""

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path

import msgspec
import structlog

from voicegw.asr import packaged_weights
from voicegw.asr.rejection import SpeechWeights
from voicegw.errors import ModelUnavailable

log = structlog.get_logger(__name__)

BUNDLED = "bundled"
_BUNDLED_PLACES = ("bundled_model", "../models/bundled")  # in a wheel, in a checkout


# What stock models are downloaded as. Weights come from others, who could change what a name leads to.
_LARGE_V3 = "edaa852ec7e145841d8ffdb056a99866b5f0a478"
_TURBO = "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf"
_REVISIONS = {
    "tiny": "d90ca5fe260221311c53c58e660288d3deb8d356",
    "tiny.en": "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
    "base": "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    "base.en": "3d3d5dee26484f91867d81cb899cfcf72b96be6c",
    "small": "536b0662742c02347bc0e980a01041f333bce120",
    "small.en": "d1d751a5f8271d482d14ca55d9e2deeebbae577f",
    "medium": "08e178d48790749d25932bbc082711ddcfdfbc4f",
    "medium.en": "a29b04bd15381511a9af671baec01072039215e3",
    "large-v1": "b07c8d4be0be90092aa01a29c975077acb8d15c9",
    "large-v2": "f0fe81560cb8b68660e564f55dd99207059c092e",
    "large-v3": _LARGE_V3,
    "large": _LARGE_V3,
    "large-v3-turbo": _TURBO,
    "turbo": _TURBO,
    "distil-small.en": "ef77d90526ccd62cde3808ee70626a01e5cf83e4",
    "distil-medium.en": "80ddfce281f77766d8943d63109199fc8145dfa5",
    "distil-large-v2": "fe9b404fc56de3f7c38606ef9ba6fd83526d05e4",
    "distil-large-v3": "c3058b475261292e64a0412df1d2681c06260fab",
    "distil-large-v3.5": "9793ccc07920e0f830e1dba0343efcdf0ef8c903",
}


class ModelFlags(msgspec.Struct, frozen=True):
    """The content of `voicegw.json` in a model's directory; the defaults are those of stock models.

    short_context: trained on windows of any length. partial_silence_ms: the silence to append to a window, so
    that the model does not complete a sentence that was cut. uses_context: recognition is better with earlier
    speech in the window. speech: the weights of the evidence for speech.
    """

    name: str = ""
    short_context: bool = False
    partial_silence_ms: int = 0
    language: str = "en"
    uses_context: bool = True
    speech: SpeechWeights = SpeechWeights()


def locate(model: str) -> Path:
    """The model's directory: as it is named, from an installed package, or downloaded, a stock model by its
    name. Raises ModelUnavailable in one line."""
    package = Path(__file__).resolve().parent.parent
    places = [package / name for name in _BUNDLED_PLACES] if model == BUNDLED else [Path(model).expanduser()]
    found = next((place.resolve() for place in places if place.is_dir()), None)
    return found or packaged_weights.find(model) or _download(model)


async def get(model: str) -> Path:
    """`locate` in a daemon thread, because a download can hang for minutes: a process that stops would wait
    for the thread of an executor."""
    found: Future[Path] = Future()
    found.set_running_or_notify_cancel()  # nobody can cancel it: the thread goes on until it is done

    def work() -> None:
        try:
            found.set_result(locate(model))
        except Exception as error:  # noqa: BLE001 - raised again in the event loop
            found.set_exception(error)

    threading.Thread(target=work, name="weights", daemon=True).start()
    return await asyncio.wrap_future(found)


def _download(model: str) -> Path:
    from faster_whisper import download_model

    log.info("getting the speech model; the first time it is downloaded", model=model)
    name, _, revision = model.partition("@")
    try:
        return Path(download_model(name, revision=revision or _REVISIONS.get(name)))
    except Exception as error:  # the hub raises whatever its HTTP stack does
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:160]
        raise ModelUnavailable(
            f"cannot get the speech model {model!r} ({reason}); give --model a CTranslate2 directory, "
            "or use --model base, which needs no model hub after pip install 'voicegw[whisper-base]', "
            f"or the small built-in one with --model {BUNDLED}"
        ) from error


def read_flags(directory: Path) -> ModelFlags:
    """The flags of the model in `directory`. Raises ModelUnavailable when they cannot be read."""
    path = directory / "voicegw.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelFlags) if path.exists() else ModelFlags()
    except (msgspec.MsgspecError, RecursionError, OSError) as error:
        raise ModelUnavailable(f"cannot read {path}: {error}") from error
