"""`scripts/bench chaos`: what faults and load cost the clients, in three cases.

`command` runs a case. `fault_campaign`: `installation` is a Redis with gateways and workers as real
processes, `faults` are the possible faults, `load` and `sessions` the work during them and its accounting,
`runs` the seeded schedule. `reconnect`: all connections are reset at once. `soak`: `client_groups` at one
server for minutes. A new fault is a function in `faults`; a new kind of work is a `runs.Load`.
"""

from benchmarks.chaos.command import main

__all__ = ["main"]
