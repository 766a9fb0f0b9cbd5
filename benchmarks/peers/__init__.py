"""`scripts/bench peers`: comparison of this server with other real-time Whisper servers.

All have the same model, audio, machine, client and measures, and alternate within one run. One module for
each peer describes how to install, start and use it.
"""

from benchmarks.peers.command import main

__all__ = ["main"]
