"""The training loss: of the text, and of frames and words at the times that the synthesizer reports."""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from models.training import tokens
from models.training.batches import Batch
from models.training.examples import IGNORE
from models.training.network import SpeechNetwork

WEIGHTS = {"text": 1.0, "phones": 1.0, "attention": 0.3, "tokens": 0.7}
_LABEL_SMOOTHING = 0.05
_TOKEN_FRAMES = 3  # the token head reads every third frame: tokens last longer
_REPLACED_INPUTS = 0.15  # share of decoder input tokens replaced at random: the network must use the audio


@dataclass(frozen=True)
class Losses:
    """The parts by name, and their weighted sum."""

    parts: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        return torch.stack([WEIGHTS[name] * value for name, value in self.parts.items()]).sum()


def compute(network: SpeechNetwork, batch: Batch) -> Losses:
    """Runs the network on a batch in bfloat16 and compares in float32."""
    labelled = batch.labels != IGNORE
    some_frames = batch.frame_tokens[:, ::_TOKEN_FRAMES]
    spoken = some_frames != IGNORE
    with torch.autocast("cpu", torch.bfloat16):
        memory = network.model.encoder(batch.mel)
        states, attention = network.model.decoder(_replaced(batch.inputs), memory)
        logits = network.model.decoder.logits(states[labelled])
        phone_logits = network.phone_head(memory)
        token_logits = network.token_logits(memory[:, ::_TOKEN_FRAMES][spoken])
    text = functional.cross_entropy(logits.float(), batch.labels[labelled], label_smoothing=_LABEL_SMOOTHING)
    parts = {"text": text, "phones": _cross_entropy(phone_logits.flatten(0, 1), batch.frame_phones.flatten())}
    parts["attention"] = _misplaced_attention(attention, batch.spans)
    parts["tokens"] = _cross_entropy(token_logits, some_frames[spoken])
    return Losses(parts)


def _replaced(inputs: Tensor) -> Tensor:
    chosen = (torch.rand(inputs.shape) < _REPLACED_INPUTS) & (inputs < tokens.TEXT_TOKENS)
    return torch.where(chosen, torch.randint(256, tokens.TEXT_TOKENS, inputs.shape), inputs)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Zero, but connected to the logits, without targets."""
    if not len(targets):
        return logits.float().sum()
    return functional.cross_entropy(logits.float(), targets)


def _misplaced_attention(attention: Tensor, spans: Tensor) -> Tensor:
    """-log of the attention that the guided heads place inside the span of the word that they predict."""
    guided = spans[..., 1] > 0
    if not guided.any():
        return attention.sum() * 0
    frames = torch.arange(attention.shape[-1])
    inside = (frames >= spans[..., :1]) & (frames <= spans[..., 1:])
    mass = (attention * inside[:, None]).sum(-1)
    return -(mass + 1e-4).log().mean(1)[guided].mean()
