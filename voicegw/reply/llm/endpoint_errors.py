"""Failures of a request to a model endpoint as LLM errors.

The message of an error, which clients see, consists of our own words and a status code, and the library's
exceptions are not chained: endpoints repeat keys and prompts in their errors. What the endpoint sent is kept
in the error's `detail`, redacted, for the log.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from voicegw.core.responder import ReplyRequest
from voicegw.errors import (
    LLMBroken,
    LLMInterrupted,
    LLMRateLimited,
    LLMRejected,
    LLMTimeout,
    LLMUnauthorized,
    ReplyError,
)
from voicegw.reply.endpoints.http_client import http_error
from voicegw.reply.endpoints.redaction import redacted, start_of, without_echoes
from voicegw.reply.llm.chunks import Chunk
from voicegw.reply.llm.deadlines import Deadline

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncStream

_MAX_RETRY_AFTER_S = 60.0  # endpoints name longer times, but a quota may be raised or a clock be wrong
_NOT_STREAMS = {"text/html", "application/xhtml+xml", "application/json"}
_MAX_BODY_BYTES = 4_000
_ENDPOINT = "the language model endpoint"


def report(error: ReplyError) -> str:
    """The error for the operator's log, with the start of what the endpoint sent."""
    return f"{error.message}: {start_of(error.detail)}" if error.detail else error.message


class EndpointErrors:
    """Translates the failures of one request into LLM errors.

    private, phrases: texts that the errors must not repeat (redaction.py). proxy_note: what messages add when
    requests go through a proxy.
    """

    def __init__(self, private: Iterable[str], phrases: Iterable[str], proxy_note: str) -> None:
        self._private = tuple(private)
        self._phrases = tuple(phrases)
        self._proxy_note = proxy_note
        self._last_text = ""

    @classmethod
    def of(cls, request: ReplyRequest, api_key: str, proxy_note: str) -> "EndpointErrors":
        """For this request. The words of users and tools are redacted most strictly."""
        messages, asked = request.messages, request.parameters
        private = [message.content for message in messages if message.role in ("user", "tool")]
        private += [*(call.arguments for message in messages for call in message.tool_calls), api_key]
        phrases = [message.content for message in messages if message.role in ("system", "assistant")]
        for tool in asked.tools:
            phrases += [tool.name, tool.description, tool.parameters]
        return cls(private, [*phrases, asked.effort], proxy_note)

    @property
    def complaint(self) -> str:
        """The endpoint's last error text, without what it repeats of the request. Not for the log."""
        return without_echoes(self._last_text, (*self._private, *self._phrases))

    def _redact(self, text: str) -> str:
        """Keeps the endpoint's text for `complaint`; returns it redacted."""
        self._last_text = text
        return redacted(text, self._private, self._phrases)

    @asynccontextmanager
    async def translated(self, deadline: Deadline, connection_lost: type[ReplyError]) -> AsyncIterator[None]:
        """Limits the block to the deadline, and raises its failures as LLM errors; `connection_lost`: the
        error for a connection that is refused or lost."""
        import openai

        try:
            async with asyncio.timeout_at(deadline.at_s):
                yield
        except TimeoutError:
            raise LLMTimeout(deadline.message) from None
        except openai.APITimeoutError:  # the HTTP client limits only the time of the connection
            raise LLMTimeout(f"no connection to {_ENDPOINT} in time{self._proxy_note}") from None
        except openai.APIConnectionError as error:
            note = self._proxy_note
            message = f"{connection_lost().message.rstrip('.')}{note}" if note else ""
            raise connection_lost(message, detail=self._redact(_root_cause(error))) from None
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIError as error:
            text = str(error.body or error.message)
            raise self.broken("reported an error in its stream", text) from None

    async def next_chunk(self, stream: "AsyncStream[object]", deadline: Deadline) -> Chunk | None:
        """The next chunk; None at the end of the stream."""
        async with self.translated(deadline, connection_lost=LLMInterrupted):
            try:
                event = await anext(stream, None)
                chunk = None if event is None else msgspec.convert(event, Chunk)
            except (ValueError, msgspec.ValidationError):  # not UTF-8, not JSON, or not a chunk
                raise self.broken("streamed something unreadable") from None
        if chunk is not None and chunk.object == "error":
            raise self.broken("reported an error in its stream", chunk.message or "")
        return chunk

    async def check_content_type(self, stream: "AsyncStream[object]") -> None:
        """Raises LLMBroken, with the start of the body, when the response is a page or one JSON document."""
        kind = stream.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _NOT_STREAMS:
            return
        body = b""
        with suppress(http_error()):  # what was received until then says enough
            async for data in stream.response.aiter_bytes():
                body += data
                if len(body) > _MAX_BODY_BYTES:
                    break
        await stream.close()
        raise self.broken(f"sent {kind} in place of a stream of events", body.decode(errors="replace"))

    def broken(self, what: str, text: str = "") -> LLMBroken:
        """The error for a failure of the endpoint itself. text: what the endpoint sent."""
        return LLMBroken(f"{_ENDPOINT} {what}{self._proxy_note}", detail=self._redact(text))

    def _status_error(self, error: "APIStatusError") -> ReplyError:
        """The error for an HTTP status. Its message repeats only a short code of the endpoint's, such as
        model_not_found."""
        detail = self._redact(error.response.text)
        if error.status_code in (401, 403):
            return LLMUnauthorized(detail=detail)
        retry_after_ms = _retry_after_ms(error.response.headers)
        if error.status_code == 429:
            return LLMRateLimited(retry_after_ms=retry_after_ms, detail=detail)
        code = f", {error.code}" if re.fullmatch(r"[a-z_]{1,40}", str(error.code or "")) else ""
        message = f"{_ENDPOINT} answered HTTP {error.status_code}{code}{self._proxy_note}"
        if error.status_code < 500:
            return LLMRejected(message, detail=detail)
        wait_ms = retry_after_ms if error.status_code == 503 else None
        return LLMBroken(message, retry_after_ms=wait_ms, detail=detail)


def _root_cause(error: BaseException) -> str:
    """The message of the first error in a chain: each library that raises it again leaves something out."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)


def _retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """How long to wait before the next request, 60 s at most; None when the headers do not say, are not
    valid, or name a time in the past."""
    try:
        wait_s = _wait_s(headers)
    except (ValueError, OverflowError):
        return None
    return round(min(wait_s, _MAX_RETRY_AFTER_S) * 1000) if wait_s > 0 else None


def _wait_s(headers: Mapping[str, str]) -> float:
    """The wait in Retry-After, in seconds or until a date, or in retry-after-ms, which some endpoints add."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", headers.get(name, "")):
            return float(headers[name]) * unit_s
    return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
