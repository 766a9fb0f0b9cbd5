"""Records of calls that were never made."""

from collections.abc import Sequence

from clients.calls.call import CallRecord
from clients.calls.caller import Said
from clients.calls.playout import Playout
from tests.clients.manual_clock import Clock

RATE = 8_000
SECOND = b"\1\1" * RATE


def record(
    said: Sequence[Said], spans_s: Sequence[tuple[float, float]], clears_s: Sequence[float] = ()
) -> CallRecord:
    """A call in which audio was played in these spans, which are in order; a clear may cut one short."""
    clock = Clock()
    playout = Playout(RATE, clock)
    pending = list(clears_s)
    for begin, end in spans_s:
        while pending and pending[0] <= begin:
            clock.now = pending.pop(0)
            playout.clear()
        clock.now = begin
        playout.play(b"\1\1" * round((end - begin) * RATE))
    for clock.now in pending:
        playout.clear()
    return CallRecord(20 * SECOND, RATE, said, playout, late_ms=0.0)
