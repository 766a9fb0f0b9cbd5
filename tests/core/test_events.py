from voicegw.core.events import Fault
from voicegw.errors import LLMTimeout, OddByteCount


def test_a_fault_says_what_the_error_says() -> None:
    assert Fault.of(OddByteCount("3 bytes")) == Fault("odd_byte_count", "3 bytes", retryable=False)


def test_a_fault_without_words_of_its_own_explains_its_class() -> None:
    meaning = "The language model was too slow to connect, to begin or to finish."
    assert Fault.of(LLMTimeout()) == Fault("llm_timeout", meaning, retryable=True)
