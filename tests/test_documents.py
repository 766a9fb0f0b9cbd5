"""What the documents tell users to write works."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.documents import CHANGELOG, DEPLOY, DOCUMENTS, GUIDE, MONITORING, README, TEXT
from tests.option_tables import OPTIONS
from tests.realtime_table import EVENTS
from voicegw.config import load
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.events import ToolCalled
from voicegw.dialects.openai_realtime.server_events import KINDS
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics

PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
TOML = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
MAX_README_BYTES = 10_000


def install(directory: Path) -> None:
    """The Python files that the documents show."""
    for path, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXT, re.DOTALL):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)


def _name(path: Path) -> str:
    return str(path.relative_to(README.parent))


@pytest.mark.parametrize("path", [README, CHANGELOG, GUIDE], ids=_name)
def test_nothing_is_listed_twice(path: Path) -> None:
    listed = re.findall(r"^(?:- |\| [^-\s]).{40}", path.read_text(), re.MULTILINE)
    assert listed
    assert not [begin for begin, count in Counter(listed).items() if count > 1]


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= MAX_README_BYTES


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_the_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        file, _, heading = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not heading or heading in anchors(linked), target


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_metrics_exist() -> None:
    metrics = Metrics()
    metrics.cluster.redis_up.set(1)  # the family is there where a Redis is
    exposed = metrics.exposition().decode()
    named = set(re.findall(r"voicegw_(?!client\b)[a-z]\w+", TEXT))
    for name in named:
        assert f"# TYPE {name} " in exposed, name


async def test_the_tool_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path)
    example = next(text for text in TOML if "[[tools.functions]]" in text)
    (tmp_path / "voicegw.toml").write_text(example)
    tools = Toolbox(load(["--config", str(tmp_path / "voicegw.toml")]).tools, Metrics())
    answered = await tools.call(ToolCalled("c1", "book_table", '{"guests": 2}'))
    await tools.close()
    assert (answered.content, answered.ok) == ('{"table":7}', True)


def test_every_python_example_is_run_by_a_test() -> None:
    """By one of this module, or by the test of what it shows."""
    firsts = {code.split("\n")[0] for code in PYTHON}
    assert firsts == {
        "import asyncio",  # tests/test_distributions.py
        "# restaurant/tables.py",
        "from openai import OpenAI",  # tests/test_openai_rest.py
        "# transcribe.py",  # tests/test_openai_realtime.py
        "# converse.py",
        "# reconnect.py",
        "import os, time, jwt  # pip install pyjwt",  # tests/gateway/auth/test_token_issuer.py
    }


def test_the_options_exist() -> None:
    known = set(OPTIONS)
    known |= {name.rpartition(".")[0] for name in known}
    sections = {name.partition(".")[0] for name in known}
    known |= {*KINDS, *EVENTS}  # of OpenAI Realtime have names of the same form
    written = re.findall(r"--(?:no-)?([a-z-]+(?:\.[a-z-]+)+)", TEXT) + re.findall(
        r"`([a-z_]+(?:\.[a-z_]+)+)`", TEXT
    )
    events = {"session.created", "session.update", "session.updated"}  # of the OpenAI Realtime API
    found = {name.replace("-", "_") for name in written} - events
    assert len(found) > 50
    assert not {name for name in found - known if name.partition(".")[0] in sections}


def test_every_variable_of_our_prefix_is_an_option() -> None:
    """One that is none stops every command in whose environment it is."""
    known = {f"VOICEGW_{name.replace('.', '__').upper()}" for name in OPTIONS} | {"VOICEGW_CONFIG"}
    examples = [path for path in DEPLOY.rglob("*") if path.is_file()]
    programs = README.parent.glob("clients/*.py")
    texts = [TEXT, *[path.read_text() for path in (MONITORING, *examples, *programs)]]
    written = {name for text in texts for name in re.findall(r"(?<![A-Z_])VOICEGW_[A-Z_]+", text)}
    assert "VOICEGW_TOKENS__SECRET" in written
    assert not written - known


def test_the_silences_of_a_turn_are_the_defaults() -> None:
    text = " ".join((DEPLOY / "assistant.md").read_text().split())
    options = EndpointOptions()
    assert f"{options.finished_ms} ms after a finished sentence" in text
    assert f"{options.unfinished_ms / 1000:g} s after a comma" in text
    assert f"{options.end_silence_ms} ms after anything else" in text
    assert f"a turn ends after {options.finished_ms} ms, below after {options.unlikely_ms} ms" in text


@pytest.mark.parametrize("example", TOML, ids=lambda text: text.split("\n")[0])
def test_the_configuration_is_accepted(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path)
    path = tmp_path / "voicegw.toml"
    path.write_text(example)
    settings = load(["--config", str(path)])
    assert settings != load([])
    Toolbox(settings.tools, Metrics())
