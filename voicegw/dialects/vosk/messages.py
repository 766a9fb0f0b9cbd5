"""The text messages of a Vosk client: the configuration, and the end of the audio or of an utterance.

The reference server compares the last two literally; here any JSON with these members is accepted.
"""

import msgspec

from voicegw.core.key_term_limits import check_key_terms
from voicegw.core.text import encodable, quoted
from voicegw.dialects.text_messages import check_size, decoded
from voicegw.errors import InvalidValue, MalformedMessage, UnsupportedRate

DEFAULT_RATE = 8_000
_MIN_RATE, _MAX_RATE = 8_000, 48_000
_UNKNOWN = "[unk]"  # in a grammar: all other words


class Config(msgspec.Struct, frozen=True):
    """The members that mean something here; a client may send others."""

    sample_rate: float | None = None
    words: bool | int | None = None
    max_alternatives: int | None = None
    phrase_list: list[str] | None = None

    @property
    def rate(self) -> int:
        """The sample rate. Raises UnsupportedRate."""
        if self.sample_rate is None:
            return DEFAULT_RATE
        if not (_MIN_RATE <= self.sample_rate <= _MAX_RATE and self.sample_rate == int(self.sample_rate)):
            raise UnsupportedRate(f"sample_rate {self.sample_rate:g}; supported: {_MIN_RATE} to {_MAX_RATE}")
        return int(self.sample_rate)

    @property
    def key_terms(self) -> tuple[str, ...] | None:
        """The phrases as key terms. Raises InvalidValue over the limits of those."""
        if self.phrase_list is None:
            return None
        phrases = dict.fromkeys(encodable(phrase).strip() for phrase in self.phrase_list)
        terms = tuple(phrase for phrase in phrases if phrase != _UNKNOWN)
        try:
            check_key_terms(terms)
        except ValueError as error:
            raise InvalidValue(f"phrase_list: {error}") from None
        return terms


class Message(msgspec.Struct, frozen=True):
    """A text message; one of its members is set."""

    config: Config | None = None
    eof: object = None
    reset: object = None


_decoder = msgspec.json.Decoder(Message)


def decode(text: str) -> Message:
    """The message in a text frame. Raises MessageTooBig or MalformedMessage."""
    check_size(text)
    message = decoded(text, _decoder)
    if message == Message():
        raise MalformedMessage(f"neither config nor eof nor reset: {quoted(text)}")
    return message
