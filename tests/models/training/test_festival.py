import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from models.training import festival
from models.training.espeak import Rendering
from models.training.festival import VOICES, Festival
from models.training.phones import PHONES, phone_number
from models.training.text import sentence
from tests.observing import PATIENCE_S

_TEXT = "What's the weather like in London, at nine o'clock?"


@pytest.fixture(scope="module")
def speaking() -> Festival:
    return Festival()


def _said(
    speaking: Festival, voice: str, text: str = _TEXT, stretch: float = 1.0, pitch: float = 1.0
) -> Rendering:
    rendering = speaking.say(text, voice, stretch, VOICES[voice] * pitch)
    assert rendering is not None
    return rendering


def _pid(speaking: Festival) -> int:
    return speaking._child._process.pid


def _level(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt((samples.astype(np.float64) ** 2).mean()))


def _pitch_hz(rendering: Rendering) -> float:
    """The median pitch of the voiced parts, by autocorrelation."""
    length, found = rendering.rate // 25, []
    for start in range(0, len(rendering.samples) - length, length):
        part = rendering.samples[start : start + length].astype(np.float64)
        correlation = np.correlate(part, part, "full")[length - 1 :]
        low, high = rendering.rate // 300, rendering.rate // 65
        lag = low + int(correlation[low:high].argmax())
        if correlation[lag] > 0.6 * correlation[0] > 0:
            found.append(rendering.rate / lag)
    return float(np.median(found))


@pytest.mark.parametrize("voice", VOICES)
class TestVoice:
    def test_every_written_word_has_its_time(self, speaking: Festival, voice: str) -> None:
        said = _said(speaking, voice)
        assert said.word_ends is not None
        assert len(said.word_starts) == len(said.word_ends) == len(_TEXT.split())
        times = [time for span in zip(said.word_starts, said.word_ends, strict=True) for time in span]
        assert times == sorted(times)
        assert 0 < times[0] < times[-1] < len(said.samples)

    def test_sound_is_in_the_words_and_silence_outside(self, speaking: Festival, voice: str) -> None:
        said = _said(speaking, voice)
        assert said.word_ends is not None
        spans = list(zip(said.word_starts, said.word_ends, strict=True))
        quietest_word = min(_level(said.samples[start:end]) for start, end in spans)
        margin = said.rate // 50
        pause = said.samples[spans[5][1] + margin : spans[6][0] - margin]  # the comma
        assert len(pause) > said.rate // 20
        for outside in (said.samples[: spans[0][0] - margin], pause, said.samples[spans[-1][1] + margin :]):
            assert _level(outside) < 0.2 * quietest_word

    def test_phones_are_known_and_in_order(self, speaking: Festival, voice: str) -> None:
        said = _said(speaking, voice)
        times = [time for time, _ in said.phones]
        assert times == sorted(times)
        names = [PHONES[phone_number(name)] for _, name in said.phones]
        assert "other" not in names
        assert names[0] == names[-1] == "sil"
        assert " ".join(names).startswith("sil w ah t s dh ax w eh dh er")

    def test_stretch_makes_it_longer(self, speaking: Festival, voice: str) -> None:
        fast, slow = (_said(speaking, voice, stretch=stretch) for stretch in (0.8, 1.2))
        ratio = (slow.phones[-1][0] / slow.rate) / (fast.phones[-1][0] / fast.rate)
        assert ratio == pytest.approx(1.5, rel=0.1)

    def test_pitch_is_what_was_asked_for(self, speaking: Festival, voice: str) -> None:
        for pitch in (0.85, 1.2):
            said = _said(speaking, voice, pitch=pitch)
            assert _pitch_hz(said) == pytest.approx(VOICES[voice] * pitch, rel=0.08)

    def test_pitch_leaves_the_pace(self, speaking: Festival, voice: str) -> None:
        low, high = (_said(speaking, voice, pitch=pitch) for pitch in (0.8, 1.25))
        assert len(low.samples) / low.rate == pytest.approx(len(high.samples) / high.rate, rel=0.06)

    def test_nothing_is_left_of_the_voice_before(self, speaking: Festival, voice: str) -> None:
        alone = _said(Festival(), voice)
        for other in VOICES:
            _said(speaking, other, "Something else.", stretch=1.3, pitch=1.2)
            assert np.array_equal(_said(speaking, voice).samples, alone.samples)


def test_what_was_said_before_does_not_matter() -> None:
    rng = random.Random(1)
    texts = [sentence(rng).text for _ in range(100)]
    forwards, backwards = Festival(), Festival()
    first = [_said(forwards, "ked", text) for text in texts]
    second = [_said(backwards, "ked", text) for text in reversed(texts)]
    for one, other in zip(first, reversed(second), strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert one.phones == other.phones


@pytest.mark.parametrize(
    "text",
    [
        "I'd say it's Emma's.",
        "Twenty-one.",
        'He said "stop" \\ now.',
        "(error 1)",
        "Yes. No! Why?",
        "The weather.",
    ],
)
def test_a_word_is_what_stands_between_spaces(speaking: Festival, text: str) -> None:
    assert len(_said(speaking, "ked", text).word_starts) == len(text.split())


def test_what_ked_inserts_after_er_belongs_to_the_word(speaking: Festival) -> None:
    said = _said(speaking, "ked", "The weather like this.")
    assert said.word_ends is not None
    assert said.word_ends[1] == said.word_starts[2]


@pytest.mark.parametrize("text", ["", "  "])
def test_a_text_at_which_festival_fails_is_none_and_the_next_is_said(speaking: Festival, text: str) -> None:
    before = _said(speaking, "kal")
    assert speaking.say(text, "kal", 1.0, 105.0) is None
    assert np.array_equal(_said(speaking, "kal").samples, before.samples)


def test_one_that_was_killed_is_begun_again() -> None:
    speaking = Festival()
    before = _said(speaking, "kal")
    os.kill(_pid(speaking), signal.SIGKILL)
    assert np.array_equal(_said(speaking, "kal").samples, before.samples)


def test_silence_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    speaking = Festival()
    pid = _pid(speaking)
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(festival, "_PATIENCE_S", 0.1)
    with pytest.raises(TimeoutError, match="did not answer"):
        _said(speaking, "kal")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_ends_with_its_owner() -> None:
    speaking = Festival()
    pid = _pid(speaking)
    os.kill(pid, 0)
    del speaking
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_ends_with_the_interpreter() -> None:
    script = "from models.training.festival import Festival; f = Festival(); print(f._child._process.pid)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_a_missing_voice_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(festival._FULL_NAMES, "rab", "rab_diphone")
    with pytest.raises(FileNotFoundError, match=r"lacks the voices rab_diphone: apt-get install .*festvox"):
        Festival()


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(festival, "PROGRAM", "festival-not-there")
    with pytest.raises(FileNotFoundError, match="apt-get install festival festvox-kdlpc16k"):
        Festival()
