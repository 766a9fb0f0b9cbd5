"""`scripts/bench latency`: how long words, finals and replies take, and how right and steady the words are.

Starts a real server and a local language model endpoint whose first-token time is known, plays sample
sessions to it in real time, each from a client process of its own, and compares what arrived with what was
said. The same model then decodes the true utterances offline, for the word error rate that streaming is
held against.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import MEANINGS, Played, accuracy_figures, timing_figures
from benchmarks.measures import WordErrors, word_errors
from benchmarks.playing import play_all
from benchmarks.processes import cpu_seconds
from benchmarks.report import report
from clients.audio import read_pcm
from clients.conversation import normalised
from clients.errors import ClientError
from clients.local_server import local_server
from clients.samples import Sample, read_samples
from tests.llm_server import LLMServer
from voicegw.asr.whisper import WhisperEngine, WhisperOptions, locate
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.jobs import DecodeJob, DecodeKind, text_of

WARM_UP = "command-1.wav"
OFFLINE_MARGIN_MS = 300  # around an utterance's true times, as a server's pre-roll and hangover give
REPLY = ("It", " is", " done", ".")


@dataclass(frozen=True)
class Outcome:
    """What was played, and what the server's processes used meanwhile."""

    played: list[Played]
    cpu_s: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    samples = _chosen(options.files, options.condition)
    if not samples:
        print("no such samples; models/samples/refs.json lists them", file=sys.stderr)
        return 2
    try:
        outcome = asyncio.run(_measure(options, samples))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    offline = offline_errors(samples, options.model)
    report(
        "latency", _settings(options, samples), _figures(options, outcome, offline), MEANINGS, options.json
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--files", nargs="+", metavar="NAME", help="samples to play (default: all session-*)")
    add("--condition", default="clean", help="of the sessions, those recorded so (default: %(default)s)")
    add("--repeats", type=int, default=1, metavar="N", help="how often each is played (default: %(default)s)")
    add("--streams", type=int, default=1, metavar="N", help="sessions at once (default: %(default)s)")
    add("--model", default="bundled", help="the speech model, as for `voicegw serve` (default: %(default)s)")
    add(
        "--end-silence-ms",
        type=int,
        default=EndpointOptions().end_silence_ms,
        metavar="MS",
        help="the silence that ends an utterance (default: %(default)s)",
    )
    add(
        "--llm-first-token-ms",
        type=int,
        default=100,
        metavar="MS",
        help="what the language model endpoint takes to its first token (default: %(default)s)",
    )
    add("--json", type=Path, metavar="FILE", help="write the figures here as well")
    add(
        "--serve",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="the rest goes to `voicegw serve`",
    )
    return parser


def _chosen(files: Sequence[str] | None, condition: str) -> list[Sample]:
    if files:
        return [sample for sample in read_samples() if sample.file in files]
    sessions = (sample for sample in read_samples() if sample.file.startswith("session-"))
    return [sample for sample in sessions if sample.condition == condition]


async def _measure(options: argparse.Namespace, samples: Sequence[Sample]) -> Outcome:
    first_token_s = options.llm_first_token_ms / 1000
    flags = ["--model", options.model, "--session.endpoint.end-silence-ms", str(options.end_silence_ms)]
    async with LLMServer(tokens=REPLY, first_token_delay_s=first_token_s) as llm:
        flags += ["--llm-url", llm.url, "--llm-model", "benchmark", "--log-level", "warning", *options.serve]
        async with local_server(*flags) as server:
            await play_all(server.url, [_warm_up()], streams=1)
            used_s = cpu_seconds(server.pid)
            played = await play_all(server.url, [*samples] * options.repeats, options.streams)
            return Outcome(played, cpu_seconds(server.pid) - used_s)


def _warm_up() -> Sample:
    return next(sample for sample in read_samples() if sample.file == WARM_UP)


def offline_errors(samples: Sequence[Sample], model: str) -> WordErrors:
    """The errors of the same weights and options on the utterances cut at their true times."""
    engine = WhisperEngine(locate(model), WhisperOptions(model=model))
    total = WordErrors()
    for sample in samples:
        pcm = read_pcm(sample.path, SAMPLE_RATE)
        for utterance in sample.utterances:
            begin = max(0, to_samples(utterance.start_ms - OFFLINE_MARGIN_MS))
            end = to_samples(utterance.end_ms + OFFLINE_MARGIN_MS)
            words = engine.decode(DecodeJob("offline", 0, DecodeKind.FINAL, begin, pcm[2 * begin : 2 * end]))
            total += word_errors(normalised(utterance.text), normalised(text_of(words)))
    return total


def _settings(options: argparse.Namespace, samples: Sequence[Sample]) -> dict[str, object]:
    return {
        "model": options.model,
        "files": [sample.file for sample in samples],
        "repeats": options.repeats,
        "streams": options.streams,
        "end_silence_ms": options.end_silence_ms,
        "llm_first_token_ms": options.llm_first_token_ms,
        "serve": options.serve,
    }


def _figures(options: argparse.Namespace, outcome: Outcome, offline: WordErrors) -> dict[str, float]:
    audio_s = sum(played.sample.duration_ms for played in outcome.played) / 1000
    right = accuracy_figures(outcome.played)
    return {
        **timing_figures(outcome.played, options.end_silence_ms, options.llm_first_token_ms),
        **right,
        "wer_offline_percent": offline.percent,
        "wer_gap_points": right["wer_percent"] - offline.percent,
        "cpu_s_per_audio_s": outcome.cpu_s / audio_s,
    }


if __name__ == "__main__":
    sys.exit(main())
