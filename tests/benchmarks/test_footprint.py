from dataclasses import replace

from benchmarks.footprint import Footprint, settled

BEFORE = Footprint(rss_bytes=100_000, descriptors=10, tasks=3, children=0, sessions=0)


def test_what_has_grown_is_named() -> None:
    after = replace(BEFORE, rss_bytes=104_000, tasks=4, children=1)
    assert after.exceeds(BEFORE, 0.05) == ["tasks from 3 to 4", "children from 0 to 1"]
    assert after.exceeds(BEFORE, 0.03)[0] == "rss_bytes from 100000 to 104000"


def test_the_footprint_is_taken_after_the_end_of_all_sessions() -> None:
    seen = iter([replace(BEFORE, sessions=2), replace(BEFORE, sessions=0)])
    assert settled(lambda: next(seen), within_s=5) == BEFORE


def test_remaining_sessions_are_reported() -> None:
    assert settled(lambda: replace(BEFORE, sessions=2), within_s=0).sessions == 2
