"""`scripts/bench chaos`: what faults cost those who are being recognised.

The parts: `installation` is a Redis with gateways and workers as real processes, `faults` what can happen to
them, `load` and `sessions` the work that goes on meanwhile and its account, `runs` the seeded schedule,
`command` shows the figures. A new fault is a function in `faults`; a new kind of work is a `runs.Load`.
"""

from benchmarks.chaos.command import main

__all__ = ["main"]
