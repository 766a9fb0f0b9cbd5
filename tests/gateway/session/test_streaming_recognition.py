"""A streaming recogniser behind a real WebSocket: the gateway does not know that it is another kind."""

from contextlib import AsyncExitStack

import pytest

from tests.gateway.fakes import QUIET, SPOKEN, ScriptedResponder, staged
from tests.observing import until
from tests.peer import joined
from tests.streaming import StreamingBackend
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import Word
from voicegw.dialects import native
from voicegw.gateway.services import Services
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

SCRIPT = [
    Word(text, round(start * SAMPLE_RATE), round(end * SAMPLE_RATE), 1.0)
    for text, start, end in (("good", 0.05, 0.2), ("morning", 0.2, 0.45))
]


def services(backend: StreamingBackend) -> Services:
    return Services(backend, ScriptedResponder(), Metrics())


async def test_words_come_while_they_are_spoken_and_the_turn_is_answered() -> None:
    backend = StreamingBackend(SCRIPT)
    async with staged(services=services(backend)) as stage, joined(stage.url) as peer:
        await peer.say(SPOKEN)
        final = await peer.until(native.FinalMessage)
        done = await peer.until(native.ReplyDoneMessage)
    shown = [message.stable for message in peer.of(native.PartialMessage) if message.turn == final.turn]
    assert (shown, final.text, done.text) == (["good", "good morning"], "good morning", "Good day.")


async def test_a_stream_belongs_to_one_session_and_ends_with_it() -> None:
    backend = StreamingBackend(SCRIPT)
    resume = ResumeOptions(window_ms=0)
    async with staged(services=services(backend), resume=resume) as stage:
        async with AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(joined(stage.url)) for _ in range(3)]
            await peers[0].say(QUIET)
            for peer in peers[1:]:
                await peer.say(SPOKEN)
                assert (await peer.until(native.FinalMessage)).text == "good morning"
            assert (backend.open, backend.opened) == (2, 2)
        await until(lambda: backend.open == 0)
