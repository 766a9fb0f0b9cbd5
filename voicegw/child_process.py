"""Child processes that live as long as a block of code."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process with pipes for its input and output, which is killed and waited for at the end of the block.
    environment: None for that of this process."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdout is not None:
            await process.stdout.read()  # asyncio reports the exit only after the pipe has been read
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
