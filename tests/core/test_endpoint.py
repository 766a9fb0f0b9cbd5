import numpy as np
import pytest

from voicegw.core.audio import WINDOW_MS, WINDOW_SAMPLES, to_ms
from voicegw.core.completeness import Completeness
from voicegw.core.endpoint import Boundary, Endpointer, EndpointOptions
from voicegw.core.state_machine import IllegalSignal

OPTIONS = EndpointOptions(onset_ms=40, pause_ms=60, end_silence_ms=120, max_utterance_ms=1000)
LISTENING = EndpointOptions(
    end_silence_ms=500,
    min_end_silence_ms=400,
    max_end_silence_ms=1000,
    unlikely_end_silence_ms=800,
    likely_end=0.6,
)


def listen(endpointer: Endpointer, speech: str) -> list[tuple[int, Boundary]]:
    """The boundaries in `speech` (see scenario), each with the index of the window that brought it."""
    found = []
    for index, window in enumerate(speech):
        boundary = endpointer.receive(0.9 if window == "#" else 0.1)
        if boundary is not None:
            found.append((index, boundary))
    return found


def boundaries(speech: str, options: EndpointOptions = OPTIONS) -> list[tuple[int, Boundary]]:
    return listen(Endpointer(options), speech)


def test_a_whole_utterance() -> None:
    assert boundaries("..####......") == [
        (3, Boundary.STARTED),
        (8, Boundary.PAUSED),
        (11, Boundary.ENDED),
    ]


@pytest.mark.parametrize("speech", ["#.......", "#.#.#.#.", "........"])
def test_a_click_is_no_onset(speech: str) -> None:
    assert boundaries(speech) == []


def test_speech_within_the_end_silence_resumes() -> None:
    assert boundaries("##....##......")[1:] == [
        (4, Boundary.PAUSED),
        (7, Boundary.RESUMED),
        (10, Boundary.PAUSED),
        (13, Boundary.ENDED),
    ]


def test_however_short_the_maximum_is_it_is_not_reached_at_once() -> None:
    endpointer = Endpointer(EndpointOptions(onset_ms=40, pre_roll_ms=1000, max_utterance_ms=1000))
    listen(endpointer, "#" * 24)
    assert not endpointer.too_long
    listen(endpointer, "#")
    assert endpointer.too_long


def test_a_click_does_not_restart_the_silence() -> None:
    assert boundaries("##...#..")[-1] == (7, Boundary.ENDED)


def test_an_end_waits_for_a_possible_onset() -> None:
    assert boundaries("##.....#.")[-1] == (8, Boundary.ENDED)
    assert boundaries("##.....##")[-1] == (8, Boundary.RESUMED)


def test_the_threshold_is_voiced() -> None:
    endpointer = Endpointer(EndpointOptions(threshold=0.6, onset_ms=20))
    assert endpointer.receive(np.nextafter(0.6, 0.0)) is None
    assert endpointer.receive(0.6) is Boundary.STARTED


def test_says_where_the_voice_began_and_ended() -> None:
    endpointer = Endpointer(OPTIONS)
    listen(endpointer, "..####..#...")
    assert to_ms(endpointer.speech_start) == 2 * WINDOW_MS
    assert to_ms(endpointer.speech_end) == 6 * WINDOW_MS
    assert to_ms(endpointer.position) == 12 * WINDOW_MS


def test_an_end_silence_shorter_than_the_pause_ends_right_after_the_pause() -> None:
    hasty = EndpointOptions(onset_ms=20, pause_ms=160, end_silence_ms=100)
    assert boundaries("#" + "." * 9, hasty)[1:] == [(8, Boundary.PAUSED), (9, Boundary.ENDED)]


