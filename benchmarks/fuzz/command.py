"""Misbehaving clients at one real server: fuzzed messages, and abrupt disconnects at any moment.

A reference client speaks at the same time. Its transcript must be the same as when it was alone, the server
must send the misbehaving clients documented answers only, and in the end it must hold no more memory, tasks,
descriptors and processes than before, within 5 % (`--growth`). Problems are reported with the number of the
client; `--only` repeats this client, with the same numbers and seed.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from benchmarks.command import (
    Result,
    add_json,
    add_model,
    add_serve,
    chosen,
    exits_on_errors,
    new_parser,
)
from benchmarks.footprint import Footprint, footprint, settled
from benchmarks.fuzz import greedy_campaign, unresponsive_campaign
from benchmarks.fuzz.campaign import Size, Tally, campaign, client
from benchmarks.recordings.material import about_recordings, add_recordings, dense, material
from benchmarks.server_under_test import (
    REFERENCE_MEANINGS,
    ReferenceClient,
    add_reference,
    server_under_test,
)
from clients.samples import Sample, sample_named
from voicegw import config

RISE = 0.25
WARM_UP = 0.5  # of the campaign, before the footprint that is compared
SETTLE_S = 30.0
MEANINGS = {
    "messages": "sent by misbehaving clients",
    "disconnects": "disconnects without a closing handshake",
    "clients": "misbehaving clients",
    "errors_told": "messages that were answered by an error event",
    "violations": "answers that are not documented, and missing answers",
    **REFERENCE_MEANINGS,
    "leaks": "things of which the server holds more than before, beyond `--growth`",
    "rss_before_mb": "the server's resident memory after half as large a campaign, to warm up",
    "rss_after_mb": "the same after all of it",
}
NUMBERS = {
    "--messages": (10_000, "to send"),
    "--disconnects": (500, "at least"),
    "--seed": (1, "of messages and disconnects"),
    "--seconds": (60.0, "for which greedy clients send"),
    "--rise": (RISE, "share by which the reference client's p95 may rise beside them"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign; the exit status is 1 when anything was found."""
    options = _parser().parse_args(argv)
    if options.only is not None:
        return asyncio.run(_repeat(options))
    return _measure(options).report("fuzz", options.json)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "fuzz", __doc__, add_reference, add_recordings, add_model, add_json, add_serve, numbers=NUMBERS
    )
    add = parser.add_argument
    add("--absent", type=int, metavar="N", help="instead, N clients, half of which stop reading or vanish")
    add(
        "--greedy",
        type=int,
        metavar="N",
        help="instead, N clients that use as much as they can, at a server with its default limits",
    )
    add("--only", type=int, metavar="NUMBER", help="only this client of the campaign")
    return parser


def _measure(options: argparse.Namespace) -> Result:
    """Raises ClientError and StartupError."""
    if options.greedy is not None:
        return _run_greedy(options)
    return asyncio.run(_run(options) if options.absent is None else _run_absent(options))


def _run_greedy(options: argparse.Namespace) -> Result:
    flags = ("--model", options.model, *options.serve)
    with _spoken(options) as samples:
        found = asyncio.run(
            greedy_campaign.greedy_campaign(flags, options.greedy, options.seed, options.seconds, samples)
        )
    settings = chosen(options, "greedy", "seconds", "seed", "model", "serve")
    settings |= about_recordings(options) or {"reference": options.reference}
    problems = found.problems(options.rise, options.growth)
    return Result(settings, found.figures(), greedy_campaign.MEANINGS, problems)


@contextmanager
def _spoken(options: argparse.Namespace) -> Iterator[Sequence[Sample]]:
    """What the reference client plays: the sample, or recordings for about as long as the greedy clients
    send. Raises ClientError and ModelUnavailable."""
    if options.recordings is None:
        yield [sample_named(options.reference)]
        return
    with material(options, config.load(["--model", options.model]).asr) as found:
        recorded, ends = dense(found.recorded), accumulate(one.duration_ms for one in dense(found.recorded))
        yield [
            one
            for one, end in zip(recorded, ends, strict=True)
            if end - one.duration_ms < 1000 * options.seconds
        ]


async def _run_absent(options: argparse.Namespace) -> Result:
    found = await unresponsive_campaign.unresponsive_campaign(
        options.model, options.absent, options.seed, options.serve
    )
    settings = chosen(options, "absent", "seed", "model", "serve")
    figures, problems = found.figures(options.growth), found.problems(options.growth)
    return Result(settings, figures, unresponsive_campaign.MEANINGS, problems)


async def _run(options: argparse.Namespace) -> Result:
    size = Size(options.messages, options.disconnects)
    async with server_under_test(options.model, options.serve) as server:
        reference = ReferenceClient(server.url, sample_named(options.reference))
        await reference.speak_alone()
        tally, before, after = await fuzz(server.url, server.pid, size, options.seed, reference)
    leaks = after.exceeds(before, options.growth)
    figures = {**_figures(tally, before, after), **reference.figures, "leaks": len(leaks)}
    problems = [*tally.violations, *reference.problems, *leaks]
    return Result(chosen(options, "seed", "model", "reference", "serve"), figures, MEANINGS, problems)


async def _repeat(options: argparse.Namespace) -> int:
    """Runs one client of the campaign; the exit status."""
    size = Size(options.messages, options.disconnects)
    async with server_under_test(options.model, options.serve) as server:
        try:
            print(await asyncio.to_thread(client, server.url, size, str(options.seed), options.only))
        except AssertionError as violation:
            print(violation, file=sys.stderr)
            return 1
    return 0


async def fuzz(
    url: str, pid: int, size: Size, seed: int, reference: ReferenceClient
) -> tuple[Tally, Footprint, Footprint]:
    """The campaign beside the reference client, and the server's footprints before and after."""

    def measure() -> Footprint:
        return footprint(url, pid)

    warm_up = await asyncio.to_thread(campaign, url, size.scaled(WARM_UP), f"{seed} to warm up")
    before = await asyncio.to_thread(settled, measure, SETTLE_S)
    tally = await reference.speak_during(lambda: campaign(url, size, str(seed)))
    tally.violations += warm_up.violations
    return tally, before, await asyncio.to_thread(settled, measure, SETTLE_S)


def _figures(tally: Tally, before: Footprint, after: Footprint) -> dict[str, float]:
    return {
        "messages": tally.sent,
        "disconnects": tally.disconnects,
        "clients": tally.clients,
        "errors_told": tally.codes.total(),
        "violations": len(tally.violations),
        "rss_before_mb": before.rss_bytes / 2**20,
        "rss_after_mb": after.rss_bytes / 2**20,
    }
