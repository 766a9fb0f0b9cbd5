"""`scripts/bench peers`: this server beside other real-time Whisper servers, on equal terms.

The same model, audio, machine, client and measures for each, taken in turn within one run. What a peer is,
how it is installed, started and spoken to stands in one module per peer.
"""

from benchmarks.peers.command import main

__all__ = ["main"]
