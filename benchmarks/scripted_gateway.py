"""`python -m benchmarks.scripted_gateway`: a real gateway in a process of its own, with scripted recognition
and replies, so that only the gateway itself is measured.

It prints the ready line of `voicegw serve`. Each line on stdin, `watch` or `state`, is answered by its State
in JSON on one line; from the first `watch` on, the event loop's lag is sampled too.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.recognition import AlwaysReady
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.windowed import WindowedBackend
from voicegw.commands.process import freeze_gc
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.events import ReplyPiece
from voicegw.core.jobs import DecodeJob, DecodeResult, Word
from voicegw.core.responder import Confirmation, ReplyRequest
from voicegw.core.session import SessionOptions
from voicegw.dialects import native, twilio
from voicegw.gateway.limits.admission import AdmissionOptions
from voicegw.gateway.server import Gateway, GatewayOptions
from voicegw.gateway.services import Services
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.log_configuration import configure_logging
from voicegw.telemetry import Metrics

LAG_EVERY_S = 0.005
BLOCK_SAMPLES = SAMPLE_RATE // 2
EDGE_SAMPLES = SAMPLE_RATE // 10  # at the end of a block, which is silent below QUIET
QUIET = 1_000
MAX_SESSIONS = 10_000  # more than any benchmark opens
MAX_LAG_MS = 60_000  # no refusals because of other load of the machine
REPLY = ("It", " is", " done", ".")


class State(msgspec.Struct, frozen=True):
    """The resources used so far, and the lag of the event loop since the last request."""

    cpu_s: float
    rss_bytes: int
    lags_ms: tuple[float, ...] = ()


class NoWords(AlwaysReady):
    """Recognises no words."""

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """At once."""
        return DecodeResult(job.session, job.number, ())


class SampleHashes(AlwaysReady):
    """Recognises a word in every half second from the session's start: a hash of its samples.

    The transcript does not depend on the windows of the decodes, and differs if one sample differs. A half
    second that ends in silence has no word, since the length of silence at the end of a window depends on
    time.
    """

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """At once."""
        end = job.start + len(job.pcm) // 2
        first = -(-job.start // BLOCK_SAMPLES) * BLOCK_SAMPLES
        begins = range(first, end - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
        words = (self._word(job, begin) for begin in begins)
        return DecodeResult(job.session, job.number, tuple(word for word in words if word is not None))

    def _word(self, job: DecodeJob, begin: int) -> Word | None:
        offset = 2 * (begin - job.start)
        block = job.pcm[offset : offset + 2 * BLOCK_SAMPLES]
        if np.abs(np.frombuffer(block, dtype="<i2")[-EDGE_SAMPLES:]).max() < QUIET:
            return None
        return Word(f"x{crc32(block):08x}", begin, begin + BLOCK_SAMPLES, 1.0)


class FixedReply:
    """Always replies the same."""

    name = "fixed"

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece, None]:
        """At once."""
        for piece in REPLY:
            yield piece

    async def prewarm(self, request: ReplyRequest) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Does nothing."""


class SilentVoice:
    """Says nothing; calls need a voice."""

    name = "silent"

    async def speak(
        self, text: str, rate: int, language: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """No audio."""
        return
        yield b""  # makes this a generator

    async def close(self) -> None:
        """Does nothing."""


class SilenceScorer:
    """Scores every window as silence, without cost."""

    def score(self, window: Pcm) -> float:
        """Always 0."""
        return 0.0


def _scorer(vad: str) -> SpeechScorer:
    return SilenceScorer() if vad == "none" else make_scorer(VadOptions(engine="webrtc"))


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stdin ends; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scripted_gateway", description=__doc__)
    add = parser.add_argument
    add("--bare", action="store_true", help="a receive loop without a gateway")
    add("--vad", choices=("webrtc", "none"), default="webrtc")
    add("--words", choices=("none", "hashes"), default="none", help="the words that recognition returns")
    add("--max-sessions", type=int, default=MAX_SESSIONS)
    add("--resume-window-ms", type=int, default=ResumeOptions().window_ms)
    options = parser.parse_args(argv)
    configure_logging("error", as_json=False)
    asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        url = await (_start_bare(stack) if options.bare else _start_gateway(stack, options))
        freeze_gc()  # as `voicegw serve` does
        print(f"listening on {url}", flush=True)
        await _answer()


async def _start_gateway(stack: AsyncExitStack, options: argparse.Namespace) -> str:
    admission = AdmissionOptions(
        options.max_sessions,
        max_loop_lag_ms=MAX_LAG_MS,
        accepts_per_s=MAX_SESSIONS,
        accept_burst=MAX_SESSIONS,
    )
    recognizer = NoWords() if options.words == "none" else SampleHashes()
    gateway = Gateway(
        GatewayOptions(port=0, admission=admission, resume=ResumeOptions(window_ms=options.resume_window_ms)),
        SessionOptions(),
        Services(WindowedBackend(recognizer, SessionOptions()), FixedReply(), Metrics(), voice=SilentVoice()),
        dialects=[native.NativeDialect(), twilio.TwilioDialect(twilio.TwilioOptions())],
        new_scorer=lambda: _scorer(options.vad),
        unready=lambda: "",
    )
    await gateway.start()
    stack.push_async_callback(gateway.stop)
    return gateway.address


async def _start_bare(stack: AsyncExitStack) -> str:
    """With the same settings of `websockets` as the gateway."""
    server = await stack.enter_async_context(serve(_receive, "127.0.0.1", 0, compression=None))
    host, port = next(iter(server.sockets)).getsockname()[:2]
    return f"ws://{host}:{port}/v1/stream"


async def _receive(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass


async def _answer() -> None:
    """Answers the lines on stdin until it ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    lags_ms: list[float] = []
    watch: asyncio.Task[None] | None = None
    while line := await lines.readline():
        if line == b"watch\n" and watch is None:
            watch = asyncio.create_task(_watch(lags_ms), name="lag")
        state = State(time.process_time(), _resident_bytes(), tuple(lags_ms))
        lags_ms.clear()
        sys.stdout.buffer.write(msgspec.json.encode(state) + b"\n")
        sys.stdout.buffer.flush()
    if watch is not None:
        watch.cancel()


async def _watch(lags_ms: list[float]) -> None:
    while True:
        due_s = time.monotonic() + LAG_EVERY_S
        await asyncio.sleep(LAG_EVERY_S)
        lags_ms.append(1000 * (time.monotonic() - due_s))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
