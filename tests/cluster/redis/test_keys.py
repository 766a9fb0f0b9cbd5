from collections import Counter

import pytest
from redis.crc import key_slot

from voicegw.cluster.redis.keys import Keys, ShardKeys

KEYS = Keys("house")
SLOTS = 16384


def slot(name: str) -> int:
    return int(key_slot(name.encode()))


def primary_of(name: str, primaries: int) -> int:
    """The server that has a key where the servers have equally many slots, in order."""
    return slot(name) * primaries // SLOTS


def names(shard: ShardKeys) -> tuple[str, ...]:
    return shard.finals, shard.partials, shard.dead_jobs, shard.results("g")


@pytest.mark.parametrize("count", [1, 3, 64])
def test_a_shard_is_in_one_place_of_a_cluster_and_every_shard_in_another(count: int) -> None:
    shards = KEYS.shards(count)
    assert len({name for shard in shards for name in names(shard)}) == 4 * count
    assert all(len(set(map(slot, names(shard)))) == 1 for shard in shards)
    assert len({slot(shard.finals) for shard in shards}) == count


@pytest.mark.parametrize(("count", "primaries"), [(3, 3), (6, 3), (12, 4), (64, 16)])
def test_every_primary_has_equally_many_shards(count: int, primaries: int) -> None:
    found = Counter(primary_of(shard.finals, primaries) for shard in KEYS.shards(count))
    assert found == dict.fromkeys(range(primaries), count // primaries)


def test_sessions_spread_over_the_primaries() -> None:
    found = Counter(primary_of(KEYS.session(f"session {n}", "audio"), 3) for n in range(6000))
    assert all(abs(count - 2000) <= 200 for count in found.values())


def test_one_shard_has_the_names_of_versions_without_shards() -> None:
    [shard] = Keys("voicegw").shards(1)
    assert names(shard)[0] == "{voicegw:work}:finals"
    assert slot(shard.finals) == slot(Keys("voicegw").workers) == slot(Keys("voicegw").gateways)


def test_a_background_call_and_its_progress_are_in_one_place() -> None:
    assert slot(KEYS.background_calls) == slot(KEYS.call_progress("e"))


def test_a_session_is_in_one_place_and_sessions_spread() -> None:
    assert slot(KEYS.session("a", "audio")) == slot(KEYS.session("a", "events"))
    assert slot(KEYS.session("a", "audio")) != slot(KEYS.session("b", "audio"))


def test_installations_do_not_meet() -> None:
    def some(keys: Keys) -> set[str]:
        shards = [shard.finals for count in (1, 3) for shard in keys.shards(count)]
        return {*shards, keys.workers, keys.token("t"), keys.limits, keys.session("s", "p")}

    assert some(KEYS).isdisjoint(some(Keys("hut")))
