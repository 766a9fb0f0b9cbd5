"""The numbers of streams to try: doubled while the objective is met, then a binary search, until the result
is exact, or within 5 % where it is large."""

from dataclasses import dataclass, replace

CLOSE = 20  # the search ends at a gap of 1/20


@dataclass(frozen=True)
class Search:
    """first, limit: the numbers to begin with and to end with. held: the largest that held. failed: the least
    that did not; None while none has failed."""

    first: int = 1
    limit: int = 1024
    held: int = 0
    failed: int | None = None

    @property
    def next(self) -> int | None:
        """The number to try now; None when the search is over."""
        if self.failed is None:
            wanted = min(max(self.first, 2 * self.held), self.limit)
            return wanted if wanted > self.held else None
        gap = self.failed - self.held
        return self.held + gap // 2 if gap > max(1, self.held // CLOSE) else None

    def tried(self, streams: int, held: bool) -> "Search":
        """The search after `streams` held or failed. A success above a failure does not
        count."""
        if self.failed is not None and streams > self.failed:
            return self
        return replace(self, held=streams) if held else replace(self, failed=streams)
