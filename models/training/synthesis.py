"""Synthesises the training speech, shard by shard, and continues where an earlier run stopped.

Shard k holds the same sentences and voices in every run with the same seed, however many processes work.
"""

import argparse
import multiprocessing
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from models.training.balance import balanced
from models.training.chains import chained
from models.training.composition import composed
from models.training.corpus import write_shard
from models.training.shuffles import shuffled
from models.training.text import Sentence, sentence
from models.training.voices import SAMPLE_RATE, Speaker, Utterance, Voice, draw_festival_voice, draw_voice

LONGEST_S = 11.0
# How the shards of other sentences are called.
SORTS = {"composed": composed, "chained": chained, "shuffled": shuffled, "balanced": balanced}
_FESTIVAL = "festival"  # and those of any sentences in the voices of a synthesizer that few machines have


def _any_sort(rng: random.Random) -> Sentence:
    return rng.choice([sentence, *SORTS.values()])(rng)


def utterances(
    seed: str,
    count: int,
    draw: Callable[[random.Random], Sentence],
    draw_voice: Callable[[random.Random], Voice] = draw_voice,
) -> list[Utterance]:
    """So many spoken sentences, drawn by `draw`, in trained voices, drawn by `draw_voice`."""
    rng, speaker = random.Random(f"speech {seed}"), Speaker()
    spoken: list[Utterance] = []
    while len(spoken) < count:
        drawn = draw(rng)
        utterance = speaker.speak(drawn.text, draw_voice(rng), drawn.kind)
        if utterance is not None and 0.1 < len(utterance.samples) / SAMPLE_RATE < LONGEST_S:
            spoken.append(utterance)
    return spoken


def _make_shard(task: tuple[Path, str, int]) -> int:
    path, seed, count = task
    sort = path.name.split("-")[0]
    if sort == _FESTIVAL:
        spoken = utterances(seed, count, _any_sort, draw_festival_voice)
    else:
        spoken = utterances(seed, count, SORTS.get(sort, sentence))
    write_shard(path, spoken)
    return count


def synthesise(folder: Path, seed: int, shards: Sequence[str], per_shard: int, processes: int) -> None:
    """Makes the shards that the folder does not hold yet. One process makes one shard and ends."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(folder / shard, f"{seed}/{shard}", per_shard) for shard in shards]
    tasks = [task for task in tasks if not task[0].with_suffix(".jsonl").exists()]
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(processes, maxtasksperchild=1) as pool,
        tqdm(total=len(tasks) * per_shard, unit=" utterances") as bar,
    ):
        for count in pool.imap_unordered(_make_shard, tasks, chunksize=1):
            bar.update(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("models/work/speech"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--utterances", type=int, default=40000)
    parser.add_argument("--composed", type=int, default=20000, help="utterances of composed sentences")
    parser.add_argument("--chained", type=int, default=6000, help="utterances of chained sentences")
    parser.add_argument("--shuffled", type=int, default=15000, help="utterances of shuffled sentences")
    parser.add_argument("--balanced", type=int, default=15000, help="utterances of balanced sentences")
    parser.add_argument("--festival", type=int, default=8000, help="utterances in Festival's voices")
    parser.add_argument("--per-shard", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    counts = {
        "": options.utterances,
        "composed-": options.composed,
        "chained-": options.chained,
        "shuffled-": options.shuffled,
        "balanced-": options.balanced,
        f"{_FESTIVAL}-": options.festival,
    }
    # All sorts grow together, so that training can begin before the last shard is made.
    shards = [
        f"{sort}{shard}"
        for shard in range(-(-max(counts.values()) // options.per_shard))
        for sort, count in counts.items()
        if shard * options.per_shard < count
    ]
    synthesise(options.folder, options.seed, shards, options.per_shard, options.processes)


if __name__ == "__main__":
    main()
