"""How far training is and how high the learning rate stands: a warm-up, then a straight fall to zero.

One such fall is a cycle. It lasts so many seconds of training, or until a time of day, however fast the
machine is meanwhile.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

_WARM_UP_STEPS = 200
_STALL_S = 10.0  # a step that took longer was suspended: the excess is no training time


@dataclass
class Progress:
    """Kept in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    audio_s: float = 0.0
    done: float = 0.0  # share of the cycle that is behind
    cycle_step: int = 0  # where the cycle began
    cycle_seconds: float = 0.0
    cycle: int = 1

    def enter(self, cycle: int) -> bool:
        """Begins that cycle unless it goes on already; False if a later one does."""
        if cycle > self.cycle:
            self.done, self.cycle_step, self.cycle_seconds = 0.0, self.step, self.seconds
            self.cycle = cycle
        return cycle == self.cycle

    def advance(self, elapsed_s: float, left_s: float) -> None:
        """A step took so long, of the seconds that were left before it: the share to do shrinks alike."""
        elapsed_s = min(_STALL_S, elapsed_s)
        self.seconds += elapsed_s
        self.done = 1.0 if elapsed_s >= left_s else self.done + (1 - self.done) * elapsed_s / left_s

    def rate(self, done: float) -> float:
        """Share of the peak learning rate when `done` of the cycle is behind."""
        return min(1.0, (self.step - self.cycle_step + 1) / _WARM_UP_STEPS) * (1 - done)

    def left_s(self, minutes: float, until: datetime | None) -> float:
        """Seconds to the end of a cycle of so many minutes, or to a time of day."""
        if until:
            return until.timestamp() - time.time()
        return self.cycle_seconds + minutes * 60 - self.seconds


def time_of_day(text: str) -> datetime:
    """The next time that a clock shows HH:MM."""
    hour, minute = map(int, text.split(":"))
    now = datetime.now()
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return then if then > now else then + timedelta(days=1)
