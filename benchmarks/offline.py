"""The server's recognition of a sample at the reference times of its utterances.

Each utterance is one final decode with the weights and options of the server. This separates the errors of
streaming from those of recognition.
"""

from collections.abc import Iterator
from itertools import groupby

from clients.audio import SAMPLE_BYTES, read_pcm
from clients.samples import Sample, Utterance
from voicegw.asr.whisper import WhisperEngine
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind, text_of

MARGIN_MS = 300  # around an utterance, as by the pre-roll and the end silence of a server
LONGEST_MS = 25_000  # of a window; the model sees 30 s


def utterance_texts(engine: WhisperEngine, sample: Sample) -> list[str]:
    """The text of each utterance."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    return [_decode(engine, sample, pcm, said.start_ms, said.end_ms) for said in sample.utterances]


def whole_text(engine: WhisperEngine, sample: Sample) -> str:
    """The text of a whole recording: utterance by utterance, long ones in parts; without known words, in
    parts of equal length."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    spans = [span for said in sample.utterances for span in _spans(said)]
    if not spans:
        spans = [
            (begin_ms, min(begin_ms + LONGEST_MS, sample.duration_ms))
            for begin_ms in range(0, sample.duration_ms, LONGEST_MS)
        ]
    return " ".join(_decode(engine, sample, pcm, *span) for span in spans).strip()


def _spans(said: Utterance) -> Iterator[tuple[int, int]]:
    """Begin and end of the parts of an utterance, cut between words."""
    for _, group in groupby(said.words, key=lambda word: (word.end_ms - said.start_ms) // LONGEST_MS):
        words = list(group)
        yield words[0].start_ms, words[-1].end_ms


def _decode(engine: WhisperEngine, sample: Sample, pcm: bytes, start_ms: int, end_ms: int) -> str:
    begin = max(0, to_samples(start_ms - MARGIN_MS))
    window = pcm[SAMPLE_BYTES * begin : SAMPLE_BYTES * to_samples(end_ms + MARGIN_MS)]
    job = DecodeJob("offline", 0, DecodeKind.FINAL, begin, window, language=sample.language)
    [result] = engine.decode([job])
    return text_of(result.words)
