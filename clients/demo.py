"""`voicegw demo`: starts a server with the bundled model, streams a sample conversation to it, and stops it.

The exit status is 0 if every utterance of the sample was recognised (partials and a final) and answered (a
completed reply).
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from statistics import median

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from clients import voice_demo
from clients.audio import frames, paced, read_pcm
from clients.client import VoiceClient
from clients.conversation import Conversation, Turn, normalised
from clients.errors import ClientError, Incomplete
from clients.local_server import local_server
from clients.samples import Sample, Utterance, sample_named
from clients.talk import talk
from clients.terminal import view
from voicegw.core.events import ReplyReason

SAMPLE = "conversation.wav"
RATE = 16_000


@dataclass(frozen=True)
class Outcome:
    """One utterance and the turns that overlap it; normally one."""

    utterance: Utterance
    turns: tuple[Turn, ...]

    @property
    def completed(self) -> bool:
        """Recognised with partials and a final, and completely answered, in every turn."""
        return bool(self.turns) and all(
            turn.partials and turn.final is not None and turn.reason is ReplyReason.COMPLETED
            for turn in self.turns
        )

    @property
    def words_right(self) -> int:
        """How many of the utterance's words the finals have, in its order."""
        said = normalised(self.utterance.text)
        recognised = normalised(" ".join(turn.final.text for turn in self.turns if turn.final))
        blocks = SequenceMatcher(None, said, recognised, autojunk=False).get_matching_blocks()
        return sum(block.size for block in blocks)


def main(argv: Sequence[str] | None = None, program: str = "voicegw demo") -> int:
    """Run the demonstration; its exit status. program: its name."""
    options, console = parser(program).parse_args(argv), Console(highlight=False)
    try:
        asyncio.run(_demonstrate(console) if options.voice is None else _speak(options.voice, console))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 1
    return 0


def parser(program: str) -> argparse.ArgumentParser:
    """The parser of the command line. program: the name of the command in its help."""
    made = argparse.ArgumentParser(prog=program, description=__doc__)
    made.add_argument(
        "--voice",
        type=Path,
        metavar="FILE.wav",
        help="hold a spoken conversation instead, with one interrupted answer, and write it to FILE.wav",
    )
    return made


async def _demonstrate(console: Console) -> None:
    _stop_server_on_signals()
    sample = sample_named(SAMPLE)
    conversation = Conversation()
    console.print("starting a server with the bundled model ...", style="dim")
    async with local_server("--model", "bundled") as server:
        console.print(f"playing {SAMPLE} to {server.url}", style="dim")
        async with VoiceClient.connect(server.url) as client:
            with view(console) as screen:
                await talk(
                    client,
                    paced(frames(read_pcm(sample.path, RATE), RATE)),
                    lambda message: screen.show(message, conversation.receive(message)),
                )
        outcomes = outcomes_of(sample, conversation)
        console.print(summary(outcomes))
        if conversation.errors or not all(outcome.completed for outcome in outcomes):
            raise Incomplete("not every utterance was recognised and answered")


async def _speak(path: Path, console: Console) -> None:
    _stop_server_on_signals()
    await voice_demo.record(path, console)


def _stop_server_on_signals() -> None:
    """SIGTERM and SIGINT cancel the demo, which stops its server before it ends."""
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # an event loop without signals
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def outcomes_of(sample: Sample, conversation: Conversation) -> list[Outcome]:
    """The turns of each utterance: those whose final overlaps it in time."""
    return [
        Outcome(utterance, tuple(turn for turn in conversation.turns.values() if _covers(turn, utterance)))
        for utterance in sample.utterances
    ]


def _covers(turn: Turn, utterance: Utterance) -> bool:
    final = turn.final
    return final is not None and final.start_ms < utterance.end_ms and final.end_ms > utterance.start_ms


def summary(outcomes: Sequence[Outcome]) -> Table:
    """The figures in 80 columns; the text is shortened, so that rich does not cut the headers."""
    table = Table(
        box=SIMPLE,
        caption="final and token: ms after the end of speech",
        caption_justify="left",
    )
    table.add_column("said", max_width=34, no_wrap=True, overflow="ellipsis")
    for name in ("right", "partials", "final", "token"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("done", no_wrap=True)
    for outcome in outcomes:
        table.add_row(
            outcome.utterance.text,
            f"{outcome.words_right}/{len(normalised(outcome.utterance.text))}",
            str(sum(turn.partials for turn in outcome.turns)),
            _middle([turn.latency.final_ms for turn in outcome.turns if turn.latency]),
            _middle([turn.latency.first_token_ms for turn in outcome.turns if turn.latency]),
            "yes" if outcome.completed else "NO",
        )
    latencies = [turn.latency for outcome in outcomes for turn in outcome.turns if turn.latency]
    table.add_section()
    table.add_row(
        "all, and medians",
        f"{sum(outcome.words_right for outcome in outcomes)}"
        f"/{sum(len(normalised(outcome.utterance.text)) for outcome in outcomes)}",
        str(sum(turn.partials for outcome in outcomes for turn in outcome.turns)),
        _middle([latency.final_ms for latency in latencies]),
        _middle([latency.first_token_ms for latency in latencies]),
        "yes" if all(outcome.completed for outcome in outcomes) else "NO",
    )
    return table


def _middle(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.0f}" if known else "-"


if __name__ == "__main__":
    sys.exit(main(program="scripts/demo"))
