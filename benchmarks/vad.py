"""`scripts/bench vad`: what the voice activity detectors miss, and what noise they take for speech.

All clean samples in a row, their words at -20 dBFS, alone and in steady noise that is 20, 10 and 5 dB below
them, are cases in windows of 20 ms: by webrtcvad alone, by the webrtc engine, which levels windows before
webrtcvad judges them, and by the silero engine. A score of one half is speech.

  miss         windows inside a word that are not speech; closures of stops count, so none misses nothing
  false alarm  windows well away from any utterance that are speech
  onset        from an utterance's begin to the first window that is speech, in ms
  tail         from its end to the first window that is not, in ms; 2000 stands for never
  cost         CPU time a window, in µs

With --recordings the condition is their kind, as they are and at their own level; word times are those of
--align-model. Where there are no words, all is false alarm.

The noise is pseudo-random: the same --seed gives the same table, but for the cost.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.command import add_json, exits_on_errors, new_parser
from benchmarks.measures import percentile
from benchmarks.noisy_speech import SPEECH_DBFS, Mask, Signal, Speech, delays_ms, read_speech, scores, share
from benchmarks.recordings.material import about_recordings, add_recordings, material
from benchmarks.report import Rows, report_rows
from clients.samples import read_samples
from voicegw.asr.vad import VadOptions, WebRtcScorer, make_scorer
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.endpoint import SpeechScorer

Condition = tuple[str, Speech, Signal]  # its name, the speech, and the signal
SNRS_DB = (20, 10, 5)
COLORS = ("white", "pink")
COLUMNS = {
    "miss %": ("miss_percent",),
    "false alarm %": ("false_alarm_percent",),
    "onset p50 / p90 ms": ("onset_p50_ms", "onset_p90_ms"),
    "tail p50 / p90 ms": ("tail_p50_ms", "tail_p90_ms"),
    "cost µs": ("cost_us",),
}


class PlainScorer:
    """webrtcvad alone, on which the webrtc engine is based."""

    def __init__(self, mode: int) -> None:
        import webrtcvad

        self._vad: Any = webrtcvad.Vad(mode)

    def score(self, window: Pcm) -> float:
        """1 for speech, 0 for none."""
        return float(self._vad.is_speech(window.tobytes(), SAMPLE_RATE))


DETECTORS: Mapping[str, Callable[[], SpeechScorer]] = {
    "webrtcvad alone": lambda: PlainScorer(WebRtcScorer.MODE),
    "webrtc": lambda: make_scorer(VadOptions(engine="webrtc")),
    "silero": lambda: make_scorer(VadOptions(engine="silero")),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    cases = _of_recordings(options) if options.recordings is not None else _of_samples(options.seed)
    rows: Rows = {
        (condition, detector): evaluate(make(), speech, signal)
        for condition, speech, signal in cases
        for detector, make in DETECTORS.items()
    }
    about = {"webrtcvad_mode": WebRtcScorer.MODE, **about_recordings(options)}
    if options.recordings is None:
        about |= {"speech_dbfs": SPEECH_DBFS, "seed": options.seed}
    report_rows("vad", about, rows, COLUMNS, ("condition", "detector"), options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("vad", __doc__, add_recordings, add_json)
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default: %(default)s)")
    return parser


def _of_samples(seed: int) -> list[Condition]:
    speech = read_speech([sample for sample in read_samples() if sample.condition == "clean"])
    return [(name, speech, signal) for name, signal in conditions(speech, seed)]


def _of_recordings(options: argparse.Namespace) -> list[Condition]:
    """Raises ClientError and ModelUnavailable."""
    model = WhisperOptions(model=options.align_model) if options.align_model else WhisperOptions()
    with material(options, model) as found:
        usable = [one for one in found.recorded if one.utterances or not one.is_speech]
        kinds = {
            kind: read_speech([one for one in usable if one.kind == kind], level_dbfs=None)
            for kind in sorted({one.kind for one in usable})
        }
    return [(kind, speech, speech.signal) for kind, speech in kinds.items()]


def conditions(speech: Speech, seed: int) -> list[tuple[str, Signal]]:
    """The speech alone, and in each noise."""
    noisy = [
        (f"{color} {snr_db} dB", speech.in_noise(color, snr_db, seed))
        for color in COLORS
        for snr_db in SNRS_DB
    ]
    return [("clean", speech.signal), *noisy]


def evaluate(scorer: SpeechScorer, speech: Speech, signal: Signal) -> dict[str, float]:
    """The figures of a scorer on the signal: the speech, with or without noise."""
    begun = time.thread_time()
    voiced: Mask = np.asarray(scores(signal, scorer) >= 0.5)
    cost_us = 1e6 * (time.thread_time() - begun) / len(voiced)
    onsets, tails = delays_ms(voiced, speech.utterances)
    return {
        "miss_percent": 100 * share(~voiced[speech.in_word]),
        "false_alarm_percent": 100 * share(voiced[speech.silent]),
        "onset_p50_ms": percentile(onsets, 50),
        "onset_p90_ms": percentile(onsets, 90),
        "tail_p50_ms": percentile(tails, 50),
        "tail_p90_ms": percentile(tails, 90),
        "cost_us": cost_us,
    }
