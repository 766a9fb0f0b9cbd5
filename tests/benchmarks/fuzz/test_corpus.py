from random import Random

import pytest

from benchmarks.fuzz import corpus
from voicegw.core.commands import Command, Configure
from voicegw.dialects import native
from voicegw.errors import InputError


def decoded(message: bytes) -> Command | None:
    """None for one that is refused, as messages of users may be."""
    try:
        return native.decode(message.decode())
    except InputError:
        return None


def test_the_seeds_contain_every_message_of_the_dialect() -> None:
    kinds = {type(decoded(seed)) for seed in corpus.seeds()}
    assert len(kinds) == len(list(corpus.structs()))
    assert type(None) not in kinds


def test_valid_messages_are_mostly_accepted() -> None:
    rng = Random(1)
    taken = [decoded(corpus.valid(rng)) is not None for _ in range(300)]
    assert sum(taken) > 250


def test_an_annotated_field_is_generated_like_any_other() -> None:
    rng = Random(1)
    configured = [command for _ in range(300) if isinstance(command := decoded(corpus.valid(rng)), Configure)]
    assert any(command.end_silence_ms is not None for command in configured)


def test_invalid_messages_are_mostly_refused() -> None:
    rng, refused = Random(1), 0
    for _ in range(300):
        try:
            refused += decoded(corpus.invalid(rng)) is None
        except UnicodeDecodeError:  # the transport's business
            refused += 1
    assert 200 < refused < 300


@pytest.mark.parametrize("draw", [corpus.valid, corpus.invalid, corpus.audio, corpus.oversized])
def test_a_seed_gives_the_same_messages(draw) -> None:  # type: ignore[no-untyped-def]
    first, second = Random(7), Random(7)
    assert [draw(first) for _ in range(30)] == [draw(second) for _ in range(30)]
