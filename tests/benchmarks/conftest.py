"""Coverage-guided fuzzing is tested only where the `fuzz` extra is installed."""

from importlib.util import find_spec

collect_ignore = ["test_decoder_fuzzing.py"] if find_spec("atheris") is None else []
