"""The functions for fuzzing the reader of Wyoming clients; see targets.py."""

import asyncio
from contextlib import suppress

from voicegw.core.key_term_limits import check_key_terms
from voicegw.errors import InputError
from voicegw.wyoming.event_reader import EventReader
from voicegw.wyoming.requests import AudioFormat, Synthesize, Transcribe, request

_REQUESTS: dict[str, type[AudioFormat | Transcribe | Synthesize]] = {
    "audio-start": AudioFormat,
    "transcribe": Transcribe,
    "synthesize": Synthesize,
}
CLIENT = (
    b'{"type":"transcribe","data":{"language":"de-CH","transcript_names":["Anna","\\ud800"]}}\n'
    b'{"type":"audio-start","data_length":38}\n{"rate":16000,"width":2,"channels":1} '
    b'{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1},"payload_length":2}\n\0\1'
    b'{"type":"synthesize","data":{"text":"Hello.","voice":{"speaker":"x"}}}\n{"type":"audio-stop"}\n'
)
SEEDS = [CLIENT, *(line + b"\n" for line in CLIENT.splitlines() if line.endswith(b"}"))]


def run_wyoming(data: bytes) -> None:
    """Bytes of a Wyoming client."""
    asyncio.run(_read(data))


async def _read(data: bytes) -> None:
    reader = EventReader()
    reader.feed_data(data)
    reader.feed_eof()
    with suppress(InputError):
        while (event := await reader.next_event()) is not None:
            if event.type in _REQUESTS:
                _check(request(event, _REQUESTS[event.type]))


def _check(wanted: AudioFormat | Transcribe | Synthesize) -> None:
    """Raises an error that is not an InputError for a defect."""
    match wanted:
        case AudioFormat():
            wanted.check()
        case Transcribe():
            check_key_terms(wanted.key_terms)
            assert len(wanted.language_code) <= len(wanted.language or "")
        case Synthesize(text):
            assert isinstance(text, str)
