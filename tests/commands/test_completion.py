"""What shells complete: bash is asked; the scripts for the others are read."""

import subprocess
from pathlib import Path

import pytest

from voicegw.cli import main

LIMIT_S = 60
# Calls the function that the script registers, as bash does when a user presses TAB after the arguments.
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
[[ $(complete -p voicegw) =~ -F\\ ([^ ]+) ]]
"${BASH_REMATCH[1]}" voicegw "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ser"], {"serve"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["serve", "--llm-u"], {"--llm-url"}),
        (["check", "--js"], {"--json"}),
        (["check", "--llm-u"], {"--llm-url"}),
        (["serve", "--voice-engine", "e"], {"espeak"}),
        (["worker", "--consumer.probe-p"], {"--consumer.probe-port"}),
        (["talk", "--push"], {"--push-to-talk"}),
        (["talk", "--file", "rec"], {"recording.wav"}),
        (["serve", "--config", "rec"], {"recording.wav"}),
    ],
)
def test_bash_completes(
    words: list[str], expected: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recording.wav").touch()
    written = tmp_path / "voicegw.bash"
    written.write_text(script("bash", capsys))
    asked = subprocess.run(
        ["bash", "-c", ASK, "bash", str(written), "voicegw", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert set(asked.stdout.split()) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_all_commands_and_flags(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = script(shell, capsys)
    for name in ("serve", "worker", "wyoming", "talk", "demo", "check", "token", "schema", "completion"):
        assert name in written
    for flag in ("llm-url", "session.endpoint.end-silence-ms", "push-to-talk", "new-key"):
        assert flag in written


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", "dash"])
    assert ended.value.code == 2
    assert "bash" in capsys.readouterr().err
