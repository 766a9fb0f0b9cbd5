import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.observing import until
from voicegw.errors import ConfigurationError
from voicegw.gateway import reload
from voicegw.gateway.reload import Reloader


class Thing:
    def __init__(self, path: Path) -> None:
        self.paths: tuple[str, ...] = (str(path),)
        self.loads = 0
        self.failing = False

    def reload(self) -> None:
        self.loads += 1
        if self.failing:
            raise ConfigurationError("unfit")

    def loaded(self, times: int) -> bool:
        return self.loads == times


def _write(path: Path) -> None:
    path.write_text("something else")


@pytest.fixture
def thing(tmp_path: Path) -> Thing:
    path = tmp_path / "file"
    path.write_text("a")
    return Thing(path)


def test_takes_up_everything_when_told_also_after_a_failure(thing: Thing) -> None:
    other = Thing(Path(thing.paths[0]))
    thing.failing = True
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


def test_what_has_no_files_is_left_alone(thing: Thing) -> None:
    thing.paths = ()
    Reloader([thing]).reload()
    assert thing.loads == 0
