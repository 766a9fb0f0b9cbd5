import numpy as np
import pytest

from models.training.voices import SAMPLE_RATE, Utterance
from models.training.windows import LONGEST_S, WindowMaker, cut, whole

_WORD = SAMPLE_RATE // 2  # every word of the test utterances lasts half a second


def _utterance(text: str = "Set a timer, please.") -> Utterance:
    count = len(text.split())
    starts = np.arange(count, dtype=np.int32) * _WORD
    return Utterance(
        text=text,
        kind="command",
        voice="test",
        samples=np.full(count * _WORD, 1000, np.int16),
        word_starts=starts,
        word_ends=starts + _WORD - 800,
        phones=[(int(start), "s") for start in starts],
    )


@pytest.fixture(scope="module")
def maker() -> WindowMaker:
    return WindowMaker([_utterance("What time is it?"), _utterance("Yes."), _utterance()], seed=1)


@pytest.mark.parametrize(
    ("end_words", "text"),
    [(0.5, ""), (1.0, "Set"), (2.5, "Set a"), (3.0, "Set a timer"), (4.0, "Set a timer, please.")],
)
def test_text_is_cut_to_what_is_heard(end_words: float, text: str) -> None:
    piece = cut(whole(_utterance()), 0, int(end_words * _WORD))
    assert piece.text == text
    assert len(piece.samples) == int(end_words * _WORD)


def test_what_is_cut_off_in_front_is_the_text_before() -> None:
    piece = cut(whole(_utterance()), _WORD - 400, 4 * _WORD)
    assert (piece.before, piece.text) == ("Set", "a timer, please.")
    assert piece.starts[0] == 400
    assert piece.ends[-1] == 3 * _WORD - 400


def test_a_faster_piece_keeps_its_times() -> None:
    piece = whole(_utterance(), factor=1.25)
    assert len(piece.samples) == pytest.approx(4 * _WORD / 1.25, abs=1)
    assert piece.starts[1] == _WORD / 1.25


def test_windows_are_at_most_thirty_seconds(maker: WindowMaker) -> None:
    windows = [maker.draw() for _ in range(100)] + [maker.draw(at_least_s=29) for _ in range(10)]
    assert max(len(window.samples) for window in windows) <= LONGEST_S * SAMPLE_RATE


def test_every_word_lies_inside_its_window(maker: WindowMaker) -> None:
    for _ in range(200):
        window = maker.draw()
        for position, piece in window.spoken:
            assert position + piece.ends[-1] <= len(window.samples) + 640
            assert len(piece.starts) == len(piece.ends) == len(piece.words)


def test_some_windows_hold_nothing_and_some_several_utterances(maker: WindowMaker) -> None:
    counts = [len(maker.draw().spoken) for _ in range(300)]
    assert min(counts) == 0
    assert max(counts) > 2


def test_a_window_that_begins_within_an_utterance_often_has_its_words_as_prompt(maker: WindowMaker) -> None:
    begun = [
        window
        for window in (maker.draw() for _ in range(300))
        if window.pieces and window.pieces[0][1].before
    ]
    prompted = [window for window in begun if window.prompt.endswith(window.pieces[0][1].before)]
    assert len(prompted) > 0.7 * len(begun) > 0


def test_the_same_seed_draws_the_same_windows() -> None:
    first, second = (WindowMaker([_utterance()], seed=7) for _ in range(2))
    for _ in range(20):
        one, other = first.draw(), second.draw()
        assert np.array_equal(one.samples, other.samples)
        assert one.prompt == other.prompt
