"""One client: transcribes its audio with streamed text, or speaks a text."""

import asyncio
from asyncio import StreamWriter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from voicegw.core.speech_output import Voice
from voicegw.errors import IdleTimeout, InvalidState, OddByteCount, VoicegwError
from voicegw.wyoming.event_reader import EventReader
from voicegw.wyoming.options import WyomingOptions
from voicegw.wyoming.requests import AudioFormat, Synthesize, Transcribe, request
from voicegw.wyoming.speech import Speech
from voicegw.wyoming.transcription import Transcription

_DISCARD_S = 2.0
_DISCARD_BYTES = 64 * 1024
_CLOSE_S = 2.0  # for the client to read what was sent


class WyomingConnection:
    """info: the answer to `describe`. An error is reported, and ends the connection."""

    def __init__(
        self,
        reader: EventReader,
        writer: StreamWriter,
        options: WyomingOptions,
        voice: Voice | None,
        info: Event,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._options = options
        self._voice = voice
        self._info = info
        self._stack = AsyncExitStack()
        self._wanted = Transcribe()
        self._format: AudioFormat | None = None
        self._transcription: Transcription | None = None
        self._speech: Speech | None = None  # a text that is streamed
        self._streaming = False  # the first text was sent

    async def run(self) -> None:
        """Serves the client until it leaves."""
        try:
            async with self._stack:
                await self._serve()
        except (ConnectionError, TimeoutError):
            pass  # the client has left, or does not read
        finally:
            await self._close()

    async def _close(self) -> None:
        """Closes the connection; what a client does not read is dropped."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()
        except ConnectionError:
            pass
        except TimeoutError:
            self._writer.transport.abort()

    async def _serve(self) -> None:
        try:
            while (event := await self._next()) is not None:
                await self._receive(event)
        except VoicegwError as error:
            await self._write(Error(error.message, error.code).event())
            await self._discard_input()

    async def _discard_input(self) -> None:
        """Reads what the client still sends: closing with unread input would reset the connection, and the
        client might lose the error."""
        self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_S):
                while await self._reader.read(_DISCARD_BYTES):
                    pass

    async def _next(self) -> Event | None:
        try:
            async with asyncio.timeout(self._options.idle_timeout_ms / 1000):
                return await self._reader.next_event()
        except TimeoutError:
            raise IdleTimeout from None

    async def _receive(self, event: Event) -> None:
        match event.type:
            case "audio-start":
                await self._open(request(event, AudioFormat))
            case "audio-chunk":
                await self._receive_audio(request(event, AudioFormat), event.payload or b"")
            case "audio-stop":
                await self._finish()
            case "transcribe":
                self._wanted = request(event, Transcribe)
            case "synthesize" | "synthesize-start" | "synthesize-chunk" | "synthesize-stop":
                await self._speak(event.type, request(event, Synthesize))
            case "describe":
                await self._write(self._info)
            case "ping":
                await self._write(Pong().event())
            case _:
                pass  # a server ignores what it does not know

    async def _open(self, audio: AudioFormat) -> None:
        if self._transcription is not None:
            raise InvalidState("audio has started already")
        audio.check()
        language, key_terms = self._wanted.language_code, self._wanted.key_terms
        transcription = await self._stack.enter_async_context(
            Transcription(self._options, audio.rate, self._show)
        )
        await transcription.open(language, key_terms)
        self._format, self._transcription = audio, transcription

    async def _receive_audio(self, audio: AudioFormat, pcm: bytes) -> None:
        if self._transcription is None or audio != self._format:
            raise InvalidState("audio without a start in the same format")
        if len(pcm) % 2:
            raise OddByteCount
        await self._transcription.send(pcm)

    async def _show(self, text: str) -> None:
        """Sends a further piece of the transcript."""
        if not self._streaming:
            self._streaming = True
            await self._write(TranscriptStart().event())
        await self._write(TranscriptChunk(text).event())

    async def _finish(self) -> None:
        if self._transcription is None:
            raise InvalidState("audio has not started")
        text = await self._transcription.finish()
        if not self._streaming:
            await self._write(TranscriptStart().event())
        await self._write(Transcript(text).event())
        await self._write(TranscriptStop().event())
        await self._stack.aclose()
        self._transcription, self._streaming = None, False

    async def _speak(self, kind: str, wanted: Synthesize) -> None:
        """Speaks a text, or a part of one that is streamed. Within a stream, `synthesize` repeats the text
        for servers without streaming."""
        if kind == "synthesize-start":
            self._speech = Speech(self._voice, wanted.voice, self._options.languages)
        elif kind == "synthesize" and self._speech is None:
            speech = Speech(self._voice, wanted.voice, self._options.languages)
            await self._write_all(speech.add(wanted.text))
            await self._write_all(speech.finish())
        elif kind != "synthesize":
            await self._speak_stream(kind, wanted.text)

    async def _speak_stream(self, kind: str, text: str) -> None:
        if self._speech is None:
            raise InvalidState(f"{kind} before synthesize-start")
        if kind == "synthesize-chunk":
            await self._write_all(self._speech.add(text))
            return
        await self._write_all(self._speech.finish())
        await self._write(SynthesizeStopped().event())
        self._speech = None

    async def _write_all(self, events: AsyncGenerator[Event, None]) -> None:
        async with aclosing(events):
            async for event in events:
                await self._write(event)

    async def _write(self, event: Event) -> None:
        """Raises TimeoutError when the client does not read."""
        async with asyncio.timeout(self._options.send_timeout_ms / 1000):
            await async_write_event(event, self._writer)
