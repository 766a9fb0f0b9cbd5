import os
import subprocess
import sys
import time

import pytest

from benchmarks.processes import busy_seconds, children, cpu_seconds

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")

BURN = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"


def test_counts_this_process() -> None:
    assert cpu_seconds(os.getpid(), descendants=False) == pytest.approx(time.process_time(), abs=1.0)


def test_counts_running_and_ended_children() -> None:
    child = f"subprocess.run([sys.executable, '-c', {BURN!r}])\n"
    parent = f"import subprocess, sys\n{child}print('done', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        assert cpu_seconds(process.pid) >= 0.08 + cpu_seconds(process.pid, descendants=False)
        process.stdin.close()


def test_children_are_found_while_they_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.pid in children(os.getpid())
        process.communicate(b"\n")
    assert process.pid not in children(os.getpid())


def test_an_ended_process_has_used_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert cpu_seconds(process.pid) == 0


def test_the_machine_uses_what_a_process_uses() -> None:
    before_s = busy_seconds()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert busy_seconds() - before_s >= 0.08
