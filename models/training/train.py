"""Trains the network on synthesised speech, in one or several CPU processes, and resumes where it stopped.

One process of one thread per core is faster than threads. The learning rate decays linearly to zero over
`--minutes` of training, in which time of a suspended process does not count, or until the time of day
`--until`. A further `--cycle` starts at the peak learning rate again. Without a checkpoint, `--start-from`
takes the weights of a converted model; then only the auxiliary heads, which conversion drops, are trained at
first.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing, nn
from tqdm import tqdm

from models.training import converted, losses, tokens
from models.training.batches import Batch, Batches, loader
from models.training.corpus import Corpus
from models.training.network import AUXILIARY_HEADS, Size, SpeechNetwork
from models.training.phones import PHONES
from models.training.schedule import Progress, time_of_day

_CLIP = 1.0
_REPORT_EVERY = 50
_HEAD_STEPS = 150  # in which only new auxiliary heads are trained
_PROCESS_TIMEOUT = timedelta(hours=3)  # for another process, which may be suspended


class Averager:
    """Averages gradients over the processes; does nothing in a single one."""

    def __init__(self, network: nn.Module, rank: int, size: int, rendezvous: str) -> None:
        self.rank, self.size = rank, size
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if size > 1:
            address = f"file://{rendezvous}/rendezvous"
            distributed.init_process_group("gloo", address, _PROCESS_TIMEOUT, world_size=size, rank=rank)

    def average(self) -> None:
        """Parameters without a gradient (a batch without words) take part as zeros."""
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if self.size > 1:
            flat = torch.cat([_grad(parameter).flatten() for parameter in self._parameters])
            distributed.all_reduce(flat)
            flat /= self.size
            parts = flat.split([parameter.numel() for parameter in self._parameters])
            for parameter, part in zip(self._parameters, parts, strict=True):
                _grad(parameter).copy_(part.view_as(parameter))

    def agree(self, value: float) -> float:
        """The value of the first process, in all processes."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return float(shared.item())


def _grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


class Trainer:
    """Network, its moving average, optimizer and progress."""

    def __init__(self, peak_rate: float, seed: int) -> None:
        torch.manual_seed(seed)
        size = Size(tokens.VOCABULARY, len(PHONES), tokens.TEXT_TOKENS)
        self.network = SpeechNetwork(size)
        self.average = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(_groups(self.network), peak_rate, (0.9, 0.98), fused=True)
        self.progress = Progress()
        self._peak_rate = peak_rate
        self._heads_until_step = 0

    def step(self, batch: Batch, done: float, averager: Averager) -> dict[str, float]:
        """One update; returns the parts of the loss."""
        heads_only = self.progress.step < self._heads_until_step
        for group in self.optimizer.param_groups:
            frozen = heads_only and not group["auxiliary"]
            group["lr"] = 0.0 if frozen else self._peak_rate * self.progress.rate(done)
        result = losses.compute(self.network, batch)
        self.optimizer.zero_grad(set_to_none=True)
        result.total.backward()
        averager.average()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.progress.step += 1
        self._update_average(min(0.998, (self.progress.step + 1) / (self.progress.step + 20)))
        return {name: value.item() for name, value in result.parts.items()}

    def _update_average(self, decay: float) -> None:
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        with torch.no_grad():
            own, new = zip(*((mean, weight) for mean, weight in pairs if weight.requires_grad), strict=True)
            torch._foreach_lerp_(own, new, 1 - decay)

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a crash while writing keeps the previous one intact."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        state = torch.load(path)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def start_from(self, model: Path) -> None:
        """Load the weights of a converted model; the auxiliary heads are new."""
        weights = {name: torch.from_numpy(value) for name, value in converted.weights(model).items()}
        for network in (self.network, self.average):
            network.load_state_dict(weights, strict=False)
        self._heads_until_step = _HEAD_STEPS


def _groups(network: SpeechNetwork) -> list[dict[str, Any]]:
    """Parameter groups: matrices, with weight decay, and vectors; of the auxiliary heads and of the rest."""
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    return [
        {
            "params": [
                weight
                for name, weight in named
                if (weight.dim() > 1, name.startswith(AUXILIARY_HEADS)) == (matrix, auxiliary)
            ],
            "weight_decay": 0.02 if matrix else 0.0,
            "auxiliary": auxiliary,
        }
        for auxiliary in (False, True)
        for matrix in (True, False)
    ]


