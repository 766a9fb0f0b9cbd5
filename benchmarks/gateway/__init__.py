"""`scripts/bench gateway`: the cost of a frame and of a connection in the gateway itself.

The parts: `command` runs the rounds and shows the figures, `bench` holds the processes, `client` is the
client process, and `benchmarks.scripted_gateway` the server: the real gateway with scripted recognition and
replies, or a bare receive loop of the `websockets` package.
"""

from benchmarks.gateway.command import main

__all__ = ["main"]
