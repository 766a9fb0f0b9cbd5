"""Models from packages: joined once, checked, safe from crashes and from two starts at once."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from tests.observing import PATIENCE_S
from tests.speech import job, pcm, said, single_utterances, word_error_rate
from voicegw.asr import packaged_weights
from voicegw.asr.packaged_weights import WHISPER_BASE, PackagedFile, PackagedModel, find, put_together
from voicegw.asr.weights import locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.jobs import text_of
from voicegw.errors import ModelUnavailable

ROOT = Path(__file__).parent.parent.parent
CONTENT = {"model.bin": b"first half, second half", "config.json": b"{}"}
PARTS = {
    "fake_model_1/data/model.bin.part1": b"first half, ",
    "fake_model_2/data/model.bin.part2": b"second half",
    "fake_model_2/data/config.json": b"{}",
}


def packaged(name: str, *parts: str) -> PackagedFile:
    content = CONTENT[name]
    return PackagedFile(name, len(content), hashlib.sha256(content).hexdigest(), parts)


MODEL = PackagedModel(
    "fake-model",
    (
        packaged("model.bin", "fake_model_1/data/model.bin.part1", "fake_model_2/data/model.bin.part2"),
        packaged("config.json", "fake_model_2/data/config.json"),
    ),
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def packages(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the packages of MODEL are installed; their code must not be run."""
    directory = tmp_path / "site"
    for part, content in PARTS.items():
        path = directory / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        (path.parent.parent / "__init__.py").write_text("raise AssertionError('a package was imported')")
    monkeypatch.syspath_prepend(directory)
    return directory


def files(directory: Path) -> dict[str, bytes]:
    """What is in a model's directory, its lock apart."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != ".lock"}


def made() -> Path:
    directory = put_together(MODEL)
    assert directory
    return directory


def refusal() -> str:
    """The line that says why there is no model."""
    with pytest.raises(ModelUnavailable) as unavailable:
        put_together(MODEL)
    assert "\n" not in unavailable.value.message
    return unavailable.value.message


def test_a_model_is_joined_in_the_cache(packages: Path, cache: Path) -> None:
    directory = made()
    assert directory.parent == cache / "voicegw"
    assert directory.name.startswith("fake-model-")
    assert files(directory) == CONTENT


@pytest.mark.usefixtures("packages")
def test_it_is_joined_once_and_said_once() -> None:
    with structlog.testing.capture_logs() as records:
        first = {path: path.stat().st_ino for path in made().iterdir()}
        assert {path: path.stat().st_ino for path in made().iterdir()} == first
    assert [record["model"] for record in records] == ["fake-model"]


def test_other_checksums_have_another_directory() -> None:
    assert PackagedModel(MODEL.name, MODEL.files[1:]).directory_name != MODEL.directory_name


@pytest.mark.usefixtures("cache")
def test_without_its_packages_there_is_no_model() -> None:
    assert put_together(MODEL) is None
    assert find("base.en") is None


def test_the_cache_is_in_the_home_directory(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert made().parent == tmp_path / "home/.cache/voicegw"


@pytest.mark.usefixtures("packages")
def test_a_user_without_a_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert "XDG_CACHE_HOME" in refusal()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_has_changed(part: str, packages: Path, cache: Path) -> None:
    content = PARTS[part]
    (packages / part).write_bytes(content[:-1] + b"?")  # as long as it should be
    reason = refusal()
    assert "another checksum" in reason
    assert "pip install --force-reinstall fake-model-1 fake-model-2" in reason
    assert not list(cache.rglob("*.unchecked"))
    (packages / part).write_bytes(content)
    assert files(made()) == CONTENT


def test_a_part_that_is_gone(packages: Path) -> None:
    (packages / "fake_model_1/data/model.bin.part1").unlink()
    reason = refusal()
    assert "fake_model_1/data/model.bin.part1: No such file" in reason
    assert "--force-reinstall" in reason


def test_a_package_that_is_gone(packages: Path) -> None:
    (packages / "fake_model_1").rename(packages / "elsewhere")
    assert "fake-model-1 is not installed" in refusal()


@pytest.mark.usefixtures("packages")
def test_a_file_that_was_cut_in_the_cache_is_made_again() -> None:
    (made() / "model.bin").write_bytes(b"first")
    assert files(made()) == CONTENT


@pytest.mark.usefixtures("packages")
def test_a_cache_that_cannot_be_written(cache: Path) -> None:
    cache.write_text("a file where a directory should be")
    reason = refusal()
    assert str(cache / "voicegw" / MODEL.directory_name) in reason
    assert os.strerror(errno.ENOTDIR) in reason


@pytest.mark.usefixtures("packages")
def test_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        reason = refusal()
    assert os.strerror(errno.ENOSPC) in reason
    assert str(cache) in reason
    assert files(cache / "voicegw" / MODEL.directory_name) == {}
    assert files(made()) == CONTENT


CRASH = """
import os
from tests.asr.test_packaged_weights import MODEL
from voicegw.asr.packaged_weights import put_together

synced = []
def crash(descriptor):
    synced.append(descriptor)
    if len(synced) == {number}:
        os.ftruncate(descriptor, 1)
        os._exit(7)
os.fsync = crash
put_together(MODEL)
"""


@pytest.mark.parametrize("number", [1, 2])
def test_a_crash_in_the_middle_leaves_nothing_that_is_taken_for_whole(
    number: int, packages: Path, cache: Path
) -> None:
    path = {"PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"}
    crashed = subprocess.run([sys.executable, "-c", CRASH.format(number=number)], env=os.environ | path)
    assert crashed.returncode == 7
    left = files(cache / "voicegw" / MODEL.directory_name)
    assert [name for name in left if name.endswith(".unchecked")]
    assert files(made()) == CONTENT


@pytest.mark.usefixtures("packages")
def test_two_that_start_at_once_make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(2, timeout=PATIENCE_S)
    looked: list[list[PackagedFile]] = []
    joined: list[str] = []
    missing, join = packaged_weights._missing, packaged_weights._join

    def look(model: PackagedModel, target: Path) -> list[PackagedFile]:
        found = missing(model, target)
        looked.append(found)
        if len(looked) <= 2:
            together.wait()  # both have found nothing there
        return found

    def count(file: PackagedFile, packages: dict[str, Path], path: Path) -> str:
        joined.append(file.name)
        return join(file, packages, path)

    monkeypatch.setattr(packaged_weights, "_missing", look)
    monkeypatch.setattr(packaged_weights, "_join", count)
    with ThreadPoolExecutor(2) as starts:
        first, second = starts.map(lambda _: made(), range(2))
    assert first == second
    assert files(first) == CONTENT
    assert sorted(joined) == sorted(CONTENT)


def test_whisper_base_hears_the_samples(whisper_base: Path) -> None:
    assert whisper_base.name == WHISPER_BASE.directory_name
    assert find("base") == locate("base") == whisper_base
    [sample] = [each for each in single_utterances() if each.path.name == "command-3.wav"]
    [result] = WhisperEngine(whisper_base, WhisperOptions()).decode([job(pcm(sample))])
    assert word_error_rate(said(sample), text_of(result.words)) <= 0.2, text_of(result.words)
