from argparse import Namespace

from benchmarks.cluster.traffic import meanings, traffic_figures
from benchmarks.recordings.material import spoken


async def test_new_audio_costs_a_fraction_of_whole_windows() -> None:
    figures = await traffic_figures(5.0, spoken(Namespace(recordings=None)), numbers=(4,))
    whole, new = (figures[f"traffic_4_{way}_audio_kb_per_s"] for way in ("whole", "new"))
    assert whole > 200
    assert 10 < new < whole / 5
    assert figures["traffic_4_new_kb_per_s"] < figures["traffic_4_whole_kb_per_s"] / 3
    assert {name.replace("_4_", "_8_") for name in figures} <= set(meanings())
