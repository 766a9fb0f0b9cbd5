"""Makes the metrics of one process."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Instruments:
    """Makes metrics in one registry, with a common prefix of their names."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self.registry = registry
        self._prefix = prefix

    def gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        """A value that rises and falls."""
        return Gauge(self._prefix + name, documentation, labels, registry=self.registry)

    def counter(self, name: str, documentation: str, *labels: str) -> Counter:
        """A value that only rises; its name is exported with `_total`."""
        return Counter(self._prefix + name, documentation, labels, registry=self.registry)

    def histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        """The distribution of a value."""
        return Histogram(self._prefix + name, documentation, labels, registry=self.registry, buckets=buckets)
