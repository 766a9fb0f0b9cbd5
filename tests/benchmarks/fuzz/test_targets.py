from random import Random

import pytest

from benchmarks.decoders import NAMES
from benchmarks.fuzz import corpus
from benchmarks.fuzz.targets import BOUNDARY, TARGETS, run_native, run_url
from voicegw.dialects.native import query

ROUNDS = 300


def test_every_target_can_be_chosen() -> None:
    assert tuple(TARGETS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_and_similar_inputs_raise_nothing(name: str) -> None:
    rng = Random(5)
    for _ in range(ROUNDS):
        data = bytearray(rng.choice(TARGETS[name].seeds))
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        TARGETS[name].run(bytes(data))


def test_invalid_messages_raise_nothing() -> None:
    rng = Random(6)
    for _ in range(ROUNDS):
        draws = rng.choices((corpus.valid, corpus.invalid, corpus.audio), k=rng.randrange(1, 6))
        run_native(BOUNDARY.join(draw(rng) for draw in draws))


def test_internal_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(query, "parse", broken)
    with pytest.raises(ZeroDivisionError):
        run_url(b"rate=8000")
