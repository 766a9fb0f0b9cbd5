"""Builds the two Python distributions, and installs them into environments outside of the repository."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECTS = {"voicegw": ROOT, "voicegw-client": ROOT / "clients"}
LIMIT_S = 300
# Servers that serve as well as they can, however busy the machine of the tests is.
SLOW = {
    "VOICEGW_GATEWAY__ADMISSION__MAX_LOOP_LAG_MS": "60000",
    "VOICEGW_POOL__OVERLOAD_WAIT_MS": "60000",
    "VOICEGW_POOL__SHED_WAIT_MS": "60000",
}


def build(project: Path, target: str, into: Path) -> Path:
    """The wheel or the sdist of a project."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    run(command, project)
    [built] = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


def unpacked(sdist: Path, into: Path) -> Path:
    """The directory in a source distribution."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    [directory] = into.iterdir()
    return directory


def run(command: list[str], cwd: Path, statuses: Collection[int] = (0,)) -> str:
    """Its standard output. Fails with both outputs unless it ends with one of the exit statuses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOICEGW_", "PYTHON"))}
    ran = subprocess.run(
        command, cwd=cwd, env=kept | SLOW, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert ran.returncode in statuses, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a directory beside it to run its programs in."""

    directory: Path

    @classmethod
    def create(cls, directory: Path) -> "Environment":
        """A new one, in `directory` / env."""
        venv.create(directory / "env", symlinks=True)
        return cls(directory)

    def program(self, name: str) -> str:
        """The path of an installed program."""
        return str(self.directory / "env/bin" / name)

    def pip(self, *arguments: str) -> None:
        """Runs the pip of the tests on this environment."""
        python = self.program("python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python]
        run([*pip, *arguments], self.directory)

    def borrow_packages(self) -> None:
        """Makes the packages of the environment of the tests importable; but not the checkout, because the
        .pth files of a directory that is itself named in one are not read."""
        own = self.python("import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        Path(own, "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    def python(self, code: str, *arguments: str) -> str:
        """The output of a Python program."""
        return self.run("python", "-c", code, *arguments)

    def run(self, program: str, *arguments: str, statuses: Collection[int] = (0,)) -> str:
        """The output of an installed program, which has to end with one of the exit statuses."""
        return run([self.program(program), *arguments], self.directory, statuses)
