"""`scripts/bench fuzz`: what rude clients do to a server, and to those beside them.

The parts: `command` runs the campaign beside a healthy neighbour, `campaign` has the clients, `attack` is
one of them, `corpus` draws messages from the dialect's schema. `targets` is what `scripts/bench decoders`
fuzzes by coverage.
"""

from benchmarks.fuzz.command import main

__all__ = ["main"]
