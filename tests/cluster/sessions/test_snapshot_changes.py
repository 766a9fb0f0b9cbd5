from random import Random

import pytest

from voicegw.cluster.sessions.snapshot_changes import MAX_BYTES, change_of, changed

BASE = Random(1).randbytes(2_000)
SNAPSHOT = BASE[:500] + b"other" + BASE[505:1_900]


@pytest.mark.parametrize("snapshot", [SNAPSHOT, BASE, b"", Random(2).randbytes(100_000)])
@pytest.mark.parametrize("base", [BASE, Random(3).randbytes(100_000)])
def test_a_change_makes_the_snapshot(snapshot: bytes, base: bytes) -> None:
    assert changed(base, change_of(snapshot, base)) == snapshot


def test_a_small_change_is_short() -> None:
    assert len(change_of(SNAPSHOT, BASE)) < 100


@pytest.mark.parametrize(
    "change",
    [
        *(b"", b"nonsense", change_of(SNAPSHOT, BASE)[:-1], change_of(SNAPSHOT, BASE[1:])),
        change_of(bytes(MAX_BYTES + 1), BASE),
    ],
    ids=["nothing", "nonsense", "cut", "of another", "too long"],
)
def test_what_is_no_change_of_this_snapshot_is_refused(change: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        changed(BASE, change)
