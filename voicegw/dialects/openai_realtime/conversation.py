"""The conversation as the client knows it: the items that it was told of, in their order."""

from collections.abc import Mapping
from typing import Any

MAX_ITEMS = 1_000
MAX_CHARACTERS = 100_000


class Conversation:
    """The order of the items, and each item as it was shown. Of a very long conversation the oldest are
    forgotten."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._items: dict[str, Mapping[str, Any]] = {}
        self._sizes: dict[str, int] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    @property
    def last(self) -> str | None:
        """The id of the last item."""
        return self._order[-1] if self._order else None

    def get(self, item_id: str) -> Mapping[str, Any] | None:
        """An item as it was shown last."""
        return self._items.get(item_id)

    def add(self, item: Mapping[str, Any], after: str | None = None) -> str | None:
        """Adds an item at the end, or as AddItem says; returns the id of the item before it. It replaces an
        item with the same id: a client may create two before it is told of the first, or use an id that the
        server gives later."""
        item_id = item["id"]
        if item_id in self._items:
            self.delete(item_id)
        place = len(self._order)
        if after is not None:
            place = self._order.index(after) + 1 if after in self._items else 0
        previous = self._order[place - 1] if place else None
        self._order.insert(place, item_id)
        self.update(item)
        while len(self._order) > MAX_ITEMS or sum(self._sizes.values()) > MAX_CHARACTERS:
            self.delete(self._order[0])
        return previous

    def update(self, item: Mapping[str, Any]) -> None:
        """Shows an item with new content."""
        if item["id"] in self._order:
            self._items[item["id"]] = item
            self._sizes[item["id"]] = len(repr(item))

    def delete(self, item_id: str) -> None:
        """Removes an item."""
        self._order.remove(item_id)
        del self._items[item_id], self._sizes[item_id]

    def before(self, item_id: str) -> str | None:
        """The id of the item before this one."""
        place = self._order.index(item_id) if item_id in self._items else 0
        return self._order[place - 1] if place else None
