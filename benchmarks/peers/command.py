"""`scripts/bench peers`: latency, accuracy, CPU time and number of streams of this server and of others, on
the same model, audio and machine.

Each run starts one server, so that no other one uses the machine. With one stream, every server has one run
in each round; then the number of streams rises, and a server that misses the objective is left out. A server
that cannot be installed, started or used is reported, and the others continue.
"""

import argparse
import asyncio
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import (
    add_device,
    add_json,
    add_model,
    chosen,
    counts,
    exits_on_errors,
    new_parser,
)
from benchmarks.peers.realtimestt import REALTIMESTT
from benchmarks.peers.rounds import Candidate, absolute, ratios, run_rounds
from benchmarks.peers.running import Bench
from benchmarks.peers.tables import description, print_tables
from benchmarks.peers.voicegw import VOICEGW
from benchmarks.peers.whisperlive import WHISPERLIVE
from benchmarks.peers.whisperlivekit import WHISPERLIVEKIT
from benchmarks.recordings.material import about_recordings, add_recordings, speech
from benchmarks.report import commit, write_json
from benchmarks.tracks import parts_of
from clients.errors import ClientError
from clients.samples import Sample
from voicegw.asr.weights import locate
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.endpoint import EndpointOptions

PEERS = {peer.name: peer for peer in (WHISPERLIVE, WHISPERLIVEKIT, REALTIMESTT)}
NUMBERS = {
    "--seconds": (60.0, "steady state of a run"),
    "--warm-up-s": (5.0, "time before it, which is not measured"),
    "--repeats": (2, "rounds with one stream"),
    "--runs": (1, "runs with more streams, all of which must hold"),
    "--end-silence-ms": (
        EndpointOptions().end_silence_ms,
        "the silence that ends an utterance, for all servers that have such an option",
    ),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; its exit status, which is 1 when this server itself could not be measured."""
    options = _parser().parse_args(argv)
    candidates = [Candidate(VOICEGW), *(Candidate(PEERS[name]) for name in options.peers)]
    with speech(options, WhisperOptions(model=options.model, device=options.device)) as samples:
        bench = _bench(options, samples)
        work = run_rounds(candidates, bench.run, options.streams, options.repeats, options.runs)
        asyncio.run(_stoppable(work))
    settings = _settings(options)
    print_tables(candidates, settings)
    if options.json is not None:
        settings["servers"] = {one.peer.name: description(one) for one in candidates}
        write_json("peers", settings, {**ratios(candidates), **absolute(candidates)}, options.json)
    return 0 if candidates[0].summary else 1


async def _stoppable(work: Coroutine[Any, Any, None]) -> None:
    """Let SIGTERM cancel the work as Ctrl-C does, so that it stops its servers."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def _bench(options: argparse.Namespace, samples: Sequence[Sample]) -> Bench:
    if any(sample.language not in {"", "en"} for sample in samples):
        raise ClientError("the servers are compared in English: --languages en")
    return Bench(
        pieces=parts_of(samples),
        model=locate(options.model),
        device=options.device,
        end_silence_ms=options.end_silence_ms,
        seconds=options.seconds,
        warm_up_s=options.warm_up_s,
        checkout=options.realtimestt_checkout and options.realtimestt_checkout.resolve(),
    )


def _settings(options: argparse.Namespace) -> dict[str, object]:
    kept = ("model", "device", "end_silence_ms", "seconds", "warm_up_s", "streams", "repeats", "runs")
    settings = chosen(options, *kept) | about_recordings(options)
    if options.realtimestt_checkout is not None:
        settings["realtimestt_commit"] = commit(options.realtimestt_checkout)
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("peers", __doc__, add_recordings, add_model, add_device, add_json, numbers=NUMBERS)
    add = parser.add_argument
    add(
        "--peers",
        type=_names,
        default=list(PEERS),
        metavar="NAME,..",
        help=f"which ones (default: {','.join(PEERS)})",
    )
    add(
        "--realtimestt-checkout",
        type=Path,
        metavar="PATH",
        help="a checkout of KoljaB/RealtimeSTT; its wheel does not contain the multi-user server",
    )
    add(
        "--streams",
        type=_from_one,
        default=[1, 2, 4, 8, 16, 24, 32, 48, 64],
        metavar="N,..",
        help="numbers of streams to try, rising (default: 1,2,4,8,16,24,32,48,64)",
    )
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return names


def _from_one(text: str) -> list[int]:
    numbers = counts(text)
    if numbers[0] != 1:
        raise argparse.ArgumentTypeError("the first number of streams is 1, which the ratios are about")
    return numbers
