"""`scripts/bench cluster`: the overhead of Redis, and the scaling of workers.

The parts: `hop` times decodes by a local process and by a worker in turns, `windows` what sending audio only
once would save, `scaling` counts what one and two workers get done, `takeover`
kills a gateway with all its sessions, `command` adds the time that faults cost, as benchmarks.chaos has it,
and shows the figures.
"""

from benchmarks.cluster.command import main

__all__ = ["main"]
