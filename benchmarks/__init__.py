"""Benchmarks of a running server, and of its inner loop.

    scripts/bench NAME [arguments]

A benchmark is a module here with `main(argv)`, named in `benchmarks/__main__.py`. Shared are `command`
(options, results, exit status), `report` (tables and JSON) and `measures` (the formulas of all figures).
"""
