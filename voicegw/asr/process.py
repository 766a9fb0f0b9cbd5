"""One recognition worker process, seen from its parent: start, requests, and a certain end."""

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import AsyncGenerator, Mapping

import msgspec

from voicegw.asr.pipe import Answer, Failed, Layout, Ready, Setup, frame, receive_answer
from voicegw.errors import ModelUnavailable, WorkerFailed

_DIED = "a recognition worker died"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # spinning threads of OpenBLAS cost more than a decode


class WorkerProcess:
    """A process that runs asr/worker.py, connected by two pipes. Several requests may be open at the same
    time. lost: whether the process answers no more. overdue: the failure of the first request that was not
    answered in time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._requests = process.stdin
        self._answers = process.stdout
        self._numbers = itertools.count()
        self._unanswered: dict[int, asyncio.Future[Answer]] = {}
        self.lost = False
        self.overdue: WorkerFailed | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, environment: Mapping[str, str]) -> AsyncGenerator["WorkerProcess"]:
        """A new process, killed when the block is left, because it has no state that could be lost.
        environment: variables of the engine, unless they are set already."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "voicegw.asr.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**environment, **os.environ, **_ONE_THREAD},
        )
        worker = cls(process)
        receiving = asyncio.create_task(worker._receive(), name="worker-answers")
        try:
            yield worker
        finally:
            worker.kill()
            await process.wait()
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
            worker._requests.close()

    def kill(self) -> None:
        """Ends the process; open requests fail."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def warm_up(self, setup: Setup, timeout_ms: int) -> Layout:
        """Lets the process load and try the model. Raises ModelUnavailable, or WorkerFailed as `ask` does."""
        task = "load the speech model (pool.start_timeout_ms)"
        answer = await self.ask(msgspec.msgpack.encode(setup), timeout_ms, task)
        if isinstance(answer, Ready):
            return answer.layout
        raise ModelUnavailable(answer.reason if isinstance(answer, Failed) else "the worker lost its way")

    async def ask(self, request: bytes, timeout_ms: int, task: str = "answer") -> Answer:
        """One request and its answer. task: what the process does, for the error. Raises WorkerFailed after
        the time limit or when the process dies."""
        if self.lost:
            raise WorkerFailed(_DIED)
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._unanswered[number] = answer
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                self._requests.write(frame(number, request))
                await self._requests.drain()
                return await answer
        except TimeoutError:
            failure = WorkerFailed(f"a recognition worker did not {task} within {timeout_ms} ms")
            self.overdue = self.overdue or failure
            raise failure from None
        except OSError as error:
            raise WorkerFailed(_DIED) from error
        finally:
            del self._unanswered[number]

    async def _receive(self) -> None:
        """Passes answers to their requests until the process dies or writes an invalid answer."""
        try:
            while True:
                number, received = await receive_answer(self._answers)
                answer = self._unanswered.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(received)
        except (OSError, EOFError, msgspec.MsgspecError):
            self.lost = True
            self.kill()
            for answer in self._unanswered.values():
                if not answer.done():
                    answer.set_exception(WorkerFailed(_DIED))

    async def death(self) -> None:
        """Waits until the process has ended."""
        await self._process.wait()
