"""The faults; each is a function that causes a fault in an installation and then repairs it.

A fault takes its parameters (which worker, how long) from the random numbers of the run, so a run can be
repeated by its seed.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from random import Random

from benchmarks.chaos.installation import Installation
from tests.observing import children

Fault = Callable[[Installation, Random], Awaitable[None]]


async def worker_killed(there: Installation, random: Random) -> None:
    """A worker is killed during its jobs, and later started again."""
    worker = random.choice(there.workers)
    await worker.kill()
    await asyncio.sleep(random.uniform(0.5, 1.5))
    await worker.start()


async def worker_paused(there: Installation, random: Random) -> None:
    """A worker is stopped during its jobs, and later continued."""
    worker = random.choice(there.workers)
    worker.pause()
    await asyncio.sleep(random.uniform(1.0, 3.0))
    worker.resume()


async def worker_process_killed(there: Installation, random: Random) -> None:
    """The recognition process of a worker is killed."""
    for pid in children(random.choice(there.workers).pid):
        os.kill(pid, signal.SIGKILL)


async def worker_leaves(there: Installation, random: Random) -> None:
    """A worker is terminated in order and started again."""
    worker = random.choice(there.workers)
    await worker.leave()
    await worker.start()


async def redis_paused(there: Installation, random: Random) -> None:
    """Redis does not answer for up to 5 s."""
    there.redis.pause()
    await asyncio.sleep(random.uniform(1.0, 5.0))
    there.redis.resume()


async def redis_restarted(there: Installation, random: Random) -> None:
    """Redis is killed, and started again without the last second of its data."""
    there.redis.kill()
    await asyncio.sleep(random.uniform(0.0, 2.0))
    await asyncio.to_thread(there.redis.start)


async def redis_emptied(there: Installation, random: Random) -> None:
    """Redis is killed, and started again without its data. Sessions do not survive this."""
    there.redis.kill()
    await asyncio.to_thread(shutil.rmtree, there.redis.directory / "appendonlydir", ignore_errors=True)
    await asyncio.to_thread(there.redis.start)


async def connections_cut(there: Installation, random: Random) -> None:
    """Every connection to Redis is reset."""
    await asyncio.to_thread(there.redis.command, "client", "kill", "type", "normal", "skipme", "yes")


async def memory_short(there: Installation, random: Random) -> None:
    """Redis refuses writes for a while, since it has no memory left."""
    await asyncio.to_thread(there.redis.command, "config", "set", "maxmemory", "1")
    await asyncio.sleep(random.uniform(0.5, 2.0))
    await asyncio.to_thread(there.redis.command, "config", "set", "maxmemory", "0")


async def primary_killed(there: Installation, random: Random) -> None:
    """A primary of the Redis Cluster is killed; its replica takes over. Later it is started again, as the
    replica of the new primary."""
    assert there.cluster is not None
    primaries = await asyncio.to_thread(there.cluster.primaries)
    primary = random.choice(sorted(primaries, key=there.cluster.nodes.index))
    primary.kill()
    await asyncio.sleep(random.uniform(3.0, 5.0))
    await asyncio.to_thread(primary.start)
    await asyncio.to_thread(there.cluster.settle)


async def gateway_killed(there: Installation, random: Random) -> None:
    """A gateway is killed with its sessions, and later started again."""
    gateway = random.choice(there.gateways)
    await gateway.kill()
    await asyncio.sleep(random.uniform(0.5, 3.0))
    await gateway.start()


async def gateway_paused(there: Installation, random: Random) -> None:
    """A gateway is stopped, and later continued, when other gateways may have its sessions."""
    gateway = random.choice(there.gateways)
    gateway.pause()
    await asyncio.sleep(random.uniform(1.0, 5.0))
    gateway.resume()


async def gateway_leaves(there: Installation, random: Random) -> None:
    """A gateway is terminated in order and started again."""
    gateway = random.choice(there.gateways)
    await gateway.leave()
    await gateway.start()


async def clients_cut(there: Installation, random: Random) -> None:
    """All connections of clients are reset, up to three times, also while the clients reconnect."""
    for _ in range(random.choice((1, 1, 2, 3))):
        for each in there.relays:
            each.cut()
        await asyncio.sleep(random.uniform(0.0, 0.4))


async def clients_silenced(there: Installation, random: Random) -> None:
    """The connections of clients transmit nothing any more, but are not closed: they are half open."""
    for each in there.relays:
        each.silence()


WORKER_FAULTS: dict[str, Fault] = {
    fault.__name__: fault for fault in (worker_killed, worker_paused, worker_process_killed, worker_leaves)
}
REDIS_FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (redis_paused, redis_restarted, redis_emptied, connections_cut, memory_short)
}
GATEWAY_FAULTS: dict[str, Fault] = {
    fault.__name__: fault for fault in (gateway_killed, gateway_paused, gateway_leaves)
}
CLIENT_FAULTS: dict[str, Fault] = {fault.__name__: fault for fault in (clients_cut, clients_silenced)}
CLUSTER_FAULTS: dict[str, Fault] = {fault.__name__: fault for fault in (primary_killed,)}
NOT_SURVIVED = {"redis_emptied"}  # faults that sessions do not survive
