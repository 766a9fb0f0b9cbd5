"""Converts a checkpoint to a CTranslate2 directory that `faster_whisper.WhisperModel` loads as it is."""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ctranslate2.converters.transformers import WhisperLoader
from transformers import WhisperConfig, WhisperForConditionalGeneration

from models.training import tokens
from models.training.network import (
    AUXILIARY_HEADS,
    GUIDED_HEADS,
    MELS,
    SOURCE_POSITIONS,
    TARGET_POSITIONS,
    Size,
)
from models.training.phones import PHONES
from models.training.windows import PROMPT_WORDS

_FEATURES = {
    "feature_size": MELS,
    "sampling_rate": 16000,
    "hop_length": 160,
    "chunk_length": 30,
    "n_fft": 400,
}
# What the server reads: see `models/README.md`.
_FLAGS = {
    "name": "bundled",
    "short_context": True,
    "partial_silence_ms": 300,
    "language": "en",
    "prompt_words": PROMPT_WORDS,
    "uses_context": False,
    "speech": {"bias": 0.0, "no_speech": -5.0, "logprob": 4.0, "length": 0.0, "detector": 5.0},
}


def _hugging_face(weights: dict[str, Any], size: Size, space: int) -> Any:
    """The network in Hugging Face's classes, for which CTranslate2 has a loader."""
    config = WhisperConfig(
        vocab_size=size.vocabulary,
        num_mel_bins=MELS,
        encoder_layers=size.encoder_layers,
        decoder_layers=size.decoder_layers,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        d_model=size.width,
        encoder_ffn_dim=4 * size.width,
        decoder_ffn_dim=4 * size.width,
        max_source_positions=SOURCE_POSITIONS,
        max_target_positions=TARGET_POSITIONS,
        pad_token_id=tokens.END,
        bos_token_id=tokens.END,
        eos_token_id=tokens.END,
        decoder_start_token_id=tokens.START,
        suppress_tokens=[],
        begin_suppress_tokens=[space],
    )
    model = WhisperForConditionalGeneration(config)
    kept = {name: value for name, value in weights.items() if not name.startswith(AUXILIARY_HEADS)}
    kept["proj_out.weight"] = kept["model.decoder.embed_tokens.weight"]
    model.load_state_dict(kept)
    return model.eval()


def _vocabulary(tokenizer: dict[str, Any]) -> list[str]:
    """All tokens by number. None is empty: CTranslate2 would take the model for a multilingual one."""
    numbered = {number: token for token, number in tokenizer["model"]["vocab"].items()}
    numbered |= {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    return [numbered[number] for number in range(tokens.VOCABULARY)]


def convert(weights: dict[str, Any], tokenizer: Path, out: Path) -> None:
    """Writes the int8 model, its tokenizer and its settings to the directory `out`, which it replaces."""
    size = Size(tokens.VOCABULARY, len(PHONES), tokens.TEXT_TOKENS)
    description = json.loads(tokenizer.read_text())
    # Only the bare space may not begin a text. Whisper's own list also bars the end of text: silence could
    # then never be empty.
    space = description["model"]["vocab"]["Ġ"]
    spec = WhisperLoader().get_model_spec(_hugging_face(weights, size, space))
    spec.register_vocabulary(_vocabulary(description))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [space]
    spec.config.alignment_heads = [(size.decoder_layers - 1, head) for head in range(GUIDED_HEADS)]
    spec.config.lang_ids = [tokens.ENGLISH]
    spec.validate()
    spec.optimize(quantization="int8")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "model"
        made.mkdir()
        spec.save(str(made))
        shutil.copy(tokenizer, made / "tokenizer.json")
        (made / "preprocessor_config.json").write_text(json.dumps(_FEATURES) + "\n")
        (made / "voicegw.json").write_text(json.dumps(_FLAGS, indent=2) + "\n")
        shutil.rmtree(out, ignore_errors=True)
        made.rename(out)


def mean(networks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of the weights of networks that have come from the same one (Izmailov et al. 2018)."""
    return {name: torch.stack([weights[name] for weights in networks]).mean(0) for name in networks[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        default=[Path("models/work/run/checkpoint.pt")],
        help="one, or several, of whose weights the mean is taken (default: models/work/run/checkpoint.pt)",
    )
    parser.add_argument("--tokenizer", type=Path, default=Path("models/work/tokenizer.json"))
    parser.add_argument("--out", type=Path, default=Path("models/work/converted"))
    options = parser.parse_args()
    states = [torch.load(checkpoint) for checkpoint in options.checkpoint]
    convert(mean([state["average"] for state in states]), options.tokenizer, options.out)
    step = max(state["progress"]["step"] for state in states)
    size_mb = (options.out / "model.bin").stat().st_size / 1e6
    print(f"step {step}: {options.out}, {size_mb:.1f} MB")


if __name__ == "__main__":
    main()
