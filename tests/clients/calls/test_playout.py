from clients.calls.playout import Playout, Span
from tests.clients.calls.recorded import RATE, SECOND
from tests.clients.manual_clock import Clock


def test_audio_is_played_at_the_time_at_which_it_arrives() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    clock.now = 1.0
    playout.play(SECOND)
    assert bytes(playout.heard) == bytes(len(SECOND)) + SECOND
    assert playout.spans() == [Span(1000, 2000)]


def test_audio_that_arrives_early_waits_and_late_audio_leaves_a_gap() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    playout.play(SECOND)
    playout.play(SECOND)
    assert playout.lead_ms == 2000
    clock.now = 2.5
    playout.play(SECOND)
    assert playout.spans() == [Span(0, 2000), Span(2500, 3500)]


def test_a_mark_is_reached_when_the_audio_before_it_was_played() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    playout.play(SECOND)
    playout.mark("first")
    playout.play(SECOND)
    playout.mark("second")
    clock.now = 1.5
    assert playout.reached() == ["first"]
    clock.now = 2.0
    assert playout.reached() == ["second"]


def test_a_clear_drops_what_waits_and_reaches_its_marks() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    playout.play(SECOND)
    playout.mark("end")
    clock.now = 0.25
    playout.clear()
    assert playout.reached() == ["end"]
    assert playout.spans() == [Span(0, 250)]
    assert len(playout.heard) == len(SECOND) // 4
    assert (playout.clears_ms, playout.dropped_ms) == ([250], [750])


def test_silence_is_counted_from_the_end_of_the_audio() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    playout.play(SECOND)
    assert playout.silent_s == 0
    clock.now = 3.0
    assert playout.silent_s == 2
    assert playout.played_s(since=0) == 1
