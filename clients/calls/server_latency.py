"""The latencies of a call as its server measured them: a carrier sees no words."""

import urllib.request
from urllib.error import URLError

from prometheus_client.parser import text_string_to_metric_families

SERVER_MEANINGS = {
    "final_ms": "from the end of speech to the final words of a turn, mean, as the server measured it",
    "first_token_ms": "the same to the first token of the reply",
}
_METRIC = "voicegw_turn_latency_seconds"
_TIMEOUT_S = 5.0


def server_latency(origin: str) -> dict[str, float]:
    """The mean latencies of all turns of a server that served one call. origin: `ws://host:port`. Empty when
    the server shows its metrics to others only."""
    page = f"{origin.replace('ws', 'http', 1)}/metrics"
    try:
        with urllib.request.urlopen(page, timeout=_TIMEOUT_S) as answer:
            text = answer.read().decode()
    except (URLError, TimeoutError):
        return {}
    found = {
        (sample.name.removeprefix(f"{_METRIC}_"), sample.labels.get("step")): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == _METRIC
        for sample in family.samples
    }
    return {
        name: round(1000 * found["sum", step] / found["count", step], 1)
        for name in SERVER_MEANINGS
        if found.get(("count", step := name.removesuffix("_ms")))
    }
