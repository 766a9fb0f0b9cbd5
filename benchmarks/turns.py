"""`scripts/bench turns`: when turns end, by setting, on a simulated clock.

Streams the sample sessions through the core: the real voice activity detector and the real model, without a
server, and every decode is answered 30 ms after its request. Compared are fixed silences that end a turn, and
silences that depend on the words. A turn that ends within an utterance has interrupted its speaker; a turn
with two utterances has answered the first one late.

  endpoint  from the end of the last spoken word to the end of the turn, in ms
  cut       utterances that were cut in two or more turns, of all
  joined    utterances that shared a turn with the one before

With --recordings, one curve (pauses.py): the delay after finished sentences, and the share of pauses within
sentences that end a turn, by setting. Where the end-of-turn model is installed, some rows use it. Partials
have no effect here and are not requested.

  delay          from the end of a sentence's last word to the end of the turn, in ms
  false cutoffs  pauses of 100 ms and more within a sentence that ended a turn, of all, in percent
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

from benchmarks import pauses
from benchmarks.command import add_condition, add_json, add_model, exits_on_errors, new_parser
from benchmarks.figures import Played
from benchmarks.measures import percentile
from benchmarks.recordings.material import about_recordings, add_recordings, material, print_progress
from benchmarks.report import report_rows
from benchmarks.segments import timings
from benchmarks.simulation import DECODE_S, WHISPER_DECODE_S, Decoder, Likeliness, simulate, without_partials
from benchmarks.tracks import sessions
from voicegw import config
from voicegw.asr import end_of_turn
from voicegw.asr.vad import make_scorer
from voicegw.config import Settings
from voicegw.core.endpoint import EndpointOptions

COLUMNS = {
    "endpoint p50 / p95 ms": ("endpoint_p50_ms", "endpoint_p95_ms"),
    "cut": ("cut",),
    "joined": ("joined",),
}
PEOPLE_COLUMNS = {
    "delay p50 / p95 ms": ("delay_p50_ms", "delay_p95_ms"),
    "false cutoffs %": ("false_cutoffs_percent",),
    "ends": ("ends",),
    "pauses": ("pauses",),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = new_parser("turns", __doc__, add_condition, add_recordings, add_model, add_json).parse_args(
        argv
    )
    server = config.load(["--model", options.model])
    return _run_recordings(options, server) if options.recordings else _run_samples(options, server)


def _run_samples(options: argparse.Namespace, server: Settings) -> int:
    samples = sessions(options.condition)
    decode = Decoder(server.asr).with_beam(server.asr.beam_size)
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
    report_rows("turns", about, rows, COLUMNS, ("end silence",), options.json)
    return 0


def _run_recordings(options: argparse.Namespace, server: Settings) -> int:
    decode = Decoder(server.asr).with_beam(server.asr.beam_size)
    model = end_of_turn.load() if end_of_turn.find() else None
    likelihood: Likeliness | None = cache(model.probability) if model else None
    finals_only = without_partials(server.session)
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    with material(options, server.asr) as found, pauses.finished(found.recorded) as samples:
        for name, endpoint, with_model in pauses.curve(server.session.endpoint, with_model=model is not None):
            print_progress(name)
            session = replace(finals_only, endpoint=endpoint)
            likeliness = likelihood if with_model else None
            played = [
                Played(s, simulate(s, session, make_scorer(server.vad), decode, WHISPER_DECODE_S, likeliness))
                for s in samples
            ]
            rows[(name,)] = pauses.figures_of(played)
    about = {"model": options.model, "decode_ms": round(1000 * WHISPER_DECODE_S), **about_recordings(options)}
    report_rows("turns", about, rows, PEOPLE_COLUMNS, ("end silence",), options.json)
    return 0


def settings(base: EndpointOptions) -> dict[str, EndpointOptions]:
    """What is compared: fixed silences, and those that follow the words around the server's options."""
    fixed = {f"{ms} ms": replace(base, adaptive=False, end_silence_ms=ms) for ms in (300, 400, 500, 800)}
    shortest = sorted({250, 300, base.finished_ms})
    following = {
        f"{ms} / {base.end_silence_ms} / {base.unfinished_ms} ms by the words": replace(
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
