"""The messages to a carrier: audio, marks after it, and the command to clear unplayed audio."""

from collections.abc import Mapping

import msgspec

from voicegw.core.audio import AudioFormat
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Frame
from voicegw.dialects.twilio.inbound import StreamIds

_CONTENT_TYPES = {
    AudioFormat.PCM: "audio/x-l16",
    AudioFormat.MULAW: "audio/x-mulaw",
    AudioFormat.ALAW: "audio/x-alaw",
}
_encoder = msgspec.json.Encoder()


class Outbound:
    """Messages in the format of Twilio, Exotel and Telnyx. stream: the field with the id of the stream, if
    the carrier requires one."""

    def __init__(self, stream: Mapping[str, str]) -> None:
        self._stream = stream

    def media(self, payload: bytes) -> Frame:
        """Audio to play after the audio sent before."""
        return self._frame("media", media={"payload": payload})

    def mark(self, name: str) -> Frame:
        """Requests an echo of `name` when the audio before it has been played."""
        return self._frame("mark", mark={"name": name})

    def clear(self) -> Frame:
        """Makes the carrier discard unplayed audio; it echoes the marks of that audio at once."""
        return self._frame("clear")

    def _frame(self, event: str, **content: object) -> Frame:
        return Frame(_encoder.encode({"event": event, **self._stream, **content}))


class PlivoOutbound(Outbound):
    """The messages in the format of Plivo. profile: gives the audio format, which each message contains."""

    def __init__(self, stream: Mapping[str, str], profile: SessionProfile) -> None:
        super().__init__(stream)
        self._shape = {"contentType": _CONTENT_TYPES[profile.audio_format], "sampleRate": profile.rate}

    def media(self, payload: bytes) -> Frame:
        """See Outbound."""
        return self._frame("playAudio", media={**self._shape, "payload": payload})

    def mark(self, name: str) -> Frame:
        """See Outbound."""
        return self._frame("checkpoint", name=name)

    def clear(self) -> Frame:
        """See Outbound."""
        return self._frame("clearAudio")


def outbound(names: StreamIds, profile: SessionProfile) -> Outbound:
    """The message format of the carrier whose stream id is set in `names`."""
    if names.plivo is not None:
        return PlivoOutbound({"streamId": names.plivo}, profile)
    if names.exotel is not None:
        return Outbound({"stream_sid": names.exotel})
    if names.twilio is not None:
        return Outbound({"streamSid": names.twilio})
    return Outbound({})
