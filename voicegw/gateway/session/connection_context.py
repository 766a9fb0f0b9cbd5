"""The identity, the limits and the permissions of one connection."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import (
    Acknowledge,
    AddItem,
    Cancel,
    Command,
    Commit,
    Configure,
    CreateReply,
    DeleteItem,
    Discard,
    End,
    HoldAudio,
    Played,
    Refresh,
    Relay,
    ReplyMode,
    TruncateReply,
    TypeText,
)
from voicegw.core.profile import SessionProfile, given
from voicegw.errors import ScopeMissing
from voicegw.gateway.auth.access import Access, check_scopes
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.session_limiter import SessionLimiter

_PIECE_MS = 200  # of audio processed before other tasks run
_SILENCE = {AudioFormat.PCM: b"\0", AudioFormat.MULAW: b"\xff", AudioFormat.ALAW: b"\xd5"}


@dataclass
class ConnectionContext:
    """piece_bytes: audio that is processed at one time. silence: one byte of silent audio."""

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
        """The context of a new connection to a session with this profile and quota state."""
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
        """How long a session may last with one token, in s."""
        return self.access.authenticator.session_ttl_s

    def check(self, command: Command, replies: ReplyMode) -> None:
        """Raises ScopeMissing for a command that the token does not allow. replies: the session's reply
        mode."""
        fixed = given(self.identity.fixed)
        for name, value in _settings(command):
            if fixed.get(name, value) != value:
                raise ScopeMissing(f"this token fixes `{name}`")
        if (reply := _reply_to(command, replies)) is not None:
            self.identity.scopes.check("reply", reply)

    async def renew(self, token: str, session: Callable[[], SessionProfile]) -> int:
        """Replaces the token; returns the ms until the next one is needed. The new token must allow the
        session as it is then. Raises ScopeMissing and the errors of `Authenticator.renewed` and `consume`."""
        renewed = self.access.authenticator.renewed(self.identity, token)
        check_scopes(renewed, session())  # before the token is consumed
        await self.access.authenticator.consume(renewed)
        check_scopes(renewed, session())  # again: the session may have been configured meanwhile
        self.identity = renewed
        return round((self.identity.expires_at - time.monotonic()) * 1000)


def _settings(command: Command) -> Iterator[tuple[str, Any]]:
    """The settings of the session that a command changes, also if only for one reply. A name may come several
    times: every system message is an instruction."""
    match command:
        case Configure():
            yield from given(command).items()
        case CreateReply(reply, instructions, _, messages):
            if reply is not None:
                yield "reply", reply
            if instructions is not None:
                yield "instructions", instructions
            yield from (("instructions", each.content) for each in messages or () if each.role == "system")
        case AddItem(message) if message.role == "system":
            yield "instructions", message.content
        case _:
            pass


def _reply_to(command: Command, replies: ReplyMode) -> ReplyMode | None:
    """The reply mode that a command uses or sets; None if it does neither. The mode for replies to speech is
    checked when it is configured."""
    match command:
        case Configure():
            return command.reply
        case CreateReply(ReplyMode() as asked):
            return asked
        case TypeText() | CreateReply():  # is always answered
            return ReplyMode.TEXT if replies is ReplyMode.NONE else replies
        case Commit() | Discard() | Cancel() | Played() | HoldAudio() | Acknowledge() | Refresh() | End():
            return None
        case Relay() | AddItem() | DeleteItem() | TruncateReply():
            return None
        case _:
            assert_never(command)
