import shutil
from pathlib import Path

import numpy as np
import pytest

from clients.samples import Sample
from tests.speech import job, long_window, pcm, said, single_utterances, word_error_rate
from voicegw.asr.weights import BUNDLED, ModelFlags, locate
from voicegw.asr.whisper import WhisperEngine, WhisperOptions
from voicegw.core.audio import to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind, Word, text_of
from voicegw.errors import ModelUnavailable

OPTIONS = WhisperOptions(model=BUNDLED)


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(locate(BUNDLED), OPTIONS)


@pytest.fixture(scope="module")
def padded_engine(tmp_path_factory: pytest.TempPathFactory) -> WhisperEngine:
    """The same weights as a stock model: nothing says that they take short windows."""
    directory = tmp_path_factory.mktemp("model") / "stock"
    shutil.copytree(locate(BUNDLED), directory, ignore=shutil.ignore_patterns("voicegw.json"))
    return WhisperEngine(directory, OPTIONS)


def decode(engine: WhisperEngine, job: DecodeJob) -> tuple[Word, ...]:
    """One window by itself."""
    [words] = engine.decode([job])
    return words


def errors(engine: WhisperEngine, kind: DecodeKind = DecodeKind.FINAL, prompt: str = "") -> float:
    """The word error rate over all sentences."""
    samples = single_utterances()
    heard = [text_of(decode(engine, job(pcm(sample), kind=kind, prompt=prompt))) for sample in samples]
    return word_error_rate(" ".join(map(said, samples)), " ".join(heard))


def assert_times(words: tuple[Word, ...], start: int, end: int) -> None:
    """Words follow one another inside the window."""
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(start <= time <= end + to_samples(20) for time in times)  # the alignment's grid is 20 ms


@pytest.mark.parametrize("kind", DecodeKind)
def test_hears_the_sentences(engine: WhisperEngine, kind: DecodeKind) -> None:
    assert errors(engine, kind) <= 0.15


def test_a_stock_model_is_given_30_s(padded_engine: WhisperEngine) -> None:
    assert padded_engine.flags == ModelFlags()
    assert errors(padded_engine) <= 0.25


