"""What can go wrong, each as a function that does it to an installation and then mends it.

A fault draws what it needs (which worker, for how long) from the run's own random numbers, so that a run can
be repeated by its seed.
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
    """A worker is gone from one moment to the next, with what it had; later another takes its place."""
    worker = random.choice(there.workers)
    await worker.kill()
    await asyncio.sleep(random.uniform(0.5, 1.5))
    await worker.start()


async def worker_paused(there: Installation, random: Random) -> None:
    """A worker stands still in the middle of its jobs, and later goes on as if nothing had been."""
    worker = random.choice(there.workers)
    worker.pause()
    await asyncio.sleep(random.uniform(1.0, 3.0))
    worker.resume()


async def worker_process_killed(there: Installation, random: Random) -> None:
    """The process that decodes is killed below a worker."""
    for pid in children(random.choice(there.workers).pid):
        os.kill(pid, signal.SIGKILL)


async def worker_leaves(there: Installation, random: Random) -> None:
    """A worker is replaced in good order."""
    worker = random.choice(there.workers)
    await worker.leave()
    await worker.start()


async def redis_paused(there: Installation, random: Random) -> None:
    """Redis answers nobody for up to 5 s."""
    there.redis.pause()
    await asyncio.sleep(random.uniform(1.0, 5.0))
    there.redis.resume()


async def redis_restarted(there: Installation, random: Random) -> None:
    """Redis is killed, and started again with all but the last second of what it held."""
    there.redis.kill()
    await asyncio.sleep(random.uniform(0.0, 2.0))
    await asyncio.to_thread(there.redis.start)


async def redis_emptied(there: Installation, random: Random) -> None:
    """Redis is killed, and started again with nothing: its disk is gone. Sessions do not survive this."""
    there.redis.kill()
    await asyncio.to_thread(shutil.rmtree, there.redis.directory / "appendonlydir", ignore_errors=True)
    await asyncio.to_thread(there.redis.start)


async def connections_cut(there: Installation, random: Random) -> None:
    """Every connection to Redis is reset."""
    await asyncio.to_thread(there.redis.command, "client", "kill", "type", "normal", "skipme", "yes")


async def memory_short(there: Installation, random: Random) -> None:
    """Redis takes nothing more in for a while."""
    await asyncio.to_thread(there.redis.command, "config", "set", "maxmemory", "1")
    await asyncio.sleep(random.uniform(0.5, 2.0))
    await asyncio.to_thread(there.redis.command, "config", "set", "maxmemory", "0")


async def gateway_killed(there: Installation, random: Random) -> None:
    """A gateway is gone from one moment to the next, with its sessions; later it is there again."""
    gateway = random.choice(there.gateways)
    await gateway.kill()
    await asyncio.sleep(random.uniform(0.5, 3.0))
    await gateway.start()


async def gateway_paused(there: Installation, random: Random) -> None:
    """A gateway stands still, and later goes on as if its sessions were still its own."""
    gateway = random.choice(there.gateways)
    gateway.pause()
    await asyncio.sleep(random.uniform(1.0, 5.0))
    gateway.resume()


async def gateway_leaves(there: Installation, random: Random) -> None:
    """A gateway is replaced in good order."""
    gateway = random.choice(there.gateways)
    await gateway.leave()
    await gateway.start()


async def clients_cut(there: Installation, random: Random) -> None:
    """All clients' connections are reset, and some of them again while they are being made anew."""
    for _ in range(random.choice((1, 1, 2, 3))):
        for each in there.relays:
            each.cut()
        await asyncio.sleep(random.uniform(0.0, 0.4))


async def clients_silenced(there: Installation, random: Random) -> None:
    """Nothing passes on the clients' connections any more, and nobody is told: they are half open."""
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
FORGETFUL = {"redis_emptied"}  # faults that sessions do not survive
