"""An OpenAI-compatible moderation endpoint, real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.json_server import JsonServer, Reply
from voicegw.errors import ConfigurationError, ModerationFailed
from voicegw.reply.moderators.endpoint_moderator import EndpointModerator
from voicegw.reply.moderators.moderation_options import ModerationOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")


def verdict(*categories: str, flagged: bool | None = None) -> Reply:
    """An answer in OpenAI's format."""
    known = {name: name in categories for name in ("harassment", "self-harm", "violence", *categories)}
    result = {
        "flagged": bool(categories) if flagged is None else flagged,
        "categories": known,
        "category_scores": dict.fromkeys(known, 0.5),
    }
    return Reply({"id": "modr-1", "model": "m", "results": [result]})


@asynccontextmanager
async def endpoint(reply: Reply, **options: Any) -> AsyncIterator[tuple[EndpointModerator, JsonServer]]:
    async with JsonServer(lambda _: reply) as server:
        moderator = EndpointModerator(ModerationOptions(url=server.url, model="m", **options))
        yield moderator, server
        await moderator.close()


@pytest.mark.parametrize(
    ("reply", "categories"),
    [
        (verdict(), []),
        (verdict("violence"), ["violence"]),
        (verdict("violence", "self-harm"), ["self-harm", "violence"]),
        (verdict("house rules"), ["house rules"]),
        (verdict(flagged=True), ["flagged"]),
        (verdict("violence", flagged=False), []),
    ],
)
async def test_the_categories_of_a_verdict(reply: Reply, categories: list[str]) -> None:
    async with endpoint(reply) as (moderator, server):
        assert await moderator.judge("some words") == categories
    assert server.requests[0].path == "/moderations"
    assert server.requests[0].body == {"model": "m", "input": "some words"}


@pytest.mark.parametrize(("key", "header"), [("k3y", "Bearer k3y"), (None, None)])
async def test_a_key_is_sent_only_where_there_is_one(key: str | None, header: str | None) -> None:
    async with endpoint(verdict(), api_key=key) as (moderator, server):
        await moderator.judge("words")
    assert server.requests[0].headers.get("authorization") == header


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"error": "some words"}, status=500),
        Reply({"error": "some words"}, status=429),
        Reply(raw=b"<html>"),
        Reply({"unexpected": True}),
    ],
)
async def test_the_error_of_an_endpoint_does_not_quote_the_text(reply: Reply) -> None:
    async with endpoint(reply) as (moderator, _):
        with pytest.raises(ModerationFailed) as failed:
            await moderator.judge("some words")
    assert "some words" not in failed.value.message


async def test_the_text_of_an_http_error_is_redacted() -> None:
    async with endpoint(Reply({"error": "no model m for: some words"}, status=404)) as (moderator, _):
        with pytest.raises(ModerationFailed, match=r"HTTP 404: .*no model m for") as failed:
            await moderator.judge("some words")
    assert "some words" not in failed.value.message


async def test_an_endpoint_has_a_time_limit() -> None:
    async with endpoint(Reply(delay_s=60), timeout_ms=100) as (moderator, server):
        with pytest.raises(ModerationFailed, match="TimeoutError"):
            await moderator.judge("words")
        await asyncio.wait_for(server.left.wait(), 5)


async def test_a_refused_connection_is_a_failure() -> None:
    moderator = EndpointModerator(ModerationOptions(url="http://127.0.0.1:9", model="m"))
    with pytest.raises(ModerationFailed):
        await moderator.judge("words")
    await moderator.close()


def test_an_invalid_url_stops_the_start() -> None:
    with pytest.raises(ConfigurationError):
        EndpointModerator(ModerationOptions(url="localhost", model="m"))
