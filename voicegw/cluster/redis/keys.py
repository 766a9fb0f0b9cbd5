"""The name of every key in Redis.

The part in braces decides where a Redis Cluster keeps a key: keys that one transaction or script touches
share it. The registry has one such tag, each shard of the decode jobs and each session have their own, so
that jobs and sessions spread over a Cluster.
"""

from functools import cache
from hashlib import blake2s

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot


class ShardKeys:
    """Names of one shard of the decode jobs, which share the hash slot of `tag`."""

    def __init__(self, tag: str) -> None:
        self._tag = f"{{{tag}}}"

    @property
    def finals(self) -> str:
        """Stream of final decode jobs."""
        return f"{self._tag}:finals"

    @property
    def partials(self) -> str:
        """Stream of partial decode jobs."""
        return f"{self._tag}:partials"

    @property
    def dead_jobs(self) -> str:
        """Stream of jobs that were given up after they had been lost with several workers."""
        return f"{self._tag}:dead"

    def finals_of(self, worker: str) -> str:
        """Stream of final decode jobs of sessions whose audio this worker keeps."""
        return f"{self._tag}:finals:{worker}"

    def partials_of(self, worker: str) -> str:
        """Stream of partial decode jobs of these sessions."""
        return f"{self._tag}:partials:{worker}"

    def results(self, gateway: str) -> str:
        """Stream of answers for one gateway."""
        return f"{self._tag}:results:{gateway}"


class Keys:
    """Names below one installation's prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._work = f"{prefix}:work"
        self._background_calls = f"{{{prefix}:background_calls}}"

    def shards(self, count: int) -> tuple[ShardKeys, ...]:
        """The shards of the decode jobs where there are `count`."""
        if count == 1:
            return (ShardKeys(self._work),)
        return tuple(ShardKeys(_tag(self._work, count, index)) for index in range(count))

    @property
    def workers(self) -> str:
        """Hash of the last report of each worker, with its time."""
        return f"{{{self._work}}}:workers"

    @property
    def gateways(self) -> str:
        """Hash of the times at which each gateway was last seen."""
        return f"{{{self._work}}}:gateways"

    @property
    def background_calls(self) -> str:
        """Stream of tool calls in the background."""
        return f"{self._background_calls}:calls"

    def call_progress(self, background_call: str) -> str:
        """Stream of the progress and the result of one of them."""
        return f"{self._background_calls}:progress:{background_call}"

    def background_calls_of(self, owner: str) -> str:
        """Sorted set of the calls in the background of one user: their names by when they are given up."""
        return f"{self._background_calls}:of:{blake2s(owner.encode(), digest_size=16).hexdigest()}"

    def session(self, name: str, part: str) -> str:
        """One of the keys that hold a session: its snapshot, its events, its audio."""
        return f"{{{self._prefix}:session:{name}}}:{part}"

    def token(self, identifier: str) -> str:
        """Mark of a single-use token that has been used."""
        return f"{self._prefix}:token:{identifier}"

    @property
    def limits(self) -> str:
        """Prefix of the rate limits' counters."""
        return f"{self._prefix}:limits"


@cache
def _tag(work: str, count: int, index: int) -> str:
    """A hash tag for this shard whose slot is in the middle half of its share of the slots. So every primary
    of a Cluster has equally many shards if their number is a multiple of the number of primaries, which have
    about equally many slots in order."""
    number = 0
    while True:
        tag = f"{work}:{count}:{index}:{number}"
        share, place = divmod(count * key_slot(tag.encode()), REDIS_CLUSTER_HASH_SLOTS)
        if share == index and 1 / 4 <= place / REDIS_CLUSTER_HASH_SLOTS < 3 / 4:
            return tag
        number += 1
