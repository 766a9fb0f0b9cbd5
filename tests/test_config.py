import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from voicegw.config import LogLevel, Settings, load
from voicegw.errors import ConfigurationError

KEY_TERMS = "session.recognition.key_terms"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("VOICEGW_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "voicegw.toml"
    path.write_text(
        "[gateway]\nport = 1001\ndrain_timeout_ms = 7\n[session.endpoint]\nend_silence_ms = 900\n"
    )
    return path


def refusal(*arguments: str) -> str:
    """The one line in which the arguments are refused."""
    with pytest.raises(ConfigurationError) as refused:
        load(arguments)
    assert "\n" not in refused.value.message
    return refused.value.message


def test_defaults_are_those_of_the_option_classes() -> None:
    assert load([]) == Settings()


def test_first_found_wins(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag, file = ["--gateway.port", "1003"], ["--config", str(toml)]
    assert load(file).gateway.port == 1001
    monkeypatch.setenv("VOICEGW_GATEWAY__PORT", "1002")
    assert load(file).gateway.port == 1002
    assert load([*file, *flag]).gateway.port == 1003
    assert load([*file, *flag]).gateway.drain_timeout_ms == 7


def test_the_file_may_be_named_by_the_environment(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_CONFIG", str(toml))
    assert load([]).session.endpoint.end_silence_ms == 900


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (["--port", "0"], "gateway.port", 0),
        (["--host", "::1"], "gateway.host", "::1"),
        (["--model", "bundled"], "asr.model", "bundled"),
        (["--device", "cuda"], "asr.device", "cuda"),
        (["--language", "de"], "asr.language", "de"),
        (["--language", "auto"], "asr.language", "auto"),
        (["--workers", "2"], "pool.workers", 2),
        (["--vad-engine", "silero"], "vad.engine", "silero"),
        (["--llm-url", "http://x/v1"], "llm.url", "http://x/v1"),
        (["--llm-model", "m"], "llm.model", "m"),
        (["--redis", "rediss://h"], "cluster.url", "rediss://h"),
        (["--tls-cert", "c.pem"], "gateway.tls.cert", "c.pem"),
        (["--tls-key", "k.pem"], "gateway.tls.key", "k.pem"),
        (["--behind-proxy"], "access.behind_proxy", True),
        (["--origins", "https://a,https://b"], "access.origins", ("https://a", "https://b")),
        (["--origins", "https://a", "--origins", "https://b"], "access.origins", ("https://a", "https://b")),
        (["--token-keys", "k.json"], "tokens.keys", "k.json"),
        (["--limits.user-messages", "1/hour"], "limits.user_messages", "1/hour"),
        (["--log-level", "debug"], "log.level", LogLevel.DEBUG),
        (["--log.as-json"], "log.as_json", True),
        (["--session.endpoint.end-silence-ms", "700"], "session.endpoint.end_silence_ms", 700),
        (["--gateway.connection.max-errors=3"], "gateway.connection.max_errors", 3),
        (["--session.recognition.agreement", "3"], "session.recognition.agreement", 3),
        (["--session.recognition.key-terms", "Mr. Quilter, voicegw"], KEY_TERMS, ("Mr. Quilter", "voicegw")),
    ],
)
def test_flags_reach_their_option(arguments: list[str], path: str, value: object) -> None:
    found: Any = load(arguments)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "65536"], "port"),
        (["--port", "many"], "port"),
        (["--workers", "-1"], "workers"),
        (["--session.endpoint.end-silence-ms", "99"], "end_silence_ms"),
        (["--asr.strictness", "10"], "strictness"),
        (["--log-level", "loud"], "level"),
        (["--vad-engine", "ears"], "vad"),
        (["--language", "english"], "asr.language"),
        (["--session.recognition.key-terms", "A\nB"], "key_terms: term 1 contains a control character"),
        (["--session.recognition.key-terms", ",".join("A" * 51)], "key_terms: at most 50 terms, not 51"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_one_line(arguments: list[str], named: str) -> None:
    assert named in refusal(*arguments)


def test_key_terms_may_stand_in_the_file(toml: Path) -> None:
    toml.write_text('[session.recognition]\nkey_terms = ["Abigail Claflin", "Quilter"]\n')
    found = load(["--config", str(toml)]).session.recognition.key_terms
    assert found == ("Abigail Claflin", "Quilter")


def test_bounds_hold_for_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_POOL__MAX_ATTEMPTS", "0")
    assert "max_attempts" in refusal()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[gateway]\nprot = 1\n", "gateway.prot"),
        ("[gateways]\nport = 1\n", "gateways"),
        ("[session.endpoint]\nsilence = 1\n", "session.endpoint.silence"),
        ("port = 1\n", "port"),
    ],
)
def test_a_key_that_does_not_exist_is_named(content: str, named: str, toml: Path) -> None:
    toml.write_text(content)
    assert named in refusal("--config", str(toml))


def test_a_variable_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_GATEWAY__PROT", "1")
    assert "VOICEGW_GATEWAY__PROT" in refusal()


@pytest.mark.parametrize("content", [b"[gateway\n", b"port 1\n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(content: bytes, toml: Path) -> None:
    toml.write_bytes(content)
    refusal("--config", str(toml))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert str(path) in refusal("--config", str(path))


def test_a_flag_that_does_not_exist_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(["--gateway.prot", "1"])
    assert ended.value.code == 2
    assert "--gateway.prot" in capsys.readouterr().err


def test_openai_variables_complete_a_named_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://there/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    llm = load(["--llm-model", "m"]).llm
    assert (llm.url, llm.api_key) == ("http://there/v1", "key")
    assert load(["--llm-model", "m", "--llm-url", "http://here/v1"]).llm.url == "http://here/v1"


def test_openai_s_key_is_for_its_own_voice_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    assert load(["--voice-engine", "openai"]).voice.api_key == "key"
    assert load(["--voice-engine", "openai", "--voice-url", "http://here/v1"]).voice.api_key is None
    assert load([]).voice.api_key is None


def test_openai_variables_alone_send_nothing_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://there/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    assert not load([]).llm.configured


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_LLM__API_KEY", "very-secret")
    settings = load(["--llm-model", "m"])
    assert settings.llm.api_key == "very-secret"
    assert "very-secret" not in repr(settings)


def test_every_option_says_what_it_is_for() -> None:
    def check(options: Any) -> None:
        for item in fields(options):
            value = getattr(options, item.name)
            if is_dataclass(value):
                check(value)
            else:
                assert item.metadata["description"], item.name

    check(Settings())


def test_a_list_may_be_written_as_one_text(monkeypatch: pytest.MonkeyPatch, toml: Path) -> None:
    monkeypatch.setenv("VOICEGW_ACCESS__ORIGINS", "https://a, https://b")
    assert load([]).access.origins == ("https://a", "https://b")
    toml.write_text('[access]\nmetrics_from = ["10.0.0.0/8"]\n')
    assert load(["--config", str(toml)]).access.metrics_from == ("10.0.0.0/8",)
