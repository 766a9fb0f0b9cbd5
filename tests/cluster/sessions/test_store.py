"""Sessions in a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

import pytest
from redis import Redis
from redis.crc import key_slot

from tests.cluster.harness import lose_a_cancel, redis_options
from tests.observing import PATIENCE_S, until
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.redis.connect import OneServer, connect_to_all
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.store import RedisStore
from voicegw.core.session_store import CommitsMissing, Fenced, StoreCommit, StoredSession, StoreError


@asynccontextmanager
async def opened(redis_url: str, timeout_ms: int = 10_000) -> AsyncIterator[RedisStore]:
    clients = connect_to_all(redis_options(redis_url, timeout_ms))
    store = RedisStore(clients, Keys("test"), live_ms=60_000)
    yield store
    await store.close()
    await clients.close()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with opened(redis_url) as store:
        yield store


def audio(start: int, end: int) -> bytes:
    """Samples that tell their own position."""
    return b"".join((position % 30_000).to_bytes(2, "little") for position in range(start, end))


def step(start: int = 0, end: int = 320, **fields: object) -> StoreCommit:
    given = {
        **{"session": "s", "epoch": 1, "snapshot": b"snap", "events": {1: b"one"}, "first_event": 1},
        **{"audio": audio(start, end), "audio_start": start, "audio_from": 0, "whole": start == 0},
    }
    return StoreCommit(**{**given, **fields})  # type: ignore[arg-type]


async def test_a_session_is_taken_over_as_it_was_saved(store: RedisStore) -> None:
    await store.save(step())
    await store.save(step(320, 480, snapshot=b"later", events={2: b"two"}))
    saved = await store.claim("s")
    assert saved is not None
    assert saved == StoredSession(2, b"later", {1: b"one", 2: b"two"}, audio(0, 480), 0, saved.age_s)


async def test_a_session_tells_how_long_ago_it_was_saved(
    store: RedisStore, redis_server: RedisServer
) -> None:
    await store.save(step())
    redis_server.command("pexpire", Keys("test").session("s", "state"), "40000")
    for _ in range(2):  # a claim does not make it younger
        saved = await store.claim("s")
        assert saved is not None
        assert 20 <= saved.age_s < 40


async def test_a_session_that_nobody_has_had_since_is_not_taken_over(store: RedisStore) -> None:
    await store.save(step())
    assert await store.claim("s", since=1) is None
    await store.save(step(320, 480))
    assert await store.claim("s") is not None
    assert await store.claim("s", since=1) is not None


async def test_nobody_knows_of_a_session_that_was_never_saved(store: RedisStore) -> None:
    assert await store.claim("s") is None


async def test_the_gateway_before_is_fenced_off(store: RedisStore) -> None:
    await store.save(step())
    await store.claim("s")
    with pytest.raises(Fenced):
        await store.save(step(320, 480))
    with pytest.raises(Fenced):
        await store.save(step(whole=True))
    await store.save(step(320, 480, epoch=2))


async def test_each_claim_has_an_epoch_of_its_own(store: RedisStore) -> None:
    await store.save(step())
    first, second = await asyncio.gather(store.claim("s"), store.claim("s"))
    assert first is not None
    assert second is not None
    assert {first.epoch, second.epoch} == {2, 3}


async def test_an_event_that_is_saved_again_takes_its_place(store: RedisStore) -> None:
    await store.save(step())
    await store.save(step(320, 320, events={1: b"ONE", 2: b"two"}))
    saved = await store.claim("s")
    assert saved is not None
    assert saved.events == {1: b"ONE", 2: b"two"}


async def test_what_is_no_longer_needed_goes(store: RedisStore) -> None:
    await store.save(step(0, 16_000, events={1: b"1", 2: b"2", 3: b"3"}))
    for start in (16_000, 32_000):
        await store.save(step(start, start + 16_000, events={}))
    await store.save(step(48_000, 48_320, events={}, first_event=3, audio_from=32_000))
    saved = await store.claim("s")
    assert saved is not None
    assert saved.events == {3: b"3"}
    assert (saved.audio_start, saved.audio) == (32_000, audio(32_000, 48_320))


async def test_a_snapshot_is_stored_as_the_change_of_another(
    store: RedisStore, redis_server: RedisServer
) -> None:
    state = Keys("test").session("s", "state")
    base, later, latest = (b"snapshot " * 100 + more for more in (b"", b"later", b"latest"))
    await store.save(step(snapshot=base))
    for start, snapshot in ((320, later), (640, latest)):
        await store.save(step(start, start + 320, snapshot=snapshot, base=base))
        assert 0 < int(redis_server.command("hstrlen", state, "change")) < 50
    with pytest.raises(CommitsMissing):
        await store.save(step(960, 1_280, snapshot=latest, base=later))
    saved = await store.claim("s")
    assert saved is not None
    assert saved.snapshot == latest
    await store.save(step(960, 1_280, snapshot=later, epoch=2))
    assert int(redis_server.command("hstrlen", state, "change")) == 0
    saved = await store.claim("s")
    assert saved is not None
    assert saved.snapshot == later


async def test_no_sample_is_dropped_before_it_is_needless(store: RedisStore) -> None:
    random, end, needed, epoch = Random(1), 320, 0, 1
    await store.save(step())
    for _ in range(100):
        start, end = end, end + random.choice((0, 1, 320, 5_000))
        needed = random.randrange(needed, end + 1)
        await store.save(step(start, end, epoch=epoch, audio_from=needed))
        saved = await store.claim("s")
        assert saved is not None
        assert saved.audio_start <= needed
        assert saved.audio == audio(saved.audio_start, end)
        epoch = saved.epoch


async def test_a_script_is_sent_once_and_again_to_a_server_that_does_not_know_it(
    store: RedisStore, redis_server: RedisServer
) -> None:
    await store.save(step())
    for start in range(320, 3_200, 320):
        await store.save(step(start, start + 320))
    assert "cmdstat_eval:calls=1," in redis_server.command("info", "commandstats")
    redis_server.command("script", "flush")
    await asyncio.gather(store.save(step(3_200, 3_520)), store.save(step(session="other")))
    saved = await store.claim("s")
    assert saved is not None
    assert saved.audio == audio(0, 3_520)


@pytest.mark.parametrize("samples", [0, 480])
async def test_a_session_of_an_earlier_version_is_taken_over(
    store: RedisStore, redis_server: RedisServer, samples: int
) -> None:
    state, events, stored = (Keys("test").session("s", part) for part in ("state", "events", "audio"))
    with Redis.from_url(redis_server.url) as redis:
        redis.hset(state, mapping={"epoch": 1, "snapshot": "snap", "first": 1, "audio_start": 100})
        redis.hset(events, "1", "one")
        redis.append(stored, audio(100, 100 + samples))
    saved = await store.claim("s")
    assert saved is not None
    assert saved == StoredSession(2, b"snap", {1: b"one"}, audio(100, 100 + samples), 100, saved.age_s)
    with pytest.raises(CommitsMissing):
        await store.save(step(100 + samples, 1_000, epoch=2))
    await store.save(step(100, 1_000, epoch=2, whole=True))
    await store.save(step(1_000, 1_320, epoch=2))
    saved = await store.claim("s")
    assert saved is not None
    assert (saved.audio_start, saved.audio) == (100, audio(100, 1_320))


@pytest.mark.parametrize("start", [300, 340])
async def test_a_step_that_does_not_follow_the_last_one_is_noticed(store: RedisStore, start: int) -> None:
    await store.save(step())
    with pytest.raises(CommitsMissing):
        await store.save(step(start, start + 20))
    await store.save(step(100, 500, whole=True))
    saved = await store.claim("s")
    assert saved is not None
    assert (saved.audio_start, len(saved.audio)) == (100, 800)


async def test_a_redis_that_has_lost_everything_is_told_everything(
    store: RedisStore, redis_server: RedisServer
) -> None:
    await store.save(step())
    redis_server.restart()
    with pytest.raises(StoreError):  # the connection is gone, too
        await store.save(step(320, 480))
    with pytest.raises(CommitsMissing):
        await store.save(step(320, 480))


async def test_a_redis_that_does_not_answer(store: RedisStore, redis_server: RedisServer) -> None:
    await store.save(step())
    async with opened(redis_server.url, timeout_ms=300) as impatient:
        assert await impatient.claim("other") is None
        redis_server.pause()
        with pytest.raises(StoreError):
            await impatient.save(step(320, 480))
        redis_server.resume()
    with pytest.raises(CommitsMissing):  # it did get the step, late
        await store.save(step(320, 480))


async def test_a_server_that_is_no_longer_the_master_is_left(redis_server: RedisServer) -> None:
    clients = connect_to_all(redis_options(redis_server.url))
    store = RedisStore(clients, Keys("test"), live_ms=60_000)
    client = await clients.of("any")
    connection = await client.client_id()
    redis_server.command("replicaof", "127.0.0.1", str(free_port()))
    with pytest.raises(StoreError):
        await store.save(step())
    assert await client.client_id() != connection
    await store.close()
    await clients.close()


async def test_a_slot_that_no_server_had_is_looked_up_again(new_node: RedisServer) -> None:
    slot = key_slot(Keys("test").session("s", "state").encode())
    new_node.command("cluster", "addslotsrange", "0", str(slot - 1), str(slot + 1), "16383")
    async with opened(f"redis+cluster://127.0.0.1:{new_node.port}") as store:
        with pytest.raises(StoreError):
            await store.save(step())
        new_node.command("cluster", "addslots", str(slot))
        await until(lambda: "cluster_state:ok" in new_node.command("cluster", "info"))
        await store.save(step())


async def test_a_slot_that_no_server_has_costs_only_its_own_sessions(new_node: RedisServer) -> None:
    slot = key_slot(Keys("test").session("s", "state").encode())
    new_node.command("config", "set", "cluster-require-full-coverage", "no")
    new_node.command("cluster", "addslotsrange", "0", str(slot - 1), str(slot + 1), "16383")
    await until(lambda: "cluster_state:ok" in new_node.command("cluster", "info"))
    async with opened(f"redis+cluster://127.0.0.1:{new_node.port}") as store:
        for _ in range(2):  # the second time, the table was forgotten
            steps = [step(session=session, whole=True) for session in ("s", "a", "s", "b", "c")]
            found = await asyncio.gather(*map(store.save, steps), return_exceptions=True)
            assert [each and type(each) for each in found] == [StoreError, None, StoreError, None, None]


async def test_a_redis_without_room(store: RedisStore, redis_server: RedisServer) -> None:
    redis_server.command("config", "set", "maxmemory", "1")
    with pytest.raises(StoreError, match="out of memory"):
        await store.save(step())


async def test_a_session_that_is_over_cannot_be_brought_back(store: RedisStore) -> None:
    await store.save(step())
    await store.drop("s", 1)
    assert await store.claim("s") is None
    with pytest.raises(Fenced):
        await store.save(step(whole=True))


async def test_only_who_holds_a_session_can_end_it(store: RedisStore) -> None:
    await store.save(step())
    await store.claim("s")
    await store.drop("s", 1)
    assert await store.claim("s") is not None


async def test_nothing_is_kept_for_ever(store: RedisStore, redis_server: RedisServer) -> None:
    await store.save(step())
    for key in redis_server.command("keys", "*").split():
        assert 0 < int(redis_server.command("pttl", key)) <= 60_000


class Odd:
    """A Redis client that does something odd before it answers."""

    def __init__(self, odd: Callable[[], Awaitable[None]]) -> None:
        self._odd = odd

    def pipeline(self, transaction: bool) -> "Odd":
        return self

    def evalsha(self, *_: object) -> None:
        pass

    async def execute(self, raise_on_error: bool) -> list[None]:
        await self._odd()
        return [None]


async def test_it_closes_though_a_cancel_was_lost() -> None:
    store = RedisStore(OneServer(cast(Any, Odd(lose_a_cancel))), Keys("test"), live_ms=60_000)
    claiming = asyncio.create_task(store.claim("s"))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(store.close(), PATIENCE_S)
    assert await claiming is None


async def test_a_fault_costs_no_more_than_what_it_met() -> None:
    faults = [RuntimeError("odd")]

    async def fail_once() -> None:
        if faults:
            raise faults.pop()

    store = RedisStore(OneServer(cast(Any, Odd(fail_once))), Keys("test"), live_ms=60_000)
    with pytest.raises(StoreError, match="fault"):
        await store.claim("s")
    assert await store.claim("s") is None
    await store.close()


async def test_many_sessions_share_a_round_trip(store: RedisStore, redis_server: RedisServer) -> None:
    await asyncio.gather(*(store.save(step(session=f"s{number}")) for number in range(500)))
    assert int(redis_server.command("dbsize")) == 1_500
