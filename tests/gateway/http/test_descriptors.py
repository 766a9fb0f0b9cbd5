"""The limit of file descriptors, and the log when none is left."""

import asyncio
import errno
import resource
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.virtual_clock import VirtualClock
from voicegw.gateway.http.descriptors import AcceptErrorHandler, Descriptors

FULL = {"exception": OSError(errno.EMFILE, "Too many open files"), "socket": "a listening socket"}


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """The limits of this process are as they were, afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def limit_to(soft: int) -> int:
    """Sets the soft limit; returns the hard one, which nobody but root could raise again."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return hard


def test_the_limit_is_raised_to_what_all_sessions_need() -> None:
    limit_to(256)
    Descriptors(max_sessions=100)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2 * 100 + 200


def test_a_limit_that_is_high_enough_stays() -> None:
    limit_to(512)
    Descriptors(max_sessions=100)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 512


def test_a_limit_that_cannot_be_raised_enough_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    with capture_logs() as lines:
        Descriptors(max_sessions=100)
    assert [(line["limit"], line["needed"]) for line in lines] == [(256, 400)]


@pytest.mark.parametrize(("limit", "first_reserved"), [(1_000, 900), (80, 60)])
def test_the_last_descriptors_are_for_refusals(
    limit: int, first_reserved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    descriptors = Descriptors(max_sessions=10)
    assert not descriptors.is_reserved(first_reserved - 1)
    assert descriptors.is_reserved(first_reserved)


async def test_failed_accepts_are_one_line_in_ten_seconds(virtual_clock: VirtualClock) -> None:
    handler, loop = AcceptErrorHandler(), asyncio.get_running_loop()
    with capture_logs() as lines:
        for _ in range(100):
            handler(loop, FULL)
        virtual_clock.advance(10)
        handler(loop, FULL)
    assert [line["errors"] for line in lines] == [1, 100]
    assert lines[0]["reason"] == "Too many open files"


@pytest.mark.parametrize(
    "context",
    [
        {"exception": OSError(errno.EMFILE, "x")},  # of no listening socket
        {"exception": OSError(errno.ECONNRESET, "x"), "socket": "one"},
        {"message": "a task failed"},
    ],
)
async def test_other_errors_are_reported_by_the_event_loop(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "default_exception_handler", reported.append)
    AcceptErrorHandler()(loop, context)
    assert reported == [context]
