"""Python functions of an application, as tools and moderation call them."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator

from voicegw.errors import ToolFailed


def add(a: int, b: int) -> int:
    return a + b


def shout(text: str) -> str:
    return text.upper()


async def add_later(a: int, b: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"sum": a + b}


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(1, to + 1):
        yield number


async def hang() -> None:
    await asyncio.sleep(60)


def doze() -> str:
    time.sleep(0.3)
    return "awake"


def fail() -> None:
    raise ValueError("no such city")


def run_out_of_time() -> None:
    raise TimeoutError("the printer")


def give_an_object() -> object:
    return object()


def long() -> str:
    return "x" * 100_000


NOT_A_FUNCTION = 7


def judge(text: str) -> list[str]:
    """The categories that a text names after "bad:"."""
    return [word.removeprefix("bad:") for word in text.split() if word.startswith("bad:")]


async def judge_later(text: str) -> list[str]:
    await asyncio.sleep(0)
    return judge(text)


async def judge_for_ever(text: str) -> list[str]:
    await asyncio.Event().wait()
    return []


def judge_badly(text: str) -> list[str]:
    raise RuntimeError(f"cannot judge {text}")


def leave() -> None:
    sys.exit("the password is hunter2")


async def leave_later() -> None:
    sys.exit("the password is hunter2")


async def leave_on_the_way() -> AsyncGenerator[int, None]:
    yield 1
    sys.exit("the password is hunter2")


async def give_up() -> None:
    raise asyncio.CancelledError("hunter2")


def lose_a_password() -> None:
    raise ConnectionError("cannot reach postgres://shop:hunter2@10.0.0.9/orders")


def decline() -> None:
    raise ToolFailed("there is no such city")


def break_in_two(text: str) -> str:
    return text + "\ud83d"


def break_down_in_two() -> None:
    raise ToolFailed("no \ud83d")


async def judge_and_leave(text: str) -> list[str]:
    sys.exit(text)


def tell(caller: dict[str, str]) -> dict[str, str]:
    return caller


async def tell_later(caller: dict[str, str]) -> dict[str, str]:
    return caller
