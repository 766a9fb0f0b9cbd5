from itertools import islice

import numpy as np
import pytest

from clients.calls.caller import BARGE_IN_S, GREETING_S, REPLY_END_S, Caller, Line, speech_of
from clients.calls.playout import Playout
from clients.errors import Incomplete
from tests.clients.calls.recorded import RATE, SECOND
from tests.clients.manual_clock import Clock

FRAME_S = 0.02


def spoken(caller: Caller, clock: Clock, seconds: float) -> bytes:
    """What the caller sends in this time."""
    sent = b""
    for frame in islice(caller.frames(), round(seconds / FRAME_S)):
        sent += frame
        clock.now += FRAME_S
    return sent


def test_speaks_after_waiting_for_a_greeting() -> None:
    clock = Clock()
    caller = Caller([Line(SECOND)], Playout(RATE, clock), RATE)
    sent = spoken(caller, clock, 4)
    begin = sent.index(b"\1") / 2 / RATE
    assert GREETING_S <= begin < GREETING_S + 0.1
    assert caller.said[0].begin_ms == pytest.approx(1000 * begin)


def test_lets_a_greeting_finish() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    playout.play(2 * SECOND)
    caller = Caller([Line(SECOND)], playout, RATE)
    assert spoken(caller, clock, 6).index(b"\1") / 2 / RATE > 2 + GREETING_S


def test_interrupts_a_reply_and_waits_for_the_end_of_the_next_one() -> None:
    clock = Clock()
    playout = Playout(RATE, clock)
    caller = Caller([Line(SECOND), Line(SECOND, interrupts=True)], playout, RATE)
    frames = caller.frames()
    for frame in frames:
        clock.now += FRAME_S
        if frame.strip(b"\0") and len(caller.said) == 1 and not playout.begun:
            playout.play(10 * SECOND)
        if len(caller.said) == 2 and not playout.clears_ms:
            playout.clear()
            reply_s = clock.now + 2
        if playout.clears_ms and playout.begun == 1 and clock.now > reply_s:
            playout.play(SECOND)
    first, second = caller.said
    assert not first.interrupts
    assert second.begin_ms - playout.spans()[0].begin_ms >= 1000 * BARGE_IN_S
    assert clock.now >= reply_s + 1 + REPLY_END_S


def test_does_not_wait_for_ever() -> None:
    clock = Clock()
    caller = Caller([Line(SECOND)], Playout(RATE, clock), RATE)
    with pytest.raises(Incomplete):
        spoken(caller, clock, 100)


def test_speech_is_found_between_silence() -> None:
    tone = np.full(RATE, 8000, dtype="<i2").tobytes()
    click = tone[: len(tone) // 50]
    audio = bytes(RATE // 2) + click + bytes(RATE // 2) + tone + bytes(2 * RATE)
    assert speech_of(audio, RATE) == pytest.approx((520, 1520), abs=20)


@pytest.mark.parametrize("audio", [b"", bytes(10), bytes(RATE)])
def test_without_speech_nothing_is_found(audio: bytes) -> None:
    assert speech_of(audio, RATE) == (0, 0)
