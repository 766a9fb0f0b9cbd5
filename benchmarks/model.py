"""`scripts/bench model`: how right a model is, in voices and in wording that were held out of training.

The sound is synthesised anew by espeak-ng and flite; the same --seed gives the same. Word error rates are
those of the decoding that finals have (a beam of 5), unless the name says greedy, as partials have it.
Windows are as long as their sound. `models/evaluate` prints all that is measured, and several models side by
side.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import add_json, new_parser
from benchmarks.report import report
from models.training.evaluate import Figures, Material, conditions, quiet, word_times
from models.training.recognizer import Recognizer
from voicegw.asr.weights import BUNDLED, locate
from voicegw.errors import ModelUnavailable

MEANINGS = {
    "wer_clean_percent": "clean speech",
    "wer_noise10_percent": "in steady noise of four colours, 10 dB below the speech",
    "wer_phone_percent": "over a telephone line: 300 to 3400 Hz, 8 kHz, mu-law",
    "wer_clean_greedy_percent": "clean speech",
    "wer_noise10_greedy_percent": "in that noise",
    "wer_phone_greedy_percent": "over that line",
    "words_on_silence": "words a minute where nobody speaks: silence, noise, hum, clicks",
    "word_end_error_p50_ms": "of a word's end, against the synthesizer's",
    "word_end_error_p90_ms": "the same, at the 90th percentile",
    "short_context_wer_gap": "points that are lost when windows are not padded to 30 s, clean, greedy",
    "model_mb": "the model's directory",
}
_ROWS = {  # where a figure stands in the table of `models/evaluate`
    "wer_clean_percent": "WER clean, beam 5",
    "wer_noise10_percent": "WER noise 10 dB, beam 5",
    "wer_phone_percent": "WER telephone, beam 5",
    "wer_clean_greedy_percent": "WER clean",
    "wer_noise10_greedy_percent": "WER noise 10 dB",
    "wer_phone_greedy_percent": "WER telephone",
    "words_on_silence": "words a minute in silence and noise",
    "word_end_error_p50_ms": "word end error, median ms",
    "word_end_error_p90_ms": "word end error, p90 ms",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    try:
        directory = locate(options.model)
        material = Material(options.utterances, options.seed)
        count = len(material.utterances)
    except (ModelUnavailable, OSError) as error:  # the latter without espeak-ng or flite
        print(error, file=sys.stderr)
        return 1
    recognizer = Recognizer(directory)
    rows = conditions(recognizer, material) | word_times(recognizer, material) | quiet(recognizer, material)
    settings = {"model": options.model, "utterances": count, "seed": options.seed}
    report("model", settings, figures_of(rows, directory), MEANINGS, options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("model", __doc__)
    add = parser.add_argument
    add("--model", default=BUNDLED, help="a name or a directory, as for voicegw serve (default: %(default)s)")
    add("--utterances", type=int, default=270, metavar="N", help="held-out ones (default: %(default)s)")
    add("--seed", type=int, default=1, metavar="S", help="of sentences, voices, noise (default: %(default)s)")
    add_json(parser)
    return parser


def figures_of(rows: Figures, model: Path) -> Figures:
    """The figures by name, out of what `models/evaluate` calls them."""
    figures = {name: float(rows[row]) for name, row in _ROWS.items()}
    figures["short_context_wer_gap"] = rows["WER clean"] - rows["WER clean, padded to 30 s"]
    figures["model_mb"] = sum(file.stat().st_size for file in model.iterdir()) / 1e6
    return figures


if __name__ == "__main__":
    sys.exit(main())
