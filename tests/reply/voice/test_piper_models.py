from pathlib import Path

import pytest

from voicegw.errors import ModelUnavailable
from voicegw.reply.voice import piper_models
from voicegw.reply.voice.piper_models import DEFAULT, config_of, find, installed


def test_the_packaged_voice_is_found_by_its_name() -> None:
    path = find(None)
    assert path == find(DEFAULT)
    assert path.name == f"{DEFAULT}.onnx"
    assert installed(None)


def test_a_model_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my.onnx"
    for file in (path, config_of(path)):
        assert not installed(str(path))
        with pytest.raises(ModelUnavailable, match=rf"no file {file}; --voice-model .*download_voices"):
            find(str(path))
        file.touch()
    assert installed(str(path))
    assert find(str(path)) == path


def test_without_the_packages_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(piper_models._PACKAGES, DEFAULT, "not_installed_voice")
    assert not installed(None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'voicegw\[voice\]'"):
        find(None)
    monkeypatch.setattr(piper_models, "LIBRARY", "not_installed_piper")
    with pytest.raises(ModelUnavailable, match=r"needs the package piper-tts.*--voice-engine espeak"):
        find(None)
