"""`scripts/bench fuzz`: misbehaving clients at a server, beside a reference client.

The parts: `command` runs the campaign beside a reference client, `campaign` runs the clients, `client` is one
of them, `corpus` generates messages from the schema of the dialect. `targets` is what `scripts/bench
decoders` fuzzes with coverage guidance.
"""

from benchmarks.fuzz.command import main

__all__ = ["main"]
