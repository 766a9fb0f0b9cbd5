"""A language model behind any endpoint that speaks OpenAI's chat completions, streamed.

One `LLMResponder`, and so one connection pool, serves every session. Nothing is retried here: the caller
hears of a failure at once, as one of the LLM errors, and decides (failover.py).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import structlog

from voicegw.core.dialogue import CHARACTERS_PER_TOKEN, Confirmation, ModelUsage, ReplyRequest, characters_of
from voicegw.core.events import Message, ReplyPiece
from voicegw.core.options import option
from voicegw.errors import LLMBroken, LLMRejected, LLMUnreachable, ReplyError, StartupError
from voicegw.reply.endpoints.http_client import OPENAI_URL, openai_endpoint
from voicegw.reply.llm.completion import Completion
from voicegw.reply.llm.completion_stream import event_stream, visible_text
from voicegw.reply.llm.endpoint_errors import Faults, Patience, report
from voicegw.reply.llm.prewarming import Prewarming
from voicegw.reply.llm.reasoning import Opening, expected_opening
from voicegw.reply.llm.request_form import RequestForm

if TYPE_CHECKING:
    from voicegw.reply.llm.completion_stream import EventStream

log = structlog.get_logger(__name__)

_BREAKDOWN_S = 0.1  # a server that has broken down closes the connection meanwhile
_MORE_TOKENS = re.compile(r"max_\w*tokens|output limit")


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
        10_000,
        "longest wait from the request to the model's first token, reasoning included",
        ge=1,
        le=300_000,
    )
    next_token_timeout_ms: int = option(
        10_000, "longest wait between two tokens, reasoning included", ge=1, le=300_000
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


class LLMResponder:
    """Streams replies from the endpoint, which is offered `tools`, entries of a request's list of that name.

    count: called with the tokens of every request that is none for a reply. answered: whether it has ever
    completed or begun an answer; url: where it is, fit to be shown. Raises StartupError for options that lead
    nowhere.
    """

    def __init__(
        self,
        options: LLMOptions,
        tools: Sequence[dict[str, Any]] = (),
        count: Callable[[float], None] = lambda tokens: None,
    ) -> None:
        if options.model is None:
            raise StartupError(f"the endpoint {options.url} needs a model name too: --llm-model")
        connect_s = options.connect_timeout_ms / 1000
        self._endpoint = openai_endpoint("language model", options.url, options.api_key, connect_s)
        self.name = options.model
        self.url = shown(self._endpoint.url)
        self.answered = False
        self._fewest_tokens = 1
        self._options, self._count = options, count
        fixed = {"model": options.model, "temperature": options.temperature, "stream": True}
        fixed["stream_options"] = {"include_usage": True}
        if tools:
            fixed["tools"] = list(tools)
        # OpenAI has renamed the token limit; most others know the old name only.
        self._form = RequestForm(fixed, new_name_first=self._endpoint.url.startswith(OPENAI_URL))
        self._opening = expected_opening(options.model)
        self._prewarming = Prewarming(self._read_ahead, options.prewarm_interval_ms / 1000)

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply, token by token as they come, and behind it the calls the model wants made; raises the
        LLM errors.

        Closing the generator, or cancelling the task that waits for a token, closes the HTTP connection, by
        which the endpoint knows to stop. Hold it in `contextlib.aclosing`: one that is merely dropped is
        closed only when the garbage collector finds it.
        """
        completion = Completion(self._opening)
        faults = self._faults(request.messages)
        text = self._text(request, completion, self._options.max_tokens, self._form, faults)
        async with aclosing(text) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece
                if completion.hides and (hidden := completion.usage()) is not None:
                    yield hidden
        if (used := completion.usage()) is not None:
            yield used
        if (failure := completion.failure()) is not None:
            raise failure
        if (notice := completion.notice()) is not None:
            yield notice
        for call in completion.calls():
            yield call

    async def prewarm(self, request: ReplyRequest) -> None:
        """Warms the messages up unless that was done a moment ago or is being done; trouble is left for the
        first reply to report."""
        try:
            await self._prewarming.warm(request)
        except ReplyError as error:
            reason = {"code": error.code, "reason": report(error)}
            log.info("could not prewarm the language model", url=self.url, **reason)

    async def warm(self, request: ReplyRequest) -> None:
        """Asks for a reply, so that it is known whether the endpoint answers, and how its replies begin. Some
        break down over what they do not take: one that has never answered is asked in plainer forms, too.
        Raises the LLM errors."""
        try:
            await self._read(request, self._options.max_tokens, self._form, self._faults(request.messages))
        except LLMBroken:
            if self.answered or not await self._find_form(request):
                raise

    async def _find_form(self, request: ReplyRequest) -> bool:
        """Whether the endpoint answers in a plainer form. That is kept if the endpoint still breaks down over
        the usual one; the trouble may have been a passing one. Raises the errors that show neither."""
        usual = self._form
        for form in usual.plainer():
            await asyncio.sleep(_BREAKDOWN_S)
            if await self._takes(form, request):
                if not await self._takes(usual, request):
                    self._adopt(form)
                self.answered = True
                return True
        return False

    async def _takes(self, form: RequestForm, request: ReplyRequest) -> bool:
        """Whether the endpoint answers in this form. Raises the errors that have nothing to do with it."""
        try:
            await self._read(request, self._options.max_tokens, form, self._faults(request.messages))
        except (LLMBroken, LLMRejected):
            return False
        return True

    async def _read_ahead(self, request: ReplyRequest) -> None:
        """Asks for one token after the messages, so that the connection is open and a prefix-caching endpoint
        has them in its cache; for a whole reply where so few are refused."""
        faults = self._faults(request.messages)
        try:
            await self._read(request, self._fewest_tokens, self._form, faults)
        except LLMRejected:
            if not _MORE_TOKENS.search(faults.complaint) or self._fewest_tokens > 1:
                raise
            await self._read(request, self._options.max_tokens, self._form, faults)
            self._fewest_tokens = self._options.max_tokens

    async def _read(self, request: ReplyRequest, max_tokens: int, form: RequestForm, faults: Faults) -> None:
        """Reads a completion to its end: only then is the connection free for the next request."""
        completion = Completion(self._opening)
        async with aclosing(self._text(request, completion, max_tokens, form, faults)) as pieces:
            async for _ in pieces:
                pass
        self._count(completion.tokens or characters_of(request.messages) / CHARACTERS_PER_TOKEN)

    def _faults(self, messages: Sequence[Message]) -> Faults:
        """For a request with these messages: what users and tools have said of it is hidden most strictly."""
        arguments = [call.arguments for message in messages for call in message.tool_calls]
        said = [message.content for message in messages if message.role in ("user", "tool")]
        phrases = [message.content for message in messages if message.role in ("system", "assistant")]
        return Faults([*said, *arguments, self._options.api_key or ""], phrases, self._endpoint.proxy_note)

    async def _text(
        self,
        request: ReplyRequest,
        completion: Completion,
        max_tokens: int,
        form: RequestForm,
        faults: Faults,
    ) -> AsyncGenerator[str, None]:
        """The text of one completion, to its end, asked for without what the endpoint refuses. How its
        replies begin is learned by the way. What it refuses is learned in the usual form only, and only of
        what the operator wrote: a user's words, or a tool's, may be what is wrong with one request."""
        limits, messages = self._options, request.messages
        usual, opening = form is self._form, tuple(each for each in messages if each.role == "system")
        teaches = usual and len(opening) == len(messages)
        start_s = asyncio.get_running_loop().time()
        patience = Patience(
            *(start_s, limits.first_token_timeout_ms, limits.next_token_timeout_ms, limits.total_timeout_ms)
        )
        while True:
            try:
                attempt = self._attempt(form.body(request, max_tokens), completion, patience, faults)
                async with aclosing(attempt) as pieces:
                    async for piece in pieces:
                        self.answered = self.answered or (usual and bool(piece))
                        yield piece
                break
            except (LLMRejected, LLMBroken) as error:
                other = None if completion.begun else form.without_what(faults.complaint, request)
                if other is None:
                    raise
                if isinstance(error, LLMBroken) and self.answered:
                    teaches = False  # an endpoint that works may break down over anything
                if len(opening) < len(messages):
                    await self.prewarm(
                        replace(request, messages=opening)
                    )  # which teaches what the endpoint always refuses
                form = other.without(self._form.refused)
            finally:
                self._learn(completion.opening)
        self.answered = self.answered or usual
        if teaches:
            self._adopt(form)

    def _learn(self, opening: Opening) -> None:
        """Known to begin with the answer, replies are not taken for others: a user may ask for an end tag."""
        if self._opening is not Opening.ANSWER and opening is not Opening.UNKNOWN:
            self._opening = opening

    async def _attempt(
        self, body: dict[str, Any], completion: Completion, patience: Patience, faults: Faults
    ) -> AsyncGenerator[str, None]:
        """The text that answers one request."""
        async with faults.ended_by(patience.deadline, dropped=LLMUnreachable):
            stream = await self._post(body)
            await faults.check_type(stream)
        async with stream, aclosing(visible_text(stream, completion, patience, faults)) as pieces:
            async for piece in pieces:
                yield piece

    def _adopt(self, form: RequestForm) -> None:
        """All later requests have the form that was answered."""
        if new := form.refused - self._form.refused:
            log.warning("the model endpoint does not take parameters", url=self.url, left_out=sorted(new))
            self._form = self._form.without(new)

    async def _post(self, body: dict[str, Any]) -> "EventStream":
        """Posts the request as it is, and gets the chunks as they are: `chat.completions.create` walks over
        every message by its declared types, which takes longer than all the rest, and longer with every
        turn."""
        return await self._endpoint.client.post(
            "/chat/completions",
            body=body,
            options={"headers": self._endpoint.headers},
            cast_to=object,
            stream=True,
            stream_cls=event_stream(),
        )

    async def close(self) -> None:
        """Closes the connection pool; replies still running fail."""
        await self._endpoint.client.close()
