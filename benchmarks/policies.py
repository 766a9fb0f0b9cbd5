"""`scripts/bench policies`: when words are shown and when they become stable, by setting.

Streams the sample sessions through the core on a simulated clock: the real voice activity detector and the
real model, without a server, and every decode is answered 30 ms after its request. So all settings have the
same conditions, those of an idle machine; `scripts/bench latency` measures the whole server in real time, and
defines the same figures.

  offline  WER of the same model and beam on the utterances cut at their reference times
  UPWR     shown words that the next partial changed or removed, by their position, per final word
  replaced the same, but an inserted word changes only itself
  WEL      from a word's end until it is first in its final place, in ms
  stable   from a word's end until it is there as stable text, in ms

With --recordings the WER is over whole recordings, after Whisper's normaliser, and offline is one padded
pass of stock faster-whisper over each; ins / del / sub are the stream's errors, `empty` are recordings for
which only the offline pass has words, and `made up` are words a minute in recordings without speech.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.command import add_condition, add_json, add_model, add_serve, exits_on_errors, new_parser
from benchmarks.figures import Played, accuracy_figures, timing_figures
from benchmarks.latency import offline_errors
from benchmarks.measures import emission, matches, percentile
from benchmarks.recording import Update
from benchmarks.recordings.accuracy import figures, transcribed_of, write_texts
from benchmarks.recordings.material import (
    Material,
    about_recordings,
    add_recordings,
    add_texts,
    material,
    print_progress,
)
from benchmarks.report import Rows, report_rows
from benchmarks.segments import Segment
from benchmarks.simulation import DECODE_S, Decoder, simulate
from benchmarks.tracks import sessions
from clients.samples import Sample
from voicegw import config
from voicegw.asr.vad import make_scorer
from voicegw.core.utterance import RecognitionOptions

COLUMNS = {
    "WER %": ("wer_percent",),
    "offline": ("wer_offline_percent",),
    "UPWR": ("upwr",),
    "replaced": ("replaced",),
    "WEL p50 / p95 ms": ("wel_p50_ms", "wel_p95_ms"),
    "stable p50 / p95 ms": ("stable_p50_ms", "stable_p95_ms"),
}


RECORDED_COLUMNS = COLUMNS | {
    "coverage %": ("coverage_percent",),
    "ins / del / sub": ("insertions", "deletions", "substitutions"),
    "empty": ("empty_recordings",),
    "made up": ("made_up_words_per_minute",),
}
CONFIGURED = "configured"


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    recognition: RecognitionOptions
    beam_size: int
    is_configured: bool = False

    @property
    def name(self) -> str:
        """As in the table."""
        if self.is_configured:
            return CONFIGURED
        options = self.recognition
        how = "agreement" if options.doubt else "agreement without doubt"
        return f"{how}, {options.shown_edge_ms} ms hidden, beam {self.beam_size}"


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    server = config.load(["--model", options.model, *options.serve])
    compared = _compared(options.setting, server)
    if not compared:
        print("no such setting", file=sys.stderr)
        return 2
    if options.recordings is not None:
        return _compare_recordings(options, compared, server)
    return _compare_samples(options, compared, server)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "policies", __doc__, add_condition, add_recordings, add_texts, add_model, add_json, add_serve
    )
    add = parser.add_argument
    add(
        "--setting",
        nargs="+",
        metavar="NAME",
        help=f"those whose name has one of these; `{CONFIGURED}`: the server's own (default: all others)",
    )
    add(
        "--decode-ms",
        type=int,
        default=round(1000 * DECODE_S),
        metavar="MS",
        help="from a decode's request to its answer (default: %(default)s)",
    )
    return parser


def _compared(names: Sequence[str] | None, server: config.Settings) -> list[Setting]:
    base, beam_size = server.session.recognition, server.asr.beam_size
    found = settings(base, beam_size)
    if names is None:
        return found
    found = [Setting(base, beam_size, is_configured=True), *found]
    return [setting for setting in found if any(name in setting.name for name in names)]


def settings(base: RecognitionOptions, beam_size: int) -> list[Setting]:
    """The compared settings, around the options and the beam of the server."""
    return [
        *(Setting(replace(base, shown_edge_ms=ms), beam_size) for ms in (0, 100, 200, 300)),
        Setting(replace(base, doubt=0.0), beam_size),
        Setting(base, 1),
    ]


def _compare_samples(
    options: argparse.Namespace, compared: Sequence[Setting], server: config.Settings
) -> int:
    samples = sessions(options.condition)
    offline = {
        beam: offline_errors(samples, replace(server.asr, beam_size=beam)).percent
        for beam in {setting.beam_size for setting in compared}
    }
    rows: Rows = {
        (setting.name,): {**figures_of(played), "wer_offline_percent": offline[setting.beam_size]}
        for setting, played in _play(samples, compared, server, options.decode_ms)
    }
    about = _about(options, samples, server) | {"condition": options.condition}
    report_rows("policies", about, rows, COLUMNS, ("setting",), options.json)
    return 0


def _compare_recordings(
    options: argparse.Namespace, compared: Sequence[Setting], server: config.Settings
) -> int:
    with material(options, server.asr) as found:
        rows: Rows = {
            (setting.name,): {**figures_of(played), **_recorded_figures(options, found, played)}
            for setting, played in _play(found.recorded, compared, server, options.decode_ms)
        }
        about = _about(options, found.recorded, server) | about_recordings(options)
    report_rows("policies", about, rows, RECORDED_COLUMNS, ("setting",), options.json)
    return 0


def _recorded_figures(
    options: argparse.Namespace, found: Material, played: Sequence[Played]
) -> dict[str, float]:
    transcribed = transcribed_of(found, played)
    if options.texts is not None:
        write_texts(transcribed, options.texts)
    coverage = accuracy_figures(played)["coverage_percent"]
    return {"coverage_percent": coverage, **figures(transcribed)}


def _about(
    options: argparse.Namespace, samples: Sequence[Sample], server: config.Settings
) -> dict[str, object]:
    return {
        "model": options.model,
        "sessions": len(samples),
        "words": sum(len(said.words) for sample in samples for said in sample.utterances),
        "partial_interval_ms": server.session.recognition.partial_interval_ms,
        "decode_ms": options.decode_ms,
        "serve": options.serve,
    }


def _play(
    samples: Sequence[Sample], compared: Sequence[Setting], server: config.Settings, decode_ms: int
) -> Iterator[tuple[Setting, list[Played]]]:
    """Every setting, and the sessions of the samples with it."""
    decoder = Decoder(server.asr)
    for setting in compared:
        session = replace(server.session, recognition=setting.recognition)
        decode = decoder.with_beam(setting.beam_size)
        played = []
        for number, sample in enumerate(samples, 1):
            print_progress(f"{setting.name}: {number} / {len(samples)}")
            recording = simulate(sample, session, make_scorer(server.vad), decode, decode_ms / 1000)
            played.append(Played(sample, recording))
        yield setting, played


def figures_of(played: Sequence[Played]) -> dict[str, float]:
    """One setting's figures."""
    accurate, timed = accuracy_figures(played), timing_figures(played, 0, 0)
    stable = [ms for one in played for segment in one.compared[0] for ms in stable_ms(segment)]
    return {
        "wer_percent": accurate["wer_percent"],
        "upwr": accurate["upwr"],
        "replaced": accurate["replaced"],
        "turns": accurate["turns"],
        **{name: accurate[name] for name in ("missed_words", "stable_retractions", "lost_samples")},
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
        1000 * (emission(stable, transcribed)[0] - segment.recording.scheduled_s(reference[said][1].end_ms))
        for said, transcribed in matches([word for word, _ in reference], updates[-1].words)
    ]
