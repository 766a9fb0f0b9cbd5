from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmarks.measures import word_errors
from benchmarks.recordings.wording import words_of
from clients.samples import Sample
from tests.speech import job, long_window, pcm, said, single_utterances, word_error_rate
from voicegw.asr.weights import BUNDLED, ModelFlags, locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import to_samples
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeJob, DecodeKind, Word, text_of
from voicegw.errors import ModelUnavailable

OPTIONS = WhisperOptions(model=BUNDLED)
StockWords = Callable[[str, DecodeKind], tuple[Word, ...]]


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(locate(BUNDLED), OPTIONS)


@pytest.fixture(scope="module")
def stock(whisper_base: Path) -> WhisperEngine:
    """Stock Whisper base."""
    return WhisperEngine(whisper_base, WhisperOptions(model="base"))


@pytest.fixture(scope="module")
def stock_words(stock: WhisperEngine) -> StockWords:
    """What stock Whisper hears in a recording, by its file; each is decoded once."""
    recordings = {sample.file: sample for sample in single_utterances()}
    return cache(lambda file, kind: decode(stock, job(pcm(recordings[file]), kind=kind)))


def decode(engine: WhisperEngine, job: DecodeJob) -> tuple[Word, ...]:
    """One window by itself."""
    [result] = engine.decode([job])
    return result.words


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


@pytest.mark.parametrize("kind", DecodeKind)
def test_a_stock_model_hears_the_sentences(
    stock: WhisperEngine, stock_words: StockWords, kind: DecodeKind
) -> None:
    assert stock.flags == ModelFlags()
    samples = single_utterances()
    heard = [text_of(stock_words(sample.file, kind)) for sample in samples]
    texts = (words_of(" ".join(lines), "en") for lines in (map(said, samples), heard))
    assert word_errors(*texts).percent <= 10


