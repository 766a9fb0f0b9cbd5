"""The tables of the documents are what the dialect does, for all that the `openai` package knows."""

import re

from openai.types.realtime import RealtimeClientEvent, RealtimeResponseCreateParams

from tests.documents import ROOT
from tests.realtime_table import EVENTS, RESPONSE, SESSION, kinds_of, session_paths, tables


def test_every_event_and_field_of_the_package_is_tried() -> None:
    assert set(SESSION) == session_paths()
    assert set(RESPONSE) == set(RealtimeResponseCreateParams.model_fields)
    assert set(EVENTS) == set(kinds_of(RealtimeClientEvent))


def test_the_document_says_what_the_dialect_does() -> None:
    document = (ROOT / "clients/openai.md").read_text()
    [stated] = re.findall(r"<!-- realtime -->\n(.*?)\n<!-- /realtime -->", document, re.DOTALL)
    assert stated == tables(), "write there what tests/realtime_table.py says"
