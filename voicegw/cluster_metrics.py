"""The metrics of Redis, and of the jobs that gateways and workers share through it."""

from prometheus_client import CollectorRegistry

from voicegw.instruments import Instruments


class ClusterMetrics:
    """Streams: `finals` and `partials`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = Instruments(registry, "voicegw_cluster_")
        self._silent = set[object]()  # parts of Redis that do not answer
        self.redis_up = make.gauge("redis_up", "Whether Redis answers, in all parts")
        self.redis_lag = make.gauge("redis_lag_seconds", "Time that Redis took to answer the last heartbeat")
        self.redis_errors = make.counter("redis_errors", "Commands to Redis that failed, by error", "error")
        self.waiting = make.gauge("waiting_jobs", "Jobs that no worker has taken (lag)", "stream")
        self.held = make.gauge("held_jobs", "Jobs that workers have taken", "stream")
        self.oldest = make.gauge("oldest_waiting_seconds", "Waiting time of the oldest waiting job", "stream")
        self.workers = make.gauge("workers", "Ready workers")
        self.group_busy = make.gauge("group_busy_share", "Busy share of time, mean of the workers")
        self.busy = make.gauge("busy_share", "Busy share of time of this worker")
        self.claimed = make.counter("claimed_jobs", "Jobs taken over from unresponsive workers")
        self.dropped = make.counter("dropped_jobs", "Discarded jobs of gateways that have ended")
        self.dead = make.counter("dead_jobs", "Failed jobs, kept in the stream of dead jobs")
        self.late_answers = make.counter("late_answers", "Answers that arrived too late")
        self.audio_kept = make.gauge("audio_kept_bytes", "Audio of sessions that this worker keeps")
        self.job_audio = make.counter(
            "job_audio_bytes", "Audio of submitted jobs: sent, or kept by the worker and omitted", "way"
        )
        self.sent_whole = make.counter(
            "jobs_sent_whole_again",
            "Jobs submitted again with the audio that they omitted, because their worker was late or did "
            "not have it, by reason",
            "reason",
        )
        self.asked_again = make.counter("jobs_asked_again", "Jobs submitted again because Redis lost them")

    def report_redis(self, part: object, up: bool) -> None:
        """Says whether a part of Redis answers."""
        if up:
            self._silent.discard(part)
        else:
            self._silent.add(part)
        self.redis_up.set(not self._silent)
