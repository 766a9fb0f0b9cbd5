"""Fixtures for the tests of the gateway."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.virtual_clock import VirtualClock


@pytest.fixture
async def virtual_clock() -> AsyncIterator[VirtualClock]:
    """Sleeps and timeouts of the test take no real time; see `tests.virtual_clock`."""
    with VirtualClock(asyncio.get_running_loop()).installed() as clock:
        yield clock
