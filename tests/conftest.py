"""What holds for every test: bounded property tests, no task left behind, and a Redis for those who ask."""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import tests.hypothesis_profiles  # noqa: F401 - registers and loads the profiles
from tests.redis_server import RedisServer
from tests.virtual_clock import VirtualClock
from voicegw.asr.weights import locate


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> None:
    """Every asynchronous test runs under `no_leaked_tasks`; it is set up first and so looks last."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("no_leaked_tasks")


@pytest.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fails a test that leaves a task; a socket left open is a ResourceWarning, and those are errors."""
    before = asyncio.all_tasks()
    yield
    gc.collect(1)
    for _ in range(20):  # the event loop closes nested generators one by one
        await asyncio.sleep(0)
    leaked = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not leaked, f"left behind: {', '.join(task.get_name() for task in leaked)}"


@pytest.fixture
async def virtual_clock() -> AsyncIterator[VirtualClock]:
    """Sleeps and timeouts of the test take no real time; see `tests.virtual_clock`."""
    with VirtualClock(asyncio.get_running_loop()).installed() as clock:
        yield clock


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis of this test's own."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = RedisServer(directory)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a real Redis of this test's own."""
    return redis_server.url


@pytest.fixture(scope="session")
def whisper_base() -> Path:
    """The directory of stock Whisper base, multilingual, from the packages in the `test` extra."""
    return locate("base")
