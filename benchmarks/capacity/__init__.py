"""`scripts/bench capacity`: how many speakers at once a server holds within its objective, and what
happens beyond.

`search` and `judging` are pure; `client` is the program that speaks, many sessions to a process, and
`crowd` runs as many of them as it takes.
"""

from benchmarks.capacity.command import main

__all__ = ["main"]
