"""What one session is like: by its client, by its token, and to the model and the voice."""

from typing import Any

import pytest

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, ScriptedVoice, staged
from tests.peer import Peer, joined
from voicegw.core.responder import ReplyRequest
from voicegw.dialects import native

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")
PIRATE = native.ConfigureMessage(instructions="Talk like a pirate.", tools=("map",), voice="en-gb")


def bearer(**session: Any) -> dict[str, Any]:
    """Options of a connection whose token says what its session is like."""
    return {"additional_headers": {"Authorization": f"Bearer {token(session=session)}"}}


async def answered(peer: Peer) -> None:
    await peer.send(HELLO)
    await peer.until(native.ReplyDoneMessage)


def instructions(request: ReplyRequest) -> str:
    assert request.messages[0].role == "system"
    return request.messages[0].content


async def test_a_client_says_how_its_session_is_answered_and_others_keep_theirs() -> None:
    async with staged(voice=ScriptedVoice(seconds=0.1)) as stage:
        voice = stage.gateway._services.voice
        assert isinstance(voice, ScriptedVoice)
        async with joined(stage.url, "reply=audio") as peer, joined(stage.url, "reply=audio") as other:
            await peer.send(PIRATE)
            await answered(peer)
            await answered(other)
    first, second = stage.responder.requests
    assert (instructions(first), first.tools) == ("Talk like a pirate.", ("map",))
    assert ("pirate" in instructions(second), second.tools) == (False, None)
    assert set(voice.voices) == {"en-gb", ""}


async def test_it_is_the_same_after_a_resume() -> None:
    async with staged() as stage:
        async with joined(stage.url) as peer:
            await peer.send(PIRATE)
            await answered(peer)
            peer.socket.transport.abort()
        ready = peer.of(native.ReadyMessage)[0]
        query = f"session={ready.session}&epoch={ready.epoch}&last_seq={len(peer.messages)}"
        async with joined(stage.url, query, seen=peer.messages) as again:
            await answered(again)
    assert instructions(stage.responder.requests[-1]) == "Talk like a pirate."


async def test_a_token_says_what_its_session_is_like() -> None:
    async with (
        staged(gate=Gate(tokens=OPTIONS)) as stage,
        joined(stage.url, **bearer(instructions="Sell pizza.", tools=["menu"])) as peer,
    ):
        await answered(peer)
    [request] = stage.responder.requests
    assert (instructions(request), request.tools) == ("Sell pizza.", ("menu",))


async def test_and_its_client_cannot_change_that() -> None:
    gate = Gate(tokens=OPTIONS)
    async with staged(gate=gate) as stage, joined(stage.url, **bearer(instructions="Sell pizza.")) as peer:
        await peer.send(PIRATE)
        assert await peer.error() == "scope_missing"
        await peer.send(native.ConfigureMessage(tools=("map",)))  # which the token leaves open
        await answered(peer)
    [request] = stage.responder.requests
    assert (instructions(request), request.tools) == ("Sell pizza.", ("map",))


async def test_a_new_token_holds_from_then_on() -> None:
    gate = Gate(tokens=OPTIONS)
    async with staged(gate=gate) as stage, joined(stage.url, **bearer()) as peer:
        await peer.send(native.RefreshMessage(token=token(session={"instructions": "Sell pizza."})))
        await peer.until(native.RefreshedMessage)
        await answered(peer)
    assert instructions(stage.responder.requests[-1]) == "Sell pizza."


@pytest.mark.parametrize(
    "message",
    [
        '{"type": "configure", "voice": "-w/tmp/x"}',
        '{"type": "configure", "voice": "../x"}',
        '{"type": "configure", "tools": [""]}',
        f'{{"type": "configure", "instructions": "{"x" * 8_001}"}}',
    ],
)
async def test_what_cannot_be_is_refused(message: str) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(message)
        assert await peer.error() == "malformed_message"
        await answered(peer)


async def test_so_is_a_language_that_nobody_speaks() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(native.ConfigureMessage(language="tlh"))
        assert await peer.error() == "invalid_value"
        await peer.send(native.ConfigureMessage(language="de"))
        await answered(peer)
