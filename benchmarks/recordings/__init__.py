"""Your own recordings as input of the benchmarks, and `scripts/bench recordings`, which checks them.

`manifest` reads their transcripts, `checking` finds problems, `alignment` finds the times of the words,
`stock` is the offline recognition that streams are compared with, `accuracy` counts the errors. Other
benchmarks use `material`.
"""

from benchmarks.recordings.command import main

__all__ = ["main"]
