"""Rude clients at one real server: fuzzed messages, and abrupt disconnects at any moment.

A healthy neighbour speaks all the while. It is to be heard as when it was alone, every answer that the rude
clients get has to be one that is documented, and in the end the server must hold no more memory, tasks,
descriptors and processes than before, within 5 % (`--growth`). Whatever fails is told with the number of the
client, which `--only` repeats with the same numbers and seed.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from benchmarks.arguments import add_json, add_model, add_serve, new_parser
from benchmarks.footprint import Footprint, footprint, settled
from benchmarks.fuzz import absences, greedy_campaign
from benchmarks.fuzz.campaign import Size, Tally, campaign, client
from benchmarks.recordings.material import about_recordings, add_recordings, dense, material
from benchmarks.report import report
from benchmarks.subject import Neighbour, sample_named, subject
from clients.errors import ClientError
from clients.samples import Sample
from voicegw import config
from voicegw.errors import StartupError

GROWTH = 0.05
RISE = 0.25
WARM_UP = 0.5  # of the campaign, before the footprint that is compared
SETTLE_S = 30.0
MEANINGS = {
    "messages": "sent by rude clients",
    "disconnects": "of them that went without a word",
    "clients": "rude clients",
    "errors_told": "messages that were answered by an error event",
    "violations": "answers, or silences, that no client may see",
    "neighbour_heard": "times the neighbour said the same meanwhile",
    "neighbour_different": "times it was not heard as when it was alone",
    "leaks": "things of which the server holds more than before, beyond `--growth`",
    "rss_before_mb": "the server's resident memory after half as large a campaign, to warm up",
    "rss_after_mb": "the same after all of it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign; the exit status is 1 when anything was found."""
    options = _parser().parse_args(argv)
    try:
        troubles = _found(options)
    except (ClientError, StartupError) as error:
        print(error, file=sys.stderr)
        return 1
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("fuzz", __doc__)
    add = parser.add_argument
    add("--messages", type=int, default=10_000, metavar="N", help="to send (default: %(default)s)")
    add("--disconnects", type=int, default=500, metavar="N", help="at least (default: %(default)s)")
    add("--seed", type=int, default=1, help="which messages and disconnects (default: %(default)s)")
    add("--absent", type=int, metavar="N", help="instead, clients of which half stop reading or vanish")
    add(
        "--greedy",
        type=int,
        metavar="N",
        help="instead, N clients that take all they can get, at a default server",
    )
    add("--seconds", type=float, default=60.0, help="for which those are at work (default: %(default)g)")
    add("--rise", type=float, default=RISE, help="beside them: of the neighbour's p95 (default: %(default)s)")
    add("--only", type=int, metavar="NUMBER", help="nothing but this client of the campaign")
    add("--neighbour", default="conversation.wav", metavar="FILE", help="the sample it says (%(default)s)")
    add("--growth", type=float, default=GROWTH, help="share that counts as none (default: %(default)s)")
    add_recordings(parser)
    add_model(parser)
    add_json(parser)
    add_serve(parser)
    return parser


def _found(options: argparse.Namespace) -> list[str]:
    """What was found, in words. Raises ClientError and ModelUnavailable."""
    if options.greedy is not None:
        return _run_greedy(options)
    return asyncio.run(_run(options) if options.absent is None else _run_absent(options))


def _run_greedy(options: argparse.Namespace) -> list[str]:
    """What was found, in words. Raises ClientError and ModelUnavailable."""
    flags = ("--model", options.model, *options.serve)
    with _spoken(options) as samples:
        found = asyncio.run(
            greedy_campaign.greedy_campaign(flags, options.greedy, options.seed, options.seconds, samples)
        )
    settings = {name: getattr(options, name) for name in ("greedy", "seconds", "seed", "model", "serve")}
    settings |= about_recordings(options) or {"neighbour": options.neighbour}
    report("fuzz", settings, found.figures(), greedy_campaign.MEANINGS, options.json)
    return found.troubles(options.rise, options.growth)


@contextmanager
def _spoken(options: argparse.Namespace) -> Iterator[Sequence[Sample]]:
    """What the neighbour says: the sample, or recordings for about as long as the greedy are at work. Raises
    ClientError and ModelUnavailable."""
    if options.recordings is None:
        yield [sample_named(options.neighbour)]
        return
    with material(options, config.load(["--model", options.model]).asr) as found:
        recorded, ends = dense(found.recorded), accumulate(one.duration_ms for one in dense(found.recorded))
        yield [
            one
            for one, end in zip(recorded, ends, strict=True)
            if end - one.duration_ms < 1000 * options.seconds
        ]


async def _run_absent(options: argparse.Namespace) -> list[str]:
    """What was found, in words. Raises ClientError."""
    found = await absences.absences(options.model, options.absent, options.seed, options.serve)
    settings = {name: getattr(options, name) for name in ("absent", "seed", "model", "serve")}
    report("fuzz", settings, found.figures(options.growth), absences.MEANINGS, options.json)
    return found.troubles(options.growth)


async def _run(options: argparse.Namespace) -> list[str]:
    """What was found, in words. Raises ClientError."""
    size = Size(options.messages, options.disconnects)
    async with subject(options.model, options.serve) as server:
        if options.only is not None:
            return await asyncio.to_thread(_repeat, server.url, size, str(options.seed), options.only)
        neighbour = Neighbour(server.url, sample_named(options.neighbour))
        await neighbour.speak_alone()
        tally, before, after = await fuzz(server.url, server.pid, size, options.seed, neighbour)
    leaks = after.exceeds(before, options.growth)
    settings = {name: getattr(options, name) for name in ("seed", "model", "neighbour", "serve")}
    figures = {**_figures(tally, neighbour, before, after), "leaks": len(leaks)}
    report("fuzz", settings, figures, MEANINGS, options.json)
    return [
        *tally.violations,
        *(f"the neighbour was heard as {heard}" for heard in neighbour.different),
        *leaks,
    ]


def _repeat(url: str, size: Size, seed: str, number: int) -> list[str]:
    try:
        print(client(url, size, seed, number))
    except AssertionError as violation:
        return [str(violation)]
    return []


async def fuzz(
    url: str, pid: int, size: Size, seed: int, neighbour: Neighbour
) -> tuple[Tally, Footprint, Footprint]:
    """The campaign beside the neighbour, and the server's footprints before and after."""

    def look() -> Footprint:
        return footprint(url, pid)

    warm_up = await asyncio.to_thread(campaign, url, size.scaled(WARM_UP), f"{seed} to warm up")
    before = await asyncio.to_thread(settled, look, SETTLE_S)
    over = asyncio.Event()
    speaking = asyncio.create_task(neighbour.speak_on(over))
    try:
        tally = await asyncio.to_thread(campaign, url, size, str(seed))
    finally:
        over.set()
        await speaking
    tally.violations += warm_up.violations
    return tally, before, await asyncio.to_thread(settled, look, SETTLE_S)


def _figures(tally: Tally, neighbour: Neighbour, before: Footprint, after: Footprint) -> dict[str, float]:
    return {
        "messages": tally.sent,
        "disconnects": tally.disconnects,
        "clients": tally.clients,
        "errors_told": tally.codes.total(),
        "violations": len(tally.violations),
        "neighbour_heard": neighbour.heard,
        "neighbour_different": len(neighbour.different),
        "rss_before_mb": before.rss_bytes / 2**20,
        "rss_after_mb": after.rss_bytes / 2**20,
    }
