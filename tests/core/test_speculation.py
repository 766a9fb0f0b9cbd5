"""A speculative reply is never delivered unless its turn is confirmed, whatever the pauses."""

from collections.abc import Callable

import pytest

from tests.core import world
from tests.core.world import World, played
from voicegw.core.events import ReplyDone, ReplyReason


@pytest.fixture(
    scope="module", params=[50, pytest.param(500, marks=pytest.mark.thorough)], ids="{} worlds".format
)
def worlds(request: pytest.FixtureRequest) -> list[World]:
    """Random conversations, each played to its end."""
    return [played(seed, fits=3 + seed % 6) for seed in range(request.param)]


@pytest.mark.parametrize(
    "holds",
    [
        world.assert_only_confirmed_replies_are_delivered,
        world.assert_every_turn_is_answered_once,
        world.assert_nothing_follows_the_end_of_a_reply,
        world.assert_history_is_what_was_delivered,
    ],
)
def test_in_random_conversations(worlds: list[World], holds: Callable[[World], None]) -> None:
    for each in worlds:
        holds(each)


def test_the_conversations_contain_the_tested_cases(worlds: list[World]) -> None:
    requests = [request for each in worlds for request in each.requests]
    seen = [request for each in worlds for request in each.seen]
    interrupted = [
        done for each in worlds for done in each.all(ReplyDone) if done.reason is ReplyReason.INTERRUPTED
    ]
    assert sum(request.speculative for request in seen) > len(worlds)
    assert len(requests) - len(seen) > len(worlds) / 2
    assert len(interrupted) > len(worlds) / 3
    assert sum(bool(done.text) for done in interrupted) > len(worlds) / 6


def test_nothing_is_speculative_when_speculation_is_off() -> None:
    for seed in range(20):
        off = played(seed, 4, world.without_speculation())
        assert off.requests
        assert not any(request.speculative for request in off.requests)
        world.assert_every_turn_is_answered_once(off)
