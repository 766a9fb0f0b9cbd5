"""`scripts/bench cluster`: the overhead of Redis, and the scaling of workers.

The parts: `hop` times decodes by a local process and by a worker in turns, `traffic` measures bytes and CPU
time for each second of speech, `scaling` counts what one and two workers get done, `command` adds the time
that faults cost, as benchmarks.chaos has it, and shows the figures.
"""

from benchmarks.cluster.command import main

__all__ = ["main"]
