"""Many misbehaving clients at one server, a few at a time."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.fuzz.client import Ending, FuzzClient, Outcome, Violation

AT_ONCE = 8
MOST_VIOLATIONS = 20  # then the campaign stops
NORMAL_EVERY = 7
ABRUPT = tuple(ending for ending in Ending if ending is not Ending.NORMAL)


@dataclass(frozen=True)
class Size:
    """The least number of messages, and of clients that disconnect abruptly."""

    messages: int
    disconnects: int

    @property
    def messages_each(self) -> int:
        """Of one client on average; twice as many as needed, since the server disconnects many clients."""
        return max(2, 2 * self.messages // max(1, self.disconnects))

    def scaled(self, factor: float) -> "Size":
        """The size of a campaign with fewer clients of the same kind."""
        return Size(round(self.messages * factor), round(self.disconnects * factor))


@dataclass
class Tally:
    """What the clients sent and received. violations: the number of the client and the violation."""

    clients: int = 0
    sent: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def disconnects(self) -> int:
        """Clients that disconnected abruptly."""
        return self.endings.total() - self.endings[Ending.NORMAL]

    def add(self, outcome: Outcome) -> None:
        """Add one client."""
        self.clients += 1
        self.sent += outcome.sent
        self.endings[outcome.ending] += 1
        self.codes += outcome.codes


def client(url: str, size: Size, seed: str, number: int) -> Outcome:
    """One client of a campaign by its number, reproducible by seed and number. Raises Violation."""
    rng = random.Random(f"{seed}/{number}")
    ending = Ending.NORMAL if number % NORMAL_EVERY == 0 else rng.choice(ABRUPT)
    return FuzzClient(url, rng, ending).run(rng.randrange(2 * size.messages_each))


def campaign(url: str, size: Size, seed: str) -> Tally:
    """Clients until both numbers are reached, or the server has broken the rules too often."""
    tally, lock = Tally(), threading.Lock()

    def numbers() -> Iterator[int]:
        number = 0
        while len(tally.violations) < MOST_VIOLATIONS and (
            tally.sent < size.messages or tally.disconnects < size.disconnects
        ):
            yield number
            number += 1

    waiting = numbers()

    def work() -> None:
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            try:
                outcome = client(url, size, seed, number)
            except (Violation, OSError) as violation:
                with lock:
                    tally.violations.append(f"client {number}: {violation}")
            else:
                with lock:
                    tally.add(outcome)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for future in [threads.submit(work) for _ in range(AT_ONCE)]:
            future.result()
    return tally
