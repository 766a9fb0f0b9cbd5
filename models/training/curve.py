"""Draws the training curve: the losses of `journal.jsonl` and the word error rates of `probe.jsonl`."""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

_LOSSES = ("text", "tokens", "phones", "attention")


def _read(path: Path) -> list[dict[str, Any]]:
    """Lines in the order of training time; of a part that was trained again, the last records count."""
    records: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        record = json.loads(line)
        records = [earlier for earlier in records if earlier["seconds"] < record["seconds"]] + [record]
    return records


def draw(run: Path, out: Path) -> None:
    """Writes a PNG with both curves over the minutes of training."""
    figure, (above, below) = pyplot.subplots(2, sharex=True, figsize=(7, 6), layout="constrained")
    journal, probes = _read(run / "journal.jsonl"), _read(run / "probe.jsonl")
    for name in _LOSSES:
        above.plot([line["seconds"] / 60 for line in journal], [line[name] for line in journal], label=name)
    above.set_ylabel("loss")
    above.set_yscale("log")
    above.legend()
    for name in ("clean", "noise"):
        below.plot(
            [line["seconds"] / 60 for line in probes], [line[name] for line in probes], marker="o", label=name
        )
    below.set_xlabel("minutes of training")
    below.set_ylabel("WER, % (all held out)")
    below.set_ylim(0, 100)
    below.grid(alpha=0.3)
    below.legend()
    figure.savefig(out, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("models/work/run"))
    parser.add_argument("--out", type=Path, default=Path("models/training.png"))
    options = parser.parse_args()
    draw(options.run, options.out)


if __name__ == "__main__":
    main()
