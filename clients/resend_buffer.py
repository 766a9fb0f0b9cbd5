"""Keeps the messages that the server has not acknowledged, in order, to send them again on a new connection.
Audio is acknowledged by sample, text messages by number.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from clients.errors import ConnectionLost


@dataclass(frozen=True, slots=True)
class _Item:
    """One message. samples, messages: the samples and text messages before it in this session. lasting: it
    also makes sense in another session."""

    content: bytes | str
    samples: int
    messages: int
    lasting: bool = True


class ResendBuffer:
    """Keeps the last `max_samples` samples; `sample_bytes` is the size of one."""

    def __init__(self, sample_bytes: int, max_samples: int) -> None:
        self._sample_bytes = sample_bytes
        self._max_samples = max_samples
        self._items: deque[_Item] = deque()
        self._next = 0  # index of the item to send next
        self._samples = 0
        self._messages = 0

    def add(self, content: bytes | str, *, lasting: bool = True) -> None:
        """Append a message, which `pending` then yields. lasting: it also makes sense in another session."""
        self._items.append(_Item(content, self._samples, self._messages, lasting))
        if isinstance(content, str):
            self._messages += 1
        else:
            self._samples += len(content) // self._sample_bytes
        while self._samples - self._items[0].samples > self._max_samples:
            self._drop_first()

    def pending(self) -> Iterator[bytes | str]:
        """The messages not sent yet, in order; each counts as sent when the next one is requested."""
        while self._next < len(self._items):
            item = self._items[self._next]
            yield item.content
            self._next += 1 if self._next < len(self._items) and self._items[self._next] is item else 0

    def acknowledge(self, samples: int, messages: int) -> None:
        """The server has received everything before this sample and this message."""
        while self._items and self._is_received(self._items[0], samples, messages):
            self._drop_first()

    def rewind(self, samples: int, messages: int) -> None:
        """Send again from this sample and this message; the rest of a message that was received in part.
        Raises ConnectionLost when they are not kept any longer."""
        self.acknowledge(samples, messages)
        self._next = 0
        first = self._items[0] if self._items else _Item("", self._samples, self._messages)
        if first.samples > samples or first.messages > messages:
            raise ConnectionLost("the server asks for audio that is not kept any longer")
        if isinstance(first.content, bytes) and first.samples < samples:
            rest = first.content[(samples - first.samples) * self._sample_bytes :]
            self._items[0] = _Item(rest, samples, first.messages)

    def restart(self, max_bytes: int) -> None:
        """The server has started a new session, which begins with the lasting messages and the newest audio;
        of audio it takes only so many bytes at once."""
        contents = [item.content for item in self._items if item.lasting]
        excess = sum(len(content) for content in contents if isinstance(content, bytes)) - max_bytes
        self._items.clear()
        self._next = self._samples = self._messages = 0
        for content in contents:
            dropped = min(max(0, excess), len(content)) if isinstance(content, bytes) else 0
            excess -= dropped
            if dropped < len(content):
                self.add(content[dropped:])

    def _is_received(self, item: _Item, samples: int, messages: int) -> bool:
        if isinstance(item.content, str):
            return item.messages < messages
        return item.samples + len(item.content) // self._sample_bytes <= samples

    def _drop_first(self) -> None:
        self._items.popleft()
        self._next = max(0, self._next - 1)
