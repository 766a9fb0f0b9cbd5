"""Measurements of a running server, from the outside, and of its inner loop.

    scripts/bench NAME [arguments]

A benchmark is a module here with `main(argv)`, named in `benchmarks/__main__.py`. The formulas are in
`measures.py`, apart from anything that runs, so that they can be read and tested by themselves.
"""
