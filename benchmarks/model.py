"""`scripts/bench model`: the word error rate of a model on voices and text that were held out of training.

The speech is synthesised by espeak-ng and flite, reproducibly by --seed. Word error rates are those of the
decoding of finals (a beam of 5), or of partials if the name says greedy. Windows are as long as their audio.
`models/evaluate` prints more figures, for several models side by side.

With --recordings, its word error rates on these, by kind: wer_percent is utterance by utterance as the server
decodes them, wer_offline_percent as stock faster-whisper does, in one padded pass over each recording.
With several languages, also how often the model names the language right from the first seconds of speech.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import Result, add_json, add_serve, chosen, exits_on_errors, new_parser
from benchmarks.offline import whole_text
from benchmarks.recordings import accuracy, languages
from benchmarks.recordings.material import about_recordings, add_recordings, add_texts, material
from models.training.evaluate import Figures, Material, conditions, quiet, word_times
from models.training.recognizer import Recognizer
from voicegw import config
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper import WhisperEngine

MEANINGS = {
    "wer_clean_percent": "clean speech",
    "wer_noise10_percent": "in steady noise of four colours, 10 dB below the speech",
    "wer_phone_percent": "over a telephone line: 300 to 3400 Hz, 8 kHz, mu-law",
    "wer_clean_greedy_percent": "clean speech",
    "wer_noise10_greedy_percent": "in that noise",
    "wer_phone_greedy_percent": "over that line",
    "words_on_silence": "words a minute without speech: in silence, noise, hum, clicks",
    "word_end_error_p50_ms": "of a word's end, against the synthesizer's",
    "word_end_error_p90_ms": "the same, at the 90th percentile",
    "short_context_wer_gap": "WER points lost when windows are not padded to 30 s, clean, greedy",
    "model_mb": "the model's directory",
}
RECORDED_MEANINGS = accuracy.MEANINGS | {
    "wer_percent": "utterances as the server decodes them, against the recording's text, normalised",
    "wer_gap_points": "the difference",
    "empty_recordings": "recordings without words, although the offline pass has some",
    "made_up_words_per_minute": "words a minute without speech",
    **languages.MEANINGS,
}
_ROWS = {  # the rows in the table of `models/evaluate`
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
NUMBERS = {"--utterances": (270, "held-out utterances"), "--seed": (1, "of sentences, voices and noise")}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    if options.recordings is not None:
        return _run_recordings(options)
    try:
        directory = locate(options.model)
        material = Material(options.utterances, options.seed)
        count = len(material.utterances)
    except OSError as error:  # without espeak-ng or flite
        print(error, file=sys.stderr)
        return 1
    recognizer = Recognizer(directory)
    rows = conditions(recognizer, material) | word_times(recognizer, material) | quiet(recognizer, material)
    settings = chosen(options, "model", "seed") | {"utterances": count}
    return Result(settings, figures_of(rows, directory), MEANINGS).report("model", options.json)


def _run_recordings(options: argparse.Namespace) -> int:
    model = config.load(["--model", options.model, *options.serve]).asr
    with material(options, model) as found:
        engine = WhisperEngine(locate(model.model), model)
        transcribed = [
            accuracy.Transcribed(one, whole_text(engine, one), found.offline_text(one))
            for one in found.recorded
        ]
        figures = accuracy.figures(transcribed) | languages.language_figures(engine, found.recorded)
    if options.texts is not None:
        accuracy.write_texts(transcribed, options.texts)
    settings = {"model": options.model, "recordings": len(transcribed), "serve": options.serve}
    settings |= about_recordings(options)
    return Result(settings, figures, RECORDED_MEANINGS).report("model", options.json)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("model", __doc__, add_recordings, add_texts, add_json, add_serve, numbers=NUMBERS)
    parser.add_argument(
        "--model", default=BUNDLED, help="a name or a directory, as for voicegw serve (default: %(default)s)"
    )
    return parser


def figures_of(rows: Figures, model: Path) -> Figures:
    """The figures by name, from the rows of `models/evaluate`."""
    figures = {name: float(rows[row]) for name, row in _ROWS.items()}
    figures["short_context_wer_gap"] = rows["WER clean"] - rows["WER clean, padded to 30 s"]
    figures["model_mb"] = sum(file.stat().st_size for file in model.iterdir()) / 1e6
    return figures
