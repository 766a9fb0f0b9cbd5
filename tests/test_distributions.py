"""The distributions as strangers get them: what is in them, and that they work outside of the repository."""

import ast
import asyncio
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import voicegw
from benchmarks.server_under_test import PATIENT
from clients.local_server import local_server, running
from tests.distributions import LIMIT_S, PROJECTS, ROOT, Environment, build, unpacked

SPEECH = str(ROOT / "models/samples/command-1.wav")
SPOKEN = "turn on the lights in the kitchen"
OWN = {"voicegw": "voicegw", "voicegw-client": "voicegw_client"}  # the package of each distribution
every_distribution = pytest.mark.parametrize("name", PROJECTS)
Wheels = dict[str, Path]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return {name: build(path, "wheel", tmp_path_factory.mktemp("wheel")) for name, path in PROJECTS.items()}


def files(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {name: archive.read(name) for name in names}


def contents(wheel: Path) -> dict[str, bytes]:
    """The files without the list of them, whose order may differ."""
    return {name: content for name, content in files(wheel).items() if not name.endswith("/RECORD")}


def project(name: str) -> dict[str, Any]:
    declared: dict[str, Any] = tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text())["project"]
    return declared


def test_no_file_is_in_both(wheels: Wheels) -> None:
    server, client = (set(files(wheels[name])) for name in PROJECTS)
    assert not server & client


@every_distribution
def test_a_source_distribution_makes_the_same_wheel(name: str, wheels: Wheels, tmp_path: Path) -> None:
    source = unpacked(build(PROJECTS[name], "sdist", tmp_path / "sdist"), tmp_path / "source")
    built = build(source, "wheel", tmp_path / "wheel")
    assert built.name == wheels[name].name
    assert contents(built) == contents(wheels[name])


@every_distribution
def test_it_is_typed_and_has_its_licence(name: str, wheels: Wheels) -> None:
    found = files(wheels[name])
    assert f"{OWN[name]}/py.typed" in found
    assert any(each.endswith("licenses/LICENSE") for each in found)


def imported(wheel: Path) -> Iterator[str]:
    for name, content in files(wheel).items():
        for node in ast.walk(ast.parse(content)) if name.endswith(".py") else ():
            if isinstance(node, ast.ImportFrom):
                yield node.module or ""
            elif isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)


@every_distribution
def test_what_it_imports_is_declared(name: str, wheels: Wheels) -> None:
    """By us, or by a package that is declared, as tokenizers is by faster-whisper."""
    groups = {"": project(name)["dependencies"], **project(name)["optional-dependencies"]}
    declared = {required for extra in groups.keys() - OF_WORK for required in names(groups[extra])}
    always = {required for each in declared for required in names(requires_of(each))}
    providers, ours = packages_distributions(), {OWN[name], "_typeshed", *sys.stdlib_module_names}
    for package in {module.split(".")[0] for module in imported(wheels[name])} - ours:
        assert set(map(canonicalize_name, providers.get(package, [package]))) & (declared | always), package


OF_WORK = {"fuzz", "train", "test"}  # extras that no distribution needs


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements if "extra ==" not in each}


def requires_of(package: str) -> Iterable[str]:
    try:
        return requires(package) or ()
    except PackageNotFoundError:  # sounddevice, which the tests do without
        return ()


def test_there_is_one_version() -> None:
    package = json.loads((ROOT / "clients/web/package.json").read_text())
    versions = {package["version"], *(project(name)["version"] for name in PROJECTS)}
    assert versions == {voicegw.__version__}


def test_the_client_needs_what_the_server_needs() -> None:
    """So that both can be in one environment, and one lock serves both."""
    assert set(project("voicegw-client")["dependencies"]) < set(project("voicegw")["dependencies"])
    mic = "mic"
    assert (
        project("voicegw-client")["optional-dependencies"][mic]
        == project("voicegw")["optional-dependencies"][mic]
    )


# --- installed ---


async def test_the_client_talks_from_an_environment_of_its_own(wheels: Wheels, tmp_path: Path) -> None:
    environment = Environment.create(tmp_path)
    await asyncio.to_thread(environment.pip, "install", str(wheels["voicegw-client"]))
    packages = json.loads(environment.python(_PACKAGES))
    assert "voicegw-client" in packages
    assert not {"voicegw", "ctranslate2", "faster-whisper", "onnxruntime", "openai", "redis"} & set(packages)
    async with local_server("--model", "bundled", *PATIENT, ready_s=LIMIT_S) as server:
        arguments = ("--json", "--file", SPEECH, "--url", server.url)
        printed = await asyncio.to_thread(environment.run, "voicegw-client", *arguments)
        assert_conversation(printed)
        example = await asyncio.to_thread(environment.python, _example(server.url))
        assert SPOKEN in example.lower()
        assert "answer: " in example
    assert "voicegw_client.telephony_bridge" in environment.run(
        "python", "-m", "voicegw_client.telephony_bridge", "--help"
    )


_PACKAGES = """
import json
from importlib.metadata import distributions
print(json.dumps([each.name for each in distributions()]))
"""


def _example(url: str) -> str:
    """The program of the client's README, with a recording for its audio."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "clients/python.md").read_text(), re.DOTALL)
    assert "ws://127.0.0.1:8765/v1/stream" in code
    return str(code).replace("ws://127.0.0.1:8765/v1/stream", url).replace("recording.wav", SPEECH)


def assert_conversation(printed: str) -> None:
    """The messages are those of an utterance that was recognised and answered."""
    messages = [json.loads(line) for line in printed.splitlines()]
    [final] = [each["text"] for each in messages if each["type"] == "final"]
    assert SPOKEN in final.lower()
    [done] = [each for each in messages if each["type"] == "reply_done"]
    assert done["reason"] == "completed"
    assert done["text"]


async def test_the_server_works_from_its_wheel(
    wheels: Wheels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the dependencies of the environment of the tests; scripts/test-pythons installs them, too."""
    environment = Environment.create(tmp_path)
    environment.borrow_packages()
    environment.pip("install", "--no-deps", "--no-index", str(wheels["voicegw"]))
    assert environment.python("import voicegw; print(voicegw.__file__)").startswith(str(tmp_path))
    checked = await asyncio.to_thread(
        environment.run, "voicegw", "check", "--model", "bundled", "--port", "0"
    )
    assert SPOKEN in checked.lower()
    monkeypatch.chdir(tmp_path)  # away from the checkout
    command = (environment.program("voicegw"), "serve", "--model", "bundled", "--port", "0")
    async with running((*command, *PATIENT), LIMIT_S) as server:
        arguments = ("talk", "--json", "--file", SPEECH, "--url", server.url)
        assert_conversation(await asyncio.to_thread(environment.run, "voicegw", *arguments))


async def test_the_demo_works_from_the_wheel(wheels: Wheels, tmp_path: Path) -> None:
    environment = Environment.create(tmp_path)
    environment.borrow_packages()
    environment.pip("install", "--no-deps", "--no-index", str(wheels["voicegw"]))
    # On a busy machine an utterance may have no partial, which is status 1; scripts/demo is run on its own.
    shown = await asyncio.to_thread(environment.run, "voicegw", "demo", statuses=(0, 1))
    assert "all, and medians" in shown
    assert "Remind me to call my mother tomorrow morning." in shown
