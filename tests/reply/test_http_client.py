"""Proxies that the environment names: one that cannot be used stops the start, which names the variable."""

from collections.abc import Callable

import pytest

from voicegw.errors import ConfigurationError
from voicegw.reply.http_client import proxy_variable
from voicegw.reply.llm import LLMOptions, LLMResponder
from voicegw.reply.moderation import EndpointModerator, ModerationOptions
from voicegw.reply.toolbox import Toolbox
from voicegw.reply.tools import ToolOptions
from voicegw.reply.voice import VoiceOptions
from voicegw.reply.voice_openai import SpeechEndpoint
from voicegw.telemetry import Metrics

TOOL = {"name": "book", "description": "Books.", "url": "http://127.0.0.1:9"}
CLIENTS: dict[str, Callable[[], object]] = {
    "model": lambda: LLMResponder(LLMOptions(model="tiny")),
    "moderation": lambda: EndpointModerator(ModerationOptions(model="judge")),
    "voice": lambda: SpeechEndpoint(VoiceOptions()),
    "tool": lambda: Toolbox(ToolOptions(functions=(TOOL,)), Metrics()),
}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("variable", "proxy", "says"),
    [
        ("ALL_PROXY", "socks5://me:secret@proxy:1080", "socksio"),
        ("all_proxy", "socks5h://me:secret@proxy:1080", "socksio"),
        ("HTTPS_PROXY", "socks4://me:secret@proxy:1080", "http://, https:// or socks5://"),
        ("HTTP_PROXY", "http://[::1", "http://, https:// or socks5://"),
        ("https_proxy", "secret:port", "http://, https:// or socks5://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(
    client: str, variable: str, proxy: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError, match=f"{variable} .*{says}") as refused:
        CLIENTS[client]()
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("key", ["schl\u00fcssel", "two words", "two\nlines", " "])
def test_a_key_that_no_header_may_have_stops_the_start(key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the API key for api\.openai\.com") as refused:
        LLMResponder(LLMOptions(model="tiny", api_key=key))
    assert key.strip() == "" or key not in refused.value.message


def test_a_proxy_hinders_nobody_who_needs_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://proxy:1080")
    assert Toolbox(ToolOptions(), Metrics()).offers == ()


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "http://127.0.0.1/v1", None),
        ({"HTTP_PROXY": "http://p"}, "http://127.0.0.1/v1", "HTTP_PROXY"),
        ({"HTTP_PROXY": "http://p"}, "https://model.example/v1", None),
        ({"HTTP_PROXY": "http://p", "http_proxy": "http://q"}, "http://127.0.0.1/v1", "http_proxy"),
        ({"ALL_PROXY": "http://p"}, "https://model.example/v1", "ALL_PROXY"),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1/v1", None),
        ({"ALL_PROXY": "http://p", "no_proxy": "*"}, "http://127.0.0.1/v1", None),
    ],
)
def test_which_variable_names_the_proxy(
    variables: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_variable(url) == expected
