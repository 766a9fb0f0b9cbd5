"""Reads the weights of a converted model, to continue training without a checkpoint.

The file is CTranslate2's binary format 6: a header, then every variable with its name, shape and bytes.
Weights of eight bits have one scale for each row, and several projections are stored as one matrix.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_FORMAT = 6
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_ATTENTION = {  # the parts of a stored matrix
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
_NORMS = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "attention/layer_norm": "encoder_attn_layer_norm",
    "ffn/layer_norm": "final_layer_norm",
}
_RENAMED = {"gamma": "weight", "beta": "bias"}
Weights = dict[str, NDArray[np.float32]]


def _unpack(file: BinaryIO, kind: str) -> int:
    return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(kind)))[0])


def _text(file: BinaryIO) -> str:
    return file.read(_unpack(file, "H")).rstrip(b"\0").decode()


def _variables(path: Path) -> dict[str, NDArray[Any]]:
    """All variables of the file by CTranslate2's names, as they are stored."""
    with path.open("rb") as file:
        if (found := _unpack(file, "I")) != _FORMAT:
            raise ValueError(f"{path} is of CTranslate2's binary format {found}; only {_FORMAT} can be read")
        _text(file)
        _unpack(file, "I")
        variables = {}
        for _ in range(_unpack(file, "I")):
            name = _text(file)
            shape = [_unpack(file, "I") for _ in range(_unpack(file, "B"))]
            kind = _TYPES[_unpack(file, "B")]
            variables[name] = np.frombuffer(file.read(_unpack(file, "I")), kind).reshape(shape)
        return variables


def _layer(prefix: str, variables: dict[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The parameters of one layer, by the names that the network has for them inside it."""
    for name, value in variables.items():
        part, _, kind = name.removeprefix(prefix).rpartition("/")
        if not name.startswith(prefix):
            continue
        if part in _NORMS:
            yield f"{_NORMS[part]}.{_RENAMED[kind]}", value
            continue
        for owner, share in zip(_ATTENTION[part], np.split(value, len(_ATTENTION[part])), strict=True):
            if not (owner.endswith("k_proj") and kind == "bias"):  # a bias of keys has no effect
                yield f"{owner}.{kind}", share


def weights(directory: Path) -> Weights:
    """The network's parameters, without the auxiliary heads, from a directory that `convert` wrote."""
    variables = _unscaled(_variables(directory / "model.bin"))
    found = {"decoder.embed_tokens.weight": variables["decoder/embeddings/weight"]}
    for convolution in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            found[f"encoder.{convolution}.{kind}"] = variables[f"encoder/{convolution}/{kind}"]
    for side in ("encoder", "decoder"):
        found[f"{side}.embed_positions.weight"] = variables[f"{side}/position_encodings/encodings"]
        for kind, name in _RENAMED.items():
            found[f"{side}.layer_norm.{name}"] = variables[f"{side}/layer_norm/{kind}"]
        for number in range(_layers(side, variables)):
            for name, value in _layer(f"{side}/layer_{number}/", variables):
                found[f"{side}.layers.{number}.{name}"] = value
    return {f"model.{name}": np.array(value, np.float32) for name, value in found.items()}


def _unscaled(stored: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The variables with their scales applied."""
    variables = {name: value for name, value in stored.items() if not name.endswith("_scale")}
    for name, value in variables.items():
        if (scale := stored.get(f"{name}_scale")) is not None:
            variables[name] = value / scale.reshape(-1, *[1] * (value.ndim - 1))
    return variables


def _layers(side: str, variables: dict[str, NDArray[Any]]) -> int:
    return sum(
        name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/bias") for name in variables
    )
