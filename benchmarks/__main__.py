"""`scripts/bench`: runs a benchmark by name."""

import importlib
import inspect
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import new_parser

BENCHMARKS = {
    "recordings": "whether recordings of your own can be used by the others, and what they are",
    "latency": "words, finals and replies against the clock: sample sessions played in real time",
    "conversation": "the wait for an answer, what speculation costs, and how fast replies stop for a speaker",
    "peers": "WhisperLive, WhisperLiveKit and RealtimeSTT on the same model, audio and machine",
    "capacity": "how many speakers at once are heard in time, and what becomes of more",
    "policies": "when words are shown and become stable, setting by setting, on a simulated clock",
    "turns": "when turns end, with a fixed silence and with one that follows the words, on a simulated clock",
    "model": "how right the bundled model, or another, is in voices and wording it was not trained on",
    "vad": "speech missed, noise taken for speech, delays and cost of the voice activity detectors",
    "gateway": "CPU time a frame, memory a connection, loop lag and refusals of the gateway itself",
    "fuzz": "fuzzed messages and abrupt disconnects at a real server, beside a healthy neighbour",
    "decoders": "what reads a client's bytes, fuzzed by coverage (atheris)",
    "cluster": "what the way over Redis adds to a decode, and how two workers share the work",
    "chaos": "what faults, lost connections and load cost clients: the cases faults, reconnect and soak",
    "frames": "the per-frame path and the message codec, in microseconds (pytest-benchmark)",
}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark that the first argument names; its exit status."""
    name, *arguments = argv or ["--help"]
    if name == "frames":
        return _run_frames(arguments)
    if name in BENCHMARKS:
        return int(importlib.import_module(f"benchmarks.{name}").main(arguments))
    print("usage: scripts/bench NAME [arguments]; scripts/bench NAME --help says which\n")
    for known, meaning in BENCHMARKS.items():
        print(f"  {known:12} {meaning}")
    return 0 if name in {"-h", "--help"} else 2


def _run_frames(arguments: Sequence[str]) -> int:
    """What the steps of a frame's path and of the message codec take, in microseconds.

    Arguments are those of pytest and pytest-benchmark: `-k decode` for some of the steps,
    `--benchmark-json FILE` to keep the figures.
    """
    import pytest

    _, arguments = new_parser("frames", inspect.getdoc(_run_frames)).parse_known_args(arguments)
    module = Path(__file__).with_name("test_frame_path.py")
    shown = ("--benchmark-columns=median,iqr,rounds", "--benchmark-time-unit=us")
    return int(pytest.main([str(module), "--benchmark-enable", *shown, *arguments]))


def _until_ended(argv: Sequence[str]) -> int:
    """`main`; both signals end it as Ctrl-C does, in the background too, so that it ends its servers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return main(argv)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_until_ended(sys.argv[1:]))
