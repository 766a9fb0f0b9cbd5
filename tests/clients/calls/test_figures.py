from math import isnan

import pytest

from clients.calls.caller import Said
from clients.calls.figures import figures_of, replies_of
from tests.clients.calls.recorded import record

ASKED = Said(1000, 2000, interrupts=False)
INTERRUPTED = Said(5000, 6000, interrupts=True)


def test_a_call_with_an_interruption() -> None:
    call = record([ASKED, INTERRUPTED], [(2.5, 9.0), (6.6, 8.0)], clears_s=[5.2])
    figures = figures_of(call)
    assert figures["turns"] == 2
    assert figures["first_audio_ms"] == 500
    assert figures["second_audio_ms"] == 600
    assert figures["stop_ms"] == figures["clear_ms"] == 200
    assert figures["dropped_ms"] == 3800
    assert figures["longest_gap_ms"] == figures["overlap_ms"] == 0


def test_the_longest_gap_within_a_reply() -> None:
    call = record([ASKED], [(2.5, 3.0), (3.1, 4.0), (4.02, 5.0)])
    assert figures_of(call)["longest_gap_ms"] == pytest.approx(100)


def test_replies_are_separated_by_what_the_caller_says() -> None:
    call = record([ASKED, Said(5000, 6000, interrupts=False)], [(0.1, 0.9), (2.5, 4.0), (6.5, 7.0)])
    assert [round(reply.begin_ms) for reply in replies_of(call)] == [100, 2500, 6500]
    assert figures_of(call)["longest_gap_ms"] == 0
    assert figures_of(call)["greeting_ms"] == 100


def test_audio_after_the_stop_is_an_overlap() -> None:
    call = record([ASKED, INTERRUPTED], [(2.5, 9.0), (5.5, 5.8), (6.6, 8.0)], clears_s=[5.2])
    assert figures_of(call)["overlap_ms"] == pytest.approx(300)


def test_a_packet_that_is_late_is_no_stop() -> None:
    call = record([ASKED, INTERRUPTED], [(2.5, 5.1), (5.12, 9.0), (6.6, 8.0)], clears_s=[5.2])
    figures = figures_of(call)
    assert figures["overlap_ms"] == 0
    assert figures["stop_ms"] == pytest.approx(200)
    assert figures["longest_gap_ms"] == pytest.approx(20)


def test_what_did_not_happen_is_no_figure() -> None:
    figures = figures_of(record([ASKED, INTERRUPTED], []))
    assert figures["turns"] == 0
    assert isnan(figures["stop_ms"])
