from pathlib import Path

import pytest

from models.training.corpus import Corpus
from models.training.synthesis import synthesise

_SHARDS = ["0", "composed-0", "chained-0", "shuffled-0", "balanced-0"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same shards of the same seed, once by one process and once by two."""
    made = [tmp_path_factory.mktemp("speech") for _ in range(2)]
    for processes, folder in enumerate(made, start=1):
        synthesise(folder, seed=1, shards=_SHARDS, per_shard=6, processes=processes)
    return made[0], made[1]


@pytest.mark.parametrize("shard", _SHARDS)
@pytest.mark.parametrize("suffix", ["pcm", "jsonl"])
def test_the_same_seed_makes_the_same_bytes(folders: tuple[Path, Path], shard: str, suffix: str) -> None:
    first, second = ((folder / f"{shard}.{suffix}").read_bytes() for folder in folders)
    assert first == second
    assert len(first) > 1000


def test_another_seed_makes_other_sentences(folders: tuple[Path, Path], tmp_path: Path) -> None:
    synthesise(tmp_path, seed=2, shards=["0"], per_shard=6, processes=1)
    assert (tmp_path / "0.jsonl").read_bytes() != (folders[0] / "0.jsonl").read_bytes()


def test_a_shard_that_is_there_is_not_made_again(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "0.jsonl"
    before = path.stat().st_mtime_ns
    synthesise(folders[0], seed=1, shards=["0"], per_shard=6, processes=1)
    assert path.stat().st_mtime_ns == before


def test_every_word_of_the_corpus_has_its_time(folders: tuple[Path, Path]) -> None:
    corpus = Corpus(folders[0])
    for index in range(len(corpus)):
        utterance = corpus[index]
        assert len(utterance.word_starts) == len(utterance.word_ends) == len(utterance.text.split())
        assert 0 <= utterance.word_starts[0] < utterance.word_ends[-1] <= len(utterance.samples)


def test_few_utterances_that_teach_much_stand_in_the_corpus_several_times(
    folders: tuple[Path, Path],
) -> None:
    assert len(Corpus(folders[0])) == 6 + 6 + 2 * 6 + 6 + 6
    assert len(Corpus(folders[0], without=["chained", "shuffled"])) == 6 + 6 + 6
