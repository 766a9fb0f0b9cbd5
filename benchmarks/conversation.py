"""`scripts/bench conversation`: the time to an answer, and the time to stop an interrupted reply.

Starts a real server with the speech model and a local language model endpoint with a known first-token time
and token rate, and streams sample sessions to it in real time, each from a client process of its own: once
with requests at the end of each turn only, and once with requests in pauses already, which is the default.
Then replies are interrupted. With `--voice`, a last round requests spoken replies.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answering import answering_server
from benchmarks.command import (
    Result,
    add_device,
    add_json,
    add_model,
    add_serve,
    chosen,
    exits_on_errors,
    new_parser,
)
from benchmarks.conversation_figures import MEANINGS, Round, barge_in_figures, round_figures, voice_figures
from benchmarks.playing import play_all
from benchmarks.tracks import sessions
from clients.audio import SAMPLE_BYTES, read_pcm
from clients.samples import Sample, Utterance, sample_named
from voicegw.core.audio import SAMPLE_RATE

REPLY = ("It ", "is ", "done ", "and ", "there ", "is ", "no ", "more ", "to ", "say", ".")
LONG_REPLY = ("word ",) * 150
WARM_UP = "command-1.wav"
AT_ONCE = 4  # sessions, each from a client process of its own
ASKED = ("question-1.wav", "question-3.wav")
INTERRUPTING = ("command-2.wav", "question-2.wav", "command-3.wav")
LISTENING_MS = (1_500, 2_500)  # from the end of a question to its interruption
TAIL_MS = 2_500


@dataclass(frozen=True)
class Model:
    """The speed of the language model endpoint."""

    first_token_s: float
    token_s: float


NUMBERS = {
    "--repeats": (1, "repetitions of each"),
    "--interruptions": (20, "replies that are interrupted"),
    "--llm-first-token-ms": (250, "time of the language model endpoint to its first token"),
    "--llm-tokens-per-s": (40.0, "tokens of the endpoint in a second after it"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    samples = [*map(sample_named, options.files)] if options.files else sessions()
    figures = asyncio.run(_measure(options, samples * options.repeats))
    numbers = chosen(options, "repeats", "interruptions", "llm_first_token_ms", "llm_tokens_per_s")
    settings = (
        chosen(options, "model", "voice", "serve") | {"files": [each.file for each in samples]} | numbers
    )
    return Result(settings, figures, MEANINGS).report("conversation", options.json)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("conversation", __doc__, add_model, add_device, add_json, add_serve, numbers=NUMBERS)
    add = parser.add_argument
    add("--files", nargs="+", metavar="NAME", help="samples to stream (default: the clean sessions)")
    add("--voice", action="store_true", help="stream the sessions once more with spoken replies")
    return parser


async def _measure(options: argparse.Namespace, samples: Sequence[Sample]) -> dict[str, float]:
    model = Model(options.llm_first_token_ms / 1000, 1 / options.llm_tokens_per_s)
    flags = ("--model", options.model, "--device", options.device, *options.serve)
    waiting = await _play(model, samples, (*flags, "--no-session.reply.speculate"))
    ahead = await _play(model, samples, flags)
    figures = {f"waiting_{name}": value for name, value in round_figures(waiting).items()}
    figures |= round_figures(ahead)
    figures |= await _interrupt(model, options.interruptions, flags)
    if options.voice:
        spoken = await _play(model, samples, flags, reply="audio")
        figures |= voice_figures(spoken.played)
    return figures


async def _play(model: Model, samples: Sequence[Sample], flags: Sequence[str], reply: str = "text") -> Round:
    """The samples streamed to a server that is started for them, and its requests to the model."""
    async with answering_server(flags, model.first_token_s, model.token_s, REPLY) as (server, llm):
        await play_all(server.url, [sample_named(WARM_UP)], streams=1, reply=reply)
        before = len(llm.exchanges)
        played = await play_all(server.url, samples, streams=AT_ONCE, reply=reply)
    return Round(played, llm.exchanges[before:])


async def _interrupt(model: Model, count: int, flags: Sequence[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        samples = [interruption(Path(folder), number) for number in range(count)]
        async with answering_server(flags, model.first_token_s, model.token_s, LONG_REPLY) as (server, llm):
            played = await play_all(server.url, samples, streams=1)
        return barge_in_figures(played, llm.exchanges)


def interruption(folder: Path, number: int) -> Sample:
    """A question, time for a part of the reply, and an interruption; as a file."""
    chance = random.Random(number)
    listening_ms = chance.randint(*LISTENING_MS)
    asked, interrupting = sample_named(chance.choice(ASKED)), sample_named(chance.choice(INTERRUPTING))
    before = read_pcm(asked.path, SAMPLE_RATE) + _silence(listening_ms)
    pcm = before + read_pcm(interrupting.path, SAMPLE_RATE) + _silence(TAIL_MS)
    path = folder / f"interruption-{number}.wav"
    _write_wav(path, pcm)
    begin_ms = _length_ms(before) + interrupting.utterances[0].start_ms
    return Sample(str(path), "clean", _length_ms(pcm), (Utterance("", begin_ms, _length_ms(pcm)),))


def _length_ms(pcm: bytes) -> int:
    return len(pcm) // SAMPLE_BYTES * 1000 // SAMPLE_RATE


def _silence(milliseconds: int) -> bytes:
    return bytes(SAMPLE_BYTES * (milliseconds * SAMPLE_RATE // 1000))


def _write_wav(path: Path, pcm: bytes) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm)
