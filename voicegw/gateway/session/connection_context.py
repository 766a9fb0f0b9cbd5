"""What one connection is allowed: who its client is, what it may use, and until when."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import (
    Acknowledge,
    Cancel,
    Command,
    Commit,
    Configure,
    End,
    Played,
    Refresh,
    ReplyMode,
    TypeText,
)
from voicegw.core.profile import SessionProfile, given
from voicegw.errors import ScopeMissing
from voicegw.gateway.auth.access import Access, check_scopes
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.session_limiter import SessionLimiter

_PIECE_MS = 200  # of audio handled before others have their turn
_SILENCE = {AudioFormat.PCM: b"\0", AudioFormat.MULAW: b"\xff", AudioFormat.ALAW: b"\xd5"}


@dataclass
class ConnectionContext:
    """`piece_bytes`: of audio that may be handled in one go. `silence`: one byte of it."""

    access: Access
    identity: Identity
    limiter: SessionLimiter
    sample_bytes: int
    piece_bytes: int
    silence: bytes

    @classmethod
    def of(
        cls, access: Access, identity: Identity, profile: SessionProfile, quota: Quota
    ) -> "ConnectionContext":
        """Of a connection that has just begun, to a session that is like `profile` and has used so much."""
        sample_bytes = 2 if profile.audio_format is AudioFormat.PCM else 1
        return cls(
            access,
            identity,
            SessionLimiter(
                access.limits, identity.user, identity.address, profile.rate * sample_bytes, quota
            ),
            sample_bytes,
            profile.rate * _PIECE_MS // 1000 * sample_bytes,
            _SILENCE[profile.audio_format],
        )

    @property
    def session_ttl_s(self) -> float:
        """How long a session may last on one token."""
        return self.access.authenticator.session_ttl_s

    def check(self, command: Command, replies: ReplyMode) -> None:
        """Raises ScopeMissing for a command that the token does not allow in a session that replies so."""
        if isinstance(command, Configure):
            fixed = given(self.identity.fixed)
            for name, value in given(command).items():
                if fixed.get(name, value) != value:
                    raise ScopeMissing(f"this token says what `{name}` is")
        if (reply := _reply_to(command, replies)) is not None:
            self.identity.scopes.check("reply", reply)

    async def renew(self, token: str, session: Callable[[], SessionProfile]) -> int:
        """Goes on with a new token, if it would open the session as it is then; ms until the next one is
        needed. Raises as `Authenticator.renewed` and `spend`, and ScopeMissing."""
        renewed = self.access.authenticator.renewed(self.identity, token)
        check_scopes(renewed, session())  # before it is used up
        await self.access.authenticator.spend(renewed)
        check_scopes(renewed, session())  # which may have been configured meanwhile, by the old one's scopes
        self.identity = renewed
        return round((self.identity.expires_at - time.monotonic()) * 1000)


def _reply_to(command: Command, replies: ReplyMode) -> ReplyMode | None:
    """How the model is asked to reply by a command, to it or from now on; None if not at all. What replies to
    speech is checked when it is configured."""
    match command:
        case Configure():
            return command.reply
        case TypeText():  # is answered in any case
            return ReplyMode.TEXT if replies is ReplyMode.NONE else replies
        case Commit() | Cancel() | Played() | Acknowledge() | Refresh() | End():
            return None
        case _:
            assert_never(command)
