"""`scripts/bench policies`: when words are shown and when they become stable, setting by setting.

Streams the sample sessions through the core on a simulated clock: the real voice activity detector and the
real model, no server and no waiting, every decode answered 30 ms after it was asked for. So the settings are
compared on equal terms, and the figures are those of an idle machine; `scripts/bench latency` measures the
whole server in real time, and defines the same figures.

  offline  WER of the same model and beam on the utterances cut at their true times
  UPWR     shown words that the next partial changed or removed, per final word
  WEL      from a word's end until it first stands in its final place, in ms
  stable   from a word's end until it stands there as stable text, in ms
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks import comparison
from benchmarks.arguments import add_json, add_model, new_parser
from benchmarks.figures import Played, accuracy_figures, timing_figures
from benchmarks.latency import offline_errors
from benchmarks.measures import emission, matches, percentile
from benchmarks.recording import Update
from benchmarks.segments import Segment
from benchmarks.simulation import DECODE_S, Decoder, simulate
from clients.samples import Sample, read_samples
from voicegw import config
from voicegw.asr.vad import make_scorer
from voicegw.core.hypothesis import Policy
from voicegw.core.utterance import RecognitionOptions
from voicegw.errors import StartupError

ALIGNED_SHOWN_EDGE_MS = 150
COLUMNS = {
    "WER %": ("wer_percent",),
    "offline": ("wer_offline_percent",),
    "UPWR": ("upwr",),
    "WEL p50 / p95 ms": ("wel_p50_ms", "wel_p95_ms"),
    "stable p50 / p95 ms": ("stable_p50_ms", "stable_p95_ms"),
}


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    recognition: RecognitionOptions
    beam_size: int

    @property
    def name(self) -> str:
        """As the table says it."""
        options = self.recognition
        if options.policy is Policy.ALIGNMENT:
            how = f"alignment {options.stable_edge_ms} ms"
        else:
            how = "agreement" if options.doubt else "agreement without doubt"
        return f"{how}, {options.shown_edge_ms} ms hidden, beam {self.beam_size}"


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
        rows = _measure(samples, server)
    except StartupError as error:
        print(error, file=sys.stderr)
        return 1
    about = {
        "model": options.model,
        "condition": options.condition,
        "sessions": len(samples),
        "words": sum(len(said.words) for sample in samples for said in sample.utterances),
        "partial_interval_ms": server.session.recognition.partial_interval_ms,
        "decode_ms": round(1000 * DECODE_S),
    }
    comparison.report("policies", about, rows, COLUMNS, ("setting",), options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("policies", __doc__)
    add = parser.add_argument
    add(
        "--condition",
        default="clean",
        help="the sessions recorded so: clean, noise10 or phone (default: %(default)s)",
    )
    add_model(parser)
    add_json(parser)
    return parser


def settings(base: RecognitionOptions, beam_size: int) -> list[Setting]:
    """What is compared: agreement and alignment around the options and the beam of the server."""
    agreement = replace(base, policy=Policy.AGREEMENT)
    alignment = replace(base, policy=Policy.ALIGNMENT, shown_edge_ms=ALIGNED_SHOWN_EDGE_MS)
    return [
        *(Setting(replace(agreement, shown_edge_ms=ms), beam_size) for ms in (0, 100, 200, 300)),
        Setting(replace(agreement, doubt=0.0), beam_size),
        *(Setting(replace(alignment, stable_edge_ms=ms), beam_size) for ms in (300, 500)),
        Setting(agreement, 1),
    ]


def _measure(samples: Sequence[Sample], server: config.Settings) -> comparison.Rows:
    decoder = Decoder(server.asr)
    compared = settings(server.session.recognition, server.asr.beam_size)
    offline = {
        beam: offline_errors(samples, replace(server.asr, beam_size=beam)).percent
        for beam in {setting.beam_size for setting in compared}
    }
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for setting in compared:
        session = replace(server.session, recognition=setting.recognition)
        decode = decoder.with_beam(setting.beam_size)
        played = [Played(s, simulate(s, session, make_scorer(server.vad), decode)) for s in samples]
        rows[(setting.name,)] = {
            **figures_of(played),
            "wer_offline_percent": offline[setting.beam_size],
        }
    return rows


def figures_of(played: Sequence[Played]) -> dict[str, float]:
    """One setting's figures."""
    accurate, timed = accuracy_figures(played), timing_figures(played, 0, 0)
    stable = [ms for one in played for segment in one.compared[0] for ms in stable_ms(segment)]
    return {
        "wer_percent": accurate["wer_percent"],
        "upwr": accurate["upwr"],
        "wel_p50_ms": timed["wel_p50_ms"],
        "wel_p95_ms": timed["wel_p95_ms"],
        "stable_p50_ms": percentile(stable, 50),
        "stable_p95_ms": percentile(stable, 95),
    }


def stable_ms(segment: Segment) -> list[float]:
    """For each recognised word, from its end until it was stable text."""
    reference, updates = segment.reference, segment.turn.updates
    stable = [Update(update.at_s, update.stable) for update in updates]
    return [
        1000 * (emission(stable, heard)[0] - segment.recording.scheduled_s(reference[said][1].end_ms))
        for said, heard in matches([word for word, _ in reference], updates[-1].words)
    ]


if __name__ == "__main__":
    sys.exit(main())
