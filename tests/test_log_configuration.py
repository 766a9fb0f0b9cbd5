import json
import logging
import subprocess
import sys

from tests.observing import PATIENCE_S

LOGGING = """
import structlog
from voicegw.log_configuration import configure_logging
log = structlog.get_logger("test")
configure_logging({level!r}, as_json={as_json})
log.info("hello", session="s1")
try:
    raise ValueError("bad")
except ValueError:
    log.exception("failed")
"""


def log_lines(level: str, *, as_json: bool) -> list[str]:
    """What the log says, in a process of its own: its set-up is the process's."""
    code = LOGGING.format(level=level, as_json=as_json)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert not ran.stdout
    return ran.stderr.splitlines()


def test_the_log_for_people() -> None:
    lines = log_lines("info", as_json=False)
    assert "hello" in lines[0]
    assert "session=s1" in lines[0]


def test_the_log_for_machines_is_one_object_a_line() -> None:
    hello, failed = map(json.loads, log_lines("debug", as_json=True))
    assert (hello["event"], hello["session"], hello["level"]) == ("hello", "s1", "info")
    assert "ValueError: bad" in failed["exception"]


def test_the_log_leaves_out_what_is_less_severe() -> None:
    assert len(log_lines("error", as_json=True)) == 1


def test_libraries_do_not_log_what_users_say() -> None:
    code = (
        "from voicegw.log_configuration import configure_logging; configure_logging('debug', as_json=False);"
    )
    code += "import logging; print([logging.getLogger(n).level for n in ('openai', 'httpx2', 'httpcore2')])"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert json.loads(ran.stdout) == [logging.WARNING] * 3
