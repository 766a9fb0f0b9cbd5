"""A discrete-event simulation of an installation: callers, gateways, Redis shards and workers (simpy).

Times are seconds. Everything random comes from one generator with a seed, so a run can be repeated.
"""

from collections.abc import Sequence
from random import Random

from simpy import Environment

from benchmarks.measures import percentile
from benchmarks.sizing.caller import Caller, Place
from benchmarks.sizing.deployment import Deployment, Fault, Part
from benchmarks.sizing.infrastructure import Infrastructure
from benchmarks.sizing.measured_figures import Measured
from benchmarks.sizing.outcome import Log, Outcome, p95_by_second
from benchmarks.sizing.speech import Talker
from benchmarks.sizing.workers import Steps, Work, WorkerGroup

WARM_UP_S = 10.0  # until as many speak as on average


class Simulation:
    """One installation and its callers."""

    def __init__(self, deployment: Deployment, measured: Measured, seed: int = 1) -> None:
        self.env = Environment()
        self.log = Log()
        random = Random(seed)
        self._deployment = deployment
        self._measured = measured
        self._random = random
        infrastructure = Infrastructure(deployment, measured, random)
        self.workers = WorkerGroup(self.env, deployment, measured, random)
        talker = Talker(measured, deployment.talk, random)
        lookahead = measured.quantiles("lookahead")
        self._place = Place(self.env, infrastructure, self.workers, talker, lookahead, self.log)
        self.callers: list[Caller] = []
        for _ in range(deployment.callers):
            self.add_caller()

    def add_caller(self) -> None:
        """One more, who begins with a silence."""
        caller = Caller(self._place, len(self.callers))
        self.callers.append(caller)
        self.env.process(caller.run())

    def run(self, seconds: float, faults: Sequence[Fault] = ()) -> Outcome:
        """What callers notice in so many seconds after the warm-up. Times of faults count from the warm-up's
        end."""
        for fault in faults:
            self.env.process(self._fail(fault))
        self.env.run(until=WARM_UP_S)
        self.log.clear()
        self.workers.work = Work()
        self.env.run(until=WARM_UP_S + seconds)
        return self._outcome(seconds)

    def _fail(self, fault: Fault) -> Steps:
        yield self.env.timeout(WARM_UP_S + fault.at_s)
        if fault.part is Part.WORKER:
            self.workers.fail(self.workers.workers[0])
            return
        count = self._deployment.count(fault.part)
        for caller in self.callers[::count]:  # those of the first gateway or shard
            caller.lose(self.env.now + self._back_s(fault.part))

    def _back_s(self, part: Part) -> float:
        """How long a caller is without its gateway or its shard."""
        if part is Part.SHARD:
            return self._measured["redis_failover_s"]
        return self._random.uniform(0, self._measured["takeover_back_s"])

    def _outcome(self, seconds: float) -> Outcome:
        log, work = self.log, self.workers.work
        slots = len(self.workers.workers) * self._deployment.slots
        since = [at - WARM_UP_S for at in log.word_at]
        return Outcome(
            word_p50_s=percentile(log.word_s, 50),
            word_p95_s=percentile(log.word_s, 95),
            final_p95_s=percentile(log.final_s, 95),
            worker_share=sum(work.busy_s.values()) / (slots * seconds),
            jobs_per_s=work.jobs.total() / seconds,
            mean_batch=work.jobs.total() / max(1, work.batches),
            word_p95_by_second_s=p95_by_second(since, log.word_s, int(seconds)),
            lost_words=len(log.lost_word_s),
            lost_word_p95_s=percentile(log.lost_word_s, 95),
        )


def simulate(
    deployment: Deployment,
    measured: Measured,
    seconds: float,
    faults: Sequence[Fault] = (),
    seed: int = 1,
) -> Outcome:
    """What callers of the installation notice."""
    return Simulation(deployment, measured, seed).run(seconds, faults)
