"""What the README tells people to write works."""

import re
from pathlib import Path

import pytest

from voicegw.config import load
from voicegw.reply.toolbox import Toolbox
from voicegw.telemetry import Metrics

README = (Path(__file__).parent.parent / "README.md").read_text()
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("example", TOML, ids=lambda text: text.split("\n")[0])
def test_the_configuration_is_accepted(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "voicegw.toml"
    path.write_text(example)
    settings = load(["--config", str(path)])
    assert settings != load([])
    Toolbox(settings.tools, Metrics())
