from tests.core.scenario import spoken
from voicegw.core.decode_context import DecodeContext
from voicegw.core.in_flight_decode import InFlightDecode
from voicegw.core.jobs import DecodeKind, DecodeResult, text_of
from voicegw.core.utterance import Remainder, Utterance

START = 3200  # the first sample of the utterance; the context is before it


def own_text(context: DecodeContext | None, remainder: Remainder | None, result: DecodeResult) -> str:
    utterance = Utterance(1, START, START, START, speech_end=6400, decoded_until=START)
    decode = InFlightDecode(1, DecodeKind.FINAL, utterance, 8_000, context, remainder)
    return text_of(decode.own_result(result).words)


def test_without_context_all_words_belong_to_the_utterance() -> None:
    assert own_text(None, None, DecodeResult("s", 1, spoken("turn left"))) == "turn left"


def test_the_words_of_the_context_are_removed() -> None:
    context = DecodeContext(0, START, list(spoken("turn left")))
    assert own_text(context, None, DecodeResult("s", 1, spoken("turn left right now"))) == "right now"


def test_nothing_is_removed_where_the_context_was_not_decoded() -> None:
    context = DecodeContext(0, START, list(spoken("turn left")))
    result = DecodeResult("s", 1, spoken("left again", START), context_dropped=True)
    assert own_text(context, None, result) == "left again"


def test_the_words_before_a_remainder_are_kept() -> None:
    remainder = Remainder(6400, 6000, spoken("turn", START))
    assert own_text(None, remainder, DecodeResult("s", 1, spoken("left", 6400))) == "turn left"
