"""`scripts/bench turns`: when turns end, setting by setting, on a simulated clock.

Streams the sample sessions through the core: the real voice activity detector and the real model, no server
and no waiting, every decode answered 30 ms after it was asked for. What is compared is how long the silence
is that ends a turn: fixed, or following the words. A turn that ends within an utterance has cut its speaker
short; one that holds two utterances has made the first one wait.

  endpoint  from the end of the last word, as it was spoken, until the turn is over, in ms
  cut       utterances that were cut in two or more turns, of all
  joined    utterances that shared a turn with the one before
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from benchmarks import comparison
from benchmarks.arguments import add_json, add_model, new_parser
from benchmarks.figures import Played
from benchmarks.measures import percentile
from benchmarks.segments import timings
from benchmarks.simulation import DECODE_S, Decoder, simulate
from clients.samples import read_samples
from voicegw import config
from voicegw.asr.vad import make_scorer
from voicegw.core.endpoint import EndpointOptions
from voicegw.errors import StartupError

COLUMNS = {
    "endpoint p50 / p95 ms": ("endpoint_p50_ms", "endpoint_p95_ms"),
    "cut": ("cut",),
    "joined": ("joined",),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    samples = [
        s for s in read_samples() if s.file.startswith("session-") and s.condition == options.condition
    ]
    if not samples:
        print("no sessions in that condition; models/samples/refs.json lists them", file=sys.stderr)
        return 2
    try:
        server = config.load(["--model", options.model])
        decode = Decoder(server.asr).with_beam(server.asr.beam_size)
    except StartupError as error:
        print(error, file=sys.stderr)
        return 1
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for name, endpoint in settings(server.session.endpoint).items():
        session = replace(server.session, endpoint=endpoint)
        played = [Played(s, simulate(s, session, make_scorer(server.vad), decode)) for s in samples]
        rows[(name,)] = figures_of(played)
    about = {
        "model": options.model,
        "condition": options.condition,
        "utterances": sum(len(sample.utterances) for sample in samples),
        "decode_ms": round(1000 * DECODE_S),
    }
    comparison.report("turns", about, rows, COLUMNS, ("end silence",), options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("turns", __doc__)
    parser.add_argument(
        "--condition",
        default="clean",
        help="the sessions recorded so: clean, noise10 or phone (default: %(default)s)",
    )
    add_model(parser)
    add_json(parser)
    return parser


def settings(base: EndpointOptions) -> dict[str, EndpointOptions]:
    """What is compared: fixed silences, and those that follow the words around the server's options."""
    fixed = {f"{ms} ms": replace(base, adaptive=False, end_silence_ms=ms) for ms in (300, 400, 500, 800)}
    shortest = sorted({250, 300, base.min_end_silence_ms})
    following = {
        f"{ms} / {base.end_silence_ms} / {base.max_end_silence_ms} ms by the words": replace(
            base, min_end_silence_ms=ms
        )
        for ms in shortest
    }
    return fixed | following


def figures_of(played: Sequence[Played]) -> dict[str, float]:
    """One setting's figures."""
    measured = [timings(segment, 0) for one in played for segment in one.compared[0]]
    endpoints = [turn.endpoint for turn in measured if turn.endpoint is not None]
    shares = [_turns_of_utterances(one) for one in played]
    return {
        "endpoint_p50_ms": percentile(endpoints, 50),
        "endpoint_p95_ms": percentile(endpoints, 95),
        "cut": sum(len(turns) > 1 for share in shares for turns in share),
        "joined": sum(not turns.isdisjoint(before) for share in shares for before, turns in pairwise(share)),
    }


def _turns_of_utterances(played: Played) -> list[set[int]]:
    """For each utterance, the turns that hold words of it."""
    turns = [{id(word) for word in segment.words} for segment in played.compared[0]]
    return [
        {number for number, words in enumerate(turns) if any(id(word) in words for word in said.words)}
        for said in played.sample.utterances
    ]


if __name__ == "__main__":
    sys.exit(main())
