"""Streams samples to a server, each from a client process of its own, several at a time."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from benchmarks.figures import Played
from benchmarks.recording import Recording
from benchmarks.session import DEADLINE_S
from clients.errors import ClientError
from clients.samples import Sample

STAGGER_S = 0.25  # starts are spread over one interval between partials, as of independent speakers
START_S = 30.0  # for the interpreter of a client process, on a busy machine


async def play_all(url: str, samples: Sequence[Sample], streams: int, reply: str = "text") -> list[Played]:
    """The recordings of all samples, `streams` of them at a time, with replies of that kind. Raises
    ClientError when one fails."""
    waiting = list(samples)
    played: list[Played] = []

    async def speaker(delay_s: float) -> None:
        while waiting:
            sample = waiting.pop(0)
            played.append(Played(sample, await _play(url, sample, delay_s, reply)))

    speakers = [asyncio.create_task(speaker(STAGGER_S * n / streams)) for n in range(streams)]
    try:
        await asyncio.gather(*speakers)
    finally:
        for task in speakers:
            task.cancel()
        await asyncio.gather(*speakers, return_exceptions=True)
    return played


def in_language(url: str, language: str) -> str:
    """The URL of a session in a language; of the server's default when that is empty."""
    return f"{url}?lang={language}" if language else url


async def _play(url: str, sample: Sample, delay_s: float, reply: str) -> Recording:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.session", "--url", in_language(url, sample.language)),
        *("--file", str(sample.path), "--delay-s", str(delay_s), "--reply", reply),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        limit_s = START_S + delay_s + sample.duration_ms / 1000 + DEADLINE_S
        output, errors = await asyncio.wait_for(process.communicate(), limit_s)
    except TimeoutError:
        raise ClientError(f"the client that streams {sample.file} did not end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ClientError(f"the client that streams {sample.file} failed: {errors.decode(errors='replace')}")
    return msgspec.json.decode(output, type=Recording)
