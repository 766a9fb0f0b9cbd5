"""What metrics and the log get of the events of a session."""

import pytest
from structlog.testing import capture_logs

from tests.gateway.fakes import ScriptedRecognizer, ScriptedResponder, windowed
from voicegw.core.events import Event, Fault, ReplyDone, ReplyReason, SpeechStarted, TurnLatency
from voicegw.gateway.services import Services
from voicegw.telemetry import Metrics


@pytest.fixture
def services() -> Services:
    return Services(windowed(ScriptedRecognizer()), ScriptedResponder(), Metrics())


def value(services: Services, name: str, **labels: str) -> float | None:
    return services.metrics.registry.get_sample_value(f"voicegw_{name}", labels)


def test_the_end_of_a_reply_is_counted_by_its_reason(services: Services) -> None:
    services.count(ReplyDone(1, "", ReplyReason.INTERRUPTED), "s")
    assert value(services, "reply_ends_total", reason="interrupted") == 1


def test_an_error_is_counted_by_its_code(services: Services) -> None:
    services.count(Fault("llm_timeout", "slow", retryable=True), "s")
    assert value(services, "faults_total", code="llm_timeout") == 1


def test_a_turn_is_measured_and_logged(services: Services) -> None:
    with capture_logs() as lines:
        services.count(TurnLatency(turn=3, first_token_ms=120.04), "s")
    [line] = lines
    assert (line["event"], line["session"], line["turn"]) == ("turn", "s", 3)
    assert line["first_token_ms"] == 120.0
    assert "endpoint_ms" not in line


@pytest.mark.parametrize("event", [SpeechStarted(1, 0), ReplyDone(1, "", ReplyReason.COMPLETED)])
def test_events_of_other_kinds_are_neither_errors_nor_turns(services: Services, event: Event) -> None:
    with capture_logs() as lines:
        services.count(event, "s")
    assert not lines