@pytest.mark.parametrize("sample", single_utterances(), ids=lambda sample: sample.file)
def test_words_have_times_in_the_session(engine: WhisperEngine, sample: Sample) -> None:
    audio, start = pcm(sample), 1_000_000
    words = decode(engine, job(audio, start=start))
    assert_times(words, start, start + len(audio) // 2)
    assert all(0 < word.probability <= 1 for word in words)


def test_words_are_where_they_were_said(engine: WhisperEngine) -> None:
    off = []
    for sample in single_utterances():
        spoken, words = sample.utterances[0].words, decode(engine, job(pcm(sample)))
        if len(words) == len(spoken):
            off += [abs(word.end - to_samples(said.end_ms)) for word, said in zip(words, spoken, strict=True)]
    assert len(off) >= 10, "too few sentences were heard word for word"
    assert np.median(off) <= to_samples(300)


def test_a_batch_hears_what_each_window_says(engine: WhisperEngine) -> None:
    jobs = [job(pcm(sample), number=number) for number, sample in enumerate(single_utterances())]
    alone = [text_of(decode(engine, each)) for each in jobs]
    together = [text_of(words) for words in engine.decode(jobs)]
    assert word_error_rate(" ".join(alone), " ".join(together)) <= 0.1  # padding may tip a balance


def test_windows_of_one_length_are_heard_the_same_in_a_batch(engine: WhisperEngine) -> None:
    windows = [job(long_window(8)[offset : offset + 96_000]) for offset in (0, 64_000, 128_000)]
    assert [text_of(words) for words in engine.decode(windows)] == [
        text_of(decode(engine, window)) for window in windows
    ]


def test_a_language_the_model_does_not_know_is_its_own(engine: WhisperEngine) -> None:
    sample = pcm(single_utterances()[0])
    assert decode(engine, job(sample, language="xx")) == decode(engine, job(sample))


def test_no_length_of_window_makes_the_encoder_stumble(engine: WhisperEngine) -> None:
    """80 encoder positions are as many as there are mels, which CTranslate2 mistakes for a spectrogram."""
    sample = single_utterances()[0]
    audio, first = pcm(sample), 32 * max(0, sample.utterances[0].start_ms - 300)
    spoken = audio[first : 32 * (sample.utterances[0].end_ms + 60)]
    for padding_ms in range(0, 400, 10):
        window = spoken + bytes(32 * padding_ms)
        heard = text_of(decode(engine, job(window)))
        assert word_error_rate(said(sample), heard) <= 0.5, f"{len(window) // 32} ms"


def test_text_is_trimmed_and_keeps_its_punctuation(engine: WhisperEngine) -> None:
    words = [word.text for sample in single_utterances() for word in decode(engine, job(pcm(sample)))]
    assert words == [word.strip() for word in words]
    assert any(word.endswith((".", "?")) for word in words)


@pytest.mark.parametrize("kind", DecodeKind)
@pytest.mark.parametrize("samples", [0, 1, 160, 1_600, 16_000])
def test_silence_of_any_length_has_no_words(engine: WhisperEngine, kind: DecodeKind, samples: int) -> None:
    assert decode(engine, job(bytes(2 * samples), kind=kind)) == ()


@pytest.mark.parametrize("level", [20, 300, 3_000])
def test_noise_has_no_words(engine: WhisperEngine, level: int) -> None:
    noise = np.random.default_rng(level).normal(0, level, 48_000).astype("<i2").tobytes()
    assert decode(engine, job(noise)) == ()


def test_a_window_of_28_s(engine: WhisperEngine, padded_engine: WhisperEngine) -> None:
    audio = long_window(28)
    for each in (engine, padded_engine):
        words = decode(each, job(audio))
        assert words
        assert_times(words, 0, len(audio) // 2)


def test_a_prompt_leaves_room_for_the_words(engine: WhisperEngine) -> None:
    assert errors(engine, prompt="Good morning. " * 5) <= 0.2


@pytest.mark.parametrize("characters", [500, 5_000])
def test_a_prompt_longer_than_the_model_takes(engine: WhisperEngine, characters: int) -> None:
    words = decode(engine, job(long_window(8), prompt=("Good morning. " * characters)[:characters]))
    assert_times(words, 0, to_samples(8_000))


def test_warming_measures_what_a_decode_costs(engine: WhisperEngine) -> None:
    cost = engine.warm()
    assert cost.single_ms > 0
    assert 1 <= cost.batch <= OPTIONS.max_batch


@pytest.mark.parametrize(
    "options",
    [WhisperOptions(no_speech=0), WhisperOptions(min_logprob=0), WhisperOptions(max_compression=0.1)],
)
def test_improbable_text_is_rejected(options: WhisperOptions) -> None:
    strict = WhisperEngine(locate(BUNDLED), options)
    assert decode(strict, job(pcm(single_utterances()[0]))) == ()


def test_a_directory_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot load the speech model"):
        WhisperEngine(tmp_path, OPTIONS)


def test_a_model_says_what_it_was_trained_for(engine: WhisperEngine) -> None:
    assert engine.flags.short_context
    assert engine.flags.partial_silence_ms > 0


@pytest.fixture(scope="module")
def short_engine(tmp_path_factory: pytest.TempPathFactory) -> WhisperEngine:
    """A stock model that was asked to make do with short windows."""
    directory = tmp_path_factory.mktemp("model") / "stock"
    shutil.copytree(locate(BUNDLED), directory, ignore=shutil.ignore_patterns("voicegw.json"))
    return WhisperEngine(directory, WhisperOptions(model=BUNDLED, short_context=True))


def test_a_stock_model_may_be_given_short_windows(short_engine: WhisperEngine) -> None:
    assert errors(short_engine) <= 0.25


@pytest.mark.parametrize(("seconds", "frames"), [(1, 500), (3, 700), (8, 1200), (27, 3000)])
def test_short_windows_come_in_a_few_lengths(short_engine: WhisperEngine, seconds: int, frames: int) -> None:
    window = job(bytes(2 * seconds * 16_000))
    assert short_engine._features(window).shape == (80, frames)


def test_what_looks_wrong_on_a_short_window_is_decoded_again_padded(
    short_engine: WhisperEngine, padded_engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = job(pcm(single_utterances()[0]))
    monkeypatch.setattr(short_engine, "_suspicious", lambda *_: True)
    assert decode(short_engine, window) == decode(padded_engine, window)


def test_loops_and_improbable_text_look_wrong(short_engine: WhisperEngine) -> None:
    class Result:
        def __init__(self, text: str, logprob: float) -> None:
            self.sequences_ids = [short_engine._tokenizer("").encode(text)]
            self.scores = [logprob]

    window = job(b"")
    assert not short_engine._suspicious(window, Result(" What time is it?", -0.2), limit=50)
    assert short_engine._suspicious(window, Result(" What time is it?", -3.0), limit=50)
    assert short_engine._suspicious(window, Result(" What time is it?", -0.2), limit=4)
    assert short_engine._suspicious(window, Result(" again and" * 40, -0.2), limit=500)
