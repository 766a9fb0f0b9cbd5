"""A user's own recordings as material for the benchmarks, and `scripts/bench recordings`, which checks them.

`manifest` reads what is said in them, `checking` finds what is wrong, `alignment` finds when each word is
said, `offline` is the recognition that a stream is held against, `accuracy` counts the errors. Other
benchmarks get all of it from `material`.
"""

from benchmarks.recordings.command import main

__all__ = ["main"]
