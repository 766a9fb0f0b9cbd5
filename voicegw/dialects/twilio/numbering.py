"""The numbers of a stream's packets, which show what was lost or came late."""

from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes
from voicegw.dialects.twilio.inbound import Media, number


class Numbering:
    """by_time: numbers follow from timestamps, which show also what was lost before it reached the carrier;
    otherwise from the carrier's count."""

    def __init__(self, profile: SessionProfile, *, by_time: bool) -> None:
        self._bytes_per_ms = profile.rate * sample_bytes(profile) / 1000
        self._by_time = by_time
        self._first_ms: int | None = None
        self._packet_ms = 1  # of the first one; the last one may be shorter
        self._counted_together = False

    def receive_other_track(self) -> None:
        """The stream has two tracks. Whether their packets are counted together is not known, so there are no
        numbers from now on."""
        self._counted_together = True

    def number(self, media: Media) -> int | None:
        """The number of a packet; None where it is not known."""
        if self._counted_together or not self._by_time:
            return None if self._counted_together else number(media.chunk)
        at_ms = number(media.timestamp)
        if at_ms is None:
            return None
        if self._first_ms is None:
            self._first_ms = at_ms
            self._packet_ms = max(1, int(len(media.payload) / self._bytes_per_ms))
        return (at_ms - self._first_ms) // self._packet_ms
