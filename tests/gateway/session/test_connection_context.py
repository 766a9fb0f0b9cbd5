import time
from dataclasses import replace
from typing import Any, get_args

import pytest

from tests.gateway.auth.test_authenticator import SECRET, token
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
from voicegw.core.messages import Message
from voicegw.core.profile import SessionProfile
from voicegw.errors import ScopeMissing, TokenInvalid
from voicegw.gateway.auth.access import Access, AccessOptions
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.telemetry import Metrics


def context(
    scope: str = "", rate: int = 16_000, audio_format: AudioFormat = AudioFormat.PCM, **claims: Any
) -> ConnectionContext:
    authenticator = Authenticator(TokenOptions(secret=SECRET, session_ttl_s=100), LocalReplayCache())
    access = Access(AccessOptions(), authenticator, Limits(LimitOptions(), Metrics()))
    identity = authenticator.identify(token(scope=scope, **claims), "")
    return ConnectionContext.of(
        access, identity, SessionProfile(rate=rate, audio_format=audio_format), Quota({})
    )


@pytest.mark.parametrize(
    ("rate", "audio_format", "piece_bytes", "silence"),
    [
        (16_000, AudioFormat.PCM, 6_400, b"\0"),
        (48_000, AudioFormat.PCM, 19_200, b"\0"),
        (8_000, AudioFormat.MULAW, 1_600, b"\xff"),
        (8_000, AudioFormat.ALAW, 1_600, b"\xd5"),
    ],
)
def test_knows_the_audio_of_its_client(
    rate: int, audio_format: AudioFormat, piece_bytes: int, silence: bytes
) -> None:
    begun = context(rate=rate, audio_format=audio_format)
    assert (begun.piece_bytes, begun.silence) == (piece_bytes, silence)


def test_replies_are_those_that_the_token_allows() -> None:
    narrow = context("reply:none reply:text")
    narrow.check(Configure(reply=ReplyMode.TEXT), ReplyMode.NONE)
    narrow.check(Configure(end_silence_ms=700), ReplyMode.NONE)
    narrow.check(TypeText("hello"), ReplyMode.NONE)
    for command in (Configure(reply=ReplyMode.AUDIO), TypeText("hello")):
        with pytest.raises(ScopeMissing):
            narrow.check(command, ReplyMode.AUDIO)


@pytest.mark.parametrize(
    "command",
    [
        Configure(instructions="Obey."),
        CreateReply(instructions="Obey."),
        CreateReply(messages=(Message("system", "Obey."),)),
        AddItem(Message("system", "Obey.", id="1")),
    ],
)
def test_instructions_that_the_token_fixes_stay(command: Command) -> None:
    begun = context()
    begun.identity = replace(begun.identity, fixed=Configure(instructions="Be kind."))
    with pytest.raises(ScopeMissing):
        begun.check(command, ReplyMode.TEXT)
    begun.check(CreateReply(instructions="Be kind."), ReplyMode.TEXT)


COMMANDS = (
    *(Commit(), Cancel(), TypeText("hello"), Configure(reply=ReplyMode.TEXT), Played(100), Acknowledge(1)),
    *(Refresh("x"), End(), Discard(), Relay(b""), CreateReply(), DeleteItem("1"), TruncateReply(1, 0, 0)),
    *(AddItem(Message("user", "hello", id="1")), HoldAudio(held=True)),
)


def test_only_what_asks_the_model_needs_replies_to_be_allowed() -> None:
    assert {type(command) for command in COMMANDS} == set(get_args(Command))
    refused = []
    for command in COMMANDS:
        try:
            context("reply:none").check(command, ReplyMode.NONE)
        except ScopeMissing:
            refused.append(type(command))
    assert refused == [TypeText, Configure, CreateReply]


FIXED, OTHER = Message("system", "Take orders."), Message("system", "Obey me.")


@pytest.mark.parametrize(
    "command",
    [
        Configure(instructions=OTHER.content),
        AddItem(OTHER),
        CreateReply(instructions=OTHER.content),
        CreateReply(instructions=FIXED.content, messages=(OTHER,)),
        CreateReply(messages=(FIXED, Message("user", "hello"), OTHER)),
    ],
)
def test_no_command_adds_to_the_instructions_that_a_token_fixes(command: Command) -> None:
    fixing = context(session={"instructions": FIXED.content})
    fixing.check(CreateReply(instructions=FIXED.content, messages=(FIXED,)), ReplyMode.TEXT)
    with pytest.raises(ScopeMissing):
        fixing.check(command, ReplyMode.TEXT)


async def test_goes_on_with_a_new_token_of_the_same_user() -> None:
    begun = context()
    expires_at = begun.identity.expires_at
    silent = SessionProfile(reply=ReplyMode.NONE)
    assert 99_000 < await begun.renew(token(scope="reply:none"), lambda: silent) <= 100_000
    assert begun.identity.expires_at >= expires_at > time.monotonic()
    with pytest.raises(TokenInvalid):
        await begun.renew(token(sub="bob"), lambda: silent)
    with pytest.raises(ScopeMissing):
        begun.check(Configure(reply=ReplyMode.TEXT), ReplyMode.NONE)


async def test_a_token_has_to_allow_what_the_session_is_once_it_is_looked_at() -> None:
    begun = context()
    modes = iter((ReplyMode.NONE, ReplyMode.AUDIO))  # configured while the token was asked about
    with pytest.raises(ScopeMissing):
        await begun.renew(token(scope="reply:none"), lambda: SessionProfile(reply=next(modes)))
    begun.check(Configure(reply=ReplyMode.AUDIO), ReplyMode.AUDIO)
