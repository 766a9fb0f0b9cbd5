"""The text messages of a bridge: the first one describes the call, later ones are keys and marks.

Clients spell the same fields differently; each spelling is a field here. mod_audio_stream passes on any text
of its dialplan, so text that is not JSON has no content.
"""

import re

import msgspec

from voicegw.dialects.telephony.keypad import checked_key
from voicegw.dialects.text_messages import decoded
from voicegw.errors import MalformedMessage

CONNECTED = "websocket:connected"  # the event with which only Vonage begins
_CONTENT_TYPE = re.compile(r"audio/l16;\s*rate=(\d{1,6})")


class Inbound(msgspec.Struct, frozen=True):
    """Any message.

    event, type: its kind, as Vonage and jambonz name it. content_type: of Vonage's audio. rate, rate_snake,
    rate_short, mix: of the audio. token, lang: set by the application in its metadata. dtmf, digit: a key.
    data: of a mark. payload: of a notification.
    """

    event: object = None
    type: object = None
    content_type: object = msgspec.field(name="content-type", default=None)
    rate: object = msgspec.field(name="sampleRate", default=None)
    rate_snake: object = msgspec.field(name="sample_rate", default=None)
    rate_short: object = msgspec.field(name="rate", default=None)
    mix: object = msgspec.field(name="mixType", default=None)
    token: object = None
    lang: object = None
    dtmf: object = None
    digit: object = None
    data: object = None
    payload: object = None

    @property
    def stated_rate(self) -> object:
        """The rate of the audio; None when the message does not state it."""
        if isinstance(self.content_type, str):
            found = _CONTENT_TYPE.fullmatch(self.content_type)
            return self.content_type if found is None else found[1]
        rates = (self.rate, self.rate_snake, self.rate_short)
        return next((rate for rate in rates if rate is not None), None)

    @property
    def key(self) -> str | None:
        """The telephone key of a message about one; None for another message. Raises MalformedMessage."""
        if self.event not in ("dtmf", "websocket:dtmf"):
            return None
        digit = self.dtmf if self.digit is None else self.digit
        digit = digit.get("digit") if isinstance(digit, dict) else digit
        return checked_key(digit)

    @property
    def played_mark(self) -> object:
        """The name of a mark whose audio was played; None for another message, or when it was cleared."""
        if self.event == "websocket:notify" and isinstance(self.payload, dict):
            return self.payload.get("name")
        if not isinstance(self.data, dict):
            return None
        if self.type == "mark" and self.data.get("event") != "cleared":
            return self.data.get("name")
        return self.data.get("id") if self.type == "playDone" else None


_decoder = msgspec.json.Decoder(Inbound)


def decode(text: str, *, free_text: bool) -> Inbound:
    """The message in a text frame. free_text: of a client that may send any text; what is not a JSON object
    has no content. Raises MalformedMessage."""
    try:
        return decoded(text, _decoder)
    except MalformedMessage:
        if free_text:
            return Inbound()
        raise
