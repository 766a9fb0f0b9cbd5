"""A language model behind any endpoint that speaks OpenAI's chat completions, streamed.

One `LLMResponder`, and so one connection pool, serves every session. Nothing is retried here: the caller
hears of a failure at once, as one of the LLM errors, and decides (failover.py).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import structlog

from voicegw.core.dialogue import Confirmation
from voicegw.core.events import Message, ToolCalled
from voicegw.core.options import option
from voicegw.errors import LLMInterrupted, LLMUnreachable, ReplyError, StartupError
from voicegw.reply.llm_faults import Deadline, ended_by, next_chunk
from voicegw.reply.llm_wire import Text, ToolCallDeltas, entry
from voicegw.reply.prewarm import Prewarming

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

log = structlog.get_logger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
KEEP_ALIVE_S = 50.0  # longer than people listen and think; most load balancers close after 60 s


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

    prewarm_interval_ms: int = option(
        5_000, "shortest time between two requests that prewarm the same prompt", ge=0, le=3_600_000
    )

    @property
    def configured(self) -> bool:
        """Whether an endpoint was asked for. A key alone does not count: one left in the environment must
        not be enough to send conversations elsewhere."""
        return self.url is not None or self.model is not None


def shown(url: str) -> str:
    """The URL without what may be a secret in it: a user and password, a query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def limit_field(url: str) -> str:
    """What the endpoint at `url` calls the limit on a reply's tokens: OpenAI has renamed it and refuses the
    old name for its newer models, most others know the old name only."""
    return "max_completion_tokens" if url.startswith(OPENAI_URL) else "max_tokens"


class LLMResponder:
    """Streams replies from the endpoint, which is offered `tools`, entries of a request's list of that name.

    answered: whether it has ever completed or begun an answer; url: where it is, fit to be shown. Raises
    StartupError for options that lead nowhere.
    """

    def __init__(self, options: LLMOptions, tools: Sequence[dict[str, Any]] = ()) -> None:
        import openai

        if options.model is None:
            raise StartupError(f"the endpoint {options.url} needs a model name too: --llm-model")
        self._url = options.url or OPENAI_URL
        if not re.match(r"https?://\w", self._url):
            raise StartupError(f"the language model endpoint {self._url} is not an http:// or https:// URL")
        self.name = options.model
        self.url = shown(self._url)
        self.answered = False
        self._options = options
        self._body = {"model": options.model, "temperature": options.temperature, "stream": True}
        if tools:
            self._body["tools"] = list(tools)
        self._headers = {} if options.api_key else {"Authorization": openai.omit}
        self._prewarming = Prewarming(self.warm, options.prewarm_interval_ms / 1000)
        self._client = _client(self._url, options)

    async def respond(
        self, messages: Sequence[Message], confirmed: Confirmation
    ) -> AsyncGenerator[str | ToolCalled, None]:
        """The reply, token by token as they come, and behind it the calls the model wants made; raises the
        LLM errors.

        Closing the generator, or cancelling the task that waits for a token, closes the HTTP connection, by
        which the endpoint knows to stop. Hold it in `contextlib.aclosing`: one that is merely dropped is
        closed only when the garbage collector finds it.
        """
        first_token, end = self._deadlines()
        deadline = first_token
        async with ended_by(deadline, dropped=LLMUnreachable):
            stream = await self._request(messages)
        finished, reply, wanted = False, Text(), ToolCallDeltas()
        async with stream:
            while (chunk := await next_chunk(stream, deadline)) is not None:
                for choice in chunk.choices or ():
                    finished = finished or choice.finish_reason is not None
                    if choice.delta and choice.delta.tool_calls:
                        wanted.receive(choice.delta.tool_calls)
                        deadline = end
                    if text := reply.receive(choice):
                        deadline, self.answered = end, True
                        yield text
        if not finished:  # a connection lost where HTTP cannot tell it from the end
            raise LLMInterrupted
        self.answered = True
        for call in wanted.calls():
            yield call

    async def prewarm(self, messages: Sequence[Message]) -> None:
        """Warms `messages` up unless that was done a moment ago or is being done; trouble is left for the
        first reply to report."""
        try:
            await self._prewarming.warm(messages)
        except ReplyError as error:
            reason = {"code": error.code, "reason": error.message}
            log.info("could not prewarm the language model", url=self.url, **reason)

    async def warm(self, messages: Sequence[Message]) -> None:
        """Asks for one token after `messages`, so that the connection is open and a prefix-caching endpoint
        has them in its cache. Raises the LLM errors."""
        deadline, _ = self._deadlines()
        async with ended_by(deadline, dropped=LLMUnreachable):
            stream = await self._request(messages, max_tokens=1)
        async with stream:
            while await next_chunk(stream, deadline) is not None:
                pass  # to its end: only then is the connection free for the next request
        self.answered = True

    def _deadlines(self) -> tuple[Deadline, Deadline]:
        """For the first token and for the end of a request made now; the first is never the later one."""
        now = asyncio.get_running_loop().time()
        end = Deadline("end of the reply", now, self._options.total_timeout_ms)
        first_token = Deadline("first token", now, self._options.first_token_timeout_ms)
        return min(first_token, end, key=lambda each: each.at), end

    async def _request(
        self, messages: Sequence[Message], max_tokens: int | None = None
    ) -> "AsyncStream[object]":
        """Posts the request as it is, and gets the chunks as they are: `chat.completions.create` walks over
        every message by its declared types, which takes longer than all the rest, and longer with every
        turn."""
        import openai

        return await self._client.post(
            "/chat/completions",
            body={
                **self._body,
                limit_field(self._url): max_tokens or self._options.max_tokens,
                "messages": [entry(message) for message in messages],
            },
            options={"headers": self._headers},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    async def close(self) -> None:
        """Closes the connection pool; replies still running fail."""
        await self._client.close()


def _client(url: str, options: LLMOptions) -> "AsyncOpenAI":
    """The library's client. Its own limits close a connection that was idle for 5 s, and so nearly every turn
    would begin with a handshake."""
    import openai

    usual = openai.DEFAULT_CONNECTION_LIMITS
    limits = type(usual)(
        max_connections=usual.max_connections,
        max_keepalive_connections=usual.max_keepalive_connections,
        keepalive_expiry=KEEP_ALIVE_S,
    )
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=options.api_key or "none",  # the library insists on one; the request leaves it out
        timeout=openai.Timeout(None, connect=options.connect_timeout_ms / 1000),
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(limits=limits),
    )
