"""Any endpoint that speaks OpenAI's /audio/speech as the voice, streamed.

As in llm.py, nothing is retried here, and error messages are made of our own words and a status code only:
endpoints repeat keys and texts in theirs, which the log has redacted.
"""

import re
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

import structlog

from voicegw.errors import VoiceFailed
from voicegw.reply.endpoints.http_client import openai_endpoint
from voicegw.reply.endpoints.redaction import redacted, start_of
from voicegw.reply.voice.sentence_voice import VoiceOptions

log = structlog.get_logger(__name__)

_PIECE_BYTES = 4800  # 100 ms at 24 kHz
_NOT_PCM = re.compile(
    r"audio/(?!.*(?:pcm|raw|l16))|text/|application/json"
)  # some servers know WAV or MP3 only


class SpeechEndpoint:
    """Streams speech from the endpoint. Raises ConfigurationError for one that cannot be used."""

    def __init__(self, options: VoiceOptions) -> None:
        self.name = options.model
        self.rate = options.endpoint_rate
        self._options = options
        connect_s = options.connect_timeout_ms / 1000
        self._endpoint = openai_endpoint("speech", options.url, options.api_key, connect_s)
        self._speech = self._endpoint.client.audio.speech.with_streaming_response

    async def synthesise(self, words: str, voice: str = "") -> AsyncGenerator[bytes, None]:
        """Mono s16le as it comes; closing the generator closes the HTTP connection, so the endpoint stops."""
        with _as_voice_failures([words, self._options.api_key or ""], self._endpoint.proxy_note):
            async with self._speech.create(
                model=self._options.model,
                voice=voice or self._options.name or "alloy",
                input=words,
                response_format="pcm",
                speed=self._options.speed,
                extra_headers=self._endpoint.headers,
            ) as response:
                kind = response.headers.get("content-type", "")
                if _NOT_PCM.match(kind):
                    sent = f"{kind.partition(';')[0][:40]}, not PCM{self._endpoint.proxy_note}"
                    raise VoiceFailed(f"the speech endpoint sent {sent}")
                async for piece in response.iter_bytes(_PIECE_BYTES):
                    yield piece

    async def close(self) -> None:
        """Closes the connection pool; sentences still running fail."""
        await self._endpoint.client.close()


@contextmanager
def _as_voice_failures(private: Sequence[str], way: str) -> Iterator[None]:
    """Turns the library's errors into ours. private: what the log must not repeat; way: by which proxy."""
    import openai

    try:
        yield
    except openai.APITimeoutError:  # connecting is all that the HTTP client itself times
        raise VoiceFailed(f"no connection to the speech endpoint in time{way}") from None
    except openai.APIConnectionError:
        raise VoiceFailed(f"the speech endpoint refused or dropped the connection{way}") from None
    except openai.APIStatusError as error:
        said = start_of(redacted(error.response.text, private))
        log.warning("the speech endpoint refused a sentence", status=error.status_code, said=said)
        raise VoiceFailed(f"the speech endpoint answered HTTP {error.status_code}{way}") from None
    except (openai.APIError, _http_error()):
        raise VoiceFailed("the speech endpoint broke off in the middle of a sentence") from None


def _http_error() -> type[Exception]:
    """What the HTTP library under `openai`, which changes with its version, raises when a body breaks off;
    `openai` lets it pass."""
    import openai

    library = sys.modules[openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]]
    error: type[Exception] = library.HTTPError
    return error
