"""`scripts/bench realtime`: clients of OpenAI's Realtime API at a server of this project.

`client` is the client process, with the real `openai` package; `events` is what it reports;
`figures` is pure; `command` runs the parts.
"""

from benchmarks.realtime.command import main

__all__ = ["main"]
