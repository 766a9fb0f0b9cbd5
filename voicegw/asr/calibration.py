"""Loads the speech model: measures the cost of a decode on this machine and chooses how decodes are
distributed over the cores.

The throughput is highest with one thread for each decode, and as many decodes at once as there are cores (8
at most). If a decode is slow then, several threads are tried, and used only if they make it clearly faster:
on many machines threads wait for each other, and some models are slower with two than with one.

On a GPU, decodes side by side slow each other down, and batches get more done. Where that is measured, jobs
may wait for a batch (dispatch.py) for as long as two full ones take, because the one in progress may have
longer windows than the calibration.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from voicegw.asr.engine import Engine
from voicegw.asr.pipe import Layout, Setup

_MOST_THREADS = 4  # more do not speed a single decode up
_SPEEDUP = 1.3  # of a decode by several threads, for which it is worth to have fewer decodes at once
_MOST_AT_ONCE = 8  # unless more are asked for
_WORTHWHILE = 0.95  # of the cost for each window so far: less of a gain is not worth the waiting
_GATHERING_GAIN = 1.5  # windows per second of full batches over single ones side by side; less may be noise
_REPEATS = 2


def load(setup: Setup) -> tuple[Engine, Layout]:
    """The engine, warm. Raises ModelUnavailable."""
    if setup.layout is not None:
        return _warm_engine(setup, setup.layout.threads, setup.layout.at_once), setup.layout
    engine, layout = _loaded(setup, setup.engine.threads or 1)
    several = min(_MOST_THREADS, setup.cores)
    if setup.engine.threads or several == 1 or layout.single_ms <= setup.slow_decode_ms:
        return engine, layout
    del engine  # the weights are in memory once
    engine, faster = _loaded(setup, several)
    if faster.single_ms * _SPEEDUP <= layout.single_ms:
        return engine, faster
    del engine
    return _loaded(setup, 1)


def _loaded(setup: Setup, threads: int) -> tuple[Engine, Layout]:
    at_once = setup.at_once or min(_MOST_AT_ONCE, max(1, setup.cores // threads))
    engine = _warm_engine(setup, threads, at_once)
    single_ms, batch = measure(engine, setup.engine.max_batch)
    gather_ms = measure_gathering(engine, at_once, batch) if setup.engine.shares_device else 0.0
    return engine, Layout(single_ms, threads, at_once, batch, gather_ms)


def _warm_engine(setup: Setup, threads: int, at_once: int) -> Engine:
    engine = setup.engine.load(threads, at_once)
    with ThreadPoolExecutor(at_once) as pool:
        for warmed in [pool.submit(engine.warm) for _ in range(at_once)]:
            warmed.result()
    return engine


def measure(engine: Engine, max_batch: int) -> tuple[float, int]:
    """ms of one decode, and the size of the batch in which a window costs least."""
    each_ms = single_ms = _cost_ms(engine, 1)
    batch, size = 1, 2
    while size <= max_batch:
        cost_ms = _cost_ms(engine, size) / size
        if cost_ms > _WORTHWHILE * each_ms:
            break
        each_ms, batch, size = cost_ms, size, 2 * size
    return single_ms, batch


def measure_gathering(engine: Engine, at_once: int, batch: int) -> float:
    """How long jobs may wait for a batch, in ms; 0 unless full batches one after the other get clearly more
    windows done than single ones side by side."""
    if at_once == 1 or batch == 1:
        return 0.0
    full_ms, beside_ms = _cost_ms(engine, batch), _beside_ms(engine, at_once)
    return 2 * full_ms if _GATHERING_GAIN * full_ms / batch <= beside_ms / at_once else 0.0


def _beside_ms(engine: Engine, count: int) -> float:
    """Of so many single calibration windows at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return _best_ms(lambda: list(pool.map(engine.decode_calibration, [1] * count)))


def _cost_ms(engine: Engine, size: int) -> float:
    """Of a batch of calibration windows."""
    return _best_ms(lambda: engine.decode_calibration(size))


def _best_ms(work: Callable[[], object]) -> float:
    """The shortest time of some repetitions."""

    def measured_ms() -> float:
        begun = time.perf_counter()
        work()
        return (time.perf_counter() - begun) * 1000

    return min(measured_ms() for _ in range(_REPEATS))