class Journal:
    """Progress bar and the lines of `journal.jsonl`, from which the plot is drawn."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._bar = tqdm(total=100, unit="%")
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, parts: dict[str, float], progress: Progress) -> None:
        self._count += 1
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in parts.items()}
        if progress.step % _REPORT_EVERY == 0:
            means = {name: round(total / self._count, 4) for name, total in self._sums.items()}
            self.write({**asdict(progress), **means})
            self._bar.set_postfix(step=progress.step, **{name: f"{mean:.2f}" for name, mean in means.items()})
            self._bar.update(round(100 * progress.done) - self._bar.n)
            self._sums, self._count = {}, 0

    def write(self, record: dict[str, float]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()


def run(rank: int, options: argparse.Namespace, rendezvous: str) -> None:
    """Train in one process; the first one also writes the journal and the checkpoints."""
    torch.set_num_threads(1)
    checkpoint = options.out / "checkpoint.pt"
    trainer = Trainer(options.rate, options.seed)
    averager = Averager(trainer.network, rank, options.processes, rendezvous)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    elif options.start_from:
        trainer.start_from(options.start_from)
    progress = trainer.progress
    if not progress.enter(options.cycle):
        return
    stream = Batches(
        Corpus(options.speech, options.without),
        options.tokenizer,
        seed=f"{options.seed}/{averager.rank}/{progress.step}",
        audio_s=options.batch_s,
        step=progress.step,
        easy=options.easy_steps,
        short=options.short_steps,
    )
    batches = loader(stream)
    journal = Journal(options.out / "journal.jsonl") if averager.rank == 0 else None
    saved_at = probed_at = progress.seconds
    while (done := averager.agree(progress.done)) < 1:
        began, left_s = time.monotonic(), progress.left_s(options.minutes, options.until)
        batch = next(batches)
        parts = trainer.step(batch, done, averager)
        progress.audio_s += averager.size * batch.audio_s
        progress.advance(time.monotonic() - began, left_s)
        if journal:
            journal.add(parts, progress)
            if progress.seconds - saved_at > options.save_every * 60:
                trainer.save(checkpoint)
                saved_at = progress.seconds
                if saved_at - probed_at > options.probe_every * 60:
                    _probe(checkpoint, options.tokenizer)
                    probed_at = saved_at
    if journal:
        trainer.save(checkpoint)
        _probe(checkpoint, options.tokenizer).wait()


def _probe(checkpoint: Path, tokenizer: Path) -> "subprocess.Popen[bytes]":
    """Measures the checkpoint in another process, in parallel with training."""
    command = [sys.executable, "-m", "models.training.probe"]
    return subprocess.Popen([*command, "--checkpoint", str(checkpoint), "--tokenizer", str(tokenizer)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, default=Path("models/work/speech"))
    parser.add_argument(
        "--without", nargs="+", default=(), metavar="SORT", help="sorts of speech to leave out"
    )
    parser.add_argument("--tokenizer", type=Path, default=Path("models/work/tokenizer.json"))
    parser.add_argument("--out", type=Path, default=Path("models/work/run"))
    parser.add_argument(
        "--minutes", type=float, default=80, help="training time of a cycle, all runs together"
    )
    parser.add_argument("--until", type=time_of_day, metavar="HH:MM", help="end then, instead of --minutes")
    parser.add_argument("--start-from", type=Path, metavar="MODEL", help="a converted model's directory")
    parser.add_argument(
        "--cycle",
        type=int,
        default=1,
        help="number of this cycle of the learning rate (default: %(default)s)",
    )
    parser.add_argument("--batch-s", type=int, default=24, help="seconds of audio per process and step")
    parser.add_argument("--rate", type=float, default=1.6e-3, help="peak learning rate")
    parser.add_argument("--easy-steps", type=int, default=400, help="steps on clean single utterances first")
    parser.add_argument("--short-steps", type=int, default=2500, help="steps without long and padded windows")
    parser.add_argument("--save-every", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--probe-every", type=float, default=4, help="minutes between measurements")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="each takes one core")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # Kernels are compiled for every shape; idle BLAS threads would spin on the cores that training needs.
    os.environ |= {
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8192",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as rendezvous:
        multiprocessing.spawn(run, (options, rendezvous), nprocs=options.processes)


if __name__ == "__main__":
    main()
