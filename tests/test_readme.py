"""What the README tells people to write works."""

import re
from pathlib import Path

import pytest

from voicegw.config import load
from voicegw.core.events import ToolCalled
from voicegw.reply.toolbox import Toolbox
from voicegw.telemetry import Metrics

README = (Path(__file__).parent.parent / "README.md").read_text()
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


def install(directory: Path) -> None:
    """The Python files that the README shows."""
    for path, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", README, re.DOTALL):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)


def test_the_metrics_exist() -> None:
    metrics = Metrics()
    metrics.cluster.redis_up.set(1)  # the family is there where a Redis is
    exposed = metrics.exposition().decode()
    named = set(re.findall(r"voicegw_[a-z]\w+", README))
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
