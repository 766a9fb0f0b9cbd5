"""Every metric of a server, and the table of metrics in scripts/monitoring/README.md that is made from
them."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from voicegw.telemetry import Metrics

PROCESS = "process_"  # of the Prometheus client itself


def all_metrics() -> Metrics:
    """Metrics of a server with Redis and TLS."""
    metrics = Metrics()
    metrics.cluster.redis_up.set(1)
    metrics.certificate_expires.set(1)
    return metrics


def families() -> list[Metric]:
    """All families, in the order in which they are exported."""
    return list(all_metrics().registry.collect())


def exported_name(family: Metric) -> str:
    """The name of a family in a query; a histogram has the endings `_bucket`, `_sum` and `_count`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def series_names() -> set[str]:
    """Every name that a query may use."""
    return set(_series_names())


def _series_names() -> Iterator[str]:
    for family in families():
        yield exported_name(family)
        if family.type == "histogram":
            yield from (f"{family.name}_{ending}" for ending in ("bucket", "sum", "count"))


def rows() -> list[str]:
    """The table in Markdown, without what the Prometheus client exports about every process."""
    lines = ["| metric | type | what it says |", "|---|---|---|"]
    for family in sorted(families(), key=lambda family: family.name):
        if not family.name.startswith(PROCESS):
            lines.append(f"| `{exported_name(family)}` | {family.type} | {family.documentation} |")
    return lines
