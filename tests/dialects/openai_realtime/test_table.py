"""The tables of clients/openai.md try everything that the `openai` package knows."""

from openai.types.realtime import RealtimeClientEvent, RealtimeResponseCreateParams

from tests.realtime_table import EVENTS, RESPONSE, SESSION, kinds_of, session_paths


def test_every_event_and_field_of_the_package_is_tried() -> None:
    assert set(SESSION) == session_paths()
    assert set(RESPONSE) == set(RealtimeResponseCreateParams.model_fields)
    assert set(EVENTS) == set(kinds_of(RealtimeClientEvent))
