"""What counts as speech, on recorded speech and built noise: misses, false alarms, onset delay, hangover."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from voicegw.asr import vad
from voicegw.asr.vad import (
    NoiseFloor,
    SileroScorer,
    VadOptions,
    WebRtcScorer,
    dbfs,
    holds_speech,
    make_scorer,
)
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES
from voicegw.core.endpoint import SpeechScorer
from voicegw.errors import ModelUnavailable

SAMPLES = Path(__file__).parents[2] / "models" / "samples"
SPEECH_DBFS = -20.0
LEVELS = [-40, -35, -30, -25, -20, -15]

Signal = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Speech:
    """Clean recordings in a row, their words at -20 dBFS, and where the words are.

    in_word: windows inside a word. silent: windows well away from any utterance.
    """

    signal: Signal
    in_word: Mask
    silent: Mask
    utterances: list[tuple[float, float]]


@cache
def speech() -> Speech:
    signals, in_word, silent, utterances, now_ms = [], [], [], [], 0
    for reference in json.loads((SAMPLES / "refs.json").read_text()):
        if not reference["file"].endswith(".wav") or reference.get("condition", "clean") != "clean":
            continue
        signal, rate = soundfile.read(SAMPLES / reference["file"])
        assert rate == SAMPLE_RATE
        signal = signal[: len(signal) // WINDOW_SAMPLES * WINDOW_SAMPLES]
        middles = np.arange(len(signal) // WINDOW_SAMPLES) * WINDOW_MS + WINDOW_MS / 2
        said = [(item["start_ms"], item["end_ms"]) for item in reference["utterances"]]
        words = [(w["start_ms"], w["end_ms"]) for item in reference["utterances"] for w in item["words"]]
        inside = covered(middles, words)
        signals.append(at_level(signal, SPEECH_DBFS, signal[np.repeat(inside, WINDOW_SAMPLES)]))
        in_word.append(inside)
        silent.append(~covered(middles, [(start - 40, end + 200) for start, end in said]))
        utterances += [(now_ms + start, now_ms + end) for start, end in said]
        now_ms += len(middles) * WINDOW_MS
    return Speech(np.concatenate(signals), np.concatenate(in_word), np.concatenate(silent), utterances)


def covered(times_ms: Signal, spans: list[tuple[float, float]]) -> Mask:
    inside = [(times_ms >= start) & (times_ms < end) for start, end in spans]
    return np.asarray(np.any(inside, axis=0), dtype=np.bool_)


def at_level(signal: Signal, level_dbfs: float, measured: Signal | None = None) -> Signal:
    power = float(np.mean((signal if measured is None else measured) ** 2))
    return np.asarray(signal * np.sqrt(10 ** (level_dbfs / 10) / power))


def noise(color: str, level_dbfs: float, seconds: float = 10, seed: int = 1) -> Signal:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE)))
    frequencies = np.fft.rfftfreq(int(seconds * SAMPLE_RATE), 1 / SAMPLE_RATE)
    if color == "pink":
        spectrum[1:] /= np.sqrt(frequencies[1:])
    spectrum[frequencies < 20] = 0
    return at_level(np.fft.irfft(spectrum), level_dbfs)


def silence(seconds: float) -> Signal:
    return np.zeros(int(seconds * SAMPLE_RATE))


def tone(frequency: float, level_dbfs: float, seconds: float = 4) -> Signal:
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return at_level(np.sin(2 * np.pi * frequency * times), level_dbfs)


def noisy_speech(color: str, snr_db: float) -> Signal:
    clean = speech().signal
    return clean + noise(color, SPEECH_DBFS - snr_db, len(clean) / SAMPLE_RATE)


def scores(signal: Signal, scorer: SpeechScorer | None = None) -> Signal:
    scorer = scorer or make_scorer(VadOptions())
    whole = signal[: len(signal) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    pcm = np.clip(np.round(whole * 32768), -32768, 32767).astype(np.int16)
    return np.array([scorer.score(window) for window in pcm.reshape(-1, WINDOW_SAMPLES)])


def voiced(signal: Signal, scorer: SpeechScorer | None = None) -> Mask:
    return scores(signal, scorer) >= 0.5


def share(mask: Mask) -> float:
    return float(np.mean(mask))


def voiced_ms(signal: Signal) -> int:
    return int(np.sum(voiced(signal))) * WINDOW_MS


def delays_ms(heard: Mask) -> tuple[Signal, Signal]:
    """For each utterance: from its start to the first voiced score, from its end to the first quiet one."""
    ends = (np.arange(len(heard)) + 1) * WINDOW_MS
    onsets = [ends[heard & (ends > start)][0] - start for start, _ in speech().utterances]
    tails = [ends[~heard & (ends > end)][0] - end for _, end in speech().utterances]
    return np.array(onsets), np.array(tails)


# --- speech ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("color", "snr_db", "miss_at_most"),
    [
        ("white", 45, 0.20),
        ("white", 20, 0.20),
        ("white", 10, 0.32),
        ("white", 5, 0.48),
        ("pink", 20, 0.22),
        ("pink", 10, 0.36),
        ("pink", 5, 0.52),
    ],
)
def test_speech_in_noise_is_heard_and_the_noise_is_not(
    color: str, snr_db: float, miss_at_most: float
) -> None:
    heard = voiced(noisy_speech(color, snr_db))
    assert share(~heard[speech().in_word]) <= miss_at_most
    assert share(heard[speech().silent]) <= 0.03


@pytest.mark.parametrize(("color", "snr_db"), [("white", 45), ("white", 10), ("pink", 20), ("pink", 10)])
def test_no_utterance_is_missed(color: str, snr_db: float) -> None:
    heard = voiced(noisy_speech(color, snr_db))
    for start, end in speech().utterances:
        windows = heard[int(start) // WINDOW_MS : int(end) // WINDOW_MS]
        assert share(windows) >= 0.3


def test_clean_onsets_and_ends_are_prompt() -> None:
    onsets, tails = delays_ms(voiced(noisy_speech("white", 45)))
    assert np.median(onsets) <= 80
    assert np.median(tails) <= 80
    assert np.percentile(tails, 90) <= 140


def test_ends_in_moderate_noise_are_bounded() -> None:
    _, tails = delays_ms(voiced(noisy_speech("white", 20)))
    assert np.median(tails) <= 120


def test_the_score_falls_within_60_ms_of_a_hard_cut() -> None:
    start, end = speech().utterances[0]
    cut = int((start + end) / 2) // WINDOW_MS * WINDOW_MS
    spoken = speech().signal[: cut * SAMPLE_RATE // 1000]
    heard = voiced(np.concatenate([spoken, silence(1)]) + noise("white", -65, len(spoken) / SAMPLE_RATE + 1))
    assert heard[: cut // WINDOW_MS].any()
    assert not heard[cut // WINDOW_MS + 2 :].any()


def test_speech_between_digital_zeros_is_heard() -> None:
    windows = speech().signal.reshape(-1, WINDOW_SAMPLES)
    gated = np.where((speech().silent)[:, None], 0.0, windows).ravel()
    heard = voiced(gated)
    assert share(~heard[speech().in_word]) <= 0.25
    assert not heard[speech().silent].any()


def test_quiet_speech_after_loud_speech_is_heard() -> None:
    quiet = np.concatenate([speech().signal, speech().signal * 0.1])
    heard = voiced(quiet + noise("white", -75, len(quiet) / SAMPLE_RATE))
    assert share(~heard[len(heard) // 2 :][speech().in_word]) <= 0.3


# --- what is not speech ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level_dbfs", LEVELS)
@pytest.mark.parametrize("color", ["white", "pink"])
def test_steady_noise_is_quiet_from_its_first_window_on(color: str, level_dbfs: float) -> None:
    heard = voiced(noise(color, level_dbfs, 20))
    assert not heard[:10].any()
    assert share(heard) <= 0.03


@pytest.mark.parametrize("level_dbfs", LEVELS)
@pytest.mark.parametrize("color", ["white", "pink"])
def test_noise_that_switches_on_is_speech_for_two_seconds_at_most(color: str, level_dbfs: float) -> None:
    heard = voiced(np.concatenate([noise("white", -60, 4), noise(color, level_dbfs, 12)]))
    assert share(heard[(4 + 2) * 50 :]) <= 0.04


@pytest.mark.parametrize("level_dbfs", LEVELS)
def test_noise_after_zeros_is_quiet_at_once(level_dbfs: float) -> None:
    assert voiced_ms(np.concatenate([silence(5), noise("white", level_dbfs, 10)])) <= 100


def test_noise_goes_on_quietly_after_bursts_of_zeros() -> None:
    steady = noise("white", -25, 20)
    steady[3 * SAMPLE_RATE : 4 * SAMPLE_RATE] = 0
    steady[8 * SAMPLE_RATE : 14 * SAMPLE_RATE] = 0
    assert voiced_ms(steady) <= 100


def test_noise_with_lost_packets_is_quiet() -> None:
    windows = noise("white", -25, 20).reshape(-1, WINDOW_SAMPLES)
    windows[np.random.default_rng(3).random(len(windows)) < 0.3] = 0
    assert voiced_ms(windows.ravel()) <= 200


@pytest.mark.parametrize("dc", [0.0, 8 / 32768, 0.2])
def test_silence_is_quiet_with_any_offset(dc: float) -> None:
    assert not scores(silence(3) + dc).any()


@pytest.mark.parametrize("frequency", [50, 100, 440, 1000, 3000])
def test_a_steady_tone_is_quiet_after_two_seconds(frequency: float) -> None:
    heard = voiced(np.concatenate([noise("white", -60, 2), tone(frequency, -20) + noise("white", -60, 4)]))
    assert not heard[4 * 50 :].any()


def test_mains_hum_is_quiet() -> None:
    hum = sum(tone(50.0 * k, -25 - 3 * k) for k in range(1, 6)) + noise("white", -60, 4)
    assert voiced_ms(hum) <= 100


def test_clicks_are_no_onsets() -> None:
    clicks = noise("white", -60, 10)
    clicks[SAMPLE_RATE // 2 :: SAMPLE_RATE] = 0.9
    assert voiced_ms(clicks) == 0


# --- the parts -------------------------------------------------------------------------------------------


def test_the_floor_is_found_within_2_db_under_half_speech() -> None:
    floor = NoiseFloor()
    mixed = noisy_speech("white", 20).reshape(-1, WINDOW_SAMPLES) * 32768
    levels = [floor.receive(float(np.mean(window**2))) for window in mixed]
    assert np.median(levels) == pytest.approx(SPEECH_DBFS - 20, abs=2)


def test_the_floor_follows_a_rise_within_1900_ms() -> None:
    floor = NoiseFloor()
    before = [floor.receive(1e2) for _ in range(145)]
    after = [floor.receive(1e5) for _ in range(95)]
    assert before[-1] == after[0] == pytest.approx(dbfs(1e2) + NoiseFloor.BIAS_DB)
    assert after[-1] == pytest.approx(dbfs(1e5) + NoiseFloor.BIAS_DB)


def test_the_floor_outlasts_short_digital_silence_and_forgets_over_long() -> None:
    floor = NoiseFloor()
    floor.receive(1e4)
    for _ in range(50):
        floor.receive_silence()
    assert floor.receive(1e6) == pytest.approx(dbfs(1e4) + NoiseFloor.BIAS_DB)
    for _ in range(100):
        floor.receive_silence()
    assert floor.receive(1e6) > dbfs(1e5)


def test_the_score_is_the_voiced_share_of_the_last_windows() -> None:
    found = scores(noisy_speech("white", 45), WebRtcScorer(VadOptions(smoothing_windows=5)))
    assert set(np.round(found * 5, 6)) == {0, 1, 2, 3, 4, 5}


def test_attenuation_is_what_keeps_loud_noise_quiet() -> None:
    loud = noise("pink", -25, 20)
    assert share(voiced(loud, WebRtcScorer(VadOptions(max_attenuation_db=0)))) > 0.1
    assert share(voiced(loud)) <= 0.03


@pytest.mark.parametrize("options", [VadOptions(engine="webrtc"), VadOptions(engine="silero")])
def test_two_scorers_do_not_disturb_each_other(options: VadOptions) -> None:
    clip, other = speech().signal[: 4 * SAMPLE_RATE], noise("pink", -25, 4)
    one, two = make_scorer(options), make_scorer(options)
    pairs = zip(clip.reshape(-1, 1600), other.reshape(-1, 1600), strict=True)
    together = np.concatenate([(scores(a, one), scores(b, two))[0] for a, b in pairs])
    assert np.array_equal(together, scores(clip, make_scorer(options)))


# --- silero ----------------------------------------------------------------------------------------------


def test_silero_agrees_on_clean_speech() -> None:
    found = scores(noisy_speech("white", 45), SileroScorer())
    assert 0 <= found.min() <= found.max() <= 1
    assert share(found[speech().in_word] < 0.5) <= 0.25
    assert share(found[speech().silent] >= 0.5) <= 0.03


@pytest.mark.parametrize("level_dbfs", [-40, -25, -15])
@pytest.mark.parametrize("color", ["white", "pink"])
def test_silero_stays_quiet_on_noise(color: str, level_dbfs: float) -> None:
    assert not voiced(noise(color, level_dbfs, 4), SileroScorer()).any()


def test_silero_answers_once_a_chunk_is_whole_and_holds_the_answer() -> None:
    found = scores(speech().signal[: SAMPLE_RATE * 2], SileroScorer())
    changed = np.flatnonzero(np.diff(found)) + 2
    chunk_ends = np.ceil(np.arange(1, 63) * 512 / WINDOW_SAMPLES)
    assert found[0] == 0
    assert len(changed) > 20
    assert set(changed) <= set(chunk_ends)


def test_a_missing_silero_model_is_a_stated_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vad, "find_spec", lambda name: None)
    vad._silero_session.cache_clear()
    with pytest.raises(ModelUnavailable, match="faster-whisper"):
        make_scorer(VadOptions(engine="silero"))


def test_a_window_holds_speech_or_not() -> None:
    spoken = (speech().signal[: SAMPLE_RATE * 4] * 32767).astype("<i2").tobytes()
    noise = np.random.default_rng(3).normal(0, 3000, SAMPLE_RATE).astype("<i2").tobytes()
    assert holds_speech(noise + spoken)
    assert not holds_speech(noise)
    assert not holds_speech(b"")
