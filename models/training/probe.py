"""Word error rate of a checkpoint on a few held-out utterances: for observing a running training.

Appends a line to `probe.jsonl` beside the checkpoint. It decodes with the converted int8 model.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch

from models.training import evalset
from models.training.augment import Augmenter
from models.training.convert import convert
from models.training.evaluate import error_rate
from models.training.recognizer import Recognizer
from models.training.voices import Speaker

_UTTERANCES = 90


def probe(checkpoint: Path, tokenizer: Path) -> dict[str, float]:
    """Training seconds, and the rates on clean and on noisy speech."""
    torch.set_num_threads(1)
    state = torch.load(checkpoint)
    utterances = evalset.spoken(Speaker(), evalset.plans("probe", _UTTERANCES))
    clean = evalset.clean(utterances)
    sets = {"clean": clean, "noise": evalset.noisy(clean, 10, Augmenter("probe"))}
    figures = {"seconds": state["progress"]["seconds"]}
    with tempfile.TemporaryDirectory() as folder:
        convert(state["average"], tokenizer, Path(folder) / "model")
        recognizer = Recognizer(Path(folder) / "model")
        for name, cases in sets.items():
            texts = [recognizer.text(case.samples) for case in cases]
            figures[name] = round(error_rate([case.text for case in cases], texts), 2)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("models/work/run/checkpoint.pt"))
    parser.add_argument("--tokenizer", type=Path, default=Path("models/work/tokenizer.json"))
    options = parser.parse_args()
    line = json.dumps(probe(options.checkpoint, options.tokenizer))
    print(line)
    with options.checkpoint.with_name("probe.jsonl").open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
