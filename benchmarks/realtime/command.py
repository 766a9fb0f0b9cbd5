"""`scripts/bench realtime`: OpenAI's Realtime API: what is there at a commit; latency beside native clients.

Starts a real server and streams recordings to it in real time with the `openai` package:

  commit      without turn detection; a commit follows the last frame
  comparison  with turn detection and replies of a local model endpoint, then by the native protocol
  loop        with --minutes: one session with all recordings, again and again

It fails when the deltas of a transcript together are not the transcript. Without --recordings, the sample
files of single utterances are streamed.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from benchmarks.answering import answering_server
from benchmarks.child_process import ChildProcess, child_process
from benchmarks.command import (
    Result,
    add_json,
    add_model,
    add_serve,
    chosen,
    exits_on_errors,
    new_parser,
)
from benchmarks.measures import WordErrors, word_errors
from benchmarks.playing import play_all
from benchmarks.realtime.events import DEADLINE_S, Request, Session
from benchmarks.realtime.figures import (
    MEANINGS,
    commit_figures,
    common_figures,
    comparison_figures,
    items_of,
)
from benchmarks.recording import Recording
from benchmarks.recordings.manifest import chosen as chosen_entries
from benchmarks.recordings.manifest import read_entries
from benchmarks.recordings.material import about_recordings, add_recordings, print_progress
from benchmarks.recordings.wording import words_of
from clients.audio import read_pcm
from clients.local_server import LocalServer
from clients.samples import Sample, read_samples
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

PAUSE_S = 2  # behind a recording, so that its last turn ends by silence
NUMBERS = {
    "--streams": (1, "sessions at once, in the part `commit`"),
    "--compared": (20, "recordings that are also streamed by the native protocol"),
    "--minutes": (0.0, "of the session in which all recordings are repeated"),
}


@dataclass(frozen=True)
class Spoken:
    """A recording to stream. text: what is said; None where it is not exact enough to count errors."""

    path: Path
    language: str
    text: str | None


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status, which is 1 when a transcript differs from its deltas."""
    options = _parser().parse_args(argv)
    spoken = _spoken(options)
    figures = asyncio.run(_measure(options, spoken))
    settings = {"recordings": len(spoken), **about_recordings(options)}
    settings |= chosen(options, "model", "streams", "compared", "minutes", "serve")
    problems = [
        f"{int(figures[name])} {meaning}"
        for name, meaning in (("changed_items", "transcripts differ from their deltas"), ("errors", "errors"))
        if figures[name]
    ]
    return Result(settings, figures, MEANINGS, problems).report("realtime", options.json)


def _parser() -> argparse.ArgumentParser:
    return new_parser("realtime", __doc__, add_recordings, add_model, add_json, add_serve, numbers=NUMBERS)


def _spoken(options: argparse.Namespace) -> list[Spoken]:
    """The recordings in which somebody speaks. Raises ManifestError."""
    if options.recordings is None:
        files = [each for each in read_samples() if len(each.utterances) == 1 and each.condition == "clean"]
        return [Spoken(each.path, each.language, each.utterances[0].text) for each in files]
    entries = read_entries(options.recordings, options.manifests)
    return [
        Spoken(options.recordings / each.file, each.lang, each.text if each.wer_ok else None)
        for each in chosen_entries(entries, options.kinds, options.languages, options.per_kind)
        if each.is_speech
    ]


async def _measure(options: argparse.Namespace, spoken: Sequence[Spoken]) -> dict[str, float]:
    async with answering_server(("--model", options.model, *options.serve)) as (server, _):
        committed = await _stream_all(server, spoken, options.streams)
        pairs = await _compare(server, spoken[: options.compared])
        looped = await _loop(server, spoken, options.minutes) if options.minutes else []
    sessions = [*(session for _, session in committed), *(session for session, _ in pairs), *looped]
    return {
        **commit_figures([session for _, session in committed]),
        "commit_wer_percent": _errors(committed).percent,
        **comparison_figures(pairs),
        **common_figures(sessions),
    }


async def _stream_all(
    server: LocalServer, spoken: Sequence[Spoken], streams: int
) -> list[tuple[Spoken, Session]]:
    """All recordings, each in a session that a commit ends, `streams` of them at once."""
    waiting, played = list(spoken), list[tuple[Spoken, Session]]()

    async def speaker() -> None:
        async with child_process("benchmarks.realtime.client", "--url", _base_url(server)) as client:
            while waiting:
                print_progress(f"commit: {len(spoken) - len(waiting) + 1} / {len(spoken)}")
                one = waiting.pop(0)
                played.append((one, await _ask(client, Request(str(one.path), one.language, manual=True))))

    async with asyncio.TaskGroup() as group:
        for _ in range(streams):
            group.create_task(speaker())
    return played


async def _compare(server: LocalServer, spoken: Sequence[Spoken]) -> list[tuple[Session, Recording]]:
    """Each recording by Realtime, then by the native protocol."""
    pairs: list[tuple[Session, Recording]] = []
    async with child_process("benchmarks.realtime.client", "--url", _base_url(server)) as client:
        for number, one in enumerate(spoken, 1):
            print_progress(f"comparison: {number} / {len(spoken)}")
            with _joined([one]) as sample:
                session = await _ask(client, Request(sample.file, one.language, reply=True))
                [played] = await play_all(server.url, [sample], streams=1)
                pairs.append((session, played.recording))
    return pairs


async def _loop(server: LocalServer, spoken: Sequence[Spoken], minutes: float) -> list[Session]:
    """One session with all recordings, in the language of the first."""
    print_progress(f"loop: {minutes:g} minutes")
    with _joined(spoken, minutes * 60) as sample:
        async with child_process("benchmarks.realtime.client", "--url", _base_url(server)) as client:
            return [await _ask(client, Request(sample.file, spoken[0].language))]


async def _ask(client: ChildProcess, request: Request) -> Session:
    length_s = soundfile.info(request.file).duration
    return await client.ask(msgspec.json.encode(request), Session, length_s + DEADLINE_S)


def _base_url(server: LocalServer) -> str:
    return server.url.replace("ws://", "http://").removesuffix(native.PATH) + "/v1"


@contextmanager
def _joined(spoken: Iterable[Spoken], at_least_s: float = 0.0) -> Iterator[Sample]:
    """A file with the recordings, each with a pause behind it; repeated until it is long enough."""
    pause = np.zeros(PAUSE_S * SAMPLE_RATE, np.int16)
    parts = [part for one in spoken for part in (_samples(one.path), pause)]
    once = np.concatenate(parts)
    times = max(1, -(-int(at_least_s * SAMPLE_RATE) // len(once)))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, np.tile(once, times), SAMPLE_RATE)
        yield Sample(file.name, "clean", times * len(once) * 1000 // SAMPLE_RATE, ())


def _samples(path: Path) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.frombuffer(read_pcm(path, SAMPLE_RATE), np.int16)


def _errors(committed: Iterable[tuple[Spoken, Session]]) -> WordErrors:
    return sum(
        (
            word_errors(
                words_of(one.text, one.language or "en"), words_of(_text(session), one.language or "en")
            )
            for one, session in committed
            if one.text is not None
        ),
        WordErrors(),
    )


def _text(session: Session) -> str:
    return " ".join(item.transcript for item in items_of(session))
