import msgspec
import pytest

from voicegw.core.decode_context import DecodeContext, DecodeContextTracker
from voicegw.core.jobs import DecodeKind, Word
from voicegw.core.utterance import RecognitionOptions, Remainder, Utterance


def spoken(text: str, start: int = 0, step: int = 10_000) -> list[Word]:
    """Words of 8,000 samples, one every `step` samples."""
    return [
        Word(word, start + n * step, start + n * step + 8_000, 0.9) for n, word in enumerate(text.split())
    ]


def texts(context: DecodeContext) -> list[str]:
    return [word.text for word in context.words]


def test_utterances_are_put_together() -> None:
    context = DecodeContext(1_000, 20_000, spoken("one two", 1_000))
    context.append(60_000, spoken("three", 41_000))
    assert (context.start, context.end, texts(context)) == (1_000, 60_000, ["one", "two", "three"])


def test_old_words_are_dropped_up_to_a_gap_between_words() -> None:
    context = DecodeContext(0, 40_000, spoken("one two three four"))
    context.drop_before(15_000)
    assert texts(context) == ["three", "four"]
    assert context.start == 19_000  # in the middle of the gap before "three"


def test_recent_words_are_not_dropped() -> None:
    context = DecodeContext(5_000, 40_000, spoken("one two three", 5_000))
    context.drop_before(5_000)
    assert (context.start, texts(context)) == (5_000, ["one", "two", "three"])


def test_audio_without_words_is_dropped_too() -> None:
    context = DecodeContext(0, 40_000, [])
    context.drop_before(15_000)
    assert context.start >= 15_000


def test_words_that_were_sent_are_removed() -> None:
    context = DecodeContext(0, 20_000, spoken("and so"))
    heard = spoken("And so, my fellow")
    assert [word.text for word in context.strip(heard, 20_000)] == ["my", "fellow"]


def test_words_that_were_recognised_differently_are_not_sent_twice() -> None:
    context = DecodeContext(0, 30_000, spoken("so thanks folks"))
    heard = spoken("so this is the sick corpus", step=6_000)
    kept = [word.text for word in context.strip(heard, 30_000)]
    assert "so" not in kept
    assert kept[-1] == "corpus"


def test_words_that_were_missed_before_are_recovered() -> None:
    context = DecodeContext(0, 30_000, [])
    assert len(context.strip(spoken("I have a cold"), 30_000)) == 4


def test_the_same_answer_given_again_is_sent_again() -> None:
    context = DecodeContext(0, 20_000, spoken("No."))
    assert [word.text for word in context.strip(spoken("No.", start=40_000), 38_000)] == ["No."]


def test_a_word_begins_with_the_utterance_and_not_in_the_pause_before_it() -> None:
    context = DecodeContext(0, 20_000, spoken("and so"))
    heard = [*spoken("And so,"), Word("yes", 18_500, 36_000, 0.9)]
    assert context.strip(heard, 28_000) == (Word("yes", 28_000, 36_000, 0.9),)


@pytest.mark.parametrize(
    ("sent", "heard", "own"),
    [
        ("is 555.", "is 555-1234.", "1234."),
        ("9 5", "95597.", "597."),
        ("A-Y-L-E-S.", "A-Y-L-E-S-B-O-R-O.", "B-O-R-O."),
        ("it was his", "it was history", "history"),  # its end alone would be no word
        ("so it", "so it's", "it's"),
        ("ich weis", "ich weiß.", "weiß."),
        ("प", "पानी", "पानी"),
    ],
)
def test_of_a_word_that_continues_a_sent_one_the_rest_is_left(sent: str, heard: str, own: str) -> None:
    words = spoken(sent)
    context = DecodeContext(0, words[-1].end, words)
    grown = spoken(heard)
    grown[-1] = msgspec.structs.replace(grown[-1], end=words[-1].end + 30_000)
    [left] = context.strip(grown, words[-1].end + 10_000)
    assert (left.text, left.joined, left.end) == (own, False, grown[-1].end)


def test_words_that_were_sent_in_another_form_are_not_sent_twice() -> None:
    context = DecodeContext(0, 30_000, spoken("995"))
    context.words[0] = Word("995", 0, 28_000, 0.9)
    heard = [*spoken("Nine nine five,"), *spoken("call me", start=40_000)]
    assert [word.text for word in context.strip(heard, 38_000)][-2:] == ["call", "me"]
    assert len(context.strip(heard, 38_000)) <= 3


class TestBeforeADecode:
    """An utterance from sample 40,000 on, after a context that ends at 30,000."""

    @pytest.fixture
    def tracker(self) -> DecodeContextTracker:
        return DecodeContextTracker(DecodeContext(0, 30_000, spoken("one two three")))

    @pytest.fixture
    def utterance(self) -> Utterance:
        return Utterance(2, 40_000, 40_000, 42_000, speech_end=60_000, decoded_until=42_000)

    def before(self, tracker: DecodeContextTracker, utterance: Utterance) -> DecodeContext | None:
        return tracker.before(utterance, DecodeKind.FINAL, 64_000, 0, RecognitionOptions())

    def test_the_last_utterance_is_context(self, tracker: DecodeContextTracker, utterance: Utterance) -> None:
        context = self.before(tracker, utterance)
        assert context is not None
        assert texts(context) == ["one", "two", "three"]

    def test_there_is_none_behind_a_long_silence(
        self, tracker: DecodeContextTracker, utterance: Utterance
    ) -> None:
        utterance.start = utterance.window_start = 30_000 + 2 * 16_000 + 1
        assert self.before(tracker, utterance) is None

    def test_a_trimmed_window_needs_none(self, tracker: DecodeContextTracker, utterance: Utterance) -> None:
        utterance.window_start += 1
        assert self.before(tracker, utterance) is None

    def test_a_remainder_needs_none(self, tracker: DecodeContextTracker, utterance: Utterance) -> None:
        utterance.remainder = Remainder(50_000, 48_000, ())
        assert self.before(tracker, utterance) is None

    def test_a_long_utterance_has_none_when_its_words_are_urgent(
        self, tracker: DecodeContextTracker, utterance: Utterance
    ) -> None:
        options = RecognitionOptions()
        until = 40_000 + options.context_ms * 16
        utterance.urgent = True
        assert tracker.before(utterance, DecodeKind.FINAL, until, 0, options) is None
        utterance.urgent = False
        assert tracker.before(utterance, DecodeKind.FINAL, until, 0, options) is not None
