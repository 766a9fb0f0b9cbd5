"""The recognition worker process: load, warm, loop, leave.

It reads frames from standard input and answers on standard output (see pipe.py), and leaves when its
input closes, which happens also when its parent dies.
"""

import os
import resource
import signal
import sys
from typing import BinaryIO

import msgspec

from voicegw.asr.pipe import Answer, Done, Failed, Ready, Setup, frame, read_frame
from voicegw.asr.whisper import WhisperEngine
from voicegw.core.jobs import decode_jobs
from voicegw.errors import StartupError

_NICENESS = 10  # the gateway's event loop has work of microseconds, for everybody, and goes first


def serve(requests: BinaryIO, answers: BinaryIO) -> int:
    """Answers until `requests` ends; returns the process's exit status."""

    def answer(message: Answer) -> None:
        answers.write(frame(msgspec.msgpack.encode(message)))
        answers.flush()

    payload = read_frame(requests)
    if payload is None:
        return 0
    setup = msgspec.msgpack.decode(payload, type=Setup)
    if setup.max_memory_mb:
        limit = setup.max_memory_mb * 1024 * 1024
        resource.setrlimit(
            resource.RLIMIT_DATA, (limit, limit)
        )  # not RLIMIT_AS: a GPU maps far more than it uses
    try:
        engine = WhisperEngine(setup.path, setup.options)
        cost = engine.warm()
    except StartupError as error:
        answer(Failed(error.message))
        return 1
    answer(Ready(cost))
    while (payload := read_frame(requests)) is not None:
        answer(_decode(engine, payload))
    return 0


def _decode(engine: WhisperEngine, payload: bytes) -> Answer:
    try:
        jobs = decode_jobs(payload)
        return Done(tuple(engine.decode(jobs)))
    except Exception as error:  # noqa: BLE001 - the process edge; the pool logs it and tells the session
        return Failed(f"{type(error).__name__}: {error}")


def main() -> int:
    """The entry point of `python -m voicegw.asr.worker`."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the pipe
    return serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    sys.exit(main())
