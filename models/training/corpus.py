"""The synthesised utterances on disk: per shard one file of samples and one of descriptions."""

import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.voices import Utterance


def write_shard(path: Path, utterances: list[Utterance]) -> None:
    """Writes PATH.pcm (16 kHz s16) and PATH.jsonl; the second comes last and makes the shard complete."""
    offset = 0
    lines = []
    with path.with_suffix(".pcm").open("wb") as samples:
        for utterance in utterances:
            utterance.samples.tofile(samples)
            record = asdict(utterance) | {"offset": offset, "samples": len(utterance.samples)}
            record["word_starts"] = utterance.word_starts.tolist()
            record["word_ends"] = utterance.word_ends.tolist()
            lines.append(json.dumps(record))
            offset += len(utterance.samples)
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines))
    partial.replace(path.with_suffix(".jsonl"))


_OFTEN = {"chained": 2}  # how often utterances count that are few and teach much


class Corpus:
    """Random access to the utterances of a folder of shards; some are contained several times.

    without: sorts of sentences that are left out.
    """

    def __init__(self, folder: Path, without: Collection[str] = ()) -> None:
        self._samples: list[NDArray[np.int16]] = []
        self._records: list[tuple[int, dict[str, Any]]] = []
        shards = [(path, path.name.split("-")[0]) for path in sorted(folder.glob("*.jsonl"))]
        for index, (path, sort) in enumerate(each for each in shards if each[1] not in without):
            self._samples.append(np.memmap(path.with_suffix(".pcm"), np.int16, "r"))
            records = [(index, json.loads(line)) for line in path.read_text().splitlines()]
            self._records.extend(records * _OFTEN.get(sort, 1))
        if not self._records:
            raise FileNotFoundError(f"no synthesised speech in {folder}: run models.training.synthesis first")

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Utterance:
        shard, record = self._records[index]
        end = record["offset"] + record["samples"]
        return Utterance(
            text=record["text"],
            kind=record["kind"],
            voice=record["voice"],
            samples=np.asarray(self._samples[shard][record["offset"] : end]),
            word_starts=np.array(record["word_starts"], np.int32),
            word_ends=np.array(record["word_ends"], np.int32),
            phones=[(time, name) for time, name in record["phones"]],
        )
