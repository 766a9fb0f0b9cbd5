"""`python -m clients.telephony_bridge`: passes calls of Asterisk's AudioSocket on to a voicegw server."""

import argparse
import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from clients.audiosocket import Kind, Packet
from clients.bridged_call import BridgedCall, Server
from clients.client import DEFAULT_URL
from clients.connector import Token
from clients.errors import ClientError, Unreachable

DEFAULT_LISTEN = "127.0.0.1:9019"
TOKEN_VARIABLE = "GATEWAY_TOKEN"
_TOKEN_S = 10.0  # for the command that makes a token
_END_S = 5.0  # for the calls to end when the bridge stops

DESCRIPTION = """\
Passes telephone calls of Asterisk's AudioSocket, over TCP, on to a voicegw server, so that a PBX without
WebSockets can use it. Audio of 8, 16, 24 or 48 kHz; keys become messages: `#` or a pause ends one.

AudioSocket has no passwords and no encryption: let only the PBX reach the port.
"""

EXAMPLES = f"""\
in extensions.conf, for a bridge on the same machine:
  exten => 100,1,Answer()
   same => n,AudioSocket(${{UUID()}},{DEFAULT_LISTEN})
   same => n,Hangup()

examples:
  python -m clients.telephony_bridge --url ws://127.0.0.1:8765/v1/stream
  python -m clients.telephony_bridge --listen 10.0.0.5:9019 --url wss://voice.example.org/v1/stream \\
      --token-command 'voicegw token --user pbx --token-keys signing.json'

A token is also taken from the environment variable {TOKEN_VARIABLE}. Tokens expire; --token-command makes one
for each connection of a call. A line is written for each call, with its UUID and its session.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_serve(options))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m clients.telephony_bridge",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help="for the PBX (default: %(default)s)")
    add("--url", default=DEFAULT_URL, help="of the voicegw server (default: %(default)s)")
    add("--max-calls", type=int, default=100, metavar="N", help="at one time (default: %(default)s)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help=f"for every call (default: {TOKEN_VARIABLE}); visible to other users")
    token.add_argument("--token-command", metavar="COMMAND", help="prints a token; runs for each connection")
    return parser


async def _serve(options: argparse.Namespace) -> None:
    """Serves calls until SIGTERM or SIGINT. Raises Unreachable when the port cannot be opened."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = Server(options.url, _token_source(options))
    async with bridge(options.listen, server, options.max_calls) as address:
        print(f"listening on {address}", flush=True)
        await stopping.wait()


@asynccontextmanager
async def bridge(listen: str, server: Server, max_calls: int) -> AsyncIterator[str]:
    """Serves calls during the block; yields the address. Raises Unreachable."""
    calls: set[asyncio.Task[None]] = set()
    host, _, port = listen.rpartition(":")
    try:
        listener = await asyncio.start_server(
            partial(_accept, server, max_calls, calls), host.strip("[]"), int(port)
        )
    except (OSError, ValueError, OverflowError) as error:
        raise Unreachable(f"cannot listen on {listen}: {error}") from error
    try:
        bound, number = listener.sockets[0].getsockname()[:2]
        yield f"{bound}:{number}"
    finally:
        listener.close()
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls, timeout=_END_S)


async def _accept(
    server: Server,
    max_calls: int,
    calls: set[asyncio.Task[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    if len(calls) >= max_calls:
        _report(f"a call was refused: {max_calls} calls are in progress (--max-calls)")
        writer.write(Packet(Kind.HANG_UP).encoded())
        writer.close()
        return
    task = asyncio.current_task()
    assert task is not None, "asyncio runs this in a task"
    calls.add(task)
    try:
        await BridgedCall(server, reader, writer, _report).run()
    except asyncio.CancelledError:
        pass  # the bridge stops
    finally:
        calls.discard(task)


def _token_source(options: argparse.Namespace) -> Token | None:
    if options.token_command is not None:
        return partial(_token_of, options.token_command)
    return options.token or os.environ.get(TOKEN_VARIABLE)


async def _token_of(command: str) -> str:
    """The output of a command. Raises Unreachable."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except (OSError, ValueError) as error:
        raise Unreachable(f"--token-command cannot be run: {error}") from error
    try:
        async with asyncio.timeout(_TOKEN_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise Unreachable(f"--token-command took over {_TOKEN_S:g} s") from None
    finally:
        if process.returncode is None:  # too late, or the PBX has hung up
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unreachable(f"--token-command exited with status {process.returncode}")
    return output.decode().strip()


def _report(line: str) -> None:
    print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
