import pytest

from voicegw.asr.transcript import (
    Repetition,
    SpecialTokens,
    compression_ratio,
    find_repetition,
    is_doubled,
    is_loop,
    is_repetitive,
    reaches_end,
    text_tokens,
    without_repetition,
)

SPECIAL = SpecialTokens(end_of_text=100, first_timestamp=200)


def at(seconds: float) -> int:
    """The timestamp token of a moment."""
    return SPECIAL.first_timestamp + round(seconds / 0.02)


def test_timestamps_and_special_tokens_are_no_text() -> None:
    assert text_tokens([150, at(0), 1, 2, at(1.0), 100], SPECIAL, audio_s=1.0) == [1, 2]


def test_text_without_timestamps_is_kept() -> None:
    assert text_tokens([1, 2, 3], SPECIAL, audio_s=0.1) == [1, 2, 3]


def test_a_segment_that_begins_behind_the_audio_was_not_said() -> None:
    tokens = [at(0), 1, 2, at(1.5), at(2.0), 3, 4, at(3.0)]
    assert text_tokens(tokens, SPECIAL, audio_s=2.0) == [1, 2]


def test_a_segment_that_begins_just_before_the_end_was_not_said() -> None:
    assert text_tokens([at(0), 1, 2, at(1.96), at(1.96), 1, 2], SPECIAL, audio_s=2.0) == [1, 2]


def test_a_segment_that_only_ends_behind_the_audio_was_said() -> None:
    assert text_tokens([at(0), 1, 2, at(2.5)], SPECIAL, audio_s=2.0) == [1, 2]


@pytest.mark.parametrize(
    ("tokens", "reached"),
    [
        ([at(0), 1, 2, at(1.88), at(1.88), 3], False),
        ([at(0), 1, 2, at(1.92), at(1.92), 3], True),
        ([at(0), 1, 2, at(1.5), at(2.5), 3], True),
        ([1, 2, 3], False),
    ],
)
def test_a_segment_at_the_end_of_the_audio_completes_the_text(tokens: list[int], reached: bool) -> None:
    assert reaches_end(tokens, SPECIAL, audio_s=2.0) is reached


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ([], None),
        ([1, 2, 3, 4], None),
        ([7, 7, 7], None),
        ([5, 7, 7, 7, 7], Repetition(1, 1, 4)),
        ([1, 2, 1, 2, 1, 2], None),
        ([9, 1, 2, 1, 2, 1, 2, 1, 2, 8], Repetition(1, 2, 4)),
        ([*range(8), *range(8)], Repetition(0, 8, 2)),
        ([*range(7), *range(7)], None),
    ],
)
def test_repetitions_that_are_long_enough_for_a_loop(tokens: list[int], found: Repetition | None) -> None:
    assert find_repetition(tokens) == found


def test_a_loop_is_cut_behind_its_first_copy() -> None:
    assert without_repetition([5, 7, 7, 7, 7, 7, 9]) == [5, 7]
    assert without_repetition([5, 7, 7]) == [5, 7, 7]


def test_what_is_repeated_before_a_loop_is_kept() -> None:
    said = [9, 9, 9, 9, 1, 2, 3, 4, 5]
    assert without_repetition([*said, *[7] * 30]) == [*said, 7]
    assert is_loop([*said, *[7] * 30])


def test_what_is_said_again_after_the_context_is_no_loop() -> None:
    hello = [*range(8)]
    assert is_repetitive([1, 2], "Hello? Hello?", after_context=False)
    assert not is_repetitive([1, 2], "Hello? Hello?", after_context=True)
    assert is_repetitive(hello * 2, "one to eight", after_context=False)
    assert not is_repetitive(hello * 2, "one to eight", after_context=True)
    assert is_repetitive(hello * 3, "one to eight", after_context=True)
    assert not is_repetitive(hello, "one to eight", after_context=True)


def test_people_repeat_a_word_but_not_for_ever() -> None:
    assert not is_loop([5, *[7, 8] * 5])
    assert is_loop([5, *[7, 8] * 8])
    assert not is_loop([5, 6, 7])


@pytest.mark.parametrize("text", ["No. No.", "Launch Firefox. launch Firefox!", "yes, yes, yes, yes"])
def test_text_that_is_the_same_twice(text: str) -> None:
    assert is_doubled(text)


@pytest.mark.parametrize("text", ["", "No.", "No. Yes.", "one two one", "- -", "पापा"])
def test_text_that_is_not(text: str) -> None:
    assert not is_doubled(text)


def test_repeated_text_compresses_well() -> None:
    assert compression_ratio("") == 0
    assert compression_ratio("What time is it?") < 1.5
    assert compression_ratio("and then " * 30) > 5
    assert compression_ratio("और फिर " * 30) > 5
    assert compression_ratio("谢谢" * 30) > 4


def test_no_script_compresses_better_than_another() -> None:
    # "The weather is fine today, and we want to go to the lake with the children in the afternoon."
    tamil = (
        "இன்று வானிலை நன்றாக இருக்கிறது, மதியம் குழந்தைகளுடன் ஏரிக்குச் செல்ல விரும்புகிறோம். "
        "நாளை மழை பெய்யும் என்று சொல்கிறார்கள், ஆனால் எங்களுக்கு அதைப் பற்றிக் கவலை இல்லை."
    )
    assert compression_ratio(tamil) < 2
