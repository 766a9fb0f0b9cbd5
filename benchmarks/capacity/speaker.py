"""The messages between the benchmark and its client processes.

All times are seconds of the host's monotonic clock, which its processes share.
"""

import msgspec

from benchmarks.recording import Recording
from clients.samples import Sample, Utterance


class Speaker(msgspec.Struct, frozen=True):
    """begin: where in the samples to begin, as a fraction of them. delay_s: after the common start."""

    begin: float
    delay_s: float


class ClientConfig(msgspec.Struct, frozen=True):
    """The configuration of a client process, its first line of input. samples: to stream; the sample sessions
    if empty."""

    url: str
    reply: str
    speakers: tuple[Speaker, ...]
    samples: tuple[Sample, ...] = ()


class Schedule(msgspec.Struct, frozen=True):
    """The time of the first frames and the end of speech; the second line of input."""

    start_s: float
    end_s: float


class Spoken(msgspec.Struct, frozen=True):
    """The result of one speaker.

    recording: None when never admitted. late_ms: of each frame, how far behind its schedule it was sent.
    refusals_ms: from each attempt to connect to the refusal. failure: why the session was lost; empty if it
    was not.
    """

    recording: Recording | None = None
    utterances: tuple[Utterance, ...] = ()
    late_ms: tuple[float, ...] = ()
    refusals_ms: tuple[float, ...] = ()
    failure: str = ""
