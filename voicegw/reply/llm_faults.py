"""How a request to a model endpoint goes wrong, as LLM errors. Their messages are made of our own words and a
status code, and the library's exceptions are not chained: endpoints echo keys and prompts in theirs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
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
from voicegw.reply.llm_wire import Chunk

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncStream

_LONGEST_WAIT_S = 60.0  # quotas are raised, and clocks are wrong: worth a request a minute


class Deadline:
    """The moment, on the event loop's clock, by which something has to have come."""

    def __init__(self, what: str, start_s: float, limit_ms: int) -> None:
        self.at = start_s + limit_ms / 1000
        self.missed = f"no {what} within {limit_ms} ms"


@asynccontextmanager
async def ended_by(deadline: Deadline, dropped: type[ReplyError]) -> AsyncIterator[None]:
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
        raise LLMBroken("the language model endpoint reported an error in its stream") from None


async def next_chunk(stream: "AsyncStream[object]", deadline: Deadline) -> Chunk | None:
    """The next chunk; None at the end."""
    async with ended_by(deadline, dropped=LLMInterrupted):
        try:
            chunk = await anext(stream, None)
            return None if chunk is None else msgspec.convert(chunk, Chunk)
        except (ValueError, msgspec.ValidationError):  # neither JSON nor text, or no chunk
            raise LLMBroken("the language model endpoint streamed something unreadable") from None


def _refusal(error: "APIStatusError") -> ReplyError:
    """The error for an HTTP status; of the endpoint's words only a short code, such as model_not_found, and
    when it wants to be asked again."""
    if error.status_code in (401, 403):
        return LLMUnauthorized()
    retry_after_ms = _retry_after_ms(error.response.headers.get("retry-after", ""))
    if error.status_code == 429:
        return LLMRateLimited(retry_after_ms=retry_after_ms)
    code = f", {error.code}" if re.fullmatch(r"[a-z_]{1,40}", str(error.code or "")) else ""
    kind = LLMBroken if error.status_code >= 500 else LLMRejected
    message = f"the language model endpoint answered HTTP {error.status_code}{code}"
    return kind(message, retry_after_ms=retry_after_ms if error.status_code == 503 else None)


def _retry_after_ms(header: str) -> int | None:
    """A Retry-After of seconds or a date, as the time from now, within reason; None for none, nonsense, and
    what is past."""
    try:
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", header):
            wait_s = float(header)
        else:
            wait_s = parsedate_to_datetime(header).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return round(min(wait_s, _LONGEST_WAIT_S) * 1000) if wait_s > 0 else None
