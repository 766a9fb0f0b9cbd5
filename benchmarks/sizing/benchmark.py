"""`scripts/bench sizing`: the figures from which `scripts/plan` sizes an installation.

Decodes: the time of windows of 1 to 12 s, alone and in batches, on the CPU's own clock where decodes have one
thread each, so that other programs on the machine hardly count. Words: how much audio after its end a word
takes to be recognised, on a simulated clock. Speech: lengths of utterances, words and pauses. Traffic: CPU
time and bytes of a gateway and of Redis for each second of audio or speech, with real processes and the
bundled model, on which they do not depend.

With --recordings, decodes, words and speech are those of these recordings, all of them.
"""

import argparse
import asyncio
from collections.abc import Sequence

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
from benchmarks.measures import spread
from benchmarks.recordings.material import about_recordings, add_recordings, speech
from benchmarks.sizing.decodes import lookahead_ms, timer
from benchmarks.sizing.measured_figures import PERCENTS
from benchmarks.sizing.speech import speech_figures
from benchmarks.sizing.traffic import traffic_figures, worker_memory_mb
from voicegw import config
from voicegw.asr.weights import locate
from voicegw.log_configuration import configure_logging

MEANINGS = {
    "decodes_at_once": "workers of a process",
    "batch_limit": "most windows decoded together",
    "gather_ms": "how long jobs may wait for a full batch; 0: not at all",
    "side_by_side_ratio": "a decode beside others, over a decode alone",
    "words_per_speech_s": "words per second of speech",
    "pauses_per_speech_s": "pauses with an early final decode, per second of speech",
    "gateway_cpu_ms_per_audio_s": "CPU of a gateway per second of audio",
    "redis_cpu_ms_per_speech_s": "CPU of Redis per second of speech, as the next three",
    "redis_in_bytes_per_speech_s": "bytes that Redis received",
    "redis_out_bytes_per_speech_s": "bytes that Redis sent",
    "jobs_per_speech_s": "decodes",
    "traffic_speech_ratio": "speech in the audio with which these were measured",
    "gateway_memory_mb": "resident memory of the gateway with these speakers",
    "worker_memory_mb": "resident memory of a worker with its process",
}
NUMBERS = {
    "--repeats": (9, "decodes of each kind, length and batch"),
    "--streams": (8, "speakers for the traffic"),
    "--seconds": (30.0, "of their speech"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    configure_logging("error", as_json=False)
    flags = ["--model", options.model, "--device", options.device, *options.serve]
    server = config.load(flags)
    with speech(options, server.asr) as samples:
        said = [utterance for sample in samples for utterance in sample.utterances]
        figures = {
            **timer(server, locate(options.model), samples, options.repeats).figures(),
            **spread("lookahead", lookahead_ms(server, samples), PERCENTS),
            **speech_figures(said, server.session.endpoint.pause_ms),
        }
    figures["worker_memory_mb"] = asyncio.run(worker_memory_mb(flags))
    figures |= asyncio.run(traffic_figures(options.streams, options.seconds))
    settings = chosen(options, "model", "device", "repeats", "streams", "seconds", "serve")
    return Result(settings | about_recordings(options), figures, MEANINGS).report("sizing", options.json)


def _parser() -> argparse.ArgumentParser:
    adds = (add_recordings, add_device, add_model, add_json, add_serve)
    return new_parser("sizing", __doc__, *adds, numbers=NUMBERS)
