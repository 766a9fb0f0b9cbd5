import pytest

from benchmarks.offline import utterance_texts, whole_text
from clients.samples import Sample, SpokenWord, Utterance, sample_named
from tests.speech import said
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.jobs import DecodeJob, DecodeResult, Word


class Lengths(WhisperEngine):
    """Hears how many seconds a window has, to the nearest one, and the language."""

    def __init__(self) -> None:
        pass

    def decode(self, jobs: list[DecodeJob]) -> list[DecodeResult]:  # type: ignore[override]
        [job] = jobs
        text = f"{round(len(job.pcm) / 32_000)}{job.language}"
        return [DecodeResult(job.session, job.number, (Word(text, 0, 0, 1.0),))]


def test_the_model_hears_the_utterances() -> None:
    engine = WhisperEngine(locate(BUNDLED), WhisperOptions(model=BUNDLED))
    spoken = sample_named("command-1.wav")
    assert utterance_texts(engine, spoken) == [whole_text(engine, spoken)] == [said(spoken)]


@pytest.mark.parametrize(
    ("words", "expected"), [((), "25en 5en"), (((1, 9), (20, 24), (26, 29)), "24en 4en")]
)
def test_long_recordings_are_decoded_in_parts(words: tuple[tuple[int, int], ...], expected: str) -> None:
    spoken = tuple(SpokenWord("word", 1000 * start, 1000 * end) for start, end in words)
    long = sample_named("conversation.wav")
    utterances = (Utterance("", 1000, 29_000, spoken),) if spoken else ()
    recorded = Sample(long.file, "clean", long.duration_ms, utterances, "en")
    assert whole_text(Lengths(), recorded) == expected
