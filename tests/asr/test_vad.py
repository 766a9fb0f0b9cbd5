"""What counts as speech, on recorded speech and built noise: misses, false alarms, onset delay, hangover."""

from functools import cache

import numpy as np
import pytest

from benchmarks import noisy_speech
from benchmarks.noisy_speech import SPEECH_DBFS, Mask, Signal, Speech, at_level, delays_ms, noise, share
from clients.samples import read_samples
from models.training.augment import telephone
from voicegw.asr import vad
from voicegw.asr.vad import (
    NoiseFloor,
    SileroScorer,
    VadOptions,
    WebRtcScorer,
    dbfs,
    make_scorer,
    speech_probability,
)
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES
from voicegw.core.endpoint import SpeechScorer
from voicegw.errors import ModelUnavailable

LEVELS = [-75, -60, -50, -40, -35, -30, -25, -20, -15]


@cache
def speech() -> Speech:
    """The short clean recordings."""
    clean = [each for each in read_samples() if each.condition == "clean"]
    return noisy_speech.read_speech([each for each in clean if each.file.endswith(".wav")])


def silence(seconds: float) -> Signal:
    return np.zeros(int(seconds * SAMPLE_RATE))


def tone(frequency: float, level_dbfs: float, seconds: float = 4) -> Signal:
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return at_level(np.sin(2 * np.pi * frequency * times), level_dbfs)


def in_noise(color: str, snr_db: float) -> Signal:
    return speech().in_noise(color, snr_db)


def scores(signal: Signal, scorer: SpeechScorer | None = None) -> Signal:
    return noisy_speech.scores(signal, scorer or make_scorer(VadOptions()))


def voiced(signal: Signal, scorer: SpeechScorer | None = None) -> Mask:
    return scores(signal, scorer) >= 0.5


def voiced_ms(signal: Signal) -> int:
    return int(np.sum(voiced(signal))) * WINDOW_MS


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
    heard = voiced(in_noise(color, snr_db))
    assert share(~heard[speech().in_word]) <= miss_at_most
    assert share(heard[speech().silent]) <= 0.03


@pytest.mark.parametrize(("color", "snr_db"), [("white", 45), ("white", 10), ("pink", 20), ("pink", 10)])
def test_no_utterance_is_missed(color: str, snr_db: float) -> None:
    heard = voiced(in_noise(color, snr_db))
    for start, end in speech().utterances:
        windows = heard[int(start) // WINDOW_MS : int(end) // WINDOW_MS]
        assert share(windows) >= 0.3


def test_clean_onsets_and_ends_are_prompt() -> None:
    onsets, tails = delays_ms(voiced(in_noise("white", 45)), speech().utterances)
    assert np.median(onsets) <= 80
    assert np.median(tails) <= 80
    assert np.percentile(tails, 90) <= 140


def test_ends_in_moderate_noise_are_bounded() -> None:
    _, tails = delays_ms(voiced(in_noise("white", 20)), speech().utterances)
    assert np.median(tails) <= 120


def test_the_score_falls_within_60_ms_of_a_hard_cut() -> None:
    start, end = speech().utterances[0]
    cut = int((start + end) / 2) // WINDOW_MS * WINDOW_MS
    spoken = speech().signal[: cut * SAMPLE_RATE // 1000]
    heard = voiced(np.concatenate([spoken, silence(1)]) + noise("white", -65, len(spoken) / SAMPLE_RATE + 1))
    assert heard[: cut // WINDOW_MS].any()
    assert not heard[cut // WINDOW_MS + 2 :].any()


@pytest.mark.parametrize("level_dbfs", [-30, -40, -46, -50])
@pytest.mark.parametrize("room_db", [-25, -45])
def test_a_quiet_microphone_is_heard_like_any_other(level_dbfs: float, room_db: float) -> None:
    said = speech()
    words = said.signal[np.repeat(said.in_word, WINDOW_SAMPLES)]
    room = noise("pink", level_dbfs + room_db, len(said.signal) / SAMPLE_RATE)
    heard = voiced(at_level(said.signal, level_dbfs, words) + room)
    assert share(~heard[said.in_word]) <= 0.16
    assert not heard[said.silent].any()


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
    mixed = in_noise("white", 20).reshape(-1, WINDOW_SAMPLES) * 32768
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
    found = scores(in_noise("white", 45), WebRtcScorer())
    assert set(np.round(found * 3, 6)) == {0, 1, 2, 3}


@pytest.mark.parametrize("options", [VadOptions(engine="webrtc"), VadOptions(engine="silero")])
def test_two_scorers_do_not_disturb_each_other(options: VadOptions) -> None:
    clip, other = speech().signal[: 4 * SAMPLE_RATE], noise("pink", -25, 4)
    one, two = make_scorer(options), make_scorer(options)
    pairs = zip(clip.reshape(-1, 1600), other.reshape(-1, 1600), strict=True)
    together = np.concatenate([(scores(a, one), scores(b, two))[0] for a, b in pairs])
    assert np.array_equal(together, scores(clip, make_scorer(options)))


# --- silero ----------------------------------------------------------------------------------------------


def test_silero_agrees_on_clean_speech() -> None:
    found = scores(in_noise("white", 45), SileroScorer())
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


def test_how_likely_there_is_speech_in_a_window() -> None:
    spoken = (speech().signal[: SAMPLE_RATE * 4] * 32767).astype("<i2").tobytes()
    noise = np.random.default_rng(3).normal(0, 3000, SAMPLE_RATE).astype("<i2").tobytes()
    assert speech_probability(noise + spoken) > 0.8
    assert speech_probability(noise) < 0.5
    assert speech_probability(b"") == 0


def test_quiet_speech_is_as_likely_as_loud_speech() -> None:
    spoken = (speech().signal[: SAMPLE_RATE * 4] * 32767 * 10 ** (-55 / 20)).astype("<i2")
    noise = np.random.default_rng(3).normal(0, 10, SAMPLE_RATE).astype("<i2")
    unamplified = SileroScorer()
    scores = [unamplified.score(window) for window in spoken.reshape(-1, WINDOW_SAMPLES)]
    assert max(scores) < 0.3
    assert speech_probability(spoken.tobytes()) > 0.8
    assert speech_probability(noise.tobytes()) < 0.5


def test_speech_on_a_telephone_line_is_as_likely_as_elsewhere() -> None:
    begin = int(10.4 * SAMPLE_RATE)
    word = speech().signal[begin : begin + int(0.4 * SAMPLE_RATE)].astype(np.float32)
    line = (telephone(word) * 32767).astype("<i2")
    narrow = SileroScorer()
    assert max(narrow.score(window) for window in line.reshape(-1, WINDOW_SAMPLES)) < 0.5
    assert speech_probability(line.tobytes()) > 0.8


def test_it_stops_listening_once_it_has_heard_enough() -> None:
    spoken = (speech().signal[: SAMPLE_RATE * 4] * 32767).astype("<i2").tobytes()
    assert 0.3 < speech_probability(spoken, enough=0.3) < speech_probability(spoken)
