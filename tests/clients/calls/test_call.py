"""Calls of every carrier through a real gateway, on a virtual clock."""

import numpy as np
import pytest

from clients.call_simulator import CARRIERS
from clients.calls.call import Call, CallRecord
from clients.calls.caller import Line
from clients.calls.figures import figures_of
from clients.calls.impairment import Impairment
from clients.errors import ConnectionLost, Refused, Unreachable
from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, ScriptedVoice, Stage, staged
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.session import SessionOptions
from voicegw.dialects import asterisk, bridge, native, twilio

pytestmark = pytest.mark.usefixtures("virtual_clock")

every_carrier = pytest.mark.parametrize("name", sorted(CARRIERS))
DIALECTS = (
    *(native.NativeDialect(), twilio.TwilioDialect(twilio.TwilioOptions())),
    *(bridge.BridgeDialect(bridge.VonageOptions()), asterisk.AsteriskDialect()),
)


def line(rate: int, *, interrupts: bool = False) -> Line:
    return Line(np.full(rate, 8000, dtype="<i2").tobytes(), interrupts)


async def conducted(stage: Stage, name: str, impairment: Impairment | None = None) -> CallRecord:
    carrier = CARRIERS[name]()
    call = Call(
        carrier, [line(carrier.rate), line(carrier.rate, interrupts=True)], impairment or Impairment()
    )
    stage.responder.pieces = ["One two three four five six seven."]
    return await call.run(stage.url.removesuffix(native.PATH), token())


@every_carrier
async def test_a_call_of_two_turns_with_an_interruption(name: str) -> None:
    gate = Gate(tokens=OPTIONS)
    async with staged(voice=ScriptedVoice(seconds=5), dialects=DIALECTS, gate=gate) as stage:
        figures = figures_of(await conducted(stage, name))
    assert figures["turns"] == 2
    assert figures["longest_gap_ms"] <= 40
    assert figures["overlap_ms"] == 0
    assert figures["stop_ms"] < 250


@pytest.mark.parametrize("name", ["twilio", "telnyx"])
async def test_jitter_and_loss_do_not_end_a_call(name: str) -> None:
    impairment = Impairment(jitter_ms=60, loss=0.02, in_order=CARRIERS[name].in_order)
    async with staged(voice=ScriptedVoice(seconds=5), dialects=DIALECTS) as stage:
        record = await conducted(stage, name, impairment)
        assert not stage.value("faults_total", code="invalid_state")
    assert figures_of(record)["turns"] == 2


async def test_a_caller_is_greeted() -> None:
    session = SessionOptions(dialogue=DialogueOptions(greeting="Good day."))
    async with staged(voice=ScriptedVoice(seconds=2), dialects=DIALECTS, session=session) as stage:
        record = await conducted(stage, "twilio")
        prompt = stage.responder.prompts[-1]
    figures = figures_of(record)
    assert figures["greeting_ms"] < 1000
    assert figures["turns"] == 2
    assert ("assistant", "Good day.") in [(message.role, message.content) for message in prompt]


async def test_a_server_that_ends_the_call_is_told_of() -> None:
    async with staged(dialects=DIALECTS) as stage:  # without a voice
        with pytest.raises(ConnectionLost, match="unsupported_reply"):
            await conducted(stage, "twilio")


async def test_a_server_that_refuses_or_does_not_answer_is_told_of() -> None:
    async with staged(voice=ScriptedVoice(), max_sessions=0, dialects=DIALECTS) as stage:
        with pytest.raises(Refused):
            await conducted(stage, "twilio")
    with pytest.raises(Unreachable):
        await Call(CARRIERS["twilio"](), [], Impairment()).run("ws://127.0.0.1:9")
