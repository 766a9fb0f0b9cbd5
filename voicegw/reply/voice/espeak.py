"""espeak-ng as the voice, in one child process per sentence: to stop it, the process is killed. A start takes
a few hundredths of a second, and an hour of speech a few seconds."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncGenerator

from voicegw.child_process import running
from voicegw.errors import StartupError, VoiceFailed
from voicegw.reply.voice.sentence_voice import VoiceOptions

PROGRAM = "espeak-ng"
_WORDS_PER_MINUTE = 175
_HEADER_BYTES = 44  # of a WAV file, with the sample rate at byte 24; the length in it is not valid
_PIECE_BYTES = 8192  # about 200 ms
_TIMEOUT_S = 10.0


def installed() -> bool:
    """Whether espeak-ng is installed."""
    return shutil.which(PROGRAM) is not None


class EspeakEngine:
    """Synthesises speech with espeak-ng. Raises StartupError when the program or the configured voice is
    missing."""

    name = "espeak"

    def __init__(self, options: VoiceOptions) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise StartupError(
                f"the espeak voice needs the program {PROGRAM}, which is not installed "
                f"(apt install {PROGRAM}); or choose --voice-engine openai or none"
            )
        self._voice = options.name or "en-us"
        self._words_per_minute = _WORDS_PER_MINUTE * options.speed
        # The text is passed by stdin: every user of the machine can read the arguments of a process.
        self._command = program, "--stdin", "--stdout", "-b", "1", "-v"
        self._slots = asyncio.Semaphore(options.max_processes)
        self.rate = self._check(self._voice)

    def _check(self, voice: str) -> int:
        """Synthesises one letter and returns its sample rate. The program itself ignores unknown variants."""
        variant = voice.lower().partition("+")[2]
        is_number = variant.isdecimal()  # speaker numbers are not in the list of variants
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            variants = _output((self._command[0], "--voices=variant")).decode(errors="replace")
            listed = [line.rstrip() for line in variants.lower().splitlines()]
            if not variant or is_number or any(line.endswith(f"!v/{variant}") for line in listed):
                return _rate(_output((*self._command, voice), b"a"))
        raise StartupError(f"{PROGRAM} cannot speak with the voice {voice!r}; {PROGRAM} --voices lists them")

    async def synthesise(
        self, words: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """Mono s16le from espeak-ng, piece by piece. Closing the generator kills the process and waits for
        its end."""
        words_per_minute = str(round(self._words_per_minute * speed))
        command = (*self._command, voice or self._voice, "-s", words_per_minute)
        async with self._slots, running(command) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(ConnectionError):  # the process ended; its exit status is checked below
                process.stdin.write(words.encode())
                process.stdin.write_eof()
            with contextlib.suppress(asyncio.IncompleteReadError):
                header = await process.stdout.readexactly(_HEADER_BYTES)
                if _rate(header) != self.rate:
                    raise VoiceFailed(f"the voice {voice!r} has another sample rate than the default voice")
            while piece := await process.stdout.read(_PIECE_BYTES):
                yield piece
            if await process.wait() != 0:
                raise VoiceFailed(f"{PROGRAM} failed with exit status {process.returncode}")

    async def close(self) -> None:
        """Does nothing: each process ends with its sentence."""


def _rate(wav: bytes) -> int:
    """The sample rate in the header of a WAV file, in Hz."""
    return int.from_bytes(wav[24:28], "little")


def _output(command: tuple[str, ...], stdin: bytes = b"") -> bytes:
    return subprocess.run(command, input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=True).stdout
