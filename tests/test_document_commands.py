"""Every command that the documents show: its options exist, and it is stated which test or script runs it."""

import re
import shlex
from collections.abc import Callable, Iterator

import pytest

from clients import call_simulator, microphone_options, telephony_bridge
from tests.documents import DOCUMENTS, MONITORING, ROOT
from voicegw import cli, config

PAGES = (*DOCUMENTS, MONITORING, ROOT / "models/README.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(
    r"(?:\.venv/bin/)?(voicegw [a-z]+|python -m [\w.]+)|\.venv-train/bin/(python -m pytest)"
    r"|(?:\.venv-tools/bin/)?((?:pip|pipx|uv|uv tool) install|uv build)"
    r"|((?:scripts|models)/[\w-]+|redis-server|curl|docker (?:compose|build)|apt-get|uuid_audio_fork)"
    r"(?=[ \n]|$)"
)

RUN_BY = {
    "scripts/demo": ".ci/run",
    "scripts/test": ".ci/run",
    "scripts/install": ".ci/run",
    "scripts/bench": "tests/benchmarks",
    "scripts/train-model": "tests/models",  # what it runs; --tiny is run by hand
    "models/evaluate": "tests/models/test_evaluate.py",
    "voicegw serve": "tests/commands/test_serve.py",
    "voicegw worker": "tests/cluster/jobs/test_worker_command.py",
    "voicegw wyoming": "tests/commands/test_wyoming.py",
    "voicegw token": "tests/commands/test_token.py",
    "redis-server": "tests/cluster/jobs/test_worker_command.py",
    "voicegw check": "tests/commands/test_check.py",
    "voicegw completion": "tests/commands/test_completion.py",
    "voicegw demo": "tests/test_distributions.py",
    "voicegw talk": "tests/clients/test_microphone.py",
    "scripts/plan": "tests/benchmarks/sizing",
    "pip install": "tests/test_distributions.py",  # of the wheels, by uv
    "uv build": "tests/test_distributions.py",  # by the same build backend
    "python -m clients.call_simulator": "tests/clients/test_call_simulator.py",
    "python -m clients.telephony_bridge": "tests/clients/test_telephony_bridge.py",
    "curl": "tests/gateway/rest/test_client_secrets.py",  # the same request
}
RUN_BY_HAND = {
    "scripts/tools": "installs uv and the audit; scripts/lock and scripts/audit call it",
    "pipx install": "before a release, scripts/release.md",
    "uv tool install": "before a release, scripts/release.md",
    "docker build": "needs Docker; tests/test_deploy.py reads the Dockerfile",
    "apt-get": "installs Festival, for training only",
    "docker compose": "needs Docker; tests/test_deploy.py checks the files",
    "python -m pytest": "training only",
    "python -m websockets": "interactive; tests/dialects/transcripts have its messages",
    "uuid_audio_fork": "a command of FreeSWITCH",
}


def _token(arguments: list[str]) -> object:
    _, options = cli._parser({}).parse_known_args(["token", *arguments])
    return config.load(options)


CHECKED: dict[str, Callable[[list[str]], object]] = {
    "voicegw serve": config.load,
    "voicegw worker": config.load_worker,
    "voicegw wyoming": config.load_wyoming,
    "voicegw token": _token,
    "voicegw talk": microphone_options.parser("voicegw talk").parse_args,
    "python -m clients.call_simulator": call_simulator._parser().parse_args,
    "python -m clients.telephony_bridge": telephony_bridge._parser().parse_args,
}


def _commands() -> Iterator[tuple[str, list[str]]]:
    """The program and the arguments of every command in a block of a document."""
    for page in PAGES:
        blocks = (text for language, text in BLOCK.findall(page.read_text()) if language in ("", "sh"))
        for block in blocks:
            for line in block.replace("\\\n", " ").replace("$port", "8765").splitlines():
                if line and line[0] not in "<>" and not line.startswith("wss:"):
                    yield from _of_line(line)


def _of_line(line: str) -> Iterator[tuple[str, list[str]]]:
    line = line.partition(" #")[0]
    match = PROGRAM.search(line)
    if match is None:
        assert line.startswith("export "), f"no test knows this command: {line}"
        return
    arguments = re.split(r"[;&|](?= |$)", line[match.end() :])[0]
    yield next(filter(None, match.groups())), shlex.split(arguments)


COMMANDS = tuple(_commands())


@pytest.mark.parametrize(("program", "arguments"), COMMANDS, ids=lambda value: str(value))
def test_the_options_exist(program: str, arguments: list[str]) -> None:
    if program in CHECKED:
        CHECKED[program](arguments)
    elif program.startswith(("scripts/", "models/")):
        assert (ROOT / program).stat().st_mode & 0o100


def test_it_is_stated_what_runs_them() -> None:
    assert len(COMMANDS) > 30
    assert {program for program, _ in COMMANDS} == RUN_BY.keys() | RUN_BY_HAND.keys()
    assert not [place for place in RUN_BY.values() if not (ROOT / place).exists()]


@pytest.mark.parametrize("line", ["voicegw serve --modle base", "voicegw talk --no-such x", "scripts/no x"])
def test_an_option_or_a_script_that_does_not_exist_is_found(line: str) -> None:
    [command] = _of_line(line)
    with pytest.raises((SystemExit, FileNotFoundError)):
        test_the_options_exist(*command)


def test_a_program_that_nothing_runs_is_found() -> None:
    with pytest.raises(AssertionError, match="no test knows"):
        list(_of_line("telnet localhost"))
