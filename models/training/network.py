"""The network: a small Whisper architecture, with auxiliary heads that only training uses.

Parameter names under `model.` are those of the Hugging Face implementation: conversion is a plain copy. The
auxiliary heads (`AUXILIARY_HEADS`) read the encoder: one names the phone of every frame, one the text token.
They give each frame a target of its own, without which so small a model learns to ignore the sound for a long
time; they are dropped at conversion.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

MELS = 80
SOURCE_POSITIONS = 1500  # encoder frames of 20 ms: 30 s
TARGET_POSITIONS = 448  # decoder tokens, prompt included
GUIDED_HEADS = 2  # heads of the last decoder layer that are taught the alignment, and serve for word times
AUXILIARY_HEADS = ("phone_head.", "token_head.")


@dataclass(frozen=True)
class Size:
    """Dimensions of the network; the defaults are the bundled model's."""

    vocabulary: int
    phones: int
    text_tokens: int
    width: int = 192
    heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 2


def sinusoids(length: int, channels: int) -> Tensor:
    """Whisper's fixed positions: (length, channels), sines then cosines."""
    step = math.log(10000) / (channels // 2 - 1)
    angles = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(channels // 2))[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Attention(nn.Module):
    """Multi-head attention, to the states themselves or to those of the encoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def _split(self, states: Tensor) -> Tensor:
        batch, length, width = states.shape
        return states.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, states: Tensor, causal: bool = False) -> Tensor:
        """Self-attention. Query, key and value are one product, which is faster than three on the CPU."""
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        bias = torch.cat([self.q_proj.bias, torch.zeros_like(self.q_proj.bias), self.v_proj.bias])
        batch, length, width = states.shape
        joint = functional.linear(states, weight, bias).view(
            batch, length, 3, self.heads, width // self.heads
        )
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        if causal:
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            # Written out: the fused function's backward pass is three times slower in bfloat16 on the CPU.
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
            mixed = scores.softmax(dim=-1) @ value
        return self._join(mixed)

    def cross(self, states: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-attention; also returns its weights (batch, heads, tokens, frames), in float32."""
        query, key = self._split(self.q_proj(states)), self._split(self.k_proj(memory))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        weights = scores.float().softmax(dim=-1)
        value = self._split(self.v_proj(memory))
        return self._join(weights.to(value.dtype) @ value), weights

    def _join(self, mixed: Tensor) -> Tensor:
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out


class Layer(nn.Module):
    """One pre-norm transformer layer; with `cross`, a decoder layer."""

    def __init__(self, width: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        if cross:
            self.encoder_attn = Attention(width, heads)
            self.encoder_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def _feed_forward(self, states: Tensor) -> Tensor:
        hidden = functional.gelu(self.fc1(self.final_layer_norm(states)))
        return states + self.fc2(hidden)

    def encode(self, states: Tensor) -> Tensor:
        states = states + self.self_attn(self.self_attn_layer_norm(states))
        return self._feed_forward(states)

    def decode(self, states: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the states and the cross-attention weights."""
        states = states + self.self_attn(self.self_attn_layer_norm(states), causal=True)
        mixed, weights = self.encoder_attn.cross(self.encoder_attn_layer_norm(states), memory)
        return self._feed_forward(states + mixed), weights


class Encoder(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, size.width, 3, padding=1)
        self.conv2 = nn.Conv1d(size.width, size.width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(SOURCE_POSITIONS, size.width)
        self.embed_positions.weight = nn.Parameter(
            sinusoids(SOURCE_POSITIONS, size.width), requires_grad=False
        )
        self.layers = nn.ModuleList(Layer(size.width, size.heads, False) for _ in range(size.encoder_layers))
        self.layer_norm = nn.LayerNorm(size.width)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 80, T) log-mel at 100 frames a second -> (batch, T/2, width)."""
        states = functional.gelu(self.conv1(mel))
        states = functional.gelu(self.conv2(states)).transpose(1, 2)
        states = states + self.embed_positions.weight[: states.shape[1]]
        for layer in self.layers:
            states = layer.encode(states)
        return self.layer_norm(states)


class Decoder(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(size.vocabulary, size.width)
        self.embed_positions = nn.Embedding(TARGET_POSITIONS, size.width)
        nn.init.normal_(self.embed_tokens.weight, std=size.width**-0.5)
        nn.init.normal_(self.embed_positions.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(size.width, size.heads, True) for _ in range(size.decoder_layers))
        self.layer_norm = nn.LayerNorm(size.width)

    def forward(self, tokens: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the states (batch, tokens, width) and the guided heads' attention weights."""
        states = self.embed_tokens(tokens) + self.embed_positions.weight[: tokens.shape[1]]
        weights = states
        for layer in self.layers:
            states, weights = layer.decode(states, memory)
        return self.layer_norm(states), weights[:, :GUIDED_HEADS]

    def logits(self, states: Tensor) -> Tensor:
        """The vocabulary's scores; the output weights are the embeddings."""
        return functional.linear(states, self.embed_tokens.weight)


class EncoderDecoder(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.encoder = Encoder(size)
        self.decoder = Decoder(size)


class SpeechNetwork(nn.Module):
    """Encoder, decoder and the auxiliary heads of training."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.model = EncoderDecoder(size)
        self.phone_head = nn.Linear(size.width, size.phones)
        self.token_head = nn.Linear(size.width, size.width)

    def token_logits(self, states: Tensor) -> Tensor:
        """Text token of encoder frames, through the decoder's own embeddings."""
        embeddings = self.model.decoder.embed_tokens.weight[: self.size.text_tokens]
        return functional.linear(self.token_head(states), embeddings)
