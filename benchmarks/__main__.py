"""`scripts/bench`: runs a benchmark by name."""

import importlib
import inspect
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import new_parser

BENCHMARKS = {
    "all": "the benchmarks below one after the other, and one report of their figures",
    "compare": "two results of a benchmark, and what got worse beyond noise",
    "recordings": "check your own recordings for use by the other benchmarks",
    "latency": "latency of words, finals and replies: sample sessions streamed in real time",
    "realtime": "OpenAI's Realtime API: the transcript at a commit, and latency beside the native protocol",
    "conversation": "time to an answer, cost of speculation, and time to stop a reply that is interrupted",
    "peers": "WhisperLive, WhisperLiveKit and RealtimeSTT on the same model, audio and machine",
    "capacity": "the most simultaneous speakers within the latency objective, and overload",
    "policies": "when words are shown and become stable, by setting, on a simulated clock",
    "turns": "when turns end, with a fixed silence and with one that follows the words, on a simulated clock",
    "telephone": "word errors and cut turns of calls, 8 kHz mu-law with lost packets, beside 16 kHz",
    "voice": "time to the first audio of the voice on this machine, by the number of calls at once",
    "model": "word error rate of a model on voices and text that it was not trained on",
    "vad": "misses, false alarms, delays and cost of the voice activity detectors",
    "gateway": "CPU time per frame, memory per connection, event loop lag and refusals of the gateway",
    "fuzz": "fuzzed messages and abrupt disconnects at a real server, beside a reference client",
    "decoders": "coverage-guided fuzzing of the decoders of client messages (atheris)",
    "sizing": "what scripts/plan sizes an installation by: decodes, words, speech, traffic",
    "batching": "ways to fill batches on a GPU, on a simulated clock",
    "cluster": "overhead of Redis for a decode, scaling of workers, recovery",
    "chaos": "what faults, lost connections and load cost clients: the cases faults, reconnect and soak",
    "frames": "time of each step of a frame and of the message codec, in microseconds (pytest-benchmark)",
}

MODULES = {  # of those that are not named like their module
    "sizing": "benchmarks.sizing.benchmark",
    "batching": "benchmarks.sizing.batching",
}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark that the first argument names; its exit status."""
    name, *arguments = argv or ["--help"]
    if name == "frames":
        return _run_frames(arguments)
    if name in BENCHMARKS:
        return int(importlib.import_module(MODULES.get(name, f"benchmarks.{name}")).main(arguments))
    print("usage: scripts/bench NAME [arguments]; scripts/bench NAME --help describes them\n")
    for known, meaning in BENCHMARKS.items():
        print(f"  {known:12} {meaning}")
    return 0 if name in {"-h", "--help"} else 2


def _run_frames(arguments: Sequence[str]) -> int:
    """The time of each step of a frame and of the message codec, in microseconds.

    The arguments are those of pytest and pytest-benchmark: `-k decode` selects steps,
    `--benchmark-json FILE` writes the figures.
    """
    import pytest

    _, arguments = new_parser("frames", inspect.getdoc(_run_frames)).parse_known_args(arguments)
    module = Path(__file__).with_name("test_frame_path.py")
    shown = ("--benchmark-columns=median,iqr,rounds", "--benchmark-time-unit=us")
    return int(pytest.main([str(module), "--benchmark-enable", *shown, *arguments]))


def _until_ended(argv: Sequence[str]) -> int:
    """Run `main`; SIGINT and SIGTERM end it as Ctrl-C does, so that it stops its servers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return main(argv)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_until_ended(sys.argv[1:]))
