"""The client of a speech endpoint against a real HTTP server that answers, stalls and fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import structlog

from tests.llm_server import Ending
from tests.speech_server import SECOND, SpeechServer
from voicegw import errors
from voicegw.reply.voice.openai_speech import SpeechEndpoint
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

KEY = "sk-4f9a"
SENTENCE = "Where is the secret kept?"


@asynccontextmanager
async def voice(url: str, **changed: Any) -> AsyncIterator[SentenceVoice]:
    options = VoiceOptions(url=url, **changed)
    voice = SentenceVoice(SpeechEndpoint(options), options)
    try:
        yield voice
    finally:
        await voice.close()


async def say(url: str, text: str = SENTENCE, rate: int = 24_000, **changed: Any) -> bytes:
    async with voice(url, **changed) as speaker, aclosing(speaker.speak(text, rate, "en")) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_the_audio_is_that_of_the_endpoint() -> None:
    async with SpeechServer() as server:
        assert await say(server.url) == SECOND


async def test_the_body_of_a_request() -> None:
    async with SpeechServer() as server:
        await say(server.url, "It costs $5.", api_key=KEY, model="kokoro", name="bella", speed=1.25)
    [exchange] = server.exchanges
    assert exchange.authorization == f"Bearer {KEY}"
    assert exchange.body == {
        "model": "kokoro",
        "voice": "bella",
        "input": "It costs five dollars.",
        "response_format": "pcm",
        "speed": 1.25,
    }


async def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    async with SpeechServer() as server:
        await say(server.url)
    assert server.exchanges[0].authorization is None


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
async def test_the_audio_has_the_requested_rate(rate: int) -> None:
    async with SpeechServer() as server:
        assert len(await say(server.url, rate=rate)) == 2 * rate


async def test_samples_that_are_split_over_packets_are_whole() -> None:
    pieces = [SECOND[:101], SECOND[101:1000], SECOND[1000:1001], SECOND[1001:]]
    async with SpeechServer(pieces=pieces, token_delay_s=0.01) as server:
        assert await say(server.url) == SECOND


async def test_audio_is_not_held_back_and_closing_closes_the_connection() -> None:
    async with (
        SpeechServer(pieces=[SECOND, SECOND], token_delay_s=60) as server,
        voice(server.url) as speaker,
    ):
        async with aclosing(speaker.speak(SENTENCE, 24_000, "en")) as pieces:
            assert await asyncio.wait_for(anext(pieces), 5)
        await asyncio.wait_for(server.exchanges[0].over.wait(), 5)
        assert server.exchanges[0].disconnected


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"status": 401}, "HTTP 401"),
        ({"status": 500}, "HTTP 500"),
        ({"refuse": True}, "refused"),
        ({"ending": Ending.CUT}, "was lost within a sentence"),
        ({"content_type": "audio/mpeg"}, "sent audio/mpeg"),
        ({"content_type": "application/json"}, "sent application/json"),
    ],
)
async def test_failures_have_a_reason_and_no_secrets(settings: dict[str, Any], reason: str) -> None:
    async with SpeechServer(**settings) as server:
        with pytest.raises(errors.VoiceFailed, match=reason) as caught:
            await say(server.url, api_key=KEY)
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_the_proxy_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with SpeechServer(refuse=True) as proxy, SpeechServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(
            errors.VoiceFailed, match="through the proxy in the environment variable HTTP_PROXY"
        ):
            await say(server.url)


async def test_the_endpoints_text_is_logged_without_secrets() -> None:
    async with SpeechServer(status=400) as server:
        with structlog.testing.capture_logs() as records, pytest.raises(errors.VoiceFailed):
            await say(server.url, api_key=KEY)
    [record] = records
    assert (record["status"], record["body"]) == (400, "[...] said [...]")


@pytest.mark.parametrize("limits", [{"first_audio_timeout_ms": 50}, {"total_timeout_ms": 50}])
async def test_the_time_limits_apply(limits: dict[str, Any]) -> None:
    async with SpeechServer(first_token_delay_s=60) as server:
        with pytest.raises(errors.VoiceFailed):
            await say(server.url, **limits)


async def test_a_stalled_stream_is_a_failure() -> None:
    async with SpeechServer(pieces=[SECOND, SECOND], token_delay_s=60) as server:
        with pytest.raises(errors.VoiceFailed):
            await say(server.url, total_timeout_ms=300)


async def test_endless_audio_is_a_failure() -> None:
    async with SpeechServer(pieces=[SECOND] * 61) as server:
        with pytest.raises(errors.VoiceFailed):
            await say(server.url)


async def test_empty_text_sends_no_request() -> None:
    async with SpeechServer() as server:
        assert await say(server.url, "***") == b""
    assert server.exchanges == []


def test_an_invalid_url_stops_the_start() -> None:
    with pytest.raises(errors.StartupError):
        SpeechEndpoint(VoiceOptions(url="localhost:8000"))
