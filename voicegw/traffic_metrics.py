"""The metrics of connections and of what they transfer.

What happens with each frame is counted in plain attributes, which cost a tenth of a labelled counter; a
collector reads them when the metrics are requested.
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from voicegw.core.events import Event
from voicegw.instruments import Instruments


class FrameCount:
    """Frames and their bytes, by type: text or binary. A character of text counts as one byte."""

    __slots__ = ("binary", "binary_bytes", "text", "text_bytes")

    def __init__(self) -> None:
        self.text = self.text_bytes = self.binary = self.binary_bytes = 0

    def add(self, size: int, *, text: bool) -> None:
        """Counts a frame."""
        if text:
            self.text += 1
            self.text_bytes += size
        else:
            self.binary += 1
            self.binary_bytes += size


class TrafficMetrics(Collector):
    """received, sent: frames of all clients."""

    def __init__(self, make: Instruments) -> None:
        self.received, self.sent = FrameCount(), FrameCount()
        self._events: Counter[str] = Counter()
        self.connections = make.gauge("connections", "Open TCP connections")
        self.connections_opened = make.counter("connections_opened", "TCP connections, refused ones included")
        self.commands = make.counter("commands", "Commands of clients, by type", "command")
        self.input_dropped = make.counter(
            "input_dropped",
            "Input over a rate limit: `audio` pieces, replaced by silence, and ignored `message`s",
            "what",
        )
        self.outbox_bytes = make.gauge("outbox_bytes", "Bytes of events that wait for clients to read them")
        make.registry.register(self)

    def count_event(self, event: Event) -> None:
        """Counts an event of a session."""
        self._events[str(event.__struct_config__.tag)] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The current values."""
        events = CounterMetricFamily("voicegw_events", "Events of sessions, by type", labels=["event"])
        for name, count in self._events.items():
            events.add_metric([name], count)
        yield events
        for direction, count_of in (("received", self.received), ("sent", self.sent)):
            what = f"{direction} {'from' if direction == 'received' else 'to'} clients, by type"
            frames = CounterMetricFamily(f"voicegw_frames_{direction}", f"Frames {what}", labels=["type"])
            size = CounterMetricFamily(f"voicegw_{direction}_bytes", f"Bytes {what}", labels=["type"])
            for kind in ("text", "binary"):
                frames.add_metric([kind], getattr(count_of, kind))
                size.add_metric([kind], getattr(count_of, f"{kind}_bytes"))
            yield frames
            yield size
