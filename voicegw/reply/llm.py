"""A language model behind any endpoint that speaks OpenAI's chat completions, streamed.

One `LLMResponder`, and so one connection pool, serves every session. Nothing is retried here: the caller
hears of a failure at once, as one of the LLM errors, and decides. Error messages are made of our own words
and a status code, and the library's exceptions are not chained: endpoints echo keys and prompts in theirs.
"""

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import structlog

from voicegw.core.dialogue import Confirmation
from voicegw.core.events import Message
from voicegw.core.options import option
from voicegw.errors import (
    LLMInterrupted,
    LLMRateLimited,
    LLMRejected,
    LLMTimeout,
    LLMUnauthorized,
    LLMUnreachable,
    ReplyError,
    StartupError,
)

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
    from openai.types.chat.chat_completion_chunk import Choice

log = structlog.get_logger(__name__)

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class LLMOptions:
    """Which model answers, where it is, and how long it may take."""

    url: str | None = option(
        None, "base URL of an OpenAI-compatible endpoint; with only a model named, OpenAI's"
    )
    model: str | None = option(None, "name of the model, as the endpoint knows it")
    api_key: str | None = field(
        default=None, repr=False, metadata={"description": "API key; without one, none is sent"}
    )
    connect_timeout_ms: int = option(3_000, "longest wait for a connection, TLS included", ge=1, le=60_000)
    first_token_timeout_ms: int = option(
        10_000, "longest wait from the request to the reply's first token", ge=1, le=300_000
    )
    total_timeout_ms: int = option(60_000, "longest wait from the request to the end", ge=1, le=600_000)
    max_tokens: int = option(300, "length at which the model has to stop, in tokens", ge=1, le=100_000)
    temperature: float = option(
        1.0, "how freely the model words its reply; some models take nothing but 1", ge=0, le=2
    )

    @property
    def configured(self) -> bool:
        """Whether an endpoint was asked for. A key alone does not count: one left in the environment must
        not be enough to send conversations elsewhere."""
        return self.url is not None or self.model is not None


def limit_field(url: str) -> str:
    """What the endpoint at `url` calls the limit on a reply's tokens: OpenAI has renamed it and refuses the
    old name for its newer models, most others know the old name only."""
    return "max_completion_tokens" if url.startswith(OPENAI_URL) else "max_tokens"


class LLMResponder:
    """Streams replies from the endpoint. Raises StartupError for options that lead nowhere."""

    def __init__(self, options: LLMOptions) -> None:
        import openai

        if options.model is None:
            raise StartupError(f"the endpoint {options.url} needs a model name too: --llm-model")
        self._url = options.url or OPENAI_URL
        if not re.match(r"https?://\w", self._url):
            raise StartupError(f"the language model endpoint {self._url} is not an http:// or https:// URL")
        self.name = options.model
        self._options = options
        self._client = openai.AsyncOpenAI(
            base_url=self._url,
            api_key=options.api_key or "none",  # the library insists on one; _request leaves it out
            timeout=openai.Timeout(None, connect=options.connect_timeout_ms / 1000),
            max_retries=0,
        )
        self._completions = self._client.chat.completions  # loads the library's types now, not in a turn

    async def respond(
        self, messages: Sequence[Message], confirmed: Confirmation
    ) -> AsyncGenerator[str, None]:
        """The reply, token by token as they come; raises the LLM errors.

        Closing the generator, or cancelling the task that waits for a token, closes the HTTP connection, by
        which the endpoint knows to stop. Hold it in `contextlib.aclosing`: one that is merely dropped is
        closed only when the garbage collector finds it.
        """
        now = asyncio.get_running_loop().time()
        end = _Deadline("end of the reply", now, self._options.total_timeout_ms)
        first_token = _Deadline("first token", now, self._options.first_token_timeout_ms)
        deadline = min(first_token, end, key=lambda each: each.at)
        async with _ended_by(deadline, dropped=LLMUnreachable):
            stream = await self._request(messages)
        finished = False
        joined = codecs.getincrementaldecoder("utf-16-le")("replace")
        async with stream:
            while (chunk := await _next(stream, deadline)) is not None:
                for choice in chunk.choices or ():
                    finished = finished or choice.finish_reason is not None
                    if text := _text(choice, joined):
                        deadline = end
                        yield text
        if not finished:  # a connection lost where HTTP cannot tell it from the end
            raise LLMInterrupted

    async def prewarm(self, messages: Sequence[Message]) -> None:
        """Asks for one token after `messages`, so that the connection is open and a prefix-caching endpoint
        has them in its cache. Trouble is left for the first reply to report."""
        now = asyncio.get_running_loop().time()
        deadline = _Deadline("first token", now, self._options.first_token_timeout_ms)
        try:
            async with _ended_by(deadline, dropped=LLMUnreachable):
                stream = await self._request(messages, max_tokens=1)
            async with stream:
                while await _next(stream, deadline) is not None:
                    pass  # to its end: only then is the connection free for the next request
        except ReplyError as error:
            log.info("could not prewarm the language model", code=error.code)

    async def _request(
        self, messages: Sequence[Message], max_tokens: int | None = None
    ) -> "AsyncStream[ChatCompletionChunk]":
        import openai

        prompt = [_wire(message) for message in messages]
        return await self._completions.create(
            model=self.name,
            messages=cast("list[ChatCompletionMessageParam]", prompt),
            temperature=self._options.temperature,
            stream=True,
            extra_headers=None if self._options.api_key else {"Authorization": openai.omit},
            extra_body={limit_field(self._url): max_tokens or self._options.max_tokens},
        )

    async def close(self) -> None:
        """Closes the connection pool; replies still running fail."""
        await self._client.close()


