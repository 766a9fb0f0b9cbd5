import asyncio
import os
import termios
from collections.abc import AsyncIterator, Iterator
from typing import IO

import pytest

from clients.errors import AudioError
from clients.push_to_talk import PushToTalk
from tests.observing import PATIENCE_S, until


@pytest.fixture
def terminal() -> Iterator[tuple[IO[str], int]]:
    """A terminal, and the end at which somebody types."""
    keyboard, device = os.openpty()
    with os.fdopen(device) as file:
        yield file, keyboard
    os.close(keyboard)


async def numbered() -> AsyncIterator[tuple[float, bytes]]:
    """Frames without end."""
    number = 0
    while True:
        await asyncio.sleep(0)
        yield 0.0, b"%d" % number
        number += 1


async def test_the_space_bar_opens_and_closes_the_microphone(terminal: tuple[IO[str], int]) -> None:
    file, keyboard = terminal
    shown: list[bool] = []
    committed, stop, passed = asyncio.Event(), asyncio.Event(), list[bytes]()

    async def commit() -> None:
        committed.set()

    async def drain(talk: PushToTalk) -> None:
        async for _due, frame in talk.gate(numbered(), stop):
            passed.append(frame)

    with PushToTalk(commit, shown.append, file) as talk:
        draining = asyncio.create_task(drain(talk))
        await asyncio.sleep(0.01)
        assert not passed
        os.write(keyboard, b"x ")
        await until(lambda: len(passed) > 3)
        assert not committed.is_set()
        os.write(keyboard, b" ")
        await asyncio.wait_for(committed.wait(), PATIENCE_S)
        stop.set()
        await asyncio.wait_for(draining, PATIENCE_S)
    assert shown == [False, True, False]


async def test_the_terminal_is_as_before(terminal: tuple[IO[str], int]) -> None:
    file, _ = terminal
    before = termios.tcgetattr(file)

    async def commit() -> None:
        raise AssertionError

    with PushToTalk(commit, lambda is_open: None, file):
        assert termios.tcgetattr(file) != before
    assert termios.tcgetattr(file) == before


def test_without_a_terminal_it_says_so() -> None:
    async def commit() -> None:
        raise AssertionError

    with open(os.devnull) as file, pytest.raises(AudioError, match="needs a terminal"):
        PushToTalk(commit, lambda is_open: None, file).__enter__()
