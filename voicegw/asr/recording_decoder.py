"""Decodes audio files of clients, each in a process of its own: see recording_process.py.

The decoders of FFmpeg are C code that reads untrusted files. A crash, an endless decode or a file that grows
to gigabytes costs the process and its request only.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from voicegw.asr.recording_process import INVALID, PIECE_BYTES, TOO_LONG
from voicegw.child_process import running
from voicegw.core.options import option
from voicegw.errors import InvalidRecording, RecordingTooLong

_PASSED_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")  # others may be secrets


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """Audio files whose speech is recognised by REST."""

    max_minutes: int = option(60, "longest recording in minutes", ge=1, le=600)
    max_memory_mb: int = option(512, "memory of the process that decodes a file, in MB", ge=128, le=65_536)
    stall_ms: int = option(10_000, "longest wait for the next audio of the process", ge=1000, le=600_000)


class ProcessRecordingDecoder:
    """A RecordingDecoder that starts a process for each file."""

    def __init__(self, options: RecordingOptions) -> None:
        self._options = options
        self._stall_s = options.stall_ms / 1000

    async def decode(self, recording: bytes) -> AsyncGenerator[bytes, None]:
        """See RecordingDecoder. Closing the generator kills the process."""
        limits = str(self._options.max_minutes * 60), str(self._options.max_memory_mb)
        command = sys.executable, "-m", "voicegw.asr.recording_process", *limits
        variables = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
        async with running(command, variables) as process:
            assert process.stdout is not None
            writing = asyncio.create_task(_write(process, recording), name="recording")
            try:
                while piece := await self._read(process.stdout):
                    yield piece
                async with asyncio.timeout(self._stall_s):
                    status = await process.wait()
            except TimeoutError:
                raise InvalidRecording("the file could not be decoded in time") from None
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
        if status == TOO_LONG:
            raise RecordingTooLong(f"longer than {self._options.max_minutes} min")
        if status:
            reason = "not an audio file of a supported format" if status == INVALID else "cannot be decoded"
            raise InvalidRecording(reason)

    async def _read(self, audio: asyncio.StreamReader) -> bytes:
        """The next piece, of whole samples; empty at the end."""
        try:
            async with asyncio.timeout(self._stall_s):
                return await audio.readexactly(PIECE_BYTES)
        except asyncio.IncompleteReadError as end:
            return end.partial[: len(end.partial) // 2 * 2]


async def _write(process: asyncio.subprocess.Process, recording: bytes) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError):  # the process has ended; its exit status tells why
        process.stdin.write(recording)
        await process.stdin.drain()
        process.stdin.close()
