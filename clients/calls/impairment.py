"""Jitter and loss of the packets of a call, the same in every run.

A packet is lost between the caller and the carrier, so the carrier's numbers and times continue behind it.
Jitter delays packets between the carrier and the server, in both directions. A connection over TCP keeps
their order, so a late packet delays those behind it; carriers that do not keep the order let them pass.
"""

import random
from dataclasses import dataclass, field

_SEED = 1
_STEP_S = 1e-6  # between packets that arrive together, so that timers keep their order


@dataclass
class Impairment:
    """jitter_ms: greatest delay of a packet. loss: share of packets that are lost."""

    jitter_ms: float = 0.0
    loss: float = 0.0
    in_order: bool = True
    _random: random.Random = field(default_factory=lambda: random.Random(_SEED))
    _latest_s: float = 0.0

    def arrival(self, due_s: float) -> float | None:
        """When the packet that is due at `due_s` is sent; None for a lost one."""
        lost = self._random.random() < self.loss
        at_s = due_s + self._random.uniform(0, self.jitter_ms) / 1000
        if lost:
            return None
        if self.in_order and self.jitter_ms:
            at_s = self._latest_s = max(at_s, self._latest_s + _STEP_S)
        return at_s
