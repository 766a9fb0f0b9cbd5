from pathlib import Path

import numpy as np
import pytest
import torch

from models.training import converted
from models.training.convert import convert

BUNDLED = Path("models/bundled")


@pytest.fixture(scope="module")
def weights() -> converted.Weights:
    return converted.weights(BUNDLED)


def test_a_product_that_was_stored_as_one_comes_apart(weights: converted.Weights) -> None:
    layer = "model.decoder.layers.1."
    for owner in ("self_attn", "encoder_attn"):
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            assert weights[f"{layer}{owner}.{part}.weight"].shape == (192, 192)
    assert f"{layer}self_attn.k_proj.bias" not in weights


def test_weights_of_eight_bits_get_their_scale(weights: converted.Weights) -> None:
    """The largest of each row was stored as 127."""
    matrix = weights["model.encoder.layers.0.fc1.weight"]
    steps = matrix / (np.abs(matrix).max(axis=1, keepdims=True) / 127)
    assert np.allclose(steps, steps.round(), atol=1e-3)
    assert 0.01 < np.abs(matrix).mean() < 1


def test_all_layers_are_read(weights: converted.Weights) -> None:
    layers = {tuple(name.split(".")[1:4]) for name in weights if ".layers." in name}
    assert len(layers) == 4 + 2


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x05\0\0\0")
    with pytest.raises(ValueError, match="format 5"):
        converted.weights(tmp_path)


def test_converting_again_gives_the_same_bytes(weights: converted.Weights, tmp_path: Path) -> None:
    convert(
        {name: torch.from_numpy(value) for name, value in weights.items()},
        BUNDLED / "tokenizer.json",
        tmp_path / "model",
    )
    assert (tmp_path / "model/model.bin").read_bytes() == (BUNDLED / "model.bin").read_bytes()
