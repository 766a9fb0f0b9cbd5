"""What clients send to the REST API, for coverage-guided fuzzing."""

import asyncio
from collections.abc import AsyncGenerator

from voicegw.errors import InputError
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.rest import client_secrets
from voicegw.gateway.rest.form import read_form
from voicegw.gateway.rest.transcription_request import TranscriptionRequest

_TYPE = "multipart/form-data; boundary=b"
_MAX_BYTES = 1_000_000
_PIECE_BYTES = 100
_authenticator = Authenticator(TokenOptions(), LocalReplayCache())


def run_form(data: bytes) -> None:
    """The form of a request with a recording."""
    asyncio.run(_read_form(data))


async def _read_form(data: bytes) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(data), _PIECE_BYTES):
            yield data[start : start + _PIECE_BYTES]

    try:
        TranscriptionRequest.of(await read_form(_TYPE, pieces(), _MAX_BYTES))
    except InputError:
        return


def run_client_secret(data: bytes) -> None:
    """The body of a request for a client secret."""
    try:
        client_secrets.create(data, _authenticator.identify(None, ""), _authenticator)
    except InputError:
        return


def _part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


_FILE = _part("file", "RIFF", '; filename="a.wav"\r\nContent-Type: audio/wav')
FORMS = [
    (_FILE + "--b--\r\n").encode(),
    (_part("prompt", "Anna, Bob") + _part("language", "en") + _FILE + "--b--\r\n").encode(),
    (_part("timestamp_granularities[]", "word") + _part("stream", "true") + _FILE + "--b--\r\n").encode(),
]
CLIENT_SECRETS = [
    b"{}",
    b'{"expires_after":{"anchor":"created_at","seconds":60},"session":{"type":"realtime","instructions":"x"}}',
    b'{"session":{"audio":{"input":{"transcription":{"language":"de"}},"output":{"voice":{"id":"a"}}}}}',
]
