"""The name of every key in Redis.

The part in braces decides where a Redis Cluster keeps a key: keys that one transaction or script touches
share it. All decode work has one such tag; each session has its own, so that sessions spread over a Cluster.
"""

from hashlib import blake2s


class Keys:
    """Names below one installation's prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._work = f"{{{prefix}:work}}"
        self._background_calls = f"{{{prefix}:background_calls}}"

    @property
    def finals(self) -> str:
        """Stream of final decode jobs."""
        return f"{self._work}:finals"

    @property
    def partials(self) -> str:
        """Stream of partial decode jobs."""
        return f"{self._work}:partials"

    @property
    def dead_jobs(self) -> str:
        """Stream of jobs that were given up after they had been lost with several workers."""
        return f"{self._work}:dead"

    @property
    def workers(self) -> str:
        """Hash of the last report of each worker, with its time."""
        return f"{self._work}:workers"

    @property
    def gateways(self) -> str:
        """Hash of the times at which each gateway was last seen."""
        return f"{self._work}:gateways"

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

    def results(self, gateway: str) -> str:
        """Stream of answers for one gateway."""
        return f"{self._work}:results:{gateway}"

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
