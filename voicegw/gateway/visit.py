"""What one connection is allowed: who its client is, what it may use, and until when."""

import time
from dataclasses import dataclass

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import Configure
from voicegw.dialects.parameters import StreamParameters
from voicegw.gateway.access import Access
from voicegw.gateway.auth import Identity
from voicegw.gateway.meter import Meter
from voicegw.gateway.usage import Usage

_PIECE_MS = 200  # of audio handled before others have their turn
_SILENCE = {AudioFormat.PCM: b"\0", AudioFormat.MULAW: b"\xff", AudioFormat.ALAW: b"\xd5"}


@dataclass
class Visit:
    """`piece_bytes`: of audio that may be handled in one go. `silence`: one byte of it."""

    access: Access
    identity: Identity
    meter: Meter
    sample_bytes: int
    piece_bytes: int
    silence: bytes

    @classmethod
    def of(cls, access: Access, identity: Identity, wanted: StreamParameters, usage: Usage) -> "Visit":
        """A visit that has just begun, to a session that was `wanted` so and has used so much."""
        sample_bytes = 2 if wanted.audio_format is AudioFormat.PCM else 1
        return cls(
            access,
            identity,
            Meter(access.limits, identity, wanted.rate * sample_bytes, usage),
            sample_bytes,
            wanted.rate * _PIECE_MS // 1000 * sample_bytes,
            _SILENCE[wanted.audio_format],
        )

    @property
    def session_ttl_s(self) -> float:
        """How long a session may last on one token."""
        return self.access.authenticator.session_ttl_s

    def check(self, command: Configure) -> None:
        """Raises ScopeMissing for a way to reply that the token does not allow."""
        if command.reply is not None:
            self.identity.scopes.check("reply", command.reply)

    async def renew(self, token: str) -> int:
        """Goes on with a new token; ms until the next one is needed. Raises as `Authenticator.renew`."""
        self.identity = await self.access.authenticator.renew(self.identity, token)
        return round((self.identity.expires_at - time.monotonic()) * 1000)
