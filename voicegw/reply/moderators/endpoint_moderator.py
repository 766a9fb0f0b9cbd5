"""An OpenAI-compatible `/moderations` endpoint as the moderator."""

import asyncio
from collections.abc import Sequence
from typing import Any

from voicegw.errors import ModerationFailed
from voicegw.reply.endpoints.http_client import openai_endpoint
from voicegw.reply.endpoints.redaction import redacted, start_of
from voicegw.reply.moderators.moderation_options import ModerationOptions

_CONNECT_S = 3.0


class EndpointModerator:
    """Asks the endpoint. Raises ConfigurationError for a URL, a key or a proxy that cannot be used."""

    def __init__(self, options: ModerationOptions) -> None:
        self.every_characters = options.every_characters
        self._model = options.model or ""
        self._api_key = options.api_key or ""
        self._timeout_s = options.timeout_ms / 1000
        self._endpoint = openai_endpoint("moderation", options.url, options.api_key, _CONNECT_S)

    async def judge(self, text: str) -> Sequence[str]:
        """The categories that the endpoint finds. Raises ModerationFailed."""
        import openai

        proxy, create = self._endpoint.proxy_note, self._endpoint.client.moderations.create
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await create(model=self._model, input=text, extra_headers=self._endpoint.headers)
        except openai.APIStatusError as error:
            body = start_of(redacted(error.response.text, [text, self._api_key]))
            raise ModerationFailed(f"no judgement: HTTP {error.status_code}{proxy}: {body}") from None
        except (TimeoutError, openai.APIError, ValueError) as error:  # their messages may quote the text
            raise ModerationFailed(f"no judgement: {type(error).__name__}{proxy}") from None
        if not answer.results:
            raise ModerationFailed("no judgement in the answer")
        return [name for result in answer.results for name in _categories(result)]

    async def close(self) -> None:
        """Closes the connection pool."""
        await self._endpoint.client.close()


def _categories(result: Any) -> list[str]:
    """The categories of one result; `flagged` itself when an endpoint flags text without categories."""
    found = result.categories.model_dump(by_alias=True) if result.categories else {}
    names = sorted(name for name, hit in found.items() if hit)
    return (names or ["flagged"]) if result.flagged else []
