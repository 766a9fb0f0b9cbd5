"""What passes between the benchmark and its client process.

All times are seconds of the host's monotonic clock, which its processes share.
"""

import msgspec

from clients.audio import FRAME_S


class Stream(msgspec.Struct, frozen=True, tag=True):
    """A frame to each session every `every_s`, one session after the other, from start_s to end_s."""

    start_s: float
    end_s: float
    every_s: float = FRAME_S


class Knock(msgspec.Struct, frozen=True, tag=True):
    """So many attempts to open one more session, evenly from start_s to end_s."""

    start_s: float
    end_s: float
    attempts: int


class Streamed(msgspec.Struct, frozen=True):
    """How many frames were sent, and how far behind their schedule the latest hundredth was."""

    frames: int
    late_p99_ms: float


class Knocked(msgspec.Struct, frozen=True):
    """The HTTP statuses of the attempts, and the time from when each was due to its answer."""

    statuses: tuple[int, ...]
    answered_ms: tuple[float, ...]
