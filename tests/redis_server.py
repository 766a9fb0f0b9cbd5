"""A real redis-server on a free port of the loopback interface, in a directory of its own, that tests can
kill, pause, continue and start again."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

START_S = 60.0
_PORTS = 20_000  # so many that two processes hardly ever choose the same at the same time


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to no outgoing connection later."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = first_outgoing - 1 - secrets.randbelow(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class RedisUsage:
    """What a server has used since its start: CPU seconds, and the bytes that it has received and sent."""

    cpu_s: float = 0.0
    in_bytes: float = 0.0
    out_bytes: float = 0.0

    def __add__(self, other: "RedisUsage") -> "RedisUsage":
        return RedisUsage(
            self.cpu_s + other.cpu_s, self.in_bytes + other.in_bytes, self.out_bytes + other.out_bytes
        )


class RedisServer:
    """`settings` are lines of redis.conf, `flags` go on the command line. What it holds survives `restart`
    only with `appendonly yes`."""

    def __init__(self, directory: Path, settings: Mapping[str, object] | None = None, *flags: str) -> None:
        executable = shutil.which("redis-server")
        assert executable is not None, "scripts/system-packages installs redis-server"
        self._executable = executable
        self.directory = directory
        self.port = free_port()
        self.settings = {"bind": "127.0.0.1", "port": self.port, **(settings or {})}
        self._flags = flags or ("--save", "")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it listens."""
        lines = [f"{name} {value}" for name, value in {**self.settings, "dir": self.directory}.items()]
        configuration = self.directory / "redis.conf"
        configuration.write_text("\n".join(lines) + "\n")
        with (self.directory / "redis.log").open("ab") as log:
            command = [self._executable, str(configuration), *self._flags]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self._listens():
            assert self._process.poll() is None, (self.directory / "redis.log").read_text()
            assert time.monotonic() < deadline, "redis-server does not listen"
            time.sleep(0.01)

    def _listens(self) -> bool:
        port = int(str(self.settings.get("tls-port", self.port)))
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def command(self, *words: str) -> str:
        """What redis-cli prints for a command."""
        called = ["redis-cli", "-p", str(self.port), *words]
        printed = subprocess.run(called, capture_output=True, timeout=START_S, check=True).stdout
        return printed.decode(errors="replace")

    def usage(self) -> RedisUsage:
        """The commands of this method included."""
        said = self.command("info", "cpu", "stats")
        value = {name: float(number) for name, number in re.findall(r"^(\w+):([\d.]+)\s*$", said, re.M)}
        return RedisUsage(
            value["used_cpu_user"] + value["used_cpu_sys"],
            value["total_net_input_bytes"],
            value["total_net_output_bytes"],
        )

    def kill(self) -> None:
        """As `kill -9`; harmless when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stops it where it is: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
