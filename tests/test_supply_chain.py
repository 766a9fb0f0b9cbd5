"""The lock files go with pyproject.toml, and an audit that did not happen does not pass."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
Pins = dict[str, list[str]]


def entries(name: str) -> Iterator[tuple[Requirement, list[str]]]:
    """What a lock file pins, with the hashes."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    for line in re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        yield Requirement(requirement), hashes


def pins(*names: str) -> Pins:
    """The versions of each package: more than one where they differ between platforms."""
    found: Pins = {}
    for name in names:
        for requirement, _ in entries(name):
            [pin] = requirement.specifier
            assert pin.operator == "=="
            found.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    return found


def wanted(requirements: list[str]) -> Iterator[Requirement]:
    """The requirements, extras of our own resolved."""
    for requirement in map(Requirement, requirements):
        if requirement.name == "voicegw":
            for extra in requirement.extras:
                yield from wanted(PROJECT["project"]["optional-dependencies"][extra])
        else:
            yield requirement


def assert_satisfied(requirements: list[str], found: Pins) -> None:
    for requirement in wanted(requirements):
        versions = found[canonicalize_name(requirement.name)]
        assert all(map(requirement.specifier.contains, versions)), (requirement, versions)


def test_the_locks_satisfy_what_is_required() -> None:
    runtime = PROJECT["project"]["dependencies"]
    assert_satisfied(runtime, pins("runtime"))
    for extra in ("test", "whisper-base", "voice", "wyoming", "mic", "mcp", "otel"):
        assert_satisfied(PROJECT["project"]["optional-dependencies"][extra], pins("runtime", extra))
    assert_satisfied(PROJECT["build-system"]["requires"], pins("build"))
    assert_satisfied(PROJECT["dependency-groups"]["tools"], pins("tools"))


def test_a_lock_that_is_behind_is_found() -> None:
    with pytest.raises(AssertionError):
        assert_satisfied(["numpy>=1000"], pins("runtime"))
    with pytest.raises(KeyError):
        assert_satisfied(["left-pad"], pins("runtime"))


def test_what_goes_into_one_environment_has_one_version() -> None:
    extras = ("test", "mic", "mcp", "otel", "voice", "wyoming", "whisper-base")
    for name, versions in pins("runtime", "build", *extras).items():
        allowed = pins("runtime").get(name, versions)
        assert set(versions) <= set(allowed), name


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_entry_has_hashes_and_no_address(path: Path) -> None:
    found = list(entries(path.stem))
    assert found
    for requirement, hashes in found:
        assert requirement.url is None
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)
    assert not re.search(r"://|^-", path.read_text(), re.MULTILINE)


def test_the_package_that_is_told_of_is_the_one_that_is_locked() -> None:
    [version] = pins("end-of-turn")["pipecat-ai"]
    for path in ("scripts/deploy/assistant.md", "voicegw/asr/end_of_turn.py"):
        assert f"pipecat-ai=={version}" in (ROOT / path).read_text()


VULNERABLE = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
GOOD = {"name": "b", "version": "1", "vulns": []}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"}


@pytest.mark.parametrize(
    ("packages", "status", "told"),
    [
        ([GOOD], 0, "1 packages, no known vulnerabilities (pypi)"),
        ([GOOD, VULNERABLE], 1, "a 1: CVE-1, fixed in 2"),
        ([VULNERABLE, SKIPPED], 1, "a 1: CVE-1, fixed in 2"),
        ([GOOD, SKIPPED], 3, "pypi could not be asked about 1 of 2 packages"),
        ([], 3, "NOT AUDITED"),
        (None, 3, "osv could not be asked: no network"),
    ],
)
def test_an_audit_passes_only_when_all_was_asked(
    packages: list[object] | None, status: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = "raise SystemExit('no network')"
    if packages is not None:
        answer = f"print({json.dumps({'dependencies': packages})!r})"
    stand_in = tmp_path / "pip-audit"
    stand_in.write_text(f"#!{sys.executable}\n{answer}\n")
    stand_in.chmod(0o755)
    audit = runpy.run_path(str(ROOT / "scripts/audit"))
    assert audit["main"](stand_in) == status
    assert told in capsys.readouterr().out


def test_an_extra_without_a_lock_is_not_installed_unlocked() -> None:
    ran = subprocess.run(
        ["bash", ROOT / "scripts/install", "--locked", "train"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "train" in ran.stderr
