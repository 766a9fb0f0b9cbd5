"""Tests of the training code. They are collected only where the `train` extra is installed, and need Festival
with the voices that models/README.md names. Tests of what the benchmarks use of it are one directory up."""

from importlib.util import find_spec

collect_ignore_glob = ["test_*.py"] if find_spec("torch") is None else []
