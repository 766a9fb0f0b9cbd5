"""The recognition worker process: load, warm, loop, exit.

It reads frames from standard input and answers on standard output (see pipe.py), and exits when its input
closes, which happens also when its parent dies. Several threads decode at once, with one copy of
the weights. While one decodes the words before a pause, another thread may run the end-of-turn model.
"""

import os
import resource
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Lock
from typing import BinaryIO

import msgspec

from voicegw.asr import calibration, end_of_turn
from voicegw.asr.end_of_turn import EndOfTurnModel
from voicegw.asr.engine import Engine
from voicegw.asr.pipe import Answer, Done, Failed, Ready, Setup, frame, read_frame
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, decode_jobs
from voicegw.errors import StartupError
from voicegw.log_writer import LogWriter

_log = LogWriter(2, lambda count: _tell(f"{count} lines of this process's log dropped"))
_NICENESS = 10  # the gateway's event loop, which serves all sessions, has priority


def serve(requests: BinaryIO, answers: BinaryIO) -> int:
    """Answers until `requests` ends; returns the process's exit status."""
    writing = Lock()

    def answer(number: int, message: Answer) -> None:
        with writing:
            answers.write(frame(number, msgspec.msgpack.encode(message)))
            answers.flush()

    first = read_frame(requests)
    if first is None:
        return 0
    number, payload = first
    setup = msgspec.msgpack.decode(payload, type=Setup)
    if setup.max_memory_mb:
        limit = setup.max_memory_mb * 1024 * 1024
        resource.setrlimit(
            resource.RLIMIT_DATA, (limit, limit)
        )  # not RLIMIT_AS: a GPU maps far more than it uses
    try:
        engine, layout = calibration.load(setup)
        listener = end_of_turn.load() if setup.engine.end_of_turn else None
    except StartupError as error:
        answer(number, Failed(error.message))
        return 1
    answer(number, Ready(layout))
    with ThreadPoolExecutor(1) as listening, ThreadPoolExecutor(layout.at_once) as decoding:
        worker = _Worker(engine, listener, listening)

        def decode(number: int, payload: bytes) -> None:
            answer(number, worker.answer(payload))

        while (request := read_frame(requests)) is not None:
            decoding.submit(decode, *request)
    return 0


class _Worker:
    """The loaded models, and a thread for the one that listens."""

    def __init__(self, engine: Engine, listener: EndOfTurnModel | None, thread: Executor) -> None:
        self._engine = engine
        self._listener = listener
        self._thread = thread

    def answer(self, payload: bytes) -> Answer:
        """The results of a batch of jobs, or why there are none."""
        try:
            jobs = decode_jobs(payload)
            results = tuple(self._decode(jobs))
            if len(results) != len(jobs):
                return Failed(f"the engine returned {len(results)} results for {len(jobs)} windows")
            return Done(results)
        except Exception as error:  # noqa: BLE001 - the process edge; the pool logs it and tells the session
            return Failed(f"{type(error).__name__}: {error}")

    def _decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        finals = {job.kind for job in jobs} == {DecodeKind.FINAL}
        if self._listener is None or not finals:
            return self._engine.decode(jobs)
        likely = self._thread.map(self._probability, [job.pcm for job in jobs])
        return [
            msgspec.structs.replace(result, end_of_turn=probability)
            for result, probability in zip(self._engine.decode(jobs), likely, strict=True)
        ]

    def _probability(self, pcm: bytes) -> float | None:
        """That the speaker has finished; None where the model fails, because the words are there all the
        same."""
        assert self._listener is not None, "asked only where there is one"
        try:
            return self._listener.probability(pcm)
        except Exception as error:  # noqa: BLE001 - onnxruntime raises what its providers raise
            _tell(f"the end-of-turn model failed: {error}")
            return None


def _tell(line: str) -> None:
    _log.write(f"{line}\n")


def main() -> int:
    """The entry point of `python -m voicegw.asr.worker`."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the pipe
    return serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    sys.exit(main())
