"""A language model behind an endpoint with OpenAI's chat completions, streamed.

One `LLMResponder`, with one connection pool, serves all sessions. It raises a failure at once, as one of the
LLM errors; retries are the task of failover.py.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from voicegw.core.events import Message, ReplyPiece
from voicegw.core.history_length import CHARACTERS_PER_TOKEN, characters_of
from voicegw.core.options import option
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest
from voicegw.errors import LLMBroken, LLMRejected, LLMUnreachable, ReplyError, StartupError
from voicegw.reply.endpoints.http_client import OPENAI_URL, is_openai, openai_endpoint, without_secrets
from voicegw.reply.llm.chat_span import chat_span
from voicegw.reply.llm.completion import Completion
from voicegw.reply.llm.completion_stream import event_stream, visible_text
from voicegw.reply.llm.deadlines import ReplyDeadlines
from voicegw.reply.llm.endpoint_errors import EndpointErrors, report
from voicegw.reply.llm.prewarming import Prewarming
from voicegw.reply.llm.reasoning import ReplyStart, expected_start
from voicegw.reply.llm.request_form import RequestForm
from voicegw.tracing import parent_headers

if TYPE_CHECKING:
    from voicegw.reply.llm.completion_stream import EventStream

log = structlog.get_logger(__name__)

_AFTER_FAILURE_S = 0.1  # the time in which a server that failed closes the connection
_LEARNING = ReplyRequest((Message("system", "Answer briefly."),))
_TOKEN_LIMIT_ERROR = re.compile(r"max_\w*tokens|output limit")


@dataclass(frozen=True)
class LLMOptions:
    """The model, its endpoint, and the limits of its replies."""

    url: str | None = option(
        None, "base URL of an OpenAI-compatible endpoint; with only a model named, OpenAI's"
    )
    model: str | None = option(None, "name of the model at the endpoint")
    api_key: str | None = option(None, "API key; without one, none is sent", secret=True)
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
    max_tokens: int = option(300, "longest reply, in tokens", ge=1, le=100_000)
    temperature: float = option(1.0, "sampling temperature; some models accept only 1", ge=0, le=2)

    prewarm_interval_ms: int = option(
        5_000, "shortest time between two requests that prewarm the same prompt", ge=0, le=3_600_000
    )

    @property
    def configured(self) -> bool:
        """Whether an endpoint is configured. A key alone does not count: a key that happens to be in the
        environment must not send conversations to another company."""
        return self.url is not None or self.model is not None

    @property
    def shown_url(self) -> str:
        """Where the endpoint is, without secrets."""
        return without_secrets(self.url or OPENAI_URL)


class LLMResponder:
    """Streams replies from the endpoint.

    tools: definitions, as in the `tools` of a request. count: called with the tokens of each request that is
    not for a reply. answered: whether the endpoint has ever begun an answer; url: without secrets, for logs.
    Raises StartupError for options that cannot work.
    """

    def __init__(
        self,
        options: LLMOptions,
        tools: Sequence[dict[str, Any]] = (),
        count: Callable[[float], None] = lambda tokens: None,
    ) -> None:
        if options.model is None:
            raise StartupError(f"the endpoint {options.shown_url} needs a model name too: --llm-model")
        connect_s = options.connect_timeout_ms / 1000
        self._endpoint = openai_endpoint("language model", options.url, options.api_key, connect_s)
        self.name = options.model
        self.url = options.shown_url
        self.answered = False
        self._min_tokens = 1
        self._options, self._count = options, count
        fixed = {"model": options.model, "temperature": options.temperature, "stream": True}
        fixed["stream_options"] = {"include_usage": True}
        if tools:
            fixed["tools"] = list(tools)
        # OpenAI has renamed the token limit; most other endpoints accept only the old name.
        self._form = RequestForm(fixed, new_name_first=is_openai(self._endpoint.url))
        self._start = expected_start(options.model)
        self._learning = _LEARNING  # the request that shows which parameters are refused
        self._prewarming = Prewarming(self._read_prompt, options.prewarm_interval_ms / 1000)

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply, token by token, and after it the tool calls that the model requests; raises the LLM
        errors.

        Closing the generator, or cancelling the task that waits for a token, closes the HTTP connection, and
        so the endpoint stops. Use `contextlib.aclosing`: without it, the generator is closed only by the
        garbage collector.
        """
        completion = Completion(self._start)
        errors = self._errors(request)
        text = self._text(request, completion, self._options.max_tokens, self._form, errors)
        async with aclosing(text) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece
                if completion.has_reasoning_to_count and (hidden := completion.usage()) is not None:
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
        """Puts the messages into the endpoint's prefix cache, unless that was done a moment ago or is being
        done. Never raises: an error is logged, and the first reply reports it."""
        try:
            await self._prewarming.warm(request)
        except ReplyError as error:
            reason = {"code": error.code, "reason": report(error)}
            log.info("could not prewarm the language model", url=self.url, **reason)

    async def warm(self, request: ReplyRequest) -> None:
        """Requests a reply, to find out whether the endpoint answers and what its replies start with. Some
        endpoints fail on a parameter without naming it: if this one has never answered, simpler forms of the
        request are tried, too. No client may write this request, because the server learns from it. Raises
        the LLM errors."""
        if request.messages:
            self._learning = request
        try:
            await self._read(request, self._options.max_tokens, self._form, self._errors(request))
        except LLMBroken:
            if self.answered or not await self._try_simpler_forms(request):
                raise

    async def _try_simpler_forms(self, request: ReplyRequest) -> bool:
        """Whether the endpoint answers a simpler form. That is kept if the endpoint then still fails on the
        usual form; otherwise the failure was temporary. Raises errors that do not depend on the form."""
        usual = self._form
        for form in usual.simpler():
            await asyncio.sleep(_AFTER_FAILURE_S)
            if await self._accepts(form, request):
                if not await self._accepts(usual, request):
                    self._adopt(form)
                self.answered = True
                return True
        return False

    async def _accepts(self, form: RequestForm, request: ReplyRequest) -> bool:
        """Whether the endpoint answers this form. Raises errors that do not depend on the form."""
        try:
            await self._read(request, self._options.max_tokens, form, self._errors(request))
        except (LLMBroken, LLMRejected):
            return False
        return True

    async def _read_prompt(self, request: ReplyRequest) -> None:
        """Requests one token, so that the connection is open and the messages are in the endpoint's prefix
        cache; a whole reply if the endpoint refuses a limit of one token."""
        errors = self._errors(request)
        try:
            await self._read(request, self._min_tokens, self._form, errors)
        except LLMRejected:
            if not _TOKEN_LIMIT_ERROR.search(errors.complaint) or self._min_tokens > 1:
                raise
            await self._read(request, self._options.max_tokens, self._form, errors)
            self._min_tokens = self._options.max_tokens

    async def _read(
        self, request: ReplyRequest, max_tokens: int, form: RequestForm, errors: EndpointErrors
    ) -> None:
        """Reads a completion to its end: only then is the connection free for the next request."""
        completion = Completion(self._start)
        async with aclosing(self._text(request, completion, max_tokens, form, errors)) as pieces:
            async for _ in pieces:
                pass
        self._count(completion.tokens or characters_of(request.messages) / CHARACTERS_PER_TOKEN)

    def _errors(self, request: ReplyRequest) -> EndpointErrors:
        return EndpointErrors.of(request, self._options.api_key or "", self._endpoint.proxy_note)

    async def _text(
        self,
        request: ReplyRequest,
        completion: Completion,
        max_tokens: int,
        form: RequestForm,
        errors: EndpointErrors,
    ) -> AsyncGenerator[str, None]:
        """The text of one completion. A parameter that the endpoint refuses is left out of a next attempt.

        This learns for later requests what the replies start with and which parameters are refused. The
        latter only from the learning request in the usual form: in others, words of a user or a tool, or what
        a client asks of the model, may be the reason.
        """
        limits, usual = self._options, form is self._form
        learns = usual and request == self._learning
        start_s = asyncio.get_running_loop().time()
        deadlines = ReplyDeadlines(
            *(start_s, limits.first_token_timeout_ms, limits.next_token_timeout_ms, limits.total_timeout_ms)
        )
        while True:
            try:
                attempt = self._attempt(form.body(request, max_tokens), completion, deadlines, errors)
                async with aclosing(attempt) as pieces:
                    async for piece in pieces:
                        self.answered = self.answered or (usual and bool(piece))
                        yield piece
                break
            except (LLMRejected, LLMBroken) as error:
                other = None if completion.begun else form.without_refused(errors.complaint, request)
                if other is None:
                    raise
                if isinstance(error, LLMBroken) and self.answered:
                    learns = False  # an endpoint that works may fail for any reason
                if request != self._learning:
                    await self.prewarm(self._learning)  # learns what is always refused
                form = other.without(self._form.refused)
            finally:
                self._learn(completion.start)
        self.answered = self.answered or usual
        if learns:
            self._adopt(form)

    def _learn(self, start: ReplyStart) -> None:
        """Once a reply has started with the answer, later ones are taken to do so: an end tag in them may be
        part of the answer."""
        if self._start is not ReplyStart.ANSWER and start is not ReplyStart.UNKNOWN:
            self._start = start

    async def _attempt(
        self,
        body: dict[str, Any],
        completion: Completion,
        deadlines: ReplyDeadlines,
        errors: EndpointErrors,
    ) -> AsyncGenerator[str, None]:
        """The text of the response to one HTTP request."""
        with chat_span(self.name, self.url) as chat:
            async with errors.translated(deadlines.current, connection_lost=LLMUnreachable):
                stream = await self._post(body, parent_headers(chat))
                await errors.check_content_type(stream)
            async with stream, aclosing(visible_text(stream, completion, deadlines, errors)) as pieces:
                async for piece in pieces:
                    yield piece
            chat.set_attribute("voicegw.llm.tokens", completion.tokens)

    def _adopt(self, form: RequestForm) -> None:
        """Uses this form for all later requests."""
        if new := form.refused - self._form.refused:
            log.warning("the model endpoint refuses parameters", url=self.url, left_out=sorted(new))
            self._form = self._form.without(new)

    async def _post(self, body: dict[str, Any], headers: dict[str, str]) -> "EventStream":
        """Sends the body as it is, and returns the stream of undecoded chunks. `chat.completions.create`
        would check every message against its declared type, which takes more time than all other steps
        together, and more with every turn."""
        return await self._endpoint.client.post(
            "/chat/completions",
            body=body,
            options={"headers": {**self._endpoint.headers, **headers}},
            cast_to=object,
            stream=True,
            stream_cls=event_stream(),
        )

    async def close(self) -> None:
        """Closes the connection pool; running replies fail."""
        await self._endpoint.client.close()
