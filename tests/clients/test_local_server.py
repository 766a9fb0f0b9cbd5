import os
import sys
from pathlib import Path

import pytest

from clients.errors import Incomplete, ServerFailed
from clients.local_server import running

READY = "print('listening on ws://127.0.0.1:1/v1/stream', flush=True)\n"


def script(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "import sys, time, signal\n" + "\n".join(lines))


async def test_gives_the_url_of_the_ready_line_and_stops_the_server_by_sigterm(tmp_path: Path) -> None:
    mark = tmp_path / "stopped"
    on_term = f"signal.signal(signal.SIGTERM, lambda *_: (open({str(mark)!r}, 'w').close(), sys.exit(0)))"
    async with running(script(on_term, READY, "time.sleep(60)"), ready_s=20) as server:
        assert server.url == "ws://127.0.0.1:1/v1/stream"
        os.kill(server.pid, 0)
    assert mark.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


async def test_a_server_that_exits_shows_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ServerFailed, match="did not start: it exited"):
        async with running(script("sys.exit('no such model')"), ready_s=20):
            pass
    assert "no such model" in capsys.readouterr().err


async def test_a_block_that_fails_shows_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    noisy = script("print('oh dear', file=sys.stderr, flush=True)", READY, "time.sleep(60)")
    with pytest.raises(Incomplete):
        async with running(noisy, ready_s=20):
            raise Incomplete
    assert "oh dear" in capsys.readouterr().err


async def test_a_server_that_says_something_else_is_not_ready() -> None:
    with pytest.raises(ServerFailed, match="did not start: hello"):
        async with running(script("print('hello', flush=True)", "time.sleep(60)"), ready_s=20):
            pass


async def test_a_server_that_is_never_ready_is_given_up() -> None:
    with pytest.raises(ServerFailed, match=r"not ready in 0\.01 s"):
        async with running(script("time.sleep(60)"), ready_s=0.01):
            pass


async def test_a_server_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.local_server.STOP_S", 0.01)
    stubborn = script("signal.signal(signal.SIGTERM, signal.SIG_IGN)", READY, "time.sleep(60)")
    async with running(stubborn, ready_s=20) as server:
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
