import pytest

from voicegw.asr.rejection import Evidence, SpeechWeights, is_speech

WEIGHTS = SpeechWeights()


def never(enough: float) -> float:
    raise AssertionError("the second detector was not to be asked")


@pytest.mark.parametrize(
    ("no_speech", "logprob", "detected"),
    [
        (0.15, -1.6, 0.97),  # "three", said alone
        (0.37, -1.3, 0.77),  # a hoarse voice
        (0.45, -1.0, 0.95),
        (0.0, -0.1, 0.0),
    ],
)
def test_what_people_say_is_kept(no_speech: float, logprob: float, detected: float) -> None:
    assert is_speech(Evidence(no_speech, logprob), WEIGHTS, lambda enough: detected)


@pytest.mark.parametrize(
    ("no_speech", "logprob", "detected"),
    [(0.7, -1.9, 0.17), (0.43, -1.0, 0.5), (0.6, -0.8, 0.2), (0.8, -2.0, 0.65)],
)
def test_what_is_made_up_of_noise_is_rejected(no_speech: float, logprob: float, detected: float) -> None:
    assert not is_speech(Evidence(no_speech, logprob), WEIGHTS, lambda enough: detected)


def test_a_sentence_that_the_model_is_sure_of_is_kept_although_the_detector_hears_no_voice() -> None:
    def whispered(tokens: int) -> bool:
        return is_speech(Evidence(0.11, -0.52, tokens), WEIGHTS, lambda enough: 0.06)

    assert whispered(9)
    assert not whispered(1)
    assert not whispered(0)  # the same in a loop


@pytest.mark.parametrize(
    ("no_speech", "logprob", "tokens", "detected"),
    [(0.54, -0.62, 1, 0.56), (0.47, -1.38, 9, 0.6), (0.31, -0.92, 6, 0.15), (0.27, -1.04, 5, 0.15)],
)
def test_a_long_text_that_is_not_sure_is_rejected(
    no_speech: float, logprob: float, tokens: int, detected: float
) -> None:
    assert not is_speech(Evidence(no_speech, logprob, tokens), WEIGHTS, lambda enough: detected)


def test_the_second_detector_is_asked_only_in_doubt() -> None:
    assert is_speech(Evidence(0.0, -0.1), WEIGHTS, never)
    assert is_speech(Evidence(0.01, -0.15), WEIGHTS, never)
    assert not is_speech(Evidence(0.99, -3.0), WEIGHTS, never)


def test_strictness_moves_the_limit() -> None:
    evidence = Evidence(0.3, -1.0)
    assert is_speech(evidence, WEIGHTS, lambda enough: 0.6)
    assert not is_speech(evidence, WEIGHTS, lambda enough: 0.6, strictness=5.0)
