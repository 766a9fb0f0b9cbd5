"""Progress and learning rate of a training run: a warm-up, then linear decay to zero.

A cycle is one warm-up and decay. It lasts a number of minutes of training, or until a time of day,
independent of the speed of the machine.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

_WARM_UP_STEPS = 200
_STALL_S = 10.0  # a longer step means that the process was suspended: the excess does not count


@dataclass
class Progress:
    """The state of the schedule, which the checkpoint contains."""

    step: int = 0
    seconds: float = 0.0
    audio_s: float = 0.0
    done: float = 0.0  # completed share of the cycle
    cycle_step: int = 0  # at which the cycle began
    cycle_seconds: float = 0.0
    cycle: int = 1

    def enter(self, cycle: int) -> bool:
        """Begin this cycle unless it has begun; False if a later one has."""
        if cycle > self.cycle:
            self.done, self.cycle_step, self.cycle_seconds = 0.0, self.step, self.seconds
            self.cycle = cycle
        return cycle == self.cycle

    def advance(self, elapsed_s: float, left_s: float) -> None:
        """Count a step that took `elapsed_s` of the `left_s` that remained of the cycle before it."""
        elapsed_s = min(_STALL_S, elapsed_s)
        self.seconds += elapsed_s
        self.done = 1.0 if elapsed_s >= left_s else self.done + (1 - self.done) * elapsed_s / left_s

    def rate(self, done: float) -> float:
        """The learning rate as a share of its peak, after `done` of the cycle."""
        return min(1.0, (self.step - self.cycle_step + 1) / _WARM_UP_STEPS) * (1 - done)

    def left_s(self, minutes: float, until: datetime | None) -> float:
        """Seconds to the end of a cycle of that many minutes, or to a time of day."""
        if until:
            return until.timestamp() - time.time()
        return self.cycle_seconds + minutes * 60 - self.seconds


def time_of_day(text: str) -> datetime:
    """The next moment at HH:MM, local time."""
    hour, minute = map(int, text.split(":"))
    now = datetime.now()
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return then if then > now else then + timedelta(days=1)
