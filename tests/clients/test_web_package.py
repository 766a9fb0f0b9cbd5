"""The archive of the client for browsers: what is in it, and that it can be installed and imported."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.test_web import LIMIT_S, WEB, exported

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def npm(*arguments: str, cwd: Path) -> str:
    command = ["npm", "--offline", "--no-audit", "--no-fund", "--no-update-notifier", *arguments]
    command += ["--cache", str(cwd / ".npm")]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=True
    ).stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed from a copy, because packing puts the licence into the folder for a moment."""
    directory = tmp_path_factory.mktemp("repository")
    copied = shutil.copytree(WEB, directory / "clients/web")
    shutil.copy(WEB.parent.parent / "LICENSE", directory)
    [packed] = json.loads(npm("pack", "--json", cwd=copied))
    assert not (copied / "LICENSE").exists()
    return Path(copied / packed["filename"])


def test_it_has_the_module_its_types_and_the_licence(archive: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(archive, tmp_path, filter="data")
    package = tmp_path / "package"
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    sources = {f"src/{path.name}" for path in (WEB / "src").iterdir()}
    assert files == sources | {"package.json", "README.md", "LICENSE"}
    declared = json.loads((package / "package.json").read_text())
    [entry] = declared["exports"].values()
    assert {Path(path).as_posix() for path in (*entry.values(), declared["types"])} <= files


def test_it_can_be_installed_and_imported(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    npm("install", str(archive), cwd=tmp_path)
    (tmp_path / "names.js").write_text(
        'import * as client from "voicegw-client"; console.log(JSON.stringify(Object.keys(client)));'
    )
    ran = subprocess.run(
        ["node", "names.js"], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=True
    )
    assert set(json.loads(ran.stdout)) == exported()