class TestTheSilenceFollowsTheWords:
    options = EndpointOptions(
        onset_ms=40, pause_ms=60, end_silence_ms=200, min_end_silence_ms=120, max_end_silence_ms=400
    )

    @pytest.mark.parametrize(
        ("completeness", "windows"),
        [(Completeness.FINISHED, 6), (Completeness.UNDECIDED, 10), (Completeness.UNFINISHED, 20)],
    )
    def test_shorter_after_a_sentence_longer_after_an_and(
        self, completeness: Completeness, windows: int
    ) -> None:
        endpointer = Endpointer(self.options)
        listen(endpointer, "##...")
        endpointer.completeness = completeness
        assert listen(endpointer, "." * 40) == [(windows - 4, Boundary.ENDED)]

    def test_until_speech_continues(self) -> None:
        endpointer = Endpointer(self.options)
        listen(endpointer, "##...")
        endpointer.completeness = Completeness.FINISHED
        assert listen(endpointer, "##" + "." * 12)[-1] == (11, Boundary.ENDED)

    def test_never_past_what_was_set_for_no_words(self) -> None:
        endpointer = Endpointer(EndpointOptions(end_silence_ms=300))
        endpointer.completeness = Completeness.FINISHED
        assert endpointer.end_silence_ms == 300
        endpointer.options = EndpointOptions(end_silence_ms=2000, max_end_silence_ms=1000)
        endpointer.completeness = Completeness.UNFINISHED
        assert endpointer.end_silence_ms == 2000

    @pytest.mark.parametrize(
        ("completeness", "probability", "silence_ms"),
        [
            (Completeness.FINISHED, None, 1900),
            (Completeness.UNDECIDED, None, 2000),
            (Completeness.UNFINISHED, None, 2500),
            (Completeness.UNDECIDED, 0.9, 1900),
            (Completeness.UNDECIDED, 0.1, 2300),
        ],
    )
    def test_moves_with_what_was_set_for_no_words(
        self, completeness: Completeness, probability: float | None, silence_ms: int
    ) -> None:
        endpointer = Endpointer(EndpointOptions(end_silence_ms=2000))
        endpointer.completeness, endpointer.end_of_turn = completeness, probability
        assert endpointer.end_silence_ms == silence_ms

    def test_unless_it_is_turned_off(self) -> None:
        endpointer = Endpointer(EndpointOptions(adaptive=False, end_silence_ms=500))
        endpointer.completeness = Completeness.UNFINISHED
        assert endpointer.end_silence_ms == 500


class TestTheSilenceFollowsTheModelThatListens:
    @pytest.mark.parametrize(
        ("completeness", "probability", "silence_ms"),
        [
            (Completeness.FINISHED, 0.9, 400),
            (Completeness.UNDECIDED, 0.9, 400),
            (Completeness.UNDECIDED, 0.6, 400),
            (Completeness.FINISHED, 0.59, 800),
            (Completeness.UNDECIDED, 0.1, 800),
            (Completeness.UNFINISHED, 0.9, 1000),
        ],
    )
    def test_except_after_words_that_must_go_on(
        self, completeness: Completeness, probability: float, silence_ms: int
    ) -> None:
        endpointer = Endpointer(LISTENING)
        endpointer.completeness, endpointer.end_of_turn = completeness, probability
        assert endpointer.end_silence_ms == silence_ms

    def test_until_speech_continues(self) -> None:
        endpointer = Endpointer(LISTENING)
        listen(endpointer, "##" + "." * 10)
        endpointer.end_of_turn = 0.1
        listen(endpointer, "##")
        assert endpointer.end_silence_ms == 500

    def test_unless_it_is_turned_off(self) -> None:
        endpointer = Endpointer(EndpointOptions(adaptive=False, end_silence_ms=500))
        endpointer.end_of_turn = 0.1
        assert endpointer.end_silence_ms == 500


def test_is_open_from_onset_to_end() -> None:
    endpointer = Endpointer(OPTIONS)
    states = []
    for window in "..##......":
        listen(endpointer, window)
        states.append(endpointer.open)
    assert states == [False] * 3 + [True] * 6 + [False]


def test_an_utterance_with_its_pre_roll_is_too_long_at_the_limit() -> None:
    endpointer = Endpointer(OPTIONS)
    listen(endpointer, "#" * 34)
    assert not endpointer.too_long
    listen(endpointer, "#")
    assert endpointer.too_long


class TestForce:
    @pytest.mark.parametrize("speech", ["###", "###..."])
    def test_ends_an_utterance_at_once(self, speech: str) -> None:
        endpointer = Endpointer(OPTIONS)
        listen(endpointer, speech)
        endpointer.force()
        assert not endpointer.open

    def test_needs_one_that_is_running(self) -> None:
        with pytest.raises(IllegalSignal):
            Endpointer(OPTIONS).force()

    def test_speech_that_continues_begins_a_new_utterance(self) -> None:
        endpointer = Endpointer(OPTIONS)
        listen(endpointer, "#" * 40)
        endpointer.force()
        assert listen(endpointer, "####") == [(1, Boundary.STARTED)]
        assert endpointer.speech_start == 40 * WINDOW_SAMPLES
        assert not endpointer.too_long
