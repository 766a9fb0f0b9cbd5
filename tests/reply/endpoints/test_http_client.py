"""The environment variables that change requests: proxies, and the headers of an OpenAI account."""

from collections.abc import Callable

import pytest

from tests.json_server import JsonServer, Reply
from voicegw.errors import ConfigurationError, StartupError
from voicegw.reply.endpoints.http_client import is_openai, openai_endpoint, proxy_variable, without_secrets
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.reply.moderators.endpoint_moderator import EndpointModerator
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.tools.mcp_declarations import declared_servers
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.reply.voice.openai_speech import SpeechEndpoint
from voicegw.reply.voice.sentence_voice import VoiceOptions
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

TOOL = {"name": "book", "description": "Books.", "url": "http://127.0.0.1:9"}
CLIENTS: dict[str, Callable[[], object]] = {
    "model": lambda: LLMResponder(LLMOptions(model="tiny")),
    "moderation": lambda: EndpointModerator(ModerationOptions(model="m")),
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
def test_an_invalid_proxy_stops_the_start_and_its_variable_is_named(
    client: str, variable: str, proxy: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError, match=f"{variable} .*{says}") as refused:
        CLIENTS[client]()
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("key", ["schl\u00fcssel", "two words", "two\nlines", " "])
def test_a_key_with_characters_not_allowed_in_headers_stops_the_start(key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the API key for api\.openai\.com") as refused:
        LLMResponder(LLMOptions(model="tiny", api_key=key))
    assert key.strip() == "" or key not in refused.value.message


def test_an_invalid_proxy_does_not_matter_without_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://proxy:1080")
    assert Toolbox(ToolOptions(), Metrics()).definitions == ()


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
def test_the_variable_that_names_the_proxy(
    variables: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_variable(url) == expected


ACCOUNT = {
    "OPENAI_ORG_ID": "org-7",
    "OPENAI_PROJECT_ID": "proj-7",
    "OPENAI_CUSTOM_HEADERS": "X-Team: team-7\nauthorization: Bearer other-key",
}


@pytest.mark.parametrize(("key", "sent"), [("k3y", "Bearer k3y"), (None, None)])
async def test_the_headers_of_an_openai_account_are_not_sent_to_others(
    monkeypatch: pytest.MonkeyPatch, key: str | None, sent: str | None
) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    async with JsonServer(lambda _: Reply({"id": "modr-1", "model": "m", "results": []})) as server:
        endpoint = openai_endpoint("test", server.url, key, connect_s=3)
        await endpoint.client.moderations.create(model="m", input="a", extra_headers=endpoint.headers)
        await endpoint.client.close()
    headers = server.requests[0].headers
    assert headers.get("authorization") == sent
    assert not [value for value in headers.values() if value.endswith("-7")]


def test_the_headers_of_an_openai_account_are_sent_to_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-7")
    endpoint = openai_endpoint("test", None, "k3y", connect_s=3)
    assert endpoint.client.default_headers["OpenAI-Organization"] == "org-7"
    assert set(endpoint.headers) == {"Authorization"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://openai.example.com/v1", False),
        ("https://notopenai.com/v1", False),
        ("http://127.0.0.1:8000/api.openai.com", False),
    ],
)
def test_openai_is_known_by_its_host(url: str, expected: bool) -> None:
    assert is_openai(url) is expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@model.example/v1?key=secret", "https://model.example/v1"),
        ("https://model.example/v1", "https://model.example/v1"),
        ("https://model.example/v1/@cf/tiny#secret", "https://model.example/v1/@cf/tiny"),
        ("me:secret@model.example/v1", "model.example/v1"),
        ("http://me:secret@[::1/v1", "http://[::1/v1"),
    ],
)
def test_the_url_is_shown_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    "construct",
    [
        lambda url: LLMResponder(LLMOptions(url=url)),
        lambda url: LLMResponder(LLMOptions(url=url, model="tiny")),
        lambda url: Toolbox(ToolOptions(functions=(TOOL | {"url": url},)), Metrics()),
        lambda url: declared_servers([{"name": "shop", "url": url}]),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_secrets(construct: Callable[[str], object]) -> None:
    with pytest.raises(StartupError, match=r"ftp://model\.example") as refused:
        construct("ftp://me:secret@model.example?key=secret")
    assert "secret" not in refused.value.message
