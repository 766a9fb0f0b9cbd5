"""`scripts/bench capacity`: the most simultaneous speakers within the latency objective, and overload.

`search` and `evaluation` are pure; `client` is the client process with many sessions, `load` runs the client
processes, and `ramp` raises the number of speakers.
"""

from benchmarks.capacity.command import main

__all__ = ["main"]
