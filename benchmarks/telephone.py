"""`scripts/bench telephone --recordings DIR`: recordings as telephone calls, beside the same at 16 kHz.

Each recording is heard by the core on a simulated clock, as in `scripts/bench turns`: at 16 kHz; as a Twilio
call, in mu-law at 8 kHz through the messages and the codec of that dialect; and as a call with 1 % of the
packets lost. Partials are not requested: they change no figure of this table.

  WER            all finals of a recording against its text, normalised, in percent
  offline        of stock faster-whisper on the same audio, each recording as a whole: what the model can do
  false cutoffs  pauses of 100 ms and more within a sentence that ended a turn, of all, in percent
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile

from benchmarks import pauses
from benchmarks.command import add_json, add_model, exits_on_errors, new_parser
from benchmarks.figures import Played
from benchmarks.measures import WordErrors, word_errors
from benchmarks.recording import Recording
from benchmarks.recordings.accuracy import streamed_text
from benchmarks.recordings.material import (
    Recorded,
    about_recordings,
    add_recordings,
    material,
    print_progress,
)
from benchmarks.recordings.stock import StockModel
from benchmarks.recordings.wording import words_of
from benchmarks.report import Rows, report_rows
from benchmarks.simulation import (
    WHISPER_DECODE_S,
    Decode,
    Decoder,
    Stream,
    make_session,
    simulate,
    without_partials,
)
from clients.audio import SAMPLE_BYTES, frames, read_pcm
from clients.calls.impairment import Impairment
from clients.calls.twilio import TwilioCarrier
from clients.samples import Sample
from voicegw import config
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.core.audio import SAMPLE_RATE, InputDecoder, Pcm
from voicegw.core.profile import SessionProfile
from voicegw.core.session import SessionOptions
from voicegw.dialects.port import Audio, Opening
from voicegw.dialects.twilio.codec import TwilioCodec

LOSS = 0.01
PATHS = {"16 kHz": None, "call": 0.0, "call, 1 % lost": LOSS}  # the share of lost packets of a call
COLUMNS = {
    "WER %": ("wer_percent",),
    "more points": ("wer_gap_points",),
    "offline %": ("wer_offline_percent",),
    "more offline points": ("wer_offline_gap_points",),
    "words": ("words",),
    "ins / del / sub": ("insertions", "deletions", "substitutions"),
    "false cutoffs %": ("false_cutoffs_percent",),
    "cuts": ("cuts",),
    "pauses": ("pauses",),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = new_parser("telephone", __doc__, add_recordings, add_model, add_json).parse_args(argv)
    if options.recordings is None:
        print("--recordings DIR is missing; scripts/bench recordings --help describes it", file=sys.stderr)
        return 2
    server = config.load(["--model", options.model])
    with material(options, server.asr) as found, pauses.finished(found.recorded) as sentences:
        listener = _Listener(server)
        scored = [one for one in found.recorded if one.is_scored]
        rows: Rows = {(path,): _figures(listener, path, scored, sentences, found.model) for path in PATHS}
    about = {"model": options.model, "recordings": len(scored), **about_recordings(options)}
    report_rows("telephone", about, _compared(rows), COLUMNS, ("heard",), options.json)
    return 0


class _Listener:
    """Hears samples on each path, with one decoder for all."""

    def __init__(self, server: config.Settings) -> None:
        self._options = without_partials(server.session)
        self._vad = server.vad
        self._decode = Decoder(server.asr).with_beam(server.asr.beam_size)

    def hear(self, path: str, sample: Sample) -> Recording:
        loss = PATHS[path]
        if loss is None:
            return simulate(sample, self._options, make_scorer(self._vad), self._decode, WHISPER_DECODE_S)
        return call(sample, self._options, self._vad, self._decode, loss)


def call(
    sample: Sample, options: SessionOptions, vad: VadOptions, decode: Decode, loss: float = 0.0
) -> Recording:
    """The recording of a Twilio call in which the sample is played from second 0 on."""
    carrier, codec = TwilioCarrier(), TwilioCodec(None)
    pcm = read_pcm(sample.path, carrier.rate)
    profile = _profile(carrier, codec)
    session = make_session(options, make_scorer(vad), sample.language, profile.rate, profile.audio_format)
    packets = _received(carrier, codec, pcm, Impairment(loss=loss))
    received = Stream(session, decode, WHISPER_DECODE_S, None).play_frames(packets)
    length = len(pcm) // SAMPLE_BYTES * SAMPLE_RATE // carrier.rate
    return Recording(sample.file, 0.0, length, SAMPLE_RATE, 0.0, tuple(received))


def line_audio(sample: Sample, loss: float) -> Pcm:
    """What the server hears of such a call, at 16 kHz."""
    carrier, codec = TwilioCarrier(), TwilioCodec(None)
    profile = _profile(carrier, codec)
    packets = _received(carrier, codec, read_pcm(sample.path, carrier.rate), Impairment(loss=loss))
    decoder = InputDecoder(profile.audio_format, profile.rate)
    return decoder.decode(b"".join(piece for packet in packets for piece in packet))


def _profile(carrier: TwilioCarrier, codec: TwilioCodec) -> SessionProfile:
    """Of the session that the first messages of a call open."""
    [opening] = [each for frame in carrier.begin(None) for each in codec.receive(str(frame))]
    assert isinstance(opening, Opening), "the start message opens a session"
    return opening.profile


def _received(
    carrier: TwilioCarrier, codec: TwilioCodec, pcm: bytes, impairment: Impairment
) -> Iterator[list[bytes]]:
    """What the codec makes of each packet; nothing of a lost one."""
    for number, frame in enumerate(frames(pcm, carrier.rate)):
        if impairment.arrival(0.0) is None:
            yield []
            continue
        decoded = (each for text in carrier.packet(frame, number) for each in codec.receive(str(text)))
        yield [each.data for each in decoded if isinstance(each, Audio)]


def _offline_text(path: str, one: Recorded, model: StockModel) -> str:
    """The text of a recording on a path by the model without streaming."""
    loss = PATHS[path]
    if loss is None:
        return model.text_of(one.path, one.language)
    with tempfile.NamedTemporaryFile(suffix=".flac") as file:
        soundfile.write(file.name, line_audio(one, loss), SAMPLE_RATE)
        return model.text_of(Path(file.name), one.language)


def _figures(
    listener: _Listener,
    path: str,
    scored: Sequence[Recorded],
    sentences: Sequence[Sample],
    model: StockModel,
) -> dict[str, float]:
    """The figures of one path."""
    errors, offline = WordErrors(), WordErrors()
    for number, one in enumerate(scored, 1):
        print_progress(f"{path}: {number} / {len(scored)}")
        texts = one.text, streamed_text(listener.hear(path, one)), _offline_text(path, one, model)
        said, heard, known = (words_of(text, one.language) for text in texts)
        errors += word_errors(said, heard)
        offline += word_errors(said, known)
    played = []
    for number, sample in enumerate(sentences, 1):
        print_progress(f"{path}, sentences: {number} / {len(sentences)}")
        played.append(Played(sample, listener.hear(path, sample)))
    cut = pauses.figures_of(played)
    return {
        "wer_percent": errors.percent,
        "wer_offline_percent": offline.percent,
        "words": errors.reference,
        "insertions": errors.insertions,
        "deletions": errors.deletions,
        "substitutions": errors.substitutions,
        "false_cutoffs_percent": cut["false_cutoffs_percent"],
        "cuts": round(cut["false_cutoffs_percent"] * cut["pauses"] / 100),
        "pauses": cut["pauses"],
    }


def _compared(rows: Rows) -> Rows:
    """The rows with the difference to the first one."""
    first = next(iter(rows.values()))
    gaps = {"wer_gap_points": "wer_percent", "wer_offline_gap_points": "wer_offline_percent"}
    return {
        path: {**figures, **{gap: figures[name] - first[name] for gap, name in gaps.items()}}
        for path, figures in rows.items()
    }
