"""One recognition worker process, as its owner sees it: started, asked, gone for certain."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator

import msgspec

from voicegw.asr.pipe import Answer, Failed, Ready, Setup, frame, receive_answer
from voicegw.asr.whisper import DecodeCost
from voicegw.errors import ModelUnavailable, WorkerFailed


class WorkerProcess:
    """A process that runs asr/worker.py, at the other end of two pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._requests = process.stdin
        self._answers = process.stdout

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls) -> AsyncGenerator["WorkerProcess"]:
        """A new process, killed when the block is left: it holds nothing that a kill could lose."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "voicegw.asr.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # its spinning threads cost more than a decode
        )
        try:
            yield cls(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()

    async def warm_up(self, setup: Setup, timeout_ms: int) -> DecodeCost:
        """Has the model loaded and tried. Raises ModelUnavailable, or WorkerFailed as `ask` does."""
        answer = await self.ask(msgspec.msgpack.encode(setup), timeout_ms)
        if isinstance(answer, Ready):
            return answer.cost
        raise ModelUnavailable(answer.reason if isinstance(answer, Failed) else "the worker lost its way")

    async def ask(self, request: bytes, timeout_ms: int) -> Answer:
        """One request and its answer. Raises WorkerFailed past the time limit or when the process dies."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                self._requests.write(frame(request))
                await self._requests.drain()
                return await receive_answer(self._answers)
        except TimeoutError:
            raise WorkerFailed(f"a recognition worker did not answer within {timeout_ms} ms") from None
        except (OSError, EOFError) as error:
            raise WorkerFailed("a recognition worker died") from error

    async def death(self) -> None:
        """Waits until the process has ended."""
        await self._process.wait()
