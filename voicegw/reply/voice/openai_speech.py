"""An endpoint with OpenAI's /audio/speech as the voice, streamed.

Nothing is retried. Error messages consist of our own words and a status code: endpoints repeat keys and texts
in theirs, which are logged in redacted form.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

import structlog

from voicegw.errors import VoiceFailed
from voicegw.reply.endpoints.http_client import http_error, openai_endpoint
from voicegw.reply.endpoints.redaction import redacted, start_of
from voicegw.reply.voice.sentence_voice import VoiceOptions

log = structlog.get_logger(__name__)

_PIECE_BYTES = 4800  # 100 ms at 24 kHz
_NOT_PCM = re.compile(  # some servers support WAV or MP3 only
    r"audio/(?!.*(?:pcm|raw|l16))|text/|application/json"
)


class SpeechEndpoint:
    """Streams speech from the endpoint. Raises ConfigurationError for a URL, a key or a proxy that cannot be
    used."""

    def __init__(self, options: VoiceOptions) -> None:
        self.name = self._model = options.model or "gpt-4o-mini-tts"
        self.rate = options.endpoint_rate
        self._options = options
        connect_s = options.connect_timeout_ms / 1000
        self._endpoint = openai_endpoint("speech", options.url, options.api_key, connect_s)
        self._speech = self._endpoint.client.audio.speech.with_streaming_response

    async def synthesise(
        self, words: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """Mono s16le, piece by piece. Closing the generator closes the HTTP connection, and so the endpoint
        stops."""
        with _as_voice_failures([words, self._options.api_key or ""], self._endpoint.proxy_note):
            async with self._speech.create(
                model=self._model,
                voice=voice or self._options.name or "alloy",
                input=words,
                response_format="pcm",
                speed=self._options.speed * speed,
                extra_headers=self._endpoint.headers,
            ) as response:
                kind = response.headers.get("content-type", "")
                if _NOT_PCM.match(kind):
                    format_ = f"{kind.partition(';')[0][:40]}, not PCM{self._endpoint.proxy_note}"
                    raise VoiceFailed(f"the speech endpoint sent {format_}")
                async for piece in response.iter_bytes(_PIECE_BYTES):
                    yield piece

    async def close(self) -> None:
        """Closes the connection pool; running sentences fail."""
        await self._endpoint.client.close()


@contextmanager
def _as_voice_failures(private: Sequence[str], proxy_note: str) -> Iterator[None]:
    """Raises the library's errors as VoiceFailed. private: texts that the log must not repeat."""
    import openai

    try:
        yield
    except openai.APITimeoutError:  # the HTTP client limits only the time of the connection
        raise VoiceFailed(f"no connection to the speech endpoint in time{proxy_note}") from None
    except openai.APIConnectionError:
        raise VoiceFailed(f"the speech endpoint refused or dropped the connection{proxy_note}") from None
    except openai.APIStatusError as error:
        body = start_of(redacted(error.response.text, private))
        log.warning("the speech endpoint refused a sentence", status=error.status_code, body=body)
        raise VoiceFailed(f"the speech endpoint answered HTTP {error.status_code}{proxy_note}") from None
    except (openai.APIError, http_error()):
        raise VoiceFailed("the connection to the speech endpoint was lost within a sentence") from None
