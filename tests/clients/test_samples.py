import pytest
import soundfile

from clients.conversation import normalised
from clients.errors import ClientError
from clients.samples import read_samples, sample_named


def test_every_sample_is_there_and_as_long_as_it_says() -> None:
    for sample in read_samples():
        assert abs(soundfile.info(sample.path).duration * 1000 - sample.duration_ms) <= 1


def test_the_words_are_those_of_the_text_in_order_and_in_time() -> None:
    for utterance in (utterance for sample in read_samples() for utterance in sample.utterances):
        assert [word for spoken in utterance.words for word in normalised(spoken.word)] == normalised(
            utterance.text
        )
        times = [ms for word in utterance.words for ms in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (utterance.start_ms, utterance.end_ms)


def test_a_sample_is_found_by_the_name_of_its_file() -> None:
    assert sample_named("command-1.wav") in read_samples()
    with pytest.raises(ClientError, match=r"no such sample: nonsense\.wav"):
        sample_named("nonsense.wav")
