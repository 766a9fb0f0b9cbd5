from voicegw.core.events import Fault
from voicegw.errors import LLMTimeout, OddByteCount


def test_a_fault_has_the_message_of_its_error() -> None:
    assert Fault.of(OddByteCount("3 bytes")) == Fault("odd_byte_count", "3 bytes", retryable=False)


def test_a_fault_without_a_message_explains_its_class() -> None:
    meaning = "The language model endpoint did not connect, begin or finish in time."
    assert Fault.of(LLMTimeout()) == Fault("llm_timeout", meaning, retryable=True)
