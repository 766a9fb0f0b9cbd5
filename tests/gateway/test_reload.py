import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.observing import until
from voicegw.errors import ConfigurationError
from voicegw.gateway import reload
from voicegw.gateway.reload import Reloader

pytestmark = pytest.mark.usefixtures("virtual_clock")


class Thing:
    def __init__(self, path: Path) -> None:
        self.paths: tuple[str, ...] = (str(path),)
        self.loads = 0
        self.failure: Exception | None = None

    def reload(self) -> None:
        self.loads += 1
        if self.failure is not None:
            raise self.failure

    def loaded(self, times: int) -> bool:
        return self.loads == times


def _write(path: Path, text: str = "something else") -> None:
    path.write_text(text)


@pytest.fixture
def thing(tmp_path: Path) -> Thing:
    path = tmp_path / "file"
    path.write_text("a")
    return Thing(path)


FAILURES = (
    ConfigurationError("unfit"),
    RecursionError("nested too deeply"),
    ValueError("odd"),
    MemoryError(),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_takes_up_everything_when_told_also_after_a_failure(thing: Thing, failure: Exception) -> None:
    other = Thing(Path(thing.paths[0]))
    thing.failure = failure
    reloader = Reloader([thing, other])
    reloader.reload()
    reloader.reload()
    assert (thing.loads, other.loads) == (2, 2)


async def test_takes_up_a_file_that_has_changed_or_has_come_back(
    thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "_CHECK_S", 0.01)
    watch = asyncio.create_task(Reloader([thing]).watch())
    await asyncio.sleep(0.05)
    assert thing.loads == 0
    path = Path(thing.paths[0])
    changes: tuple[Callable[[Path], object], ...] = (_write, Path.unlink, Path.touch)
    for number, change in enumerate(changes, start=1):
        change(path)
        await until(partial(thing.loaded, number))
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_no_content_of_a_file_ends_the_watch(thing: Thing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "_CHECK_S", 0.01)
    watch = asyncio.create_task(Reloader([thing]).watch())
    path = Path(thing.paths[0])
    for number, failure in enumerate([*FAILURES, None], start=1):
        thing.failure = failure
        _write(path, "x" * (9 + number))
        await until(partial(thing.loaded, number))
    assert not watch.done()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


def test_what_has_no_files_is_left_alone(thing: Thing) -> None:
    thing.paths = ()
    Reloader([thing]).reload()
    assert thing.loads == 0
