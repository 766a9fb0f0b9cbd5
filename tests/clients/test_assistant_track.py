from clients.assistant_track import AssistantTrack
from tests.clients.manual_clock import Clock

RATE = 16_000
SECOND = b"\1\1" * RATE


def test_the_assistant_is_heard_at_the_time_it_speaks() -> None:
    clock = Clock()
    track = AssistantTrack(clock, RATE)
    clock.now = 1.0
    track.begin()
    track.play(SECOND)
    track.play(SECOND)
    clock.now = 2.5
    assert len(track.pcm) == 3 * len(SECOND)
    assert bytes(track.pcm[: len(SECOND)]) == bytes(len(SECOND))
    assert track.played_ms == 1500


def test_it_falls_silent_at_once() -> None:
    clock = Clock()
    track = AssistantTrack(clock, RATE)
    track.play(SECOND)
    clock.now = 0.25
    track.flush()
    assert len(track.pcm) == len(SECOND) // 4
    assert track.played_ms == 250