def _wire(message: Message) -> dict[str, object]:
    """The message as the endpoint knows it."""
    entry: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        entry["tool_call_id"] = message.tool_call_id
    return entry


class _Deadline:
    """The moment, on the event loop's clock, by which something has to have come."""

    def __init__(self, what: str, start_s: float, limit_ms: int) -> None:
        self.at = start_s + limit_ms / 1000
        self.missed = f"no {what} within {limit_ms} ms"


@asynccontextmanager
async def _ended_by(deadline: _Deadline, dropped: type[ReplyError]) -> AsyncIterator[None]:
    """Bounds the block in time and turns its failures into LLM errors; `dropped` for a lost connection."""
    import openai

    try:
        async with asyncio.timeout_at(deadline.at):
            yield
    except TimeoutError:
        raise LLMTimeout(deadline.missed) from None
    except openai.APITimeoutError:  # connecting is all that the HTTP client itself times
        raise LLMTimeout("no connection to the language model endpoint in time") from None
    except openai.APIConnectionError:
        raise dropped from None
    except openai.APIStatusError as error:
        raise _refusal(error) from None
    except openai.APIError:
        raise LLMRejected("the language model endpoint reported an error in its stream") from None


async def _next(
    stream: "AsyncStream[ChatCompletionChunk]", deadline: _Deadline
) -> "ChatCompletionChunk | None":
    """The next chunk; None at the end."""
    async with _ended_by(deadline, dropped=LLMInterrupted):
        try:
            return await anext(stream, None)
        except ValueError:  # neither JSON nor text
            raise LLMRejected("the language model endpoint streamed something unreadable") from None


def _text(choice: "Choice", joined: codecs.IncrementalDecoder) -> str:
    """The choice's text. An endpoint that cuts an emoji into two JSON escapes sends half a surrogate pair,
    which no one could encode again: `joined` keeps it until its other half is here."""
    content = choice.delta.content if choice.delta else None
    return joined.decode((content or "").encode("utf-16-le", "surrogatepass"))


def _refusal(error: "APIStatusError") -> ReplyError:
    """The error for an HTTP status; of the endpoint's words only a short code, such as model_not_found."""
    if error.status_code in (401, 403):
        return LLMUnauthorized()
    if error.status_code == 429:
        return LLMRateLimited()
    code = f", {error.code}" if re.fullmatch(r"[a-z_]{1,40}", str(error.code or "")) else ""
    return LLMRejected(f"the language model endpoint answered HTTP {error.status_code}{code}")
