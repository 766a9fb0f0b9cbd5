"""espeak-ng as the voice: a child process for each sentence, so that stopping it is a kill, and its memory
is its own. It makes an hour of speech in seconds; starting it takes a few hundredths of a second."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncGenerator

from voicegw.errors import StartupError, VoiceFailed
from voicegw.reply.voice.sentence_voice import VoiceOptions

PROGRAM = "espeak-ng"
_WORDS_PER_MINUTE = 175
_HEADER_BYTES = 44  # of a WAV file; its rate stands at 24, its length is not known yet
_PIECE_BYTES = 8192  # about 200 ms
_CHECK_S = 10.0


def installed() -> bool:
    """Whether espeak-ng can be found."""
    return shutil.which(PROGRAM) is not None


class EspeakEngine:
    """Says things with espeak-ng. Raises StartupError where it, or the voice asked for, is missing."""

    name = "espeak"

    def __init__(self, options: VoiceOptions) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise StartupError(
                f"the espeak voice needs the program {PROGRAM}, which is not installed "
                f"(apt install {PROGRAM}); or choose --voice-engine openai or none"
            )
        self._voice = options.name or "en-us"
        speed = round(_WORDS_PER_MINUTE * options.speed)
        # The text goes in by stdin: arguments are for everyone on the machine to read.
        self._command = (
            *(program, "--stdin", "--stdout", "-b", "1", "-s", str(speed), "-p", str(options.pitch), "-v"),
        )
        self._free = asyncio.Semaphore(options.max_processes)
        self.rate = self._check(self._voice)

    def _check(self, voice: str) -> int:
        """Says one letter; the rate it comes at. The program passes over a variant that it does not know."""
        variant = voice.lower().partition("+")[2]
        is_number = variant.isdecimal()  # of the variant's speaker, which the list does not name
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            variants = _output((self._command[0], "--voices=variant")).decode(errors="replace")
            listed = [line.rstrip() for line in variants.lower().splitlines()]
            if not variant or is_number or any(line.endswith(f"!v/{variant}") for line in listed):
                return _rate(_output((*self._command, voice), b"a"))
        raise StartupError(f"{PROGRAM} cannot speak with the voice {voice!r}; {PROGRAM} --voices lists them")

    async def synthesise(self, words: str, voice: str = "") -> AsyncGenerator[bytes, None]:
        """Mono s16le as espeak-ng makes it; closing the generator kills the process and waits for its end."""
        async with self._free, _running((*self._command, voice or self._voice)) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(ConnectionError):  # it died; its exit status will say so
                process.stdin.write(words.encode())
                process.stdin.write_eof()
            with contextlib.suppress(asyncio.IncompleteReadError):
                header = await process.stdout.readexactly(_HEADER_BYTES)
                if _rate(header) != self.rate:
                    raise VoiceFailed(f"the voice {voice!r} has another sample rate than the usual one")
            while piece := await process.stdout.read(_PIECE_BYTES):
                yield piece
            if await process.wait() != 0:
                raise VoiceFailed(f"{PROGRAM} failed with exit status {process.returncode}")

    async def close(self) -> None:
        """There is nothing to give back: no process outlives its sentence."""


def _rate(wav: bytes) -> int:
    """Samples a second, from the header of a WAV file."""
    return int.from_bytes(wav[24:28], "little")


def _output(command: tuple[str, ...], given: bytes = b"") -> bytes:
    return subprocess.run(command, input=given, capture_output=True, timeout=_CHECK_S, check=True).stdout


@contextlib.asynccontextmanager
async def _running(command: tuple[str, ...]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process for as long as the block lasts, then killed and reaped."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdout is not None:
            await process.stdout.read()  # asyncio sees an end only when the pipe's backlog has been read
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
