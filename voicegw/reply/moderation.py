"""Who judges what is said: an endpoint that speaks OpenAI's moderations, or a Python function of the
application. When and what is core/moderation_queue.py's to say."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from voicegw.core.options import option
from voicegw.errors import ModerationFailed
from voicegw.reply.http_client import openai_endpoint
from voicegw.reply.redaction import redacted, start_of
from voicegw.reply.threads import Threads
from voicegw.reply.tool_backends import contained, import_function

_CONNECT_S = 3.0


@dataclass(frozen=True)
class ModerationOptions:
    """Who judges what is said, if anyone does, and how often."""

    model: str | None = option(None, "moderation model, as the endpoint knows it; naming it turns judging on")
    url: str | None = option(None, "base URL of an OpenAI-compatible endpoint; OpenAI's by default")
    api_key: str | None = field(
        default=None, repr=False, metadata={"description": "API key; without one, none is sent"}
    )
    entry_point: str | None = option(
        None, "`package.module:function` that judges in place of an endpoint; naming it turns judging on"
    )
    timeout_ms: int = option(2_000, "longest wait for a judgement", ge=1, le=60_000)
    every_characters: int = option(
        200, "length after which a reply is judged within a sentence", ge=20, le=100_000
    )

    @property
    def configured(self) -> bool:
        """Whether anyone is to judge."""
        return self.model is not None or self.entry_point is not None


class EndpointModerator:
    """Asks an OpenAI-compatible `/moderations`. Raises ConfigurationError for a URL that leads nowhere."""

    def __init__(self, options: ModerationOptions) -> None:
        self.every_characters = options.every_characters
        self._model = options.model or ""
        self._api_key = options.api_key or ""
        self._timeout_s = options.timeout_ms / 1000
        self._endpoint = openai_endpoint("moderation", options.url, options.api_key, _CONNECT_S)

    async def judge(self, text: str) -> Sequence[str]:
        """The categories the endpoint finds. Raises ModerationFailed."""
        import openai

        way, ask = self._endpoint.by_proxy, self._endpoint.client.moderations.create
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await ask(model=self._model, input=text, extra_headers=self._endpoint.headers)
        except openai.APIStatusError as error:
            said = start_of(redacted(error.response.text, [text, self._api_key]))
            raise ModerationFailed(f"no judgement: HTTP {error.status_code}{way}: {said}") from None
        except (TimeoutError, openai.APIError, ValueError) as error:  # theirs may quote the text
            raise ModerationFailed(f"no judgement: {type(error).__name__}{way}") from None
        if not answer.results:
            raise ModerationFailed("no judgement in the answer")
        return [name for result in answer.results for name in _categories(result)]

    async def close(self) -> None:
        """Gives the connections back."""
        await self._endpoint.client.close()


def _categories(result: Any) -> list[str]:
    """What a result finds; `flagged` alone, from an endpoint that gives no categories, is one too."""
    found = result.categories.model_dump(by_alias=True) if result.categories else {}
    names = sorted(name for name, hit in found.items() if hit)
    return (names or ["flagged"]) if result.flagged else []


class FunctionModerator:
    """Calls the application's function with the text; it returns the categories, or nothing. A plain function
    runs in a thread. Raises ConfigurationError when there is no such function."""

    def __init__(self, options: ModerationOptions) -> None:
        self.every_characters = options.every_characters
        self._function: Callable[[str], Any] = import_function(options.entry_point or "", "moderation")
        self._timeout_s = options.timeout_ms / 1000
        self._threads = Threads(2, "moderation")

    async def judge(self, text: str) -> Sequence[str]:
        """The categories the function returns. Raises ModerationFailed."""
        try:
            with contained():
                async with asyncio.timeout(self._timeout_s):
                    found = await self._call(text)
            return [str(category) for category in found or ()]
        except Exception as error:  # noqa: BLE001 - the application's code may raise anything
            raise ModerationFailed(f"no judgement: {type(error).__name__}") from None

    async def _call(self, text: str) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(text)
        return await self._threads.run(partial(self._function, text))

    async def close(self) -> None:
        """There is nothing to give back."""
