"""`voicegw check` as its user meets it."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.test_cli import run
from voicegw.cli import main
from voicegw.commands import check
from voicegw.commands.findings import Finding, Status
from voicegw.config import Settings

QUICK = ("--model", "bundled", "--voice-engine", "none", "--port", "0")


def test_help_of_check_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert all(word in output for word in ("--json", "voicegw serve", "exit status"))


def test_a_machine_where_all_is_right() -> None:
    ran = run("check", *QUICK)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "bundled decoded 3.0 s" in ran.stdout
    assert "lights" in ran.stdout
    assert ran.stdout.endswith("\nnothing is wrong\n")


def test_what_is_wrong_is_listed_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    wrong_options = ("--redis", "redis://127.0.0.1:1", "--device", "cuda", "--voice-engine", "none")
    assert check.run(wrong_options, as_json=True) == 1
    findings = json.loads(capsys.readouterr().out)
    wrong = {each["part"]: each["remedy"] for each in findings if each["status"] == "wrong"}
    assert set(wrong) == {"Redis", "GPU"}  # with Redis, the speech model is the workers' matter
    assert all(wrong.values())


def test_a_redis_url_that_cannot_be_read_is_one_finding_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(["--redis", "http://:secret@here", *QUICK], as_json=True) == 1
    findings = json.loads(capsys.readouterr().out)
    [wrong] = [each for each in findings if each["status"] == "wrong"]
    assert wrong["part"] == "Redis"
    assert "redis+sentinel" in wrong["found"]
    assert "secret" not in wrong["found"]


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def _check_some_part(settings: Settings) -> AsyncIterator[Finding]:
        yield Finding("some part", Status.OK, "found before")
        raise KeyError("hunter2")

    async def _check_other_part(settings: Settings) -> AsyncIterator[Finding]:
        yield Finding("other part", Status.OK, "found after")

    monkeypatch.setattr(check, "CHECKS", (_check_some_part, _check_other_part))
    assert check.run([], as_json=False) == 1
    output = capsys.readouterr().out
    assert "WRONG  some part      the check raised KeyError\n" in output
    assert "hunter2" not in output
    assert "found before" in output
    assert "found after" in output


def test_options_that_cannot_be_read_are_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(["--port", "many"], as_json=False) == 1
    output = capsys.readouterr().out
    assert output.startswith("WRONG  configuration")
    assert "port" in output
