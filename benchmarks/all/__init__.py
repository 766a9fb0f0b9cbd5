"""`scripts/bench all`: the other benchmarks one after the other, and one report of their figures.

`parts` says which benchmarks run and which of their figures are reported, `results` keeps one file for each,
`document` writes the report and the table of README, `plots` draws, and `command` runs the parts.
"""

from benchmarks.all.command import main

__all__ = ["main"]
