"""The requests to the client process of the benchmark, and their results.

All times are seconds of the host's monotonic clock, which its processes share.
"""

import msgspec

from clients.audio import FRAME_S


class Stream(msgspec.Struct, frozen=True, tag=True):
    """A frame to each session every `every_s`, one session after the other, from start_s to end_s."""

    start_s: float
    end_s: float
    every_s: float = FRAME_S


class ConnectAttempts(msgspec.Struct, frozen=True, tag=True):
    """`attempts` attempts to open one more session, evenly from start_s to end_s."""

    start_s: float
    end_s: float
    attempts: int


class StreamResult(msgspec.Struct, frozen=True):
    """The number of frames sent, and the p99 of their lateness."""

    frames: int
    late_p99_ms: float


class AttemptResults(msgspec.Struct, frozen=True):
    """The HTTP statuses of the attempts, and the time from the schedule of each to its answer."""

    statuses: tuple[int, ...]
    answered_ms: tuple[float, ...]
