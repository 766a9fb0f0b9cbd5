"""The metrics as a whole: their names, the table that documents them, and what moves each of them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.gateway.fakes import LOUD, QUIET, SPOKEN, Gate, ScriptedVoice, staged
from tests.metrics_table import PROCESS, all_metrics, families
from tests.observing import PATIENCE_S, until
from tests.peer import joined
from voicegw.core.events import PartialTranscript
from voicegw.dialects import native
from voicegw.gateway.limits.rate_limits import LimitOptions

TESTS = Path(__file__).parent
# the metrics that no test but this one names, because their code has no test of its own for them
MOVED_HERE = {
    *("commands", "connections", "connections_opened", "events", "frames_received", "frames_sent"),
    *("input_dropped", "loop_lag_seconds", "outbox_bytes", "outbox_coalesced"),
    *("received_bytes", "reply_ends", "sent_bytes", "sessions", "tasks", "llm_tokens"),
}


def test_names_follow_the_rules_of_prometheus() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=all_metrics().exposition(),
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize(
    "name", [family.name for family in families() if not family.name.startswith(PROCESS)]
)
def test_a_test_moves_each_metric(name: str) -> None:
    short = name.removeprefix("voicegw_").removeprefix("cluster_")
    if short in MOVED_HERE:
        return
    others = (path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    names = re.compile(rf'"(cluster_)?({short}|{short.removeprefix("llm_")})|voicegw_(cluster_)?{short}')
    assert any(names.search(text) for text in others)


async def test_a_conversation_moves_the_metrics_of_a_gateway() -> None:
    async with staged(voice=ScriptedVoice()) as stage, joined(stage.url) as peer:
        await peer.say(SPOKEN)
        await peer.until(native.ReplyDoneMessage)
        await peer.send(native.TextMessage(text="hello"))
        await peer.until(native.ReplyDoneMessage)
        await until(lambda: (stage.value("loop_lag_seconds") or 0) > 0)
        assert stage.value("sessions") == stage.value("connections") == 1
        assert stage.value("connections_opened_total") == 1
        assert (stage.value("tasks") or 0) > 3
        assert stage.value("commands_total", command="TypeText") == 1
        assert stage.value("events_total", event="ReplyDone") == 2
        assert stage.value("reply_ends_total", reason="completed") == 2
        assert stage.value("frames_received_total", type="binary") == len(SPOKEN) // 3_200
        assert stage.value("received_bytes_total", type="binary") == len(SPOKEN)
        assert stage.value("frames_received_total", type="text") == 1
        assert (stage.value("frames_sent_total", type="text") or 0) >= len(peer.messages)
        assert (stage.value("sent_bytes_total", type="text") or 0) > 100
        assert all((stage.value("llm_tokens_total", kind=kind) or 0) > 0 for kind in ("prompt", "completion"))


async def test_input_over_a_limit_is_counted() -> None:
    gate = Gate(limits=LimitOptions(session_audio_seconds="1/minute", session_messages="1/minute"))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.say(LOUD + QUIET + LOUD)
        await peer.send(*[native.CancelMessage()] * 3)
        await until(lambda: (stage.value("input_dropped_total", what="audio") or 0) > 0)
        await until(lambda: (stage.value("input_dropped_total", what="message") or 0) > 0)


async def test_events_that_wait_for_a_client_are_counted() -> None:
    async with staged() as stage:
        async with joined(stage.url) as peer:
            [runner] = stage.gateway.sessions
            peer.socket.transport.abort()
            await until(lambda: stage.value("sessions_detached") == 1)
        for tentative in ("hel", "hello"):
            runner.emit(PartialTranscript(1, "", tentative, 16_000))
        assert (stage.value("outbox_bytes") or 0) > 0
        assert stage.value("outbox_coalesced_total", kind="partial") == 1
