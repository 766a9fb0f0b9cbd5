"""Whoever logs does not wait for whoever reads the log."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue

import pytest

from tests.observing import PATIENCE_S, START_S
from tests.redis_server import free_port
from voicegw.log_writer import LogWriter

LINE = "x" * 99 + "\n"


class Pipe:
    """A pipe that is read only when a test says so."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def fill(self) -> int:
        """Writes junk until nothing more goes in; how many bytes that were."""
        os.set_blocking(self.writing, False)
        written = 0
        try:
            for size in (4096, 1):
                try:
                    while True:
                        written += os.write(self.writing, b"\n" * size)
                except BlockingIOError:
                    pass
        finally:
            os.set_blocking(self.writing, True)
        return written

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        found = b""
        while len(found) < size:
            assert select.select([self.reading], [], [], PATIENCE_S)[0], found
            found += os.read(self.reading, size - len(found))
        return found


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for descriptor in (made.reading, made.writing):
        os.close(descriptor)


@contextmanager
def writer(pipe: Pipe, capacity: int = 1000) -> Iterator[tuple[LogWriter, "Queue[int]"]]:
    """A writer into the pipe, and what it reports; its thread has ended afterwards."""
    reported: Queue[int] = Queue()
    before = set(threading.enumerate())
    made = LogWriter(pipe.writing, reported.put, capacity)
    yield made, reported
    made.stop(PATIENCE_S)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    with writer(pipe) as (log, _):
        log.write("first\n")
        log.write("second \udcff\n")
        assert log.drain(PATIENCE_S)
        assert pipe.read(20) == b"first\nsecond \\udcff\n"
        assert log.dropped == 0


def test_what_nobody_reads_is_dropped_and_told_when_it_flows_again(pipe: Pipe) -> None:
    with writer(pipe) as (log, reported):
        filled = pipe.fill()
        for _ in range(5_000):
            log.write(LINE)
        assert log.dropped == 5_000 - 10
        assert reported.empty()
        assert pipe.read(filled + 10 * len(LINE)).endswith(10 * LINE.encode())
        assert reported.get(timeout=PATIENCE_S) == 4_990
        assert log.drain(PATIENCE_S)
        log.write("afterwards\n")
        assert pipe.read(11) == b"afterwards\n"
        assert reported.empty()


def test_the_wait_for_a_reader_is_limited(pipe: Pipe) -> None:
    with writer(pipe) as (log, _):
        filled = pipe.fill()
        log.write(LINE)
        assert not log.drain(0.01)
        log.stop(0.01)
        log.write(LINE)
        assert log.dropped == 1
        pipe.read(filled)


def test_what_cannot_be_written_is_counted_and_told_of_once_it_can() -> None:
    made = Pipe()
    os.close(made.reading)
    with writer(made) as (log, reported):
        log.write(LINE)
        log.write(LINE)
        assert log.drain(PATIENCE_S)
        assert log.dropped == 2
        assert reported.empty()
        healed = Pipe()
        os.dup2(healed.writing, made.writing)
        log.write(LINE)
        assert reported.get(timeout=PATIENCE_S) == 2
    for descriptor in (made.writing, healed.reading, healed.writing):
        os.close(descriptor)


MANY_LINES = """
import logging, sys
import structlog
from voicegw.log_configuration import configure_logging
from voicegw.telemetry import Metrics
configure_logging("error", as_json=True)
for number in range(20_000):
    structlog.get_logger().error("a line", number=number)
print(Metrics().exposition().decode(), flush=True)
sys.stdin.readline()
logging.getLogger("library").warning("a warning of %s", "a library")
"""


def test_lines_that_were_dropped_are_in_the_log_and_in_the_metrics() -> None:
    """Nobody reads the log of a process until it has logged 20,000 lines."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", MANY_LINES], text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        exposed = ""
        while not exposed.startswith("voicegw_log_lines_dropped_total "):
            exposed = process.stdout.readline()
        log: list[dict[str, object]] = []
        for line in process.stderr:
            log.append(json.loads(line))
            if log[-1]["event"] == "log lines dropped":
                process.stdin.write("\n")
                process.stdin.close()
    assert process.returncode == 0
    *numbered, dropped, warning = log
    numbers = [line["number"] for line in numbered]
    assert numbers == sorted({*range(20_000)} & {*numbers})
    assert dropped["lines"] == 20_000 - len(numbered) == float(exposed.split()[1])
    assert (warning["event"], warning["level"]) == ("a warning of a library", "warning")


@pytest.fixture
def stuck(pipe: Pipe) -> int:
    """What a process may have as its standard error, and nobody reads."""
    pipe.fill()
    return pipe.writing


def serve(port: int, stuck: int) -> "subprocess.Popen[bytes]":
    """A server whose log nobody reads."""
    flags = ["serve", "--model", "bundled", "--workers", "1", "--port", str(port)]
    command = [sys.executable, "-m", "voicegw.cli", *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stuck)


def test_a_server_whose_log_nobody_reads_answers_and_stops(stuck: int) -> None:
    port = free_port()
    with serve(port, stuck) as server:
        try:
            assert server.stdout is not None
            assert select.select([server.stdout], [], [], START_S)[0]
            assert b"listening on" in server.stdout.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S) as answered:
                assert answered.status == 200
            server.terminate()
            assert server.wait(PATIENCE_S) == 0
        finally:
            server.kill()


def test_a_start_that_fails_ends_though_nobody_reads_why(stuck: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, serve(taken.getsockname()[1], stuck) as server:
        try:
            assert server.wait(PATIENCE_S) == 1
        finally:
            server.kill()
