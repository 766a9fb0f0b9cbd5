"""How a request to a model endpoint goes wrong, as LLM errors. What clients are told is made of our own words
and a status code, and the library's exceptions are not chained: endpoints repeat keys and prompts in theirs.
What the endpoint said is kept beside it, redacted, for the log."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from voicegw.errors import (
    LLMBroken,
    LLMInterrupted,
    LLMRateLimited,
    LLMRejected,
    LLMTimeout,
    LLMUnauthorized,
    ReplyError,
)
from voicegw.reply.endpoints.redaction import redacted, start_of, without_echoes
from voicegw.reply.llm.chunks import Chunk

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncStream

_LONGEST_WAIT_S = 60.0  # quotas are raised, and clocks are wrong: worth a request a minute
_NO_STREAM = {"text/html", "application/xhtml+xml", "application/json"}
_MOST_READ_BYTES = 4_000
_ENDPOINT = "the language model endpoint"


def report(error: ReplyError) -> str:
    """What went wrong, for whoever runs the server: the start of what the endpoint said included."""
    return f"{error.message}: {start_of(error.detail)}" if error.detail else error.message


class Deadline:
    """The moment, on the event loop's clock, by which something has to have come."""

    def __init__(self, what: str, start_s: float, limit_ms: int) -> None:
        self.at = start_s + limit_ms / 1000
        self.missed = f"no {what} within {limit_ms} ms"


class Patience:
    """How long is waited for what comes next of a request made at `start_s`."""

    def __init__(self, start_s: float, first_ms: int, next_ms: int, total_ms: int) -> None:
        self._end = Deadline("end of the reply", start_s, total_ms)
        self._next_ms = next_ms
        self.deadline = self._sooner(Deadline("first token", start_s, first_ms))

    def receive_token(self, now: float) -> None:
        """A sign of life: from now on the limit between two of them holds."""
        self.deadline = self._sooner(Deadline("next token", now, self._next_ms))

    def _sooner(self, deadline: Deadline) -> Deadline:
        return min(deadline, self._end, key=lambda each: each.at)


class Faults:
    """Turns what goes wrong with one request into LLM errors. private, phrases: what is not to be repeated
    (redaction.py); way: what their messages add of a proxy in between."""

    def __init__(self, private: Iterable[str], phrases: Iterable[str], way: str) -> None:
        self._private = tuple(private)
        self._phrases = tuple(phrases)
        self._way = way
        self._heard = ""

    @property
    def complaint(self) -> str:
        """What the endpoint said last, except for what it repeated of `private`. Not for the log."""
        return without_echoes(self._heard, self._private)

    def _said(self, text: str) -> str:
        """What the endpoint said, redacted."""
        self._heard = text
        return redacted(text, self._private, self._phrases)

    @asynccontextmanager
    async def ended_by(self, deadline: Deadline, dropped: type[ReplyError]) -> AsyncIterator[None]:
        """Bounds the block in time and turns its failures into LLM errors; `dropped`: a lost connection."""
        import openai

        try:
            async with asyncio.timeout_at(deadline.at):
                yield
        except TimeoutError:
            raise LLMTimeout(deadline.missed) from None
        except openai.APITimeoutError:  # connecting is all that the HTTP client itself times
            raise LLMTimeout(f"no connection to {_ENDPOINT} in time{self._way}") from None
        except openai.APIConnectionError as error:
            message = f"{dropped().message.rstrip('.')}{self._way}" if self._way else ""
            raise dropped(message, detail=self._said(_root_of(error))) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.APIError as error:
            raise self.fault("reported an error in its stream", str(error.body or error.message)) from None

    async def next_chunk(self, stream: "AsyncStream[object]", deadline: Deadline) -> Chunk | None:
        """The next chunk; None at the end."""
        async with self.ended_by(deadline, dropped=LLMInterrupted):
            try:
                event = await anext(stream, None)
                chunk = None if event is None else msgspec.convert(event, Chunk)
            except (ValueError, msgspec.ValidationError):  # neither JSON nor text, or no chunk
                raise self.fault("streamed something unreadable") from None
        if chunk is not None and chunk.object == "error":
            raise self.fault("reported an error in its stream", chunk.message or "")
        return chunk

    async def check_type(self, stream: "AsyncStream[object]") -> None:
        """Raises LLMBroken, with the start of the body, for a page or a document in place of a stream."""
        kind = stream.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _NO_STREAM:
            return
        body = b""
        async for data in stream.response.aiter_bytes():
            body += data
            if len(body) > _MOST_READ_BYTES:
                break
        await stream.close()
        raise self.fault(f"sent {kind} in place of a stream of events", body.decode(errors="replace"))

    def fault(self, what: str, said: str = "") -> LLMBroken:
        """The error for a fault of the endpoint's own."""
        return LLMBroken(f"{_ENDPOINT} {what}{self._way}", detail=self._said(said))

    def _refusal(self, error: "APIStatusError") -> ReplyError:
        """The error for an HTTP status; of the endpoint's words its message has only a short code, such as
        model_not_found."""
        detail = self._said(error.response.text)
        if error.status_code in (401, 403):
            return LLMUnauthorized(detail=detail)
        retry_after_ms = _retry_after_ms(error.response.headers)
        if error.status_code == 429:
            return LLMRateLimited(retry_after_ms=retry_after_ms, detail=detail)
        code = f", {error.code}" if re.fullmatch(r"[a-z_]{1,40}", str(error.code or "")) else ""
        message = f"{_ENDPOINT} answered HTTP {error.status_code}{code}{self._way}"
        if error.status_code < 500:
            return LLMRejected(message, detail=detail)
        wait_ms = retry_after_ms if error.status_code == 503 else None
        return LLMBroken(message, retry_after_ms=wait_ms, detail=detail)


def _root_of(error: BaseException) -> str:
    """What the first of a chain of errors says: each library on the way up leaves something out."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)


def _retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """When to ask again, as the time from now, within reason; None for none, nonsense, and what is past."""
    try:
        wait_s = _wait_s(headers)
    except (ValueError, OverflowError):
        return None
    return round(min(wait_s, _LONGEST_WAIT_S) * 1000) if wait_s > 0 else None


def _wait_s(headers: Mapping[str, str]) -> float:
    """The wait that a Retry-After of seconds or a date asks for, or the more exact header that some add."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", headers.get(name, "")):
            return float(headers[name]) * unit_s
    return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
