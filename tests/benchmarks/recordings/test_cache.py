from pathlib import Path

import pytest

from benchmarks.recordings.cache import cache_directory, cached, digest_of


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_value_is_computed_once() -> None:
    found = [
        cached("shelf", ("a", "b"), list[int], lambda: [1]),
        cached("shelf", ("a", "b"), list[int], list),
    ]
    assert found == [[1], [1]]
    assert len(list((cache_directory() / "shelf").iterdir())) == 1


def test_another_key_is_another_entry() -> None:
    values = iter(range(9))
    for shelf, depends_on in (("s", ("a", "b")), ("s", ("ab", "")), ("t", ("a", "b"))):
        cached(shelf, depends_on, int, lambda: next(values))
    assert next(values) == 3


def test_an_invalid_entry_is_computed_again() -> None:
    cached("shelf", ("a",), int, lambda: 1)
    [path] = (cache_directory() / "shelf").iterdir()
    path.write_text("{")
    assert cached("shelf", ("a",), int, lambda: 2) == 2
    assert cached("shelf", ("a",), int, lambda: 3) == 2


def test_the_default_directory_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "voicegw"


def test_a_file_is_identified_by_its_content(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("a", "b", "c"))
    for path, content in ((one, b"x"), (same, b"x"), (other, b"y")):
        path.write_bytes(content)
    assert digest_of(one) == digest_of(same) != digest_of(other)
