from xml.etree import ElementTree

from benchmarks.capacity.chart import svg

NAN = float("nan")


def figures(wel_p95_ms: float) -> dict[str, float]:
    return {"wel_p50_ms": 100.0, "wel_p95_ms": wel_p95_ms, "excess_fl_p95_ms": NAN}


def test_the_picture_is_well_formed_and_has_every_number() -> None:
    picture = ElementTree.fromstring(svg({1: figures(300), 8: figures(9_000)}, "a < b"))
    said = [element.text for element in picture.iter() if element.text and element.text.strip()]
    assert {"a < b", "1", "8", "word p50", "word p95"} <= set(said)


def test_what_is_not_known_is_not_drawn() -> None:
    assert svg({1: figures(300), 2: figures(NAN)}, "").count("<polyline") == 2


def test_what_is_too_slow_stays_in_the_picture() -> None:
    assert svg({1: figures(2_000)}, "") == svg({1: figures(60_000)}, "")
