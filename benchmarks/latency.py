"""`scripts/bench latency`: the latency of words, finals and replies, and the accuracy and stability of words.

Starts a real server and a local language model endpoint with a known first-token time, streams sample
sessions to it in real time, each from a client process of its own, and compares the results with the
references. Then the same model decodes the reference utterances offline, for a word error rate to compare
with.

With --recordings, your own recordings are streamed, without replies. Their word error rates are over whole
recordings, after Whisper's normaliser; offline is one padded pass of stock faster-whisper over each.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.answering import answering_server
from benchmarks.command import (
    FIXED_END_SILENCE,
    add_condition,
    add_json,
    add_model,
    add_serve,
    chosen,
    exits_on_errors,
    new_parser,
)
from benchmarks.figures import MEANINGS, Played, accuracy_figures, timing_figures
from benchmarks.measures import WordErrors, word_errors
from benchmarks.offline import utterance_texts
from benchmarks.playing import play_all
from benchmarks.processes import cpu_seconds
from benchmarks.recordings import accuracy
from benchmarks.recordings.material import Material, about_recordings, add_recordings, add_texts, material
from benchmarks.report import report
from benchmarks.tracks import sessions
from clients.conversation import normalised
from clients.samples import Sample, sample_named
from voicegw import config
from voicegw.asr.weights import locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions

WARM_UP = "command-1.wav"


@dataclass(frozen=True)
class Outcome:
    """The sessions, and the CPU seconds of the whole server and of its gateway alone."""

    played: list[Played]
    cpu_s: float
    gateway_cpu_s: float


NUMBERS = {
    "--repeats": (1, "repetitions of each"),
    "--streams": (1, "sessions at once"),
    "--llm-first-token-ms": (100, "time of the language model endpoint to its first token"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    flags = ["--model", options.model, FIXED_END_SILENCE, *options.serve]
    server = config.load(flags)
    if options.recordings is not None:
        with material(options, server.asr) as found:
            return _run_recordings(options, flags, server, found)
    samples = [*map(sample_named, options.files)] if options.files else sessions(options.condition)
    return _run_samples(options, flags, server, samples)


def _run_samples(
    options: argparse.Namespace, flags: Sequence[str], server: config.Settings, samples: Sequence[Sample]
) -> int:
    outcome = asyncio.run(_measure(options, flags, samples))
    figures = _figures(options, server, outcome)
    offline = offline_errors(samples, server.asr).percent
    figures |= {"wer_offline_percent": offline, "wer_gap_points": figures["wer_percent"] - offline}
    settings = {"files": [sample.file for sample in samples], **_settings(options, server)}
    report("latency", settings, figures, MEANINGS, options.json)
    return 0


def _run_recordings(
    options: argparse.Namespace, flags: Sequence[str], server: config.Settings, found: Material
) -> int:
    outcome = asyncio.run(_measure(options, flags, found.recorded))
    recognised = accuracy.transcribed_of(found, outcome.played)
    if options.texts is not None:
        accuracy.write_texts(recognised, options.texts)
    figures = {**_figures(options, server, outcome), **accuracy.figures(recognised)}
    settings = {"recordings": len(found.recorded), **about_recordings(options), **_settings(options, server)}
    report("latency", settings, figures, MEANINGS | accuracy.MEANINGS, options.json)
    return 0


def _figures(options: argparse.Namespace, server: config.Settings, outcome: Outcome) -> dict[str, float]:
    end_silence_ms = server.session.endpoint.end_silence_ms
    return {
        **timing_figures(outcome.played, end_silence_ms, options.llm_first_token_ms),
        **accuracy_figures(outcome.played),
        **_cpu_figures(outcome),
    }


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "latency",
        __doc__,
        add_condition,
        add_recordings,
        add_texts,
        add_model,
        add_json,
        add_serve,
        numbers=NUMBERS,
    )
    add = parser.add_argument
    add("--files", nargs="+", metavar="NAME", help="samples to stream (default: all session-*)")
    return parser


async def _measure(options: argparse.Namespace, flags: Sequence[str], samples: Sequence[Sample]) -> Outcome:
    async with answering_server(flags, options.llm_first_token_ms / 1000) as (server, _):
        await play_all(server.url, [sample_named(WARM_UP)], streams=1)
        whole_s, gateway_s = cpu_seconds(server.pid), cpu_seconds(server.pid, descendants=False)
        reply = "text" if options.recordings is None else "none"
        played = await play_all(server.url, [*samples] * options.repeats, options.streams, reply)
        return Outcome(
            played,
            cpu_seconds(server.pid) - whole_s,
            cpu_seconds(server.pid, descendants=False) - gateway_s,
        )


def offline_errors(samples: Sequence[Sample], options: WhisperOptions) -> WordErrors:
    """The errors of the same weights and options on the utterances cut at their reference times."""
    engine = WhisperEngine(locate(options.model), options)
    return sum(
        (
            word_errors(normalised(said.text), normalised(recognised))
            for sample in samples
            for said, recognised in zip(sample.utterances, utterance_texts(engine, sample), strict=True)
        ),
        WordErrors(),
    )


def _settings(options: argparse.Namespace, server: config.Settings) -> dict[str, object]:
    kept = chosen(options, "model", "repeats", "streams", "llm_first_token_ms", "serve")
    return kept | {"end_silence_ms": server.session.endpoint.end_silence_ms}


def _cpu_figures(outcome: Outcome) -> dict[str, float]:
    audio_s = sum(played.sample.duration_ms for played in outcome.played) / 1000
    return {
        "cpu_s_per_audio_s": outcome.cpu_s / audio_s,
        "gateway_cpu_s_per_audio_s": outcome.gateway_cpu_s / audio_s,
    }
