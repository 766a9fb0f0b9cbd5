"""The tokenizer: byte-level BPE of the domain's text, then Whisper's special tokens. Trains it when run.

The order of the special tokens is that of Whisper's English-only models: so faster-whisper and CTranslate2
treat a vocabulary without an empty token.
"""

import argparse
import random
import string
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from models.training import text

TEXT_TOKENS = 1792
SPECIALS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
END, START, ENGLISH = TEXT_TOKENS, TEXT_TOKENS + 1, TEXT_TOKENS + 2
PREVIOUS, NO_SPEECH, NO_TIMESTAMPS = TEXT_TOKENS + 6, TEXT_TOKENS + 7, TEXT_TOKENS + 8
FIRST_TIMESTAMP = TEXT_TOKENS + len(SPECIALS)
TIMESTAMPS = 1501  # 0.00 to 30.00 s in steps of 20 ms
VOCABULARY = FIRST_TIMESTAMP + TIMESTAMPS
# faster-whisper suppresses the first token of each of these. None may be the bare space, which would then be
# suppressed everywhere; enough copies in the training text make each a token of its own.
_SUPPRESSED = [" -", " '", " ♪", " ♩", " ♭", " $"]


def timestamp(seconds: float) -> int:
    """The token of a time, rounded to 20 ms and clipped to 30 s."""
    return FIRST_TIMESTAMP + min(TIMESTAMPS - 1, max(0, round(seconds / 0.02)))


def train_tokenizer(sentences: int, seed: int) -> Tokenizer:
    """Learns the merges from generated sentences."""
    rng = random.Random(f"tokens {seed}")
    lines = [" " + text.sentence(rng).text for _ in range(sentences)]
    lines += [" " + character for character in string.ascii_letters + string.digits] * 300
    lines += _SUPPRESSED * 1500
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TEXT_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    if tokenizer.get_vocab_size() != TEXT_TOKENS:
        raise ValueError(
            f"{tokenizer.get_vocab_size()} text tokens instead of {TEXT_TOKENS}: too little text"
        )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    times = [f"<|{index * 0.02:.2f}|>" for index in range(TIMESTAMPS)]
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in times])
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models/work/tokenizer.json"))
    parser.add_argument("--sentences", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    train_tokenizer(options.sentences, options.seed).save(str(options.out))


if __name__ == "__main__":
    main()