@pytest.mark.parametrize("sample", single_utterances(), ids=lambda sample: sample.file)
def test_words_have_times_in_the_session(engine: WhisperEngine, sample: Sample) -> None:
    audio, start = pcm(sample), 1_000_000
    words = decode(engine, job(audio, start=start))
    assert_times(words, start, start + len(audio) // 2)
    assert all(0 < word.probability <= 1 for word in words)


def test_a_lead_in_moves_no_word(engine: WhisperEngine) -> None:
    audio, start = pcm(single_utterances()[0]), 1000
    led_in = decode(engine, job(audio, start=start, lead_in=to_samples(300)))
    assert_times(led_in, start, start + len(audio) // 2)
    usual = decode(engine, job(audio, start=start))
    assert [word.end for word in led_in] == pytest.approx([word.end for word in usual], abs=to_samples(60))


def test_a_lead_in_is_for_a_window_without_context(engine: WhisperEngine, stock: WhisperEngine) -> None:
    """The bundled model does without."""
    audio, context, lead_in = pcm(single_utterances()[0]), to_samples(1000), to_samples(300)
    before = job(bytes(2 * context) + audio, start=0, context=context, lead_in=lead_in)
    assert decode(engine, before) == decode(engine, job(audio, start=context, lead_in=lead_in))
    assert decode(stock, before) == decode(stock, msgspec.structs.replace(before, lead_in=0))


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
    together = [text_of(result.words) for result in engine.decode(jobs)]
    assert word_error_rate(" ".join(alone), " ".join(together)) <= 0.1  # padding may tip a balance


def test_windows_of_one_length_are_heard_the_same_in_a_batch(engine: WhisperEngine) -> None:
    windows = [job(long_window(8)[offset : offset + 96_000]) for offset in (0, 64_000, 128_000)]
    assert [text_of(result.words) for result in engine.decode(windows)] == [
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


def test_a_window_of_28_s(engine: WhisperEngine, stock: WhisperEngine) -> None:
    audio = long_window(28)
    for each in (engine, stock):
        words = decode(each, job(audio))
        assert words
        assert_times(words, 0, len(audio) // 2)


def test_a_prompt_leaves_room_for_the_words(engine: WhisperEngine) -> None:
    assert errors(engine, prompt="Good morning. " * 5) <= 0.2


@pytest.mark.parametrize("characters", [500, 5_000])
def test_a_prompt_longer_than_the_model_takes(engine: WhisperEngine, characters: int) -> None:
    words = decode(engine, job(long_window(8), prompt=("Good morning. " * characters)[:characters]))
    assert_times(words, 0, to_samples(8_000))


TERMS = ("Quilter", "Abigail Claflin", "Montreal Forced Aligner", "voicegw")


@pytest.mark.parametrize("kind", DecodeKind)
def test_key_terms_do_not_change_what_was_said_without_them(
    stock: WhisperEngine, stock_words: StockWords, kind: DecodeKind
) -> None:
    for sample in single_utterances()[:6]:
        expecting = decode(stock, job(pcm(sample), kind=kind, key_terms=TERMS))
        assert expecting == stock_words(sample.file, kind)


@pytest.mark.parametrize("level", [0, 300, 3_000])
def test_key_terms_do_not_come_out_of_noise(stock: WhisperEngine, level: int) -> None:
    noise = np.random.default_rng(level).normal(0, level, 48_000).astype("<i2").tobytes()
    for kind in DecodeKind:
        assert decode(stock, job(noise, kind=kind, key_terms=TERMS)) == ()


def rereading(engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Makes the second decode, which reads the key terms, write this."""

    def reread(window: object, draft: Any) -> Any:
        tokens = engine._model._tokenizer("").encode(f" {text}")
        return replace(draft, tokens=tokens, text=text)

    monkeypatch.setattr(engine, "_reread", reread)
    monkeypatch.setattr("voicegw.asr.whisper.has_low_confidence", bool)


def test_a_key_term_is_taken_where_the_sound_is_like_it(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = pcm(single_utterances()[0])
    heard = text_of(decode(stock, job(sample)))
    first, rest = heard.split(maxsplit=1)
    rereading(stock, monkeypatch, f"{first}, {rest}")  # a comma more, to tell it from the first decode
    monkeypatch.setattr("voicegw.asr.whisper.new_terms", lambda terms, before, text: list(terms))
    assert text_of(decode(stock, job(sample, key_terms=(first,)))) == f"{first}, {rest}"


def test_a_key_term_is_not_taken_where_it_was_not_said(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = pcm(single_utterances()[0])
    heard = text_of(decode(stock, job(sample)))
    _, rest = heard.split(maxsplit=1)
    rereading(stock, monkeypatch, f"Quilter {rest}")
    assert text_of(decode(stock, job(sample, key_terms=("Quilter",)))) == heard


def test_what_is_not_surely_speech_is_rejected_by_a_strict_engine() -> None:
    strict = WhisperEngine(locate(BUNDLED), WhisperOptions(strictness=9))
    assert decode(strict, job(pcm(single_utterances()[0]))) == ()


def test_a_directory_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot load the speech model"):
        WhisperEngine(tmp_path, OPTIONS)


def test_a_model_says_what_it_was_trained_for(engine: WhisperEngine) -> None:
    assert engine.flags.short_context
    assert engine.flags.partial_silence_ms > 0


def test_what_looks_wrong_is_decoded_again_in_longer_windows(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    decode_once = stock._drafts

    def record(windows: Any, frames: int, beam_size: int = 1) -> Any:
        tried.append(frames)
        return decode_once(windows, frames, beam_size)

    monkeypatch.setattr(stock, "_drafts", record)
    monkeypatch.setattr("voicegw.asr.whisper.is_repetitive", lambda *text, after_context: True)
    [result] = stock.decode([job(pcm(single_utterances()[0]))])
    assert tried == [700, 1500, 3000]
    assert result.words
    assert result.retry_ms > 0


def test_an_urgent_final_is_searched_at_once_in_a_short_window(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    beams: list[int] = []
    frames: list[int] = []
    generate, encode = stock._model.generate, stock._model.encode
    monkeypatch.setattr("voicegw.asr.whisper._SURE", 0.0)  # no text is

    def record(encoded: Any, prompts: Any, beam: int, longest: int) -> Any:
        beams.append(beam)
        return generate(encoded, prompts, beam, longest)

    def record_length(spectrograms: Any, length: int) -> Any:
        frames.append(length)
        return encode(spectrograms, length)

    monkeypatch.setattr(stock._model, "generate", record)
    monkeypatch.setattr(stock._model, "encode", record_length)
    window = job(pcm(single_utterances()[0]))
    words = decode(stock, window)
    urgent = decode(stock, msgspec.structs.replace(window, urgent=True, retried=False))
    assert beams == [1, 5, 5]
    assert frames == [700, 600]
    assert [word.text for word in urgent] == [word.text for word in words]


def test_a_suspicious_final_that_is_searched_at_once_is_decoded_greedily(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    beams: list[int] = []
    generate = stock._model.generate

    def record(encoded: Any, prompts: Any, beam: int, longest: int) -> Any:
        beams.append(beam)
        return generate(encoded, prompts, beam, longest)

    monkeypatch.setattr(stock._model, "generate", record)
    monkeypatch.setattr("voicegw.asr.whisper.is_repetitive", lambda *text, after_context: len(beams) == 1)
    assert decode(stock, msgspec.structs.replace(job(pcm(single_utterances()[0])), retried=False))
    assert beams == [5, 1]


def test_a_final_that_is_not_to_be_retried_is_not_decoded_in_longer_windows(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicegw.asr.whisper.is_repetitive", lambda *text, after_context: True)
    [result] = stock.decode([job(pcm(single_utterances()[0]), retried=False)])
    assert result.words
    assert (result.suspicious, result.retry_ms) == (True, 0)


def test_a_partial_that_looks_wrong_is_no_news(stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = job(pcm(single_utterances()[0]), kind=DecodeKind.PARTIAL)
    assert decode(stock, partial)
    monkeypatch.setattr("voicegw.asr.whisper.is_repetitive", lambda *text, after_context: True)
    [result] = stock.decode([partial])
    assert result.words == ()
    assert result.retry_ms == 0


def test_a_text_longer_than_a_decode_may_write_is_its_beginning(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = job(pcm(single_utterances()[0]))
    [whole] = stock.decode([window])
    monkeypatch.setattr("voicegw.asr.token_limit._MOST", 5)
    [beginning] = stock.decode([window])
    assert (whole.cut, beginning.cut, beginning.retry_ms) == (False, True, 0)
    assert 1 <= len(beginning.words) < len(whole.words)
    assert [word.text for word in beginning.words] == [word.text for word in whole.words][
        : len(beginning.words)
    ]
    [partial] = stock.decode([msgspec.structs.replace(window, kind=DecodeKind.PARTIAL)])
    assert partial.words


def with_context(stock: WhisperEngine, retried: bool = True) -> DecodeJob:
    """An utterance after another one, which is its context."""
    before, own = (pcm(sample) for sample in single_utterances()[:2])
    return job(before + own, context=len(before) // 2, retried=retried)


SAT = ("sat.", -500, -50, 0.9)
SAT_LATER = ("sat.", -500, 100, 0.95)


@pytest.mark.parametrize(
    ("first", "second", "heard"),
    [
        ([SAT, ("asked", -50, 300, 0.4), ("not", 300, 500, 0.8)],
         [SAT_LATER, ("ask", 100, 300, 0.9), ("not", 300, 500, 0.8)], "sat. ask not"),
        ([SAT, ("asked", -50, 300, 0.4)], [SAT_LATER, ("ask", 100, 300, 0.3)], "sat. asked"),
        ([SAT_LATER, ("maybe", 100, 500, 0.4)], [SAT_LATER], "sat. maybe"),
        ([SAT, ("maybe", -50, 500, 0.4)], [("at.", -300, 100, 0.9), ("maybe", 100, 500, 0.9)], "sat. maybe"),
        ([SAT, ("no", -50, 500, 0.4)], [SAT, ("nobody expects it", -50, 500, 0.9)], "sat. no"),
        ([SAT, ("asked", -50, 300, 0.5)], [], "sat. asked"),
        ([("sat.", -500, -50, 0.1), ("asked", -50, 300, 0.5)], [], "sat. asked"),
    ],
)  # fmt: skip
def test_of_a_doubtful_final_the_more_probable_one_of_two_lengths_of_context_is_taken(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch, first: Any, second: Any, heard: str
) -> None:
    window = with_context(stock)
    decodes = iter([first, second] if second else [first])

    def words(window_of_decode: object, draft: object) -> tuple[Word, ...]:
        """Times in ms from the beginning of the utterance."""
        return tuple(
            Word(text, window.context + to_samples(start), window.context + to_samples(end), probability)
            for text, start, end, probability in next(decodes)
        )

    monkeypatch.setattr(stock, "_words", words)
    [result] = stock.decode([window])
    assert text_of(result.words) == heard
    assert (result.retry_ms > 0) == bool(second)
    assert next(decodes, None) is None


def test_a_key_term_is_not_compared_with_a_decode_that_lacks_it(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = msgspec.structs.replace(with_context(stock), key_terms=("Claflin",))
    term = (Word("Claflin", window.context, window.context + 8_000, 0.2),)
    monkeypatch.setattr(stock, "_with_key_terms", lambda window, draft, words: term)
    assert decode(stock, window) == term


def test_a_doubtful_final_in_a_language_to_be_detected_is_compared_in_the_same(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicegw.asr.whisper.is_doubtful", lambda words: True)
    asked: list[str] = []
    spoken_language = stock._model.spoken_language

    def record(encoded: Any, wanted: str) -> str:
        asked.append(wanted)
        return spoken_language(encoded, wanted)

    monkeypatch.setattr(stock._model, "spoken_language", record)
    stock.decode([msgspec.structs.replace(with_context(stock), language=AUTO_LANGUAGE)])
    assert asked == [AUTO_LANGUAGE, "en"]


def test_a_doubtful_final_that_is_awaited_is_not_decoded_with_less_context(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicegw.asr.whisper.is_doubtful", lambda words: True)
    tried: list[int] = []
    make_window = stock._window

    def record(job: DecodeJob) -> Any:
        tried.append(job.context)
        return make_window(job)

    monkeypatch.setattr(stock, "_window", record)
    window = with_context(stock, retried=False)
    stock.decode([window])
    assert tried == [window.context]


def test_punctuation_alone_is_nothing_said(stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock._model, "text", lambda tokens, language: " ...")
    assert decode(stock, job(pcm(single_utterances()[0]))) == ()


def test_what_looks_right_is_decoded_once(stock: WhisperEngine) -> None:
    [result] = stock.decode([job(pcm(single_utterances()[0]))])
    assert result.retry_ms == 0


def test_the_language_is_found_out(stock: WhisperEngine) -> None:
    [result] = stock.decode([job(pcm(single_utterances()[-1]), language=AUTO_LANGUAGE)])
    assert result.language == "en"


def test_the_language_asked_for_is_told(stock: WhisperEngine) -> None:
    [result] = stock.decode([job(pcm(single_utterances()[0]), language="de")])
    assert result.language == "de"


def test_the_detector_hears_neither_context_nor_silence_put_in_front(
    stock: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def detect(audio: bytes, enough: float) -> float:
        heard.append(len(audio))
        return 1.0

    monkeypatch.setattr("voicegw.asr.whisper.speech_probability", detect)
    monkeypatch.setattr("voicegw.asr.whisper.is_speech", lambda _, __, ask, ___: ask(0.5) > 0.5)
    audio = pcm(single_utterances()[0])
    stock.decode([job(audio, lead_in=4000)])
    stock.decode([job(audio, context=1600)])
    assert set(heard) == {len(audio), len(audio) - 2 * 1600}
